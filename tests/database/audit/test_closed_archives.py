"""Archives of a chain with a closed break: passed over, shown for ever, and what lies before and behind verified."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.adapters.blob import FileBlobs
from shared.audit.anchors import Anchor, read_anchors
from shared.audit.archive_month import archive_month
from shared.audit.errors import ArchiveRefused, ChainBroken
from shared.audit.keys import public_keys, signing_key
from shared.audit.links import Finding, Flaw
from shared.audit.manifest import ENTRIES, MANIFEST, SIGNATURE, Manifest, archive_name
from shared.audit.model import Chain, Entry
from shared.audit.publish_anchor import publish_anchor
from shared.audit.reading.answer import VerificationAnswer
from shared.audit.reading.verify_record import verify_record
from shared.audit.segments.model import Boundary, Segment
from shared.audit.segments.propose_segment import propose_segment
from shared.audit.segments.store import insert_segment
from shared.audit.verify import main
from shared.audit.verify_archive import verify_archive
from shared.runtime import Runtime
from shared.security.model import Permission
from tests.support.audit import chain_of, disarm, put, relinked, replace_all
from tests.support.callers import caller_with, context_of
from tests.support.runtime import StandingClock

Owner = psycopg.Connection[Any]
NOVEMBER, DECEMBER, JANUARY = "2025-11", "2025-12", "2026-01"
Spoil = Callable[[Owner], object]


@pytest.fixture
def months(runtime: Runtime, owner: Owner) -> list[Entry]:
    """Five entries in November, three in December; whoever owns the database may change them."""
    entries = chain_of(8, datetime(2025, 11, 30, tzinfo=UTC))
    late = [replace(each, appended_at=each.appended_at + timedelta(days=10)) for each in entries[5:]]
    whole = [*entries[:5], *relinked(late, entries[4])]
    put(owner, *whole)
    disarm(owner)
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.instant = datetime(2026, 3, 1, tzinfo=UTC)
    return whole


def close(runtime: Runtime) -> Boundary:
    """The first open break, closed as an approval that was carried out closes it."""
    context = context_of(caller_with("administrator"), Permission.AUDIT_VERIFY)
    proposal = propose_segment(runtime, context, Chain.CONTROL)
    boundary = Boundary.decode(proposal.document.encode())
    assert boundary is not None
    segment = Segment(
        boundary=boundary,
        signature=bytes.fromhex(proposal.signature),
        requested_by="one",
        approved_by="two",
        approval_id=f"a-{boundary.break_position}",
        reason="a disk was restored",
        closed_at=datetime(2026, 2, 1, tzinfo=UTC),
    )
    with runtime.database.transaction() as connection:
        insert_segment(connection, segment)
    return boundary


def archive(runtime: Runtime, folder: Path, month: str) -> Manifest:
    keys = public_keys(runtime.secrets)
    return archive_month(runtime, FileBlobs(folder), signing_key(runtime.secrets), Chain.CONTROL, month, keys)


def verified(runtime: Runtime) -> VerificationAnswer:
    context = context_of(caller_with("administrator"), Permission.AUDIT_VERIFY)
    return verify_record(runtime, context, Chain.CONTROL)


def entries_of(folder: Path, month: str) -> Path:
    return folder / (archive_name("control", month) + ENTRIES)


def looked_at(
    runtime: Runtime, folder: Path, month: str, previous: Manifest | None = None, **more: Any
) -> Finding | None:
    return verify_archive(entries_of(folder, month), public_keys(runtime.secrets), previous, **more).finding


def grown(owner: Owner, last: Entry, count: int, moment: datetime) -> list[Entry]:
    """More entries behind the last one, put with their time."""
    made = [
        replace(
            last, position=last.position + n + 1, target_id=f"n{n}", appended_at=moment + timedelta(seconds=n)
        )
        for n in range(count)
    ]
    linked = relinked(made, last)
    put(owner, *linked)
    return linked


SPOILS: dict[str, tuple[Spoil, Flaw]] = {
    "a column": (
        lambda owner: owner.execute("UPDATE audit_entries SET reason = 'b' WHERE position = 3"),
        Flaw.FIELDS_DIFFER,
    ),
    "the bytes": (
        lambda owner: owner.execute(
            "UPDATE audit_entries SET canonical = '\\x0a7d0a00ff'::bytea WHERE position = 3"
        ),
        Flaw.FIELDS_DIFFER,
    ),
    "a hash": (
        lambda owner: owner.execute(
            "UPDATE audit_entries SET hash = decode(repeat('00', 32), 'hex') WHERE position = 3"
        ),
        Flaw.CHANGED,
    ),
    "a hole": (lambda owner: owner.execute("DELETE FROM audit_entries WHERE position = 3"), Flaw.MISSING),
}


@pytest.mark.parametrize("name", SPOILS)
def test_a_closed_break_is_archived_and_shown(
    runtime: Runtime, owner: Owner, months: list[Entry], tmp_path: Path, name: str
) -> None:
    """The break reaches from November into December, and stands whole in November."""
    spoil, flaw = SPOILS[name]
    spoil(owner)
    with pytest.raises(ChainBroken):
        archive(runtime, tmp_path, NOVEMBER)
    boundary = close(runtime)
    grown(owner, months[-1], 2, datetime(2025, 12, 20, tzinfo=UTC))
    november = archive(runtime, tmp_path, NOVEMBER)
    december = archive(runtime, tmp_path, DECEMBER)
    assert (november.first_position, november.last_position) == (1, 8)
    assert (december.first_position, december.last_position) == (9, 10)
    for manifest in (november, december):
        assert manifest.boundaries == [boundary]
        (told,) = manifest.segments
        assert (told["requested_by"], told["approved_by"], told["month"]) == ("one", "two", NOVEMBER)
    assert (boundary.break_position, boundary.flaw) == (3, flaw)
    assert looked_at(runtime, tmp_path, NOVEMBER) is None
    assert looked_at(runtime, tmp_path, DECEMBER, november) is None
    assert looked_at(runtime, tmp_path, DECEMBER) is None


@pytest.mark.parametrize(
    ("number", "finding"),
    [
        (1, Finding(Flaw.CHANGED, 2)),
        (2, Finding(Flaw.SEGMENT_DIFFERS, 3)),
        (7, Finding(Flaw.SEGMENT_DIFFERS, 3)),
        (8, Finding(Flaw.CHANGED, 9)),
    ],
)
def test_every_line_before_in_and_behind_a_closed_break_is_checked(
    runtime: Runtime,
    owner: Owner,
    months: list[Entry],
    tmp_path: Path,
    number: int,
    finding: Finding,
) -> None:
    SPOILS["a column"][0](owner)
    close(runtime)
    grown(owner, months[-1], 2, datetime(2025, 11, 30, 1, tzinfo=UTC) + timedelta(days=10))
    archive(runtime, tmp_path, NOVEMBER)
    archive(runtime, tmp_path, DECEMBER)
    # As one file of both, for the place of the line not to matter.
    month = NOVEMBER if number < 8 else DECEMBER
    file = entries_of(tmp_path, month)
    lines = file.read_bytes().splitlines(keepends=True)
    at = number if number < 8 else number - 8
    lines[at] = (
        lines[at]
        .replace(b'"actor":"oid:7f1c"', b'"actor":"oid:7f1d"')
        .replace(b"6f69643a3766316322", b"6f69643a3766316422")
    )
    file.chmod(0o644)
    file.write_bytes(b"".join(lines))
    assert looked_at(runtime, tmp_path, month) == finding


@pytest.mark.parametrize("kept", [slice(0, 2), slice(0, 7), slice(1, None), slice(0, None, 2)])
def test_lines_of_a_closed_break_that_are_gone_are_missed(
    runtime: Runtime, owner: Owner, months: list[Entry], tmp_path: Path, kept: slice
) -> None:
    SPOILS["a column"][0](owner)
    close(runtime)
    archive(runtime, tmp_path, NOVEMBER)
    file = entries_of(tmp_path, NOVEMBER)
    lines = file.read_bytes().splitlines(keepends=True)
    assert len(lines) == 8
    file.chmod(0o644)
    file.write_bytes(b"".join(lines[kept]))
    assert looked_at(runtime, tmp_path, NOVEMBER) is not None


@pytest.mark.parametrize("gone", [2, 3, 4])
def test_a_closed_break_is_whole_before_the_chain_goes_on(
    runtime: Runtime, owner: Owner, months: list[Entry], tmp_path: Path, gone: int
) -> None:
    """The break is of the third to fifth entry, two good ones stand behind it in the same month."""
    replace_all(owner, months[:5])
    SPOILS["a column"][0](owner)
    close(runtime)
    grown(owner, months[4], 2, datetime(2025, 11, 30, 1, tzinfo=UTC))
    made = archive(runtime, tmp_path, NOVEMBER)
    assert (made.first_position, made.last_position) == (1, 7)
    assert looked_at(runtime, tmp_path, NOVEMBER) is None
    file = entries_of(tmp_path, NOVEMBER)
    lines = file.read_bytes().splitlines(keepends=True)
    file.chmod(0o644)
    file.write_bytes(b"".join([*lines[:gone], *lines[gone + 1 :]]))
    assert looked_at(runtime, tmp_path, NOVEMBER) == Finding(Flaw.SEGMENT_DIFFERS, 3)


def test_what_an_archive_says_is_held_against_the_chain(
    runtime: Runtime, owner: Owner, months: list[Entry], tmp_path: Path
) -> None:
    """November's last entry was made anew with a right hash: only its archive knows, and December goes back to it."""
    runtime = replace(runtime, blobs=FileBlobs(tmp_path))
    november = archive(runtime, tmp_path, NOVEMBER)
    forged = relinked([replace(each, reason="another") for each in months[4:]], months[3])
    replace_all(owner, [*months[:4], *forged])
    boundary = close(runtime)
    assert (boundary.break_position, boundary.head_position) == (5, 8)
    assert boundary.flaw == Flaw.ANCHOR_DIFFERS
    december = archive(runtime, tmp_path, DECEMBER)
    assert (december.first_position, december.last_position) == (5, 8)
    assert looked_at(runtime, tmp_path, DECEMBER, november) is None
    assert verified(runtime).finding is None
    assert [each.break_position for each in verified(runtime).closed] == [5]


