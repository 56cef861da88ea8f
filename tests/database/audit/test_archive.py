"""Monthly archives and anchors: written once, byte for byte the same, verified elsewhere with a public key alone."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.adapters.blob import BlobConflict, FileBlobs
from shared.audit.anchors import anchor_folder, anchor_name, read_anchors
from shared.audit.archive_month import archive_month
from shared.audit.errors import ArchiveRefused, ChainBroken
from shared.audit.links import Flaw
from shared.audit.manifest import ENTRIES, MANIFEST, SIGNATURE, archive_name
from shared.audit.model import Chain, Entry
from shared.audit.publish_anchor import publish_anchor
from shared.runtime import Runtime
from tests.support.audit import append, chain_of, disarm, put, relinked, signing_key, write_archive
from tests.support.runtime import StandingClock, runtime_for

Owner = psycopg.Connection[Any]
ROOT = Path(__file__).resolve().parents[3]
KEY = signing_key()
NOVEMBER, DECEMBER, JANUARY = "2025-11", "2025-12", "2026-01"
DONE_SECONDS_MAX = 120


@pytest.fixture
def months(runtime: Runtime, owner: Owner) -> list[Entry]:
    """Three entries in November, none in December, two in January; the app's clock stands in February."""
    entries = chain_of(5, datetime(2025, 11, 30, 23, 59, 57, tzinfo=UTC))
    late = [replace(e, appended_at=e.appended_at + timedelta(days=40)) for e in entries[3:]]
    whole = [*entries[:3], *relinked(late, entries[2])]
    put(owner, *whole)
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.instant = datetime(2026, 2, 1, tzinfo=UTC)
    return whole


def archive(runtime: Runtime, folder: Path, month: str, **more: Any) -> Any:
    return archive_month(runtime, FileBlobs(folder), KEY, Chain.CONTROL, month, **more)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def verify(*arguments: object, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "shared.audit.verify", "--json", *map(str, arguments)],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=DONE_SECONDS_MAX,
        check=False,
    )


def test_an_archive_is_what_a_plain_writer_writes(
    runtime: Runtime, months: list[Entry], tmp_path: Path
) -> None:
    manifest = archive(runtime, tmp_path / "blobs", NOVEMBER)
    assert (manifest.first_position, manifest.last_position, manifest.count) == (1, 3, 3)
    (tmp_path / "plain").mkdir()
    write_archive(tmp_path / "plain", months[:3], KEY, NOVEMBER)
    assert contents(tmp_path / "blobs") == contents(tmp_path / "plain")


def test_months_follow_each_other(runtime: Runtime, months: list[Entry], tmp_path: Path) -> None:
    made = [archive(runtime, tmp_path, month) for month in (NOVEMBER, DECEMBER, JANUARY)]
    assert [(m.first_position, m.last_position, m.count) for m in made] == [(1, 3, 3), (4, 3, 0), (4, 5, 2)]
    assert [m.previous_archive for m in made] == [None, made[0].digest, made[1].digest]
    assert made[1].first_hash is None
    assert made[1].last_hash == made[2].previous_hash == months[2].hash.hex()


def test_written_again_it_has_the_same_bytes(
    runtime: Runtime, database_url: str, months: list[Entry], tmp_path: Path
) -> None:
    other = replace(runtime_for(database_url), clock=StandingClock(datetime(2027, 5, 1, tzinfo=UTC)))
    for month in (NOVEMBER, DECEMBER, JANUARY):
        archive(runtime, tmp_path / "one", month)
        archive(other, tmp_path / "two", month)
    other.database.dispose()
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(contents(tmp_path / "one")) == 9


def test_a_run_that_broke_off_is_finished(runtime: Runtime, months: list[Entry], tmp_path: Path) -> None:
    archive(runtime, tmp_path, NOVEMBER)
    whole = contents(tmp_path)
    (tmp_path / (archive_name("control", NOVEMBER) + MANIFEST)).unlink()
    archive(runtime, tmp_path, NOVEMBER)
    assert contents(tmp_path) == whole


def test_what_stands_is_not_written_anew(runtime: Runtime, months: list[Entry], tmp_path: Path) -> None:
    stem = tmp_path / archive_name("control", NOVEMBER)
    stem.parent.mkdir(parents=True)
    stem.with_name(stem.name + ENTRIES).write_bytes(b"other\n")
    with pytest.raises(BlobConflict):
        archive(runtime, tmp_path, NOVEMBER)
    assert contents(tmp_path) == {stem.name + ENTRIES: b"other\n"}


@pytest.mark.parametrize(
    ("before", "month"),
    [
        ([], "2026-02"),
        ([], "2025-13"),
        ([], "november"),
        ([NOVEMBER], JANUARY),
        ([NOVEMBER], NOVEMBER),
        ([NOVEMBER, DECEMBER], NOVEMBER),
    ],
)
def test_only_the_next_month_that_is_over(
    runtime: Runtime, months: list[Entry], tmp_path: Path, before: list[str], month: str
) -> None:
    for each in before:
        archive(runtime, tmp_path, each)
    stood = contents(tmp_path)
    with pytest.raises(ArchiveRefused):
        archive(runtime, tmp_path, month)
    assert contents(tmp_path) == stood


