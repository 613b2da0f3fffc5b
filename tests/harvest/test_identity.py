"""The site key is made once and kept; pseudonyms are stable, keyed and valid."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from harvest.errors import SettingsError
from harvest.identity import SiteKey, instance_key, public_fields
from harvest.records import InstanceHeader

KEY, OTHER = SiteKey(b"k" * 32), SiteKey(b"o" * 32)
HEADER = InstanceHeader(
    sop_instance_uid="1.2.3.1",
    study_instance_uid="1.2.3.2",
    series_instance_uid="1.2.3.3",
    patient_id="Müller^77",
    study_date="20190730",
    modality="DX",
    sex="F",
    age_years=101.0,
    manufacturer="ACME\nX-ray\0 " + "y" * 200,
)


def test_a_key_is_made_once_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "private" / "site.key"
    made = SiteKey.load_or_create(path)
    assert SiteKey.load_or_create(path) == SiteKey.from_file(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["site.key"]


def test_processes_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: SiteKey.load_or_create(tmp_path / "site.key").secret, range(40)))
    assert len(keys) == 1


@pytest.mark.parametrize("content", [None, b"", b"too short"])
def test_what_is_no_key_is_refused_and_left_alone(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "site.key"
    if content is not None:
        path.write_bytes(content)
        with pytest.raises(SettingsError):
            SiteKey.load_or_create(path)
        assert path.read_bytes() == content
    with pytest.raises(SettingsError):
        SiteKey.from_file(path)


def test_the_secret_is_not_printed() -> None:
    assert "kkk" not in repr(KEY)


@given(st.text(), st.text())
def test_pseudonyms_are_stable_keyed_and_told_apart(first: str, second: str) -> None:
    name = KEY.pseudonym("patient", first)
    assert len(name) == 32 and int(name, 16) >= 0
    assert name == KEY.pseudonym("patient", first)
    assert name not in {KEY.pseudonym("study", first), OTHER.pseudonym("patient", first)}
    assert (name == KEY.pseudonym("patient", second)) is (first == second)


@given(st.text())
def test_uids_are_valid(value: str) -> None:
    uid = UID(KEY.uid(value))
    assert uid.is_valid and uid.startswith("2.25.") and len(uid) <= 64


def test_an_instance_is_named_by_its_uid_else_by_its_place() -> None:
    assert instance_key(KEY, "1.2.3", "a/x.dcm", 1) == instance_key(KEY, "1.2.3", "b/y.dcm", 1)
    assert instance_key(KEY, None, "a/x.dcm", 1) != instance_key(KEY, None, "b/x.dcm", 1)
    assert instance_key(KEY, "1.2.3", "a/x.dcm", 1) != instance_key(KEY, "1.2.3", "a/x.dcm", 2)


def test_pseudonymised_fields_hold_no_identifier() -> None:
    fields = public_fields(HEADER, "pseudonymize", KEY)
    text = " ".join(map(str, fields.values()))
    assert not any(secret in text for secret in ("1.2.3", "Müller", "77", "20190730", "101"))
    assert (fields["study_year"], fields["study_month"], fields["age_years"]) == (2019, 7, 89)
    assert fields["manufacturer"].startswith("ACME X-ray yyy") and len(fields["manufacturer"]) == 64


def test_kept_fields_are_the_originals() -> None:
    fields = public_fields(HEADER, "keep", KEY)
    assert (fields["patient_key"], fields["sop_key"]) == ("Müller^77", "1.2.3.1")
    assert fields["age_years"] == 89


@pytest.mark.parametrize("identifiers", ["keep", "pseudonymize"])
def test_an_empty_header_gives_empty_fields(identifiers: str) -> None:
    assert set(public_fields(InstanceHeader(), identifiers, KEY).values()) == {None}  # type: ignore[arg-type]
