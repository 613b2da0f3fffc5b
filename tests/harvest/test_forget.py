"""A forgotten patient or study leaves no trace in the lake, and does not come back."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from harvest.config import EngineConfig, HarvestConfig, StorageConfig
from harvest.errors import LakeError
from harvest.forget import forget
from harvest.run import RunRequest, run_harvest
from harvest.store import query
from harvest.verify import verify

MakeDicom = Callable[..., bytes]
CONFIG = HarvestConfig(
    identifiers="keep",
    engine=EngineConfig(device="cpu", precision="fp32", batch_size=2, decode_workers=0),
    storage=StorageConfig(shard_size=2),
)
PATIENTS = {"GONE77": ["1.2.9.1", "1.2.9.2"], "STAYS5": ["1.2.8.1", "1.2.8.2"]}


@pytest.fixture
def request_(tmp_path: Path, film: npt.NDArray[np.uint8], make_dicom: MakeDicom, tiny_bundle_path: Path) -> RunRequest:
    """Two patients with two studies each; patient ID in the path, as archives do."""
    for patient, studies in PATIENTS.items():
        for number, study in enumerate(studies):
            path = tmp_path / "archive" / patient / f"{number}.dcm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(named(film, make_dicom, patient, study))
    return RunRequest(str(tmp_path / "archive"), str(tiny_bundle_path), tmp_path / "lake", config=CONFIG)


def named(film: npt.NDArray[np.uint8], make_dicom: MakeDicom, patient: str, study: str) -> bytes:
    tags = {"PatientID": patient, "StudyInstanceUID": study, "SOPInstanceUID": f"{study}.1"}
    return make_dicom(film, StudyDate=f"2020010{study[-1]}", **tags)


def traces(root: Path, *secrets: str) -> Iterator[str]:
    """Files that hold one of the secrets in their name or, Parquet unpacked, in their bytes."""
    import pyarrow.parquet as pq

    for path in sorted(root.rglob("*")):
        if path.is_file():
            content = path.read_bytes() + str(path.relative_to(root)).encode()
            if path.suffix == ".parquet":
                content += str(pq.read_table(path).to_pylist()).encode()
            if any(secret.encode() in content for secret in secrets):
                yield str(path.relative_to(root))


def patients(lake: Path) -> list[tuple[str, int]]:
    rows = query(lake, "select patient_key, count(*) as n from instances group by all order by all").to_pylist()
    return [(row["patient_key"], row["n"]) for row in rows]


def test_a_forgotten_patient_leaves_no_trace_and_stays_away(request_: RunRequest) -> None:
    run_harvest(request_)
    (request_.lake / "report" / "old.html").write_text("GONE77")
    assert list(traces(request_.lake, "GONE77"))
    gone = forget(request_.lake, "GONE77")
    assert (gone.objects, gone.instances) == (2, 2)
    assert (request_.lake / "report" / "index.html").is_file()
    for _ in range(2):
        assert patients(request_.lake) == [("STAYS5", 2)]
        assert not list(traces(request_.lake, "GONE77", *PATIENTS["GONE77"]))
        assert all(check.passed for check in verify(request_.lake))
        again = run_harvest(request_)
        assert (again.objects, again.harvested) == (2, 0)


def test_a_new_film_of_a_forgotten_patient_is_refused(
    request_: RunRequest, film: npt.NDArray[np.uint8], make_dicom: MakeDicom
) -> None:
    run_harvest(request_)
    forget(request_.lake, "GONE77")
    (Path(request_.archive) / "copy.dcm").write_bytes(named(film, make_dicom, "GONE77", "1.2.9.3"))
    added = run_harvest(request_)
    assert added.reasons == {"forgotten": 1}
    assert not list(traces(request_.lake, "GONE77", "1.2.9.3"))
    kept = query(request_.lake, "select pixel_key, header_verdict from instances where reason_code = 'forgotten'")
    assert kept.to_pylist() == [{"pixel_key": None, "header_verdict": None}]
    assert all(check.passed for check in verify(request_.lake))


def test_a_study_may_go_alone_under_its_pseudonym_and_under_other_settings(request_: RunRequest) -> None:
    hidden = replace(request_, config=CONFIG.model_copy(update={"identifiers": "pseudonymize"}))
    run_harvest(request_)
    run_harvest(hidden)
    (study,) = query(
        request_.lake, "select distinct study_key from instances where study_key like '2.25.%' order by all limit 1"
    )["study_key"].to_pylist()
    assert forget(request_.lake, study).instances == 2
    assert query(request_.lake, "select count(*) as n from instances")["n"].to_pylist() == [6]
    assert run_harvest(hidden).harvested == 0 and run_harvest(request_).harvested == 0


def test_who_was_never_there_is_refused_later(request_: RunRequest) -> None:
    with pytest.raises(LakeError, match="no lake"):
        forget(request_.lake, "GONE77")
    run_harvest(replace(request_, archive=str(Path(request_.archive) / "STAYS5"), archive_name="archive"))
    assert forget(request_.lake, "GONE77").instances == 0
    assert run_harvest(request_).reasons == {"forgotten": 2}