def test_a_late_entry_goes_to_the_open_month(
    runtime: Runtime, owner: Owner, months: list[Entry], tmp_path: Path
) -> None:
    """An entry with the last time of January that is appended after January was archived."""
    for month in (NOVEMBER, DECEMBER, JANUARY):
        archive(runtime, tmp_path, month)
    put(owner, *relinked([replace(months[4], position=6)], months[4]))
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.instant = datetime(2026, 3, 1, tzinfo=UTC)
    february = archive(runtime, tmp_path, "2026-02")
    assert (february.first_position, february.count) == (6, 1)


def test_a_broken_chain_is_not_signed(
    runtime: Runtime, owner: Owner, months: list[Entry], tmp_path: Path
) -> None:
    disarm(owner)
    owner.execute("UPDATE audit_entries SET reason = 'another' WHERE position = 2")
    with pytest.raises(ChainBroken) as broken:
        archive(runtime, tmp_path, NOVEMBER)
    assert (broken.value.position, broken.value.flaw) == (2, Flaw.FIELDS_DIFFER)
    owner.execute("DELETE FROM audit_entries WHERE position = 2")
    with pytest.raises(ChainBroken) as holed:
        archive(runtime, tmp_path, NOVEMBER)
    assert (holed.value.position, holed.value.flaw) == (2, Flaw.MISSING)
    assert contents(tmp_path) == {}


def test_a_chain_that_lost_what_was_archived_is_not_archived_on(
    runtime: Runtime, owner: Owner, months: list[Entry], tmp_path: Path
) -> None:
    archive(runtime, tmp_path, NOVEMBER)
    archive(runtime, tmp_path, DECEMBER)
    disarm(owner)
    owner.execute("DELETE FROM audit_entries WHERE position >= 3")
    rebuilt = relinked(
        [replace(months[2], reason="another"), replace(months[3], reason="another")], months[1]
    )
    put(owner, *rebuilt)
    with pytest.raises(ChainBroken) as broken:
        archive(runtime, tmp_path, JANUARY)
    assert (broken.value.position, broken.value.flaw) == (3, Flaw.MANIFEST_DIFFERS)
    owner.execute("DELETE FROM audit_entries WHERE position >= 3")
    with pytest.raises(ChainBroken) as cut:
        archive(runtime, tmp_path, JANUARY)
    assert (cut.value.position, cut.value.flaw) == (3, Flaw.TRUNCATED)


def test_an_archive_before_that_is_not_in_its_place_is_refused(
    runtime: Runtime, months: list[Entry], tmp_path: Path
) -> None:
    """October's blobs are November's, rightly signed."""
    archive(runtime, tmp_path / "blobs", NOVEMBER)
    stem = archive_name("control", NOVEMBER)
    for end in (MANIFEST, SIGNATURE):
        (tmp_path / "blobs" / (stem + end)).rename(
            tmp_path / "blobs" / (archive_name("control", "2025-10") + end)
        )
    with pytest.raises(ArchiveRefused):
        archive(runtime, tmp_path / "blobs", NOVEMBER)


def test_after_a_rotation_the_earlier_key_is_asked_for(
    runtime: Runtime, months: list[Entry], tmp_path: Path
) -> None:
    archive(runtime, tmp_path, NOVEMBER)
    new = signing_key(2)
    with pytest.raises(ArchiveRefused):
        archive_month(runtime, FileBlobs(tmp_path), new, Chain.CONTROL, DECEMBER)
    made = archive_month(
        runtime, FileBlobs(tmp_path), new, Chain.CONTROL, DECEMBER, earlier_keys=[KEY.public]
    )
    assert made.key_id == "key-2"


def carried(runtime: Runtime, tmp_path: Path) -> list[Path]:
    """Three archives and a public key, carried to a folder where nothing else is; the files of entries."""
    for month in (NOVEMBER, DECEMBER, JANUARY):
        archive(runtime, tmp_path / "blobs", month)
    there = tmp_path / "auditor"
    there.mkdir()
    for file in (tmp_path / "blobs").rglob("*.*"):
        shutil.copyfile(file, there / file.name)
    (there / "public.pem").write_bytes(KEY.public.pem())
    return sorted(there.glob("*.jsonl"))


def test_an_auditor_needs_the_files_and_the_public_key_only(
    runtime: Runtime, months: list[Entry], tmp_path: Path
) -> None:
    files = carried(runtime, tmp_path)
    done = verify(*[file.name for file in files], "--key", "public.pem", cwd=files[0].parent)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert [(each["file"], each["holds"]) for each in told] == [(file.name, True) for file in files]
    assert [each["manifest"]["count"] for each in told] == [3, 0, 2]
    # Each also by itself.
    for file in files[1:]:
        assert verify(file, "--key", file.parent / "public.pem").returncode == 0


