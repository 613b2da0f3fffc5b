"use strict";
// Filter, sort, enlarge and walk through the cases of the gallery. Without this script the page shows all of them.
(() => {
  const tools = document.getElementById("tools");
  if (!tools) return;
  const grid = document.getElementById("cases");
  const cases = [...grid.children];
  const dialog = document.getElementById("enlarged");
  const room = dialog.querySelector("div");
  let shown = cases;
  let current = -1;

  const orders = {
    number: (a, b) => a.dataset.number - b.dataset.number,
    finding: (a, b) => a.dataset.finding.localeCompare(b.dataset.finding) || orders.probability(a, b),
    probability: (a, b) => b.dataset.probability - a.dataset.probability,
    size: (a, b) => b.dataset.size - a.dataset.size,
    date: (a, b) => b.dataset.date.localeCompare(a.dataset.date) || orders.number(a, b),
  };

  const fits = (one, wanted) =>
    (!wanted.finding || one.dataset.finding === wanted.finding) &&
    one.dataset.probability >= Number(wanted.probability) &&
    100 * one.dataset.size >= Number(wanted.size) &&
    one.dataset.date.startsWith(wanted.year || "") &&
    one.dataset.film.toLowerCase().includes(wanted.film.toLowerCase()) &&
    (!wanted.annotated || "annotated" in one.dataset);

  function update() {
    const wanted = Object.fromEntries(new FormData(tools));
    document.body.classList.toggle("no-heat", !wanted.heat);
    document.body.classList.toggle("no-boxes", !wanted.boxes);
    cases.forEach((one) => { one.hidden = !fits(one, wanted); });
    shown = cases.filter((one) => !one.hidden).sort(orders[wanted.sort]);
    grid.append(...shown);
    tools.querySelector("output").value = `${shown.length.toLocaleString("en")} of ${cases.length.toLocaleString("en")}`;
    document.getElementById("nothing").hidden = shown.length > 0;
  }

  function enlarge(place) {
    if (!shown.length) return;
    current = (place + shown.length) % shown.length;
    const copy = shown[current].cloneNode(true);
    copy.querySelectorAll("img").forEach((picture) => { picture.loading = "eager"; });
    room.replaceChildren(copy);
    if (!dialog.open) dialog.showModal();
    copy.querySelector(".stage").addEventListener("click", () => dialog.close());
  }

  function toggle(name) {
    tools.elements[name].checked = !tools.elements[name].checked;
    update();
  }

  tools.addEventListener("input", update);
  tools.addEventListener("submit", (event) => event.preventDefault());
  grid.addEventListener("click", (event) => {
    const one = event.target.closest(".stage") && event.target.closest(".case");
    if (one) enlarge(shown.indexOf(one));
  });
  dialog.addEventListener("click", (event) => {
    const button = event.target.closest("menu button");
    if (!button) return;
    if ("close" in button.dataset) dialog.close();
    else enlarge(current + Number(button.dataset.go));
  });
  dialog.addEventListener("close", () => {
    room.replaceChildren();
    shown[current]?.querySelector(".stage").focus();
  });
  document.querySelectorAll("[data-show]").forEach((button) => button.addEventListener("click", () => {
    tools.elements.finding.value = button.dataset.show;
    update();
    document.getElementById("gallery").scrollIntoView();
  }));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input[type=search], input[type=text], select")) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (dialog.open && step) enlarge(current + step);
    else if (event.key === "a") toggle("heat");
    else if (event.key === "b") toggle("boxes");
    else if (event.key === "/" && !dialog.open) tools.elements.film.focus();
    else return;
    event.preventDefault();
  });
  addEventListener("beforeprint", () => grid.querySelectorAll("img").forEach((picture) => { picture.loading = "eager"; }));
  update();
})();
