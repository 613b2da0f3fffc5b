"""Two lakes of the same small phantom archive, PNG and DICOM: with the archive's names, and with pseudonyms."""

from pathlib import Path
from typing import NamedTuple

import pytest

from flows.demo import draw_archive, request_demo
from harvest.config import EngineConfig, GateConfig, HarvestConfig, Identifiers
from harvest.export.records import Export, read_export
from harvest.phantom import PhantomRange, write_archive
from harvest.run import RunRequest, run_harvest


class Harvested(NamedTuple):
    """An archive and its lakes."""

    archive: Path
    named: Path
    pseudonymous: Path


@pytest.fixture(scope="session")
def harvested(tmp_path_factory: pytest.TempPathFactory, tiny_bundle_path: Path) -> Harvested:
    root = tmp_path_factory.mktemp("export")
    archive = write_archive(root / "archive", PhantomRange(8, "mixed", seed=3, long_side=256), workers=1)
    assert 0 < archive.dicom_films < archive.films

    def harvest(identifiers: Identifiers) -> Path:
        config = HarvestConfig(
            identifiers=identifiers,
            gate=GateConfig(mode="both"),
            engine=EngineConfig(device="cpu", precision="fp32", batch_size=4, decode_workers=0),
        )
        lake = root / identifiers
        run_harvest(RunRequest(str(archive.images), str(tiny_bundle_path), lake, archive.labels, config))
        return lake

    return Harvested(archive.images, harvest("keep"), harvest("pseudonymize"))


@pytest.fixture
def exported(harvested: Harvested) -> Export:
    """Films and boxes of the lake with names."""
    export = read_export(harvested.named, 10)
    assert len(export.films) == 8
    assert sum(len(film.boxes) for film in export.films) > 20
    return export


@pytest.fixture(scope="session")
def demo_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of ``iam-harvest demo``, without Prefect: sixty phantoms and the shipped bundle."""
    root = tmp_path_factory.mktemp("demo")
    run_harvest(request_demo(draw_archive(root, 60), "demo", root))
    return root / "lake"


@pytest.fixture(params=["small", "demo"])
def either(request: pytest.FixtureRequest) -> Export:
    """Films and boxes of the small lake with names, and of the demo's."""
    if request.param == "small":
        export: Export = request.getfixturevalue("exported")
        return export
    return read_export(request.getfixturevalue("demo_lake"), 10)