def test_the_command_names_the_first_bad_position(
    runtime: Runtime, months: list[Entry], tmp_path: Path
) -> None:
    files = carried(runtime, tmp_path)
    lines = files[0].read_bytes().splitlines(keepends=True)
    files[0].write_bytes(b"".join([lines[0], lines[2]]))
    done = verify(*files, "--key", files[0].parent / "public.pem")
    told = [json.loads(line)["finding"] for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert told == [{"flaw": "MISSING", "position": 2, "subject": ""}, None, None]


def test_archives_in_another_order_do_not_follow(
    runtime: Runtime, months: list[Entry], tmp_path: Path
) -> None:
    november, december, january = carried(runtime, tmp_path)
    done = verify(november, january, december, "--key", november.parent / "public.pem")
    told = [json.loads(line)["finding"] for line in done.stdout.splitlines()]
    assert [each and each["flaw"] for each in told] == [None, "PREDECESSOR_DIFFERS", "PREDECESSOR_DIFFERS"]


def test_another_key_and_a_missing_file_are_found(
    runtime: Runtime, months: list[Entry], tmp_path: Path
) -> None:
    files = carried(runtime, tmp_path)
    other = tmp_path / "other.pem"
    other.write_bytes(signing_key(2).public.pem())
    done = verify(files[0], "--key", other)
    assert (done.returncode, json.loads(done.stdout)["finding"]["flaw"]) == (1, "SIGNATURE_INVALID")
    assert verify(files[0], "--key", other, "--key", files[0].parent / "public.pem").returncode == 0
    signature = files[0].with_name(files[0].name.removesuffix(ENTRIES) + SIGNATURE)
    signature.unlink()
    done = verify(files[0], "--key", files[0].parent / "public.pem")
    assert json.loads(done.stdout)["finding"] == {
        "flaw": "FILE_MISSING",
        "position": None,
        "subject": signature.name,
    }
    assert verify(files[0], "--key", files[0]).returncode == 2
    assert verify(files[0], "--key", tmp_path / "none.pem").returncode == 2


def test_an_archive_made_anew_and_signed_is_found_by_an_anchor(
    runtime: Runtime, months: list[Entry], tmp_path: Path
) -> None:
    """Whoever holds the key can sign a forged month, and cannot take back what was published."""
    blobs = FileBlobs(tmp_path / "anchors")
    publish_anchor(runtime, blobs, KEY, Chain.CONTROL)
    anchor = tmp_path / "anchors" / anchor_name("control", 5)
    forged = relinked([months[0], *(replace(entry, reason="another") for entry in months[1:])])
    file = write_archive(tmp_path, forged, KEY, NOVEMBER)
    (tmp_path / "public.pem").write_bytes(KEY.public.pem())
    assert verify(file, "--key", tmp_path / "public.pem").returncode == 0
    done = verify(file, "--key", tmp_path / "public.pem", "--anchor", anchor)
    assert done.returncode == 1
    assert json.loads(done.stdout)["finding"] == {"flaw": "ANCHOR_DIFFERS", "position": 5, "subject": ""}
    assert verify(file, "--key", tmp_path / "public.pem", "--anchor", file).returncode == 2


def test_a_head_is_published_once(runtime: Runtime, owner: Owner, tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    assert publish_anchor(runtime, blobs, KEY, Chain.CONTROL) is None
    append(runtime, 2)
    first = publish_anchor(runtime, blobs, KEY, Chain.CONTROL)
    # With another key too: what is published stays.
    assert publish_anchor(runtime, blobs, signing_key(2), Chain.CONTROL) == first
    append(runtime)
    publish_anchor(runtime, blobs, signing_key(2), Chain.CONTROL)
    anchors, findings = read_anchors(blobs, "control", [KEY.public, signing_key(2).public])
    assert ([anchor.position for anchor in anchors], findings) == ([2, 3], [])
    anchors, findings = read_anchors(blobs, "control", [KEY.public])
    assert [anchor.position for anchor in anchors] == [2]
    assert [(f.flaw, f.subject) for f in findings] == [(Flaw.ANCHOR_INVALID, anchor_name("control", 3))]


def test_an_anchor_under_another_name_is_found(runtime: Runtime, owner: Owner, tmp_path: Path) -> None:
    append(runtime)
    publish_anchor(runtime, FileBlobs(tmp_path), KEY, Chain.CONTROL)
    folder = tmp_path / anchor_folder("control")
    shutil.copyfile(tmp_path / anchor_name("control", 1), tmp_path / anchor_name("control", 2))
    anchors, findings = read_anchors(FileBlobs(tmp_path), "control", [KEY.public])
    assert ([a.position for a in anchors], [f.subject for f in findings]) == (
        [1],
        [anchor_name("control", 2)],
    )
    assert len(list(folder.iterdir())) == 2
