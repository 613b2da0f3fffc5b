"""``evaluate`` at the command line and as a flow: what is printed, what is written, what a wrong option says."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from flows.cli.evaluate import evaluate
from flows.cli.evaluating import run_evaluation
from flows.cli.frames import parse_frame
from harvest.errors import IamHarvestError, SettingsError
from harvest.evaluation.measure import Sampling
from harvest.evaluation.of_lake import EvaluationRequest

app = typer.Typer()
app.command()(evaluate)


@pytest.fixture
def options(tmp_path: Path) -> dict[str, str]:
    images = tmp_path / "images"
    images.mkdir()
    generator = np.random.default_rng(3)
    for name in ("a", "b"):
        small = Image.fromarray(generator.integers(0, 255, (9, 7), dtype=np.uint8))
        small.resize((140, 180), Image.Resampling.BICUBIC).save(images / f"{name}.png")
    (tmp_path / "labels.csv").write_text("Image Index,Finding Labels,Patient ID\na.png,Mass,1\nb.png,Effusion,2\n")
    boxes = "a.png,Mass,100,200,400,300\nb.png,Effusion,500,500,300,400\n"
    (tmp_path / "boxes.csv").write_text("Image Index,Finding Label,x,y,w,h\n" + boxes)
    return {"--images": str(images), "--labels": str(tmp_path / "labels.csv"), "--boxes": str(tmp_path / "boxes.csv")}


def run(*arguments: str, options: dict[str, str]) -> str:
    words = [*arguments, *(word for pair in options.items() for word in pair), "--resamples", "20"]
    result = CliRunner(env={"COLUMNS": "160"}).invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_number_stands_under_its_protocol(
    tiny_bundle_path: Path, options: dict[str, str], tmp_path: Path
) -> None:
    printed = run(str(tiny_bundle_path), "--out", str(tmp_path / "out"), options=options)
    for title in ("iam-table2, T(IoU)", "iam-all-boxes, T(IoBB)", "wang-all-boxes, T(IoU)", "Beside the protocols"):
        assert title in printed
    assert "IAM baseline (CAM)" in printed and "AFP per annotated box" in printed
    assert "2 annotated boxes on 2 films of 2 patients" in printed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"metrics.json", "evaluation.html"}


def test_json_is_what_metrics_json_holds(tiny_bundle_path: Path, options: dict[str, str], tmp_path: Path) -> None:
    printed = run(str(tiny_bundle_path), "--json", "--out", str(tmp_path), options=options)
    assert json.loads(printed) == json.loads((tmp_path / "metrics.json").read_text())


@pytest.mark.parametrize(("text", "frame"), [("1024x768", (1024.0, 768.0)), ("10X20", (10.0, 20.0)), ("image", None)])
def test_frames(text: str, frame: tuple[float, float] | None) -> None:
    assert parse_frame(text) == frame


@pytest.mark.parametrize("text", ["1024", "0x5", "ax3", "", "12x", "-1x5"])
def test_a_frame_that_is_none_says_what_one_is(text: str) -> None:
    with pytest.raises(SettingsError, match="WIDTHxHEIGHT"):
        parse_frame(text)


def test_nothing_to_evaluate_says_what_to_give(options: dict[str, str]) -> None:
    with pytest.raises(IamHarvestError, match="--lake"):
        run(options={"--boxes": options["--boxes"]})


@pytest.mark.services
def test_the_flow_gives_the_same_figures(
    tiny_bundle_path: Path, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    request = EvaluationRequest(
        boxes=Path(options["--boxes"]),
        images=Path(options["--images"]),
        labels=Path(options["--labels"]),
        sampling=Sampling(20),
    )
    plain = run_evaluation(request, str(tiny_bundle_path), None, "cpu", False)
    as_flow = run_evaluation(request, str(tiny_bundle_path), None, "cpu", True)
    assert as_flow == plain
    assert "PREFECT_API_URL" not in os.environ
