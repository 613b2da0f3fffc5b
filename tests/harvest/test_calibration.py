"""A site's own gates: from a lake with labels, near the bundle's where labels are few, used by the next run."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from harvest.calibration import calibrate
from harvest.config import EngineConfig, HarvestConfig
from harvest.errors import LakeError
from harvest.phantom.sketch import sketch_chest
from harvest.run import RunRequest, run_harvest
from models.bundle import load_bundle, save_bundle

CONFIG = HarvestConfig(engine=EngineConfig(device="cpu", precision="fp32", batch_size=8, decode_workers=0))
FILMS, WITH_MASS = 24, 15


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sketches of films, and labels: most have a mass, three a nodule."""
    root = tmp_path_factory.mktemp("site")
    (root / "films").mkdir()
    lines = ["Image Index,Finding Labels"]
    for index in range(FILMS):
        Image.fromarray(sketch_chest(index, 150, 130)).save(root / "films" / f"{index}.png")
        found = ["Mass"] * (index < WITH_MASS) + ["Nodule"] * (index < 3)
        lines.append(f"{index}.png,{'|'.join(found) or 'No Finding'}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def lake(site: Path, tiny_bundle_path: Path) -> Path:
    run_harvest(RunRequest(str(site / "films"), str(tiny_bundle_path), site / "lake", site / "labels.csv", CONFIG))
    return site / "lake"


def test_gates_follow_the_labels_where_there_are_enough(lake: Path, tiny_bundle_path: Path, tmp_path: Path) -> None:
    found = calibrate(lake, str(tiny_bundle_path), tmp_path / "ours")
    ours, before = load_bundle(tmp_path / "ours"), load_bundle(tiny_bundle_path)
    assert (found.films, found.digest) == (FILMS, ours.digest)
    assert found.gates["Mass"].choice.positives == WITH_MASS
    assert ours.spec.findings["Mass"].gate == found.gates["Mass"].choice.gate != before.spec.findings["Mass"].gate
    for rare in ("Nodule", "Hernia"):
        assert ours.spec.findings[rare] == before.spec.findings[rare]
    assert f"{FILMS} labeled films of a site" in ours.spec.gate_source
    assert "## Calibration" in (tmp_path / "ours" / "MODEL_CARD.md").read_text()


def test_a_second_calibration_replaces_what_the_card_says_of_the_first(
    lake: Path, site: Path, tiny_bundle_path: Path, tmp_path: Path
) -> None:
    calibrate(lake, str(tiny_bundle_path), tmp_path / "one")
    request = RunRequest(str(site / "films"), str(tmp_path / "one"), tmp_path / "lake", site / "labels.csv", CONFIG)
    run_harvest(request)
    calibrate(tmp_path / "lake", str(tmp_path / "one"), tmp_path / "two")
    assert (tmp_path / "two" / "MODEL_CARD.md").read_text().count("## Calibration") == 1


def test_lakes_of_other_bundles_and_without_labels_are_refused(
    lake: Path, site: Path, tiny_bundle_path: Path, tmp_path: Path
) -> None:
    bundle = load_bundle(tiny_bundle_path)
    renamed = bundle.spec.model_copy(update={"name": "other"})
    save_bundle(tmp_path / "other", bundle.model, renamed, "# other\n")
    with pytest.raises(LakeError, match="another bundle"):
        calibrate(lake, str(tmp_path / "other"), tmp_path / "out")
    shutil.copytree(site / "films", tmp_path / "films")
    run_harvest(RunRequest(str(tmp_path / "films"), str(tiny_bundle_path), tmp_path / "bare", None, CONFIG))
    with pytest.raises(LakeError, match="--labels"):
        calibrate(tmp_path / "bare", str(tiny_bundle_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()