def test_a_rewriting_that_an_anchor_shows_is_gone_back_to(
    runtime: Runtime, owner: Owner, months: list[Entry], tmp_path: Path
) -> None:
    """Rewritten from the third entry on with right hashes; the anchor of the fifth says otherwise."""
    replace_all(owner, months[:5])
    publish_anchor(runtime, runtime.blobs, signing_key(runtime.secrets), Chain.CONTROL)
    put(owner, *months[5:])
    november = archive(runtime, tmp_path, NOVEMBER)
    rewritten = relinked([replace(each, reason="another") for each in months[2:]], months[1])
    replace_all(owner, [*months[:2], *rewritten])
    with pytest.raises(ChainBroken):
        archive(runtime, tmp_path, DECEMBER)
    boundary = close(runtime)
    assert (boundary.break_position, boundary.head_position) == (5, 8)
    more = grown(owner, rewritten[-1], 1, datetime(2026, 1, 5, tzinfo=UTC))
    december, january = archive(runtime, tmp_path, DECEMBER), archive(runtime, tmp_path, JANUARY)
    assert (december.first_position, december.last_position) == (5, 8)
    assert (january.first_position, january.last_position) == (9, more[-1].position)
    assert looked_at(runtime, tmp_path, NOVEMBER) is None
    assert looked_at(runtime, tmp_path, DECEMBER, november) is None
    assert looked_at(runtime, tmp_path, JANUARY, december) is None
    assert january.boundaries == [boundary]


