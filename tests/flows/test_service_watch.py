"""What a run leaves for those who watch: metrics, lineage, and a command that hears of trouble."""

import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed, Crashed, Failed
from prometheus_client.parser import text_string_to_metric_families

from flows.harvest_archive import harvest_archive
from flows.service.lineage import told_as_lineage
from flows.service.watch import ServiceOptions, on_end
from harvest.config import EngineConfig, HarvestConfig
from harvest.run import RunRequest, RunSummary, open_session, run_harvest


@pytest.fixture
def request_(small_archive: Path, tiny_bundle_path: Path, tmp_path: Path) -> RunRequest:
    config = HarvestConfig(engine=EngineConfig(decode_workers=0))
    return RunRequest(str(small_archive), str(tiny_bundle_path), tmp_path / "lake", config=config)


@pytest.fixture
def done(request_: RunRequest) -> RunSummary:
    return run_harvest(request_)


def flow_run(lake: Path, folder: Path, **options: object) -> FlowRun:
    told = folder / "told.jsonl"
    service = ServiceOptions(harvest="ward", command=("tee", "-a", str(told)), metrics=folder / "metrics", **options)
    parameters = {"lake": str(lake), "service": service.model_dump(mode="json")}
    return FlowRun(flow_id=uuid4(), name="night", parameters=parameters, start_time="2020-01-01T00:00:00Z")


def told(folder: Path) -> list[dict[str, str]]:
    path = folder / "told.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def figures(folder: Path) -> dict[tuple[str, ...], float]:
    text = (folder / "metrics" / "iam_harvest_ward.prom").read_text()
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    assert {one.labels["harvest"] for one in samples} == {"ward"}
    return {(one.name, *(v for k, v in one.labels.items() if k != "harvest")): one.value for one in samples}


def test_a_run_that_went_well_leaves_figures_and_tells_nobody(done: RunSummary, tmp_path: Path) -> None:
    on_end(harvest_archive, flow_run(done.lake, tmp_path), Completed())
    seen = figures(tmp_path)
    assert seen["iam_harvest_runs", "complete"] == 1
    assert seen["iam_harvest_last_outcome", "Completed"] == 1
    assert seen["iam_harvest_last_run_instances", "rejected"] == 1
    assert seen["iam_harvest_last_run_rejected_share",] == pytest.approx(1 / 11)
    assert told(tmp_path) == []


@pytest.mark.parametrize("state", [Failed(message="The share is gone."), Crashed(message="Killed.")])
def test_trouble_is_told(tmp_path: Path, state: object) -> None:
    on_end(harvest_archive, flow_run(tmp_path / "no-lake-yet", tmp_path), state)
    (one,) = told(tmp_path)
    assert (one["harvest"], one["event"], one["message"]) == ("ward", state.name.lower(), state.message)
    assert figures(tmp_path)["iam_harvest_last_outcome", state.name] == 1


def test_many_rejections_are_told(done: RunSummary, tmp_path: Path) -> None:
    on_end(harvest_archive, flow_run(done.lake, tmp_path, rejected_above=0.05), Completed())
    assert [one["event"] for one in told(tmp_path)] == ["many_rejected"]


def test_a_command_that_fails_changes_nothing(done: RunSummary, tmp_path: Path) -> None:
    run = flow_run(done.lake, tmp_path)
    run.parameters["service"]["command"] = ["false"]
    on_end(harvest_archive, run, Failed(message="gone"))
    assert figures(tmp_path)["iam_harvest_last_outcome", "Failed"] == 1


def test_lineage_names_archive_model_and_lake_but_no_patient(request_: RunRequest, tmp_path: Path) -> None:
    events = tmp_path / "deep" / "lineage.jsonl"
    with open_session(request_) as session, pytest.raises(OSError), told_as_lineage(session, events):
        raise OSError
    with open_session(request_) as session, told_as_lineage(session, events):
        pass
    kinds = [json.loads(line) for line in events.read_text().splitlines()]
    assert [one["eventType"] for one in kinds] == ["START", "FAIL", "START", "COMPLETE"]
    for one in kinds:
        assert {"eventTime", "producer", "schemaURL", "run", "job", "inputs", "outputs"} <= set(one)
        assert UUID(one["run"]["runId"])
        assert one["outputs"][0]["name"] == str(request_.lake)
        assert all({"namespace", "name"} == set(place) for place in one["inputs"])
    assert "patient-" not in events.read_text()
    assert "ward" not in events.read_text(), "the archive's name is a pseudonym"


def test_nothing_to_do_is_no_event(done: RunSummary, request_: RunRequest, tmp_path: Path) -> None:
    with open_session(request_) as session, told_as_lineage(session, tmp_path / "lineage.jsonl"):
        assert session.plan.pending == 0
    assert not (tmp_path / "lineage.jsonl").exists()
