"""A service's file: paths, hours, and what is refused before anything is started."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prefect.settings import Settings

from flows.prefect_server import ServerError, TemporaryEnvironment, free_port
from flows.service.night import Night
from flows.service.spec import ServiceSpec
from flows.serving import serve
from harvest.errors import SettingsError

SHIPPED = Path(__file__).parents[2] / "docs" / "service.toml"
HARVEST = '[harvests.ward]\narchive = "films"\nlake = "lake"\n'


def read(folder: Path, text: str) -> ServiceSpec:
    (folder / "service.toml").write_text(text)
    return ServiceSpec.from_toml(folder / "service.toml")


def test_paths_are_taken_from_the_files_directory(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    text = (
        HARVEST
        + 'model = "bundle"\nsettings = "s.toml"\n[harvests.far]\narchive = "s3://films"\nlake = "s3://lakes/far"\n'
    )
    spec = read(tmp_path, text + '[watch]\nmetrics = "m"\n')
    ward, far = spec.harvests["ward"], spec.harvests["far"]
    assert (ward.archive, ward.model) == (str(tmp_path / "films"), str(tmp_path / "bundle"))
    assert (ward.lake, ward.settings, ward.labels) == (tmp_path / "lake", tmp_path / "s.toml", None)
    assert (far.archive, far.model, far.lake) == ("s3://films", "demo", "s3://lakes/far")
    assert spec.receiver is None
    assert (spec.watch.metrics, spec.watch.events, spec.server.home) == (tmp_path / "m", None, tmp_path / "prefect")


def test_a_receiver_lands_films_beside_the_file(tmp_path: Path) -> None:
    receiver = read(tmp_path, HARVEST + '[receiver]\ninbox = "films"\nallow = ["PACS"]\n').receiver
    assert receiver is not None
    assert (receiver.inbox, receiver.port, receiver.allow) == (tmp_path / "films", 11112, ("PACS",))


def test_the_shipped_example_is_a_service() -> None:
    spec = ServiceSpec.from_toml(SHIPPED)
    assert spec.harvests["nightly"].cron
    assert spec.harvests["nightly"].request().model == "demo"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "harvests"),
        (HARVEST + 'cron = "0 2 * * *"\nevery = 60\n', "not both"),
        (HARVEST + 'window = "22-6"\n', "give hours as 22:00-06:00"),
        (HARVEST + 'timezone = "Mars/Base"\n', "no time zone 'Mars/Base'"),
        (HARVEST + "evry = 60\n", "evry"),
        (
            HARVEST.replace('"lake"', '"s3://b/lake"') + 'runner = {kind = "pool"}\n',
            "in a directory that all workers see",
        ),
        (HARVEST + '[receiver]\ninbox = "films"\nbind = "0.0.0.0"\n', "others can reach 0.0.0.0"),
        ("at_once = 2\n" + HARVEST + '[harvests.b]\narchive = "b"\nlake = "lake"\n', "at_once must be 1"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("window", "at", "is_open"),
    [
        ("22:00-06:00", "2026-01-05 21:59", False),
        ("22:00-06:00", "2026-01-05 22:00", True),
        ("22:00-06:00", "2026-01-06 05:59", True),
        ("22:00-06:00", "2026-01-06 06:00", False),
        ("09:00-17:00", "2026-01-06 12:00", True),
        ("09:00-17:00", "2026-01-06 08:59", False),
        (None, "2026-01-06 12:00", True),
        ("02:00-03:00", "2026-03-29 03:30", False),  # this hour did not exist that night
    ],
)
def test_a_night_has_hours_of_its_time_zone(window: str | None, at: str, is_open: bool) -> None:
    zone = ZoneInfo("Europe/Zurich")
    moment = datetime.fromisoformat(at).replace(tzinfo=zone)
    assert Night(window=window, timezone="Europe/Zurich").is_open(moment) is is_open
    assert Night(window=window, timezone="Europe/Zurich").is_open(moment.astimezone(ZoneInfo("Asia/Tokyo"))) is is_open


@pytest.mark.parametrize("secret", [None, "", "user:", ":password"])
def test_others_reach_no_server_without_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv(serve.AUTH, raising=False)
    if secret is not None:
        monkeypatch.setenv(serve.AUTH, secret)
    monkeypatch.setattr(serve, "prepare_environment", lambda _spec: None)
    read(tmp_path, f'[server]\nhost = "0.0.0.0"\nport = {free_port()}\n' + HARVEST)
    with pytest.raises(ServerError, match=f"set {serve.AUTH}=USER:PASSWORD"):
        serve.serve(tmp_path / "service.toml")


def test_deploy_without_a_server_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    read(tmp_path, HARVEST)
    with pytest.raises(ServerError, match="Set PREFECT_API_URL"):
        serve.deploy_to_server(tmp_path / "service.toml")


def test_prefect_knows_the_settings_of_a_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    with TemporaryEnvironment():
        serve.prepare_environment(read(tmp_path, "[server]\nkeep_days = 30\n[watch]\njson_logs = true\n" + HARVEST))
        known = Settings()
    assert known.server.services.db_vacuum.enabled == {"events", "flow_runs"}
    assert known.server.services.db_vacuum.retention_period == timedelta(days=30)
    assert known.server.events.retention_period == timedelta(days=30)
    assert not known.server.analytics_enabled
    assert known.worker.query_seconds == 5
