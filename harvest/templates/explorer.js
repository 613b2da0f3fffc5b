// The threshold explorer: cuts the boxes of the films shown anew, as harvest/boxes.py does, under settings that move.
(() => {
  const store = document.getElementById("explorer-data");
  if (!store) return;
  const all = JSON.parse(store.textContent);
  const tools = document.getElementById("explorer-tools");
  const films = [...document.querySelectorAll("#explored .explored")];
  const wanted = JSON.parse(JSON.stringify(all.findings));
  const heats = new Map();

  const numbers = (text, Kind) => new Kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  const tall = numbers(all.rows, Float64Array);
  const broad = numbers(all.columns, Float64Array);

  // The enlarged map over the film, normalised to [0, 1]; all zeros where it is constant.
  function heat(one) {
    if (heats.has(one)) return heats.get(one);
    const [h, w] = one.hw;
    const [left, top, right, bottom] = one.window;
    const map = numbers(one.map, Float32Array);
    const width = right - left;
    const values = new Float64Array(width * (bottom - top));
    for (let y = top; y < bottom; y++) {
      const line = Array.from({ length: w }, (_, column) => {
        let sum = 0;
        for (let row = 0; row < h; row++) sum += tall[y * h + row] * map[row * w + column];
        return sum;
      });
      for (let x = left; x < right; x++) {
        let sum = 0;
        for (let column = 0; column < w; column++) sum += line[column] * broad[x * w + column];
        values[(y - top) * width + x - left] = sum;
      }
    }
    const low = Math.min(...values);
    const spread = Math.max(...values) - low;
    const shares = Float32Array.from(values, (value) => (spread > 1e-9 ? (value - low) / spread : 0));
    const found = { shares, width, height: bottom - top, left, top };
    heats.set(one, found);
    return found;
  }

  // Bounds of the component of 8-neighbours around a cell; marks what it visits.
  function grow({ shares, width, height }, start, threshold, seen) {
    const bounds = [width, height, 0, 0];
    const open = [start];
    seen[start] = 1;
    while (open.length) {
      const cell = open.pop();
      const x = cell % width;
      const y = (cell - x) / width;
      bounds[0] = Math.min(bounds[0], x); bounds[1] = Math.min(bounds[1], y);
      bounds[2] = Math.max(bounds[2], x + 1); bounds[3] = Math.max(bounds[3], y + 1);
      for (let j = Math.max(y - 1, 0); j <= Math.min(y + 1, height - 1); j++) {
        for (let i = Math.max(x - 1, 0); i <= Math.min(x + 1, width - 1); i++) {
          const next = j * width + i;
          if (!seen[next] && shares[next] >= threshold) { seen[next] = 1; open.push(next); }
        }
      }
    }
    return bounds;
  }

  function region(found, bounds, threshold, place) {
    let sum = 0;
    for (let y = bounds[1]; y < bounds[3]; y++) {
      for (let x = bounds[0]; x < bounds[2]; x++) sum += found.shares[y * found.width + x];
    }
    return { bounds, threshold, place, mean: sum / ((bounds[2] - bounds[0]) * (bounds[3] - bounds[1])) };
  }

  const orders = {
    mean_attention: (one) => -one.mean,
    threshold_ascending: (one) => one.threshold,
    threshold_descending: (one) => -one.threshold,
    listed: (one) => one.place,
  };

  function cut(one, thresholds) {
    const found = heat(one);
    const peak = found.shares.indexOf(Math.max(...found.shares));
    if (!found.shares[peak]) return [];
    const regions = thresholds.flatMap((threshold, place) => {
      const seen = new Uint8Array(found.shares.length);
      const at = Math.fround(threshold);
      const starts = all.components === "peak" ? [peak] : found.shares.keys();
      return [...starts].filter((cell) => !seen[cell] && found.shares[cell] >= at)
        .map((cell) => !seen[cell] && region(found, grow(found, cell, at, seen), threshold, place)).filter(Boolean);
    });
    const first = orders[all.rank_by];
    regions.sort((a, b) => first(a) - first(b) || b.mean - a.mean || a.threshold - b.threshold);
    const distinct = new Map(regions.map((each) => [each.bounds.join(), each]).reverse());
    return regions.filter((each) => distinct.get(each.bounds.join()) === each).slice(0, all.max_boxes).map(({ bounds }) => {
      const corner = (x, y) => one.to_image.map(([a, b, c]) => a * (x + found.left) + b * (y + found.top) + c);
      const [from, to] = [corner(bounds[0], bounds[1]), corner(bounds[2], bounds[3])];
      return [0, 1].map((axis) => [Math.min(from[axis], to[axis]), Math.max(from[axis], to[axis])]);
    });
  }

  const isGated = (one, gate) =>
    (all.gate_mode !== "labels" && one.probability >= gate) || (all.gate_mode !== "probability" && one.labeled);

  function draw(figure, one, boxes) {
    const picture = figure.querySelector("svg");
    const [columns, rows] = [picture.viewBox.baseVal.width, picture.viewBox.baseVal.height];
    picture.replaceChildren(...boxes.map(([x, y]) => {
      const box = document.createElementNS(picture.namespaceURI, "rect");
      const [left, top] = [Math.max(x[0], 0), Math.max(y[0], 0)];
      const size = { x: left, y: top, width: Math.min(x[1], columns) - left, height: Math.min(y[1], rows) - top };
      Object.entries({ class: "cut", ...size }).forEach(([name, value]) => box.setAttribute(name, value));
      return box;
    }));
    figure.hidden = !one;
    figure.classList.toggle("off", !boxes.length);
    figure.querySelector("output").value = one ? one.probability.toFixed(2) : "";
  }

  function counted(finding) {
    const { gate, thresholds } = wanted[finding];
    const cases = all.cases.filter((one) => one.finding === finding);
    return cases.map((one) => ({ one, boxes: isGated(one, gate) ? cut(one, thresholds) : [] }));
  }

  function update() {
    const finding = tools.elements.finding.value;
    const shown = new Map(counted(finding).map((each) => [each.one.film, each]));
    films.forEach((figure) => {
      const { one, boxes } = shown.get(Number(figure.dataset.film)) || { boxes: [] };
      draw(figure, one, boxes);
    });
    const drawn = [...shown.values()];
    const boxes = drawn.reduce((sum, each) => sum + each.boxes.length, 0);
    const boxed = drawn.filter((each) => each.boxes.length).length;
    document.getElementById("explorer-counts").value = `${boxes} boxes on ${boxed} of ${drawn.length} films with a stored map`;
    tools.elements.gate.nextElementSibling.value = wanted[finding].gate.toFixed(3);
    const changed = Object.keys(wanted).filter((name) => JSON.stringify(wanted[name]) !== JSON.stringify(all.findings[name]));
    const text = changed.map((name) =>
      `[findings.${name}]\ngate = ${wanted[name].gate}\nthresholds = [${wanted[name].thresholds.join(", ")}]\n`).join("\n");
    document.getElementById("explorer-settings").value = text || "nothing changed yet";
    const link = document.getElementById("explorer-save");
    link.href = `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`;
    link.hidden = !text;
  }

  function choose() {
    const { gate, thresholds } = wanted[tools.elements.finding.value];
    tools.elements.gate.value = gate;
    tools.elements.thresholds.value = thresholds.join(", ");
    update();
  }

  tools.elements.finding.addEventListener("input", choose);
  tools.elements.gate.addEventListener("input", (event) => {
    wanted[tools.elements.finding.value].gate = Number(event.target.value);
    update();
  });
  tools.elements.thresholds.addEventListener("input", (event) => {
    const values = event.target.value.split(",").map(Number);
    const good = values.length > 0 && values.every((value) => value > 0 && value < 1);
    event.target.setCustomValidity(good ? "" : "Numbers between 0 and 1, separated by commas.");
    if (!event.target.reportValidity()) return;
    wanted[tools.elements.finding.value].thresholds = values;
    update();
  });
  tools.addEventListener("reset", (event) => {
    event.preventDefault();
    const finding = tools.elements.finding.value;
    wanted[finding] = JSON.parse(JSON.stringify(all.findings[finding]));
    choose();
  });
  tools.addEventListener("submit", (event) => event.preventDefault());
  choose();
})();
