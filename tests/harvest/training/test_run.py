"""A training from tables to bundle: every phase, resumed exactly, in one process or two."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harvest.errors import SettingsError
from harvest.training.run import train
from models.bundle import load_bundle

PHASES = ["classifier", "warm_up", "end_to_end", "mining_2"]
"""Those of the fixture's settings: T = 2, and N_1 is the base network."""


@pytest.fixture(scope="module")
def whole(archive: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Directory of an uninterrupted training, and what was reported."""
    out, recorder = tmp_path_factory.mktemp("whole") / "bundle", archive.recorder()
    train(archive.request(out), recorder)
    return out, recorder


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "weights.safetensors")


def same(one: Path, other: Path) -> bool:
    left, right = weights(one), weights(other)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_a_training_gives_a_bundle_that_says_where_it_comes_from(whole: tuple[Path, Any]) -> None:
    out, recorder = whole
    bundle = load_bundle(out)
    assert recorder.begun == PHASES
    assert bundle.spec.network.iterations == 2
    assert "held-out patients" in bundle.spec.gate_source
    origin = bundle.spec.provenance
    assert origin["train_films"] + origin["held_out_films"] == 26
    assert origin["train_patients"] + origin["held_out_patients"] == 13
    assert origin["settings"]["seed"] == 7 and len(origin["label_table_sha256"]) == 64
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert rows == recorder.rows and [row["epoch"] for row in rows] == [1, 1, 1, 2, 1, 2]
    assert rows[-1]["knowledge_ratio"] > 0 and rows[0]["knowledge"] == 0
    card = (out / "MODEL_CARD.md").read_text()
    assert "| Mass |" in card and "mining_2" in card and str(out) not in card


def test_stages_that_are_shared_are_those_of_the_base_network(whole: tuple[Path, Any]) -> None:
    out, _ = whole
    base = load_file(out.with_name("bundle.work") / "end_to_end.safetensors")
    model = load_bundle(out).model
    assert torch.equal(model.tails[0].branches.weight, base["branches.weight"])
    assert not torch.equal(model.tails[1].branches.weight, base["branches.weight"])


@pytest.mark.parametrize("stop", [("end_to_end", 1), ("mining_2", 1)])
def test_a_stopped_training_goes_on_to_the_same_bundle(
    whole: tuple[Path, Any], archive: Any, tmp_path: Path, stop: tuple[str, int]
) -> None:
    out = tmp_path / "bundle"
    with pytest.raises(KeyboardInterrupt):
        train(archive.request(out), archive.recorder(stop))
    second = archive.recorder()
    train(archive.request(out), second)
    assert (second.rows[0]["phase"], second.rows[0]["epoch"]) == (stop[0], stop[1] + 1)
    assert same(out, whole[0])
    assert sorted(path.name for path in (tmp_path / "bundle.work").iterdir() if path.is_dir()) == ["cache"]


def test_a_killed_training_goes_on_to_the_same_bundle(whole: tuple[Path, Any], archive: Any, tmp_path: Path) -> None:
    work = tmp_path / "bundle.work"
    process = start(archive, tmp_path / "bundle", [sys.executable])
    deadline = time.monotonic() + 120
    while not list(work.glob("end_to_end-*")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "bundle").exists()
    train(archive.request(tmp_path / "bundle"), archive.recorder())
    assert same(tmp_path / "bundle", whole[0])


def test_two_processes_train_one_bundle(whole: tuple[Path, Any], archive: Any, tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    process = start(archive, tmp_path / "bundle", torchrun)
    assert process.wait(timeout=120) == 0
    together, alone = load_bundle(tmp_path / "bundle"), load_bundle(whole[0])
    assert together.spec.provenance["films_sha256"] == alone.spec.provenance["films_sha256"]
    rows = [json.loads(line) for line in (tmp_path / "bundle" / "metrics.jsonl").read_text().splitlines()]
    assert [row["films"] for row in rows] == [row["films"] for row in whole[1].rows]
    for row, reference in zip(rows, whole[1].rows, strict=True):
        assert row["validation_loss"] == pytest.approx(reference["validation_loss"], abs=0.2)


def test_a_finished_base_serves_other_mining(whole: tuple[Path, Any], archive: Any, tmp_path: Path) -> None:
    base = whole[0].with_name("bundle.work") / "end_to_end.safetensors"
    request = archive.request(tmp_path / "bundle", base=base)
    recorder = archive.recorder()
    train(request, recorder)
    assert recorder.begun == ["mining_2"]
    assert same(tmp_path / "bundle", whole[0])


def test_two_trainings_are_averaged_also_after_a_stop(archive: Any, tmp_path: Path) -> None:
    settings = archive.request(tmp_path).config
    mining = settings.attention_mining.model_copy(update={"epochs": 0})
    twice = settings.end_to_end.model_copy(update={"members": 2})
    config = settings.model_copy(update={"end_to_end": twice, "attention_mining": mining})
    outs = tmp_path / "whole", tmp_path / "stopped"
    train(archive.request(outs[0], config=config), archive.recorder())
    with pytest.raises(KeyboardInterrupt):
        train(archive.request(outs[1], config=config), archive.recorder(("end_to_end_2", 1)))
    second = archive.recorder()
    train(archive.request(outs[1], config=config), second)
    assert (second.rows[0]["phase"], second.rows[0]["epoch"]) == ("end_to_end_2", 2)
    assert same(*outs)
    name = "branches.weight"
    files = [tmp_path / "whole.work" / f"end_to_end{which}.safetensors" for which in ("", "_1", "_2")]
    mean, first, other = (load_file(file)[name] for file in files)
    assert not torch.equal(first, other)
    assert torch.allclose(mean, (first + other) / 2)
    assert torch.equal(mean, load_bundle(outs[0]).model.tails[0].branches.weight)


def test_without_mining_there_is_one_network(whole: tuple[Path, Any], archive: Any, tmp_path: Path) -> None:
    base = whole[0].with_name("bundle.work") / "end_to_end.safetensors"
    request = archive.request(tmp_path / "bundle", base=base)
    steps = request.config.attention_mining.model_copy(update={"epochs": 0})
    config = request.config.model_copy(update={"attention_mining": steps})
    train(archive.request(tmp_path / "bundle", base=base, config=config), archive.recorder())
    assert load_bundle(tmp_path / "bundle").spec.network.iterations == 1


def test_a_work_directory_serves_one_training(whole: tuple[Path, Any], archive: Any) -> None:
    request = archive.request(whole[0])
    other = request.config.model_copy(update={"seed": 8})
    with pytest.raises(SettingsError, match="holds another training"):
        train(archive.request(whole[0], config=other), archive.recorder())


def start(archive: Any, out: Path, command: list[str]) -> "subprocess.Popen[bytes]":
    """Run the fixture's training in another process."""
    script = Path(__file__).with_name("train_elsewhere.py")
    paths = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    arguments = [str(script), str(archive.images), str(archive.labels), str(archive.settings), str(out)]
    return subprocess.Popen(
        [*command, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