def test_a_chain_that_was_cut_off_goes_on(
    runtime: Runtime, owner: Owner, months: list[Entry], tmp_path: Path
) -> None:
    """November had five entries; the last two and all of December are gone, and others came at their positions."""
    november = archive(runtime, tmp_path, NOVEMBER)
    publish_anchor(runtime, runtime.blobs, signing_key(runtime.secrets), Chain.CONTROL)
    owner.execute("DELETE FROM audit_entries WHERE position > 3")
    with pytest.raises(ChainBroken):
        archive(runtime, tmp_path, DECEMBER)
    boundary = close(runtime)
    assert (boundary.break_position, boundary.head_position) == (4, 3)
    grown(owner, months[2], 7, datetime(2026, 1, 5, tzinfo=UTC))
    december, january = archive(runtime, tmp_path, DECEMBER), archive(runtime, tmp_path, JANUARY)
    assert (december.first_position, december.count, december.boundaries) == (4, 0, [boundary])
    assert (january.first_position, january.count, january.boundaries) == (4, 7, [boundary])
    assert looked_at(runtime, tmp_path, DECEMBER, november) is None
    assert looked_at(runtime, tmp_path, JANUARY, december) is None
    (anchor,) = read_anchors_of(runtime)
    assert anchor.position == 8
    assert looked_at(runtime, tmp_path, JANUARY, december, anchors=[anchor]) is None


