"""The published figures and the bounds taken from them."""

from fractions import Fraction

import pytest

from harvest.evaluation.published import WANG_BOXES, PublishedResult, afp_bounds, published_means, published_results
from models.findings import BOXED_FINDINGS

WANG = [row for row in published_results() if row.method.startswith("Wang2017 ChestX-ray")]


@pytest.mark.parametrize("row", WANG, ids=lambda row: f"{row.source}-{row.overlap}-{row.threshold}-{row.finding}")
def test_every_afp_of_wang_is_a_whole_number_of_984(row: PublishedResult) -> None:
    assert row.afp is not None
    decimals = len(row.afp.split(".")[1])
    # Printed rounded in most places and cut off in some.
    assert abs(row.false_positives / WANG_BOXES - float(row.afp)) < 10.0**-decimals


def test_bounds_cover_the_eight_findings_at_seven_thresholds() -> None:
    thresholds = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    assert set(afp_bounds()) == {(finding, threshold) for finding in BOXED_FINDINGS for threshold in thresholds}


def test_bound_is_wangs_own_not_the_slip_printed_in_the_paper() -> None:
    assert afp_bounds()["Atelectasis", 0.3] == Fraction(1025, 984)
    assert float(afp_bounds()["Atelectasis", 0.3]) == pytest.approx(1.0417, abs=5e-5)
    assert afp_bounds()["Mass", 0.1] == Fraction(2, 3)
    assert afp_bounds()["Infiltration", 0.1] == Fraction(5, 8)


def test_bounds_never_fall_as_the_threshold_rises() -> None:
    for finding in BOXED_FINDINGS:
        values = [afp_bounds()[finding, threshold] for threshold in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)]
        assert values == sorted(values)


@pytest.mark.parametrize(
    ("protocol", "method", "expected"),
    [
        ("iam-table2", "IAM", {0.1: 0.615, 0.3: 0.349, 0.5: 0.160}),
        ("iam-table2", "IAM baseline (CAM)", {0.1: 0.543, 0.3: 0.280, 0.5: 0.124}),
        ("iam-table2", "Wang2017 (as printed in IAM)", {0.1: 0.569, 0.3: 0.221, 0.5: 0.061}),
        ("iam-all-boxes", "IAM AM t=3", {0.1: 0.739, 0.3: 0.430}),
    ],
)
def test_means_over_findings(protocol: str, method: str, expected: dict[float, float]) -> None:
    means = published_means(protocol, "IoU")[method]
    assert {threshold: means[threshold] for threshold in expected} == pytest.approx(expected, abs=6e-4)
