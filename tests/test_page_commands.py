"""Every command that a page shows is run: here, with stand-ins for what it names, or by the test that is named below.

Tutorials and ``docs/archives.md`` run from top to bottom in tests of their own.
"""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from flows.cli import app
from harvest.config import HarvestConfig
from harvest.corrections import import_annotations
from harvest.export import export_lake
from harvest.phantom import PhantomRange, write_archive
from harvest.run import RunRequest, run_harvest
from harvest.store import query
from models.bundle import convert_weights, load_bundle

ROOT = Path(__file__).parents[1]
IN_ORDER = {"archives.md", *(path.name for path in (ROOT / "docs").glob("tutorial-*.md"))}
"""Pages that other tests run as a whole."""
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"(?:^ {4}|^Example: |(?<!`)`)(?:\.venv/bin/)?iam-harvest\s([^`#]+?)(?=`|#|$)", re.MULTILINE)
ELSEWHERE = {
    "demo --out demo": "test_packaging.py",
    "demo --out demo --ui": "flows/test_demo_ui.py",
    "serve docs/service.toml": "flows/test_service.py",
    "serve service.toml": "flows/test_service.py",
    "deploy service.toml": "flows/test_operations_page.py",
    "receive inbox --port 11112": "harvest/test_receiving.py",
    "run films --out lake --runner dask --address tcp://127.0.0.1:8786": "harvest/test_cluster.py",
    "export LAKE --format dicom-sr --store dicomweb+https://HOST/PATH --max-rank 1": (
        "harvest/export/test_dicom_return.py"
    ),
}
"""Commands that need a server or a cluster, and the test that gives them."""
BRIEF = """
preset = "demo"
[network]
input_hw = [96, 96]
[end_to_end]
epochs = 1
frozen_stages = 0
[attention_mining]
batches = 1
"""
"""Settings with which a training takes seconds."""


def shown() -> Iterator[str]:
    for page in PAGES:
        if page.name not in IN_ORDER:
            for match in COMMAND.finditer(page.read_text(encoding="utf-8")):
                words = match[1].split()
                if len(words) > 1 and "[OPTIONS]" not in words:  # a word alone is the command's name
                    yield " ".join(words)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, tiny_bundle_path: Path) -> Path:
    """Phantoms with tables, a bundle, their lake under the archive's own names, and a file of corrected boxes."""
    root = tmp_path_factory.mktemp("films")
    spec = load_bundle(tiny_bundle_path).spec.model_copy(update={"name": "demo"})
    torch.save(load_bundle(tiny_bundle_path).model.state_dict(), root / "model.pth")
    convert_weights(root / "model.pth", root / "bundle", spec)
    archive = write_archive(root, PhantomRange(10, "mixed", seed=3, long_side=256), workers=1)
    config = HarvestConfig(identifiers="keep")
    run_harvest(RunRequest(str(archive.images), str(root / "bundle"), root / "lake", archive.labels, config))
    export_lake(root / "lake", "coco", root / "corrected.json", max_rank=1)
    import_annotations(root / "lake", root / "corrected.json")
    (root / "rebox.toml").write_text("[findings.Mass]\ngate = 0.9\nthresholds = [0.6]\n")
    (root / "brief.toml").write_text(BRIEF)
    return root


@pytest.fixture
def home(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which everything that pages name is there."""
    names = {
        "images": ("ARCHIVE", "FILMS", "films", "inbox"),
        "labels.csv": ("LABELS.csv", "labels.csv"),
        "boxes.csv": ("BOXES.csv", "boxes.csv", "BBox_List.csv"),
        "bundle": ("BUNDLE", "MINE"),
        **{name: (name,) for name in ("corrected.json", "rebox.toml", "brief.toml", "model.pth")},
    }
    folder = tmp_path / "home"
    folder.mkdir()
    for target, links in names.items():
        for link in links:
            (folder / link).symlink_to(films / target)
    shutil.copytree(films / "lake", folder / "lake")
    (folder / "LAKE").symlink_to("lake")
    (tmp_path / "shipped").mkdir()
    for name in ("demo", "nih-mini"):
        (tmp_path / "shipped" / name).symlink_to(films / "bundle")
    monkeypatch.setattr("models.bundle_files._shipped_root", lambda: tmp_path / "shipped")
    monkeypatch.chdir(folder)
    return folder


def with_stand_ins(line: str) -> list[str]:
    """Name a box, a patient and a bundle that are there, and train briefly."""
    (box,) = query(Path("lake"), "SELECT instance_key, finding FROM current_boxes ORDER BY ALL LIMIT 1").to_pylist()
    (film,) = query(Path("lake"), "SELECT patient_key FROM films WHERE patient_key <> '' LIMIT 1").to_pylist()
    line = re.sub(r"\S+/Mass/1", f"{box['instance_key']}/{box['finding']}/1", line)
    words = [film["patient_key"] if word in ("PATIENT|STUDY", "4711") else word for word in shlex.split(line)]
    words = ["drawn" if (words[0], word) == ("phantom", "films") else word for word in words]
    return [*words, "--out", "trained", "--config", "brief.toml"] if words[0] == "train" else words


@pytest.mark.parametrize("line", sorted(set(shown()) - set(ELSEWHERE)))
@pytest.mark.usefixtures("home")
def test_a_shown_command_runs(line: str) -> None:
    outcome = CliRunner().invoke(app, with_stand_ins(line))
    assert outcome.exit_code == 0, f"{outcome.output}\n{outcome.exception}"


def test_the_others_are_given_by_the_tests_named() -> None:
    assert set(ELSEWHERE) <= set(shown())
    for line, test in ELSEWHERE.items():
        text = (ROOT / "tests" / test).read_text(encoding="utf-8")
        option = next((word for word in line.split() if word in ("--ui", "dask", "--store")), line.split()[0])
        assert option.removeprefix("--") in text, line