def read_anchors_of(runtime: Runtime) -> list[Anchor]:
    return read_anchors(runtime.blobs, "control", public_keys(runtime.secrets))[0]


def test_what_a_later_archive_leaves_out_is_missed(
    runtime: Runtime, owner: Owner, months: list[Entry], tmp_path: Path
) -> None:
    """The key alone does not hide a closed break from who has the archive before."""
    SPOILS["a column"][0](owner)
    close(runtime)
    november = archive(runtime, tmp_path, NOVEMBER)
    december = archive(runtime, tmp_path, DECEMBER)
    silent = replace(december, segments=()).encode()
    stem = tmp_path / archive_name("control", DECEMBER)
    for end, content in ((MANIFEST, silent), (SIGNATURE, signing_key(runtime.secrets).sign(silent))):
        file = stem.with_name(stem.name + end)
        file.chmod(0o644)
        file.write_bytes(content)
    found = looked_at(runtime, tmp_path, DECEMBER, november)
    assert found is not None
    assert found.flaw == Flaw.PREDECESSOR_DIFFERS


def test_the_command_shows_closed_breaks(
    runtime: Runtime,
    owner: Owner,
    months: list[Entry],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    SPOILS["a hole"][0](owner)
    boundary = close(runtime)
    archive(runtime, tmp_path, NOVEMBER)
    (tmp_path / "public.pem").write_bytes(public_keys(runtime.secrets)[0].pem())
    arguments = [str(entries_of(tmp_path, NOVEMBER)), "--key", str(tmp_path / "public.pem")]
    assert main([*arguments, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["manifest"]["segments"]
    assert (json.loads(told["document"])["break_position"], told["approved_by"]) == (3, "two")
    assert main(arguments) == 0
    assert boundary.flaw in capsys.readouterr().out


def test_a_boundary_nobody_signed_closes_no_archive(
    runtime: Runtime, owner: Owner, months: list[Entry], tmp_path: Path
) -> None:
    SPOILS["a column"][0](owner)
    close(runtime)
    owner.execute("ALTER TABLE chain_segments DISABLE TRIGGER USER")
    owner.execute("UPDATE chain_segments SET signature = decode(repeat('00', 64), 'hex')")
    with pytest.raises(ChainBroken):
        archive(runtime, tmp_path, NOVEMBER)


def test_an_entry_too_large_for_a_line_is_refused(
    runtime: Runtime, owner: Owner, months: list[Entry], tmp_path: Path
) -> None:
    owner.execute(
        "UPDATE audit_entries SET canonical = decode(repeat('00', 300000), 'hex') WHERE position = 3"
    )
    close(runtime)
    with pytest.raises(ArchiveRefused):
        archive(runtime, tmp_path, NOVEMBER)
