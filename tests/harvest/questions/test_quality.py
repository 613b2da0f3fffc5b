"""What the report says of quality without boxes, on a lake whose answers can be worked out by hand."""

from itertools import accumulate
from math import comb
from pathlib import Path

import numpy as np
import pytest

from harvest.report.charts import HEIGHT, control_chart
from harvest.report.quality import CHANCE, FindingQuality, in_periods, read_quality, with_limits
from harvest.report.quality_page import SCANNERS, quality_values


def test_signs_of_a_finding(known_lake: Path) -> None:
    one = read_quality(known_lake)["Effusion"]
    assert one.labels is not None
    assert [one.labels[name] for name in ("labeled_and_seen", "labeled_not_seen", "seen_not_labeled")] == [1, 1, 1]
    assert one.outside is not None
    assert one.outside["mean_share_outside"] == 0
    assert one.stability is not None
    assert one.stability["share_following"] == pytest.approx(2 / 3, abs=1e-3)
    np.testing.assert_array_equal(one.overlaps, [0, 0, 0, 0, 0, 0, 0, 1, 0, 1])
    courses = [(row["from_month"] // 12, row["months"], row["films"], row["seen"]) for row in one.periods]
    assert courses == [(2019, 12, 3, 2), (2020, 12, 1, 0)], "few films: by year"
    scanners = {(row["manufacturer"], row["model"]): (row["films"], row["seen"]) for row in one.scanners}
    assert scanners == {("Acme", "M1"): (2, 1), ("Bora", "X"): (1, 1), (None, None): (1, 0)}


@pytest.mark.parametrize("films", [1, 3, 40, 400])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.4, 0.98, 1.0])
def test_limits_are_those_of_chance(films: int, share: float) -> None:
    rows = [{"films": films, "seen": round(films * share)}, {"films": 1000, "seen": round(1000 * share)}]
    mean = sum(row["seen"] for row in rows) / (films + 1000)
    odds = list(accumulate(comb(films, k) * mean**k * (1 - mean) ** (films - k) for k in range(films + 1)))
    limited = with_limits(rows)[0]
    assert limited["low"] == next(k for k, below in enumerate(odds) if below >= CHANCE / 2)
    assert limited["high"] == next(k for k, below in enumerate(odds) if below >= 1 - CHANCE / 2)


@pytest.mark.parametrize(
    ("films", "unit", "ends"), [(40, "month", "2020-01 2020-12"), (4, "quarter", "2020 Q1 2020 Q4")]
)
def test_periods_are_as_short_as_films_allow(films: int, unit: str, ends: str) -> None:
    rows = [{"study_year": 2020, "study_month": month, "films": films, "seen": films // 4} for month in range(1, 13)]
    periods = with_limits(in_periods(rows))
    assert sum(row["films"] for row in periods) == 12 * films
    view = quality_values({"Mass": FindingQuality(periods=periods)}, ["Mass"])["quality"][0]
    assert (view.unit, " ".join(view.ends), view.beyond, view.average) == (unit, ends, 0, 0.25)


def test_months_beyond_chance_are_marked_where_they_lie() -> None:
    counts = enumerate((20, 22, 60, 18), start=1)
    rows = [{"films": 100, "seen": seen, "study_year": 2020, "study_month": month} for month, seen in counts]
    periods = with_limits(in_periods(rows))
    chart = control_chart(periods, [0, 1 / 3, 2 / 3, 1])
    (dot,) = chart.beyond.split("M")[1:]
    x, y = map(float, dot.removesuffix("h0").split())
    assert x == pytest.approx(200 / 3, abs=0.1)
    assert y == pytest.approx(HEIGHT * (1 - 0.6 / chart.top), abs=0.1)
    view = quality_values({"Mass": FindingQuality(periods=periods)}, ["Mass"])["quality"][0]
    assert (view.beyond, view.ends, view.average) == (1, ("2020-01", "2020-04"), 0.3)


def test_what_is_not_known_is_left_out() -> None:
    values = quality_values({"Mass": FindingQuality()}, ["Mass", "Nodule"])
    assert values["quality"] == []
    assert not values["stability_known"]
    assert values["scanners"] is None


def test_scanners_with_most_films_are_shown_and_the_others_counted() -> None:
    rows = [{"manufacturer": "Acme", "model": f"M{n}", "films": 10 + n, "seen": 5} for n in range(SCANNERS + 2)]
    rows.append({"manufacturer": None, "model": None, "films": 100, "seen": 90})
    table = quality_values({"Mass": FindingQuality(scanners=with_limits(rows))}, ["Mass"])["scanners"]
    assert table is not None
    assert (table.scanners[0], len(table.scanners), table.more) == (("unknown", 100), SCANNERS, 3)
    ((finding, cells),) = table.rows
    assert (finding, cells[0]) == ("Mass", (90.0, 1))
