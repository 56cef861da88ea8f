"""Stories of the audit record, told by its tests on the product and by the canaries on a spoiled copy.

Each takes a runtime and a superuser's connection, and raises AssertionError when the rule does not hold.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from shared.adapters.blob import FileBlobs
from shared.audit.anchors import read_anchors
from shared.audit.archive_month import archive_month
from shared.audit.links import Finding, Flaw, line_of
from shared.audit.manifest import ENTRIES, MANIFEST, SIGNATURE, archive_name
from shared.audit.model import Chain
from shared.audit.publish_anchor import publish_anchor
from shared.audit.verify_archive import verify_archive
from shared.audit.verify_chain import verify_chain
from shared.errors.base import CounterfoilError
from shared.runtime import Runtime
from tests.support.access import check, read, seal, seals, spoil
from tests.support.audit import Owner, append, disarm, put, relinked, replace_all, signing_key, stored
from tests.support.audit_writer import append_at_once
from tests.support.runtime import StandingClock, runtime_for

Story = Callable[[Runtime, Owner], None]


def finding(runtime: Runtime, **given: object) -> Finding | None:
    """What a verification of the control chain finds."""
    return verify_chain(runtime, Chain.CONTROL, **given).finding  # type: ignore[arg-type]


def writers_at_once_never_fork(runtime: Runtime, owner: Owner) -> None:
    """Eight writers at once: every entry stands, at positions without a hole, and the chain verifies."""
    shared = runtime_for(runtime.settings.database_url, DATABASE_POOL_SIZE="8")
    try:
        written = append_at_once(shared, 8, 12)
    except CounterfoilError as error:
        raise AssertionError(f"an append failed: {error}") from error
    finally:
        shared.database.dispose()
    assert written == 96
    assert [entry.position for entry in stored(owner)] == list(range(1, 97))
    assert finding(runtime) is None


def the_time_of_a_chain_never_falls(runtime: Runtime, owner: Owner) -> None:
    """Behind an entry of the future the next one has its time; an entry with an earlier time is found."""
    append(runtime)
    first = stored(owner)[0]
    later = replace(first, position=2, appended_at=first.appended_at + timedelta(hours=1))
    put(owner, *relinked([later], first))
    try:
        third = append(runtime)[0]
    except CounterfoilError as error:
        raise AssertionError(f"an append failed: {error}") from error
    assert third.appended_at == later.appended_at
    assert finding(runtime) is None
    disarm(owner)
    early = replace(third, appended_at=first.appended_at - timedelta(microseconds=1))
    replace_all(owner, relinked([first, later, early]))
    assert finding(runtime) == Finding(Flaw.CLOCK_REGRESS, 3)


def a_changed_entry_is_found_at_its_position(runtime: Runtime, owner: Owner) -> None:
    """A column, the bytes beside it, both, a link, a place: each alone is found."""
    append(runtime, 5)
    entries = stored(owner)
    disarm(owner)
    third = entries[2]
    forged = relinked([replace(third, reason="another")], entries[1])[0]
    unlinked = relinked([third], entries[0])[0]
    wrong = {
        Flaw.FIELDS_DIFFER: replace(third, reason="another"),
        Flaw.CHANGED: replace(forged, hash=third.hash),
        Flaw.RELINKED: unlinked,
        Flaw.MISSING: relinked([replace(third, position=4)], entries[1])[0],
    }
    for flaw, spoiled in wrong.items():
        rest = entries[3:] if spoiled.position == 3 else entries[4:]
        replace_all(owner, [*entries[:2], spoiled, *rest])
        assert finding(runtime) == Finding(flaw, 3), flaw
    replace_all(owner, [*entries[:2], forged, *entries[3:]])
    assert finding(runtime) == Finding(Flaw.RELINKED, 4)
    replace_all(owner, entries)
    assert finding(runtime) is None


def a_chain_made_anew_is_found_by_its_anchor(runtime: Runtime, owner: Owner) -> None:
    """Rebuilt from a position on, or cut off, a chain holds by itself and not beside what was published of it."""
    key = signing_key()
    with tempfile.TemporaryDirectory() as folder:
        blobs = FileBlobs(Path(folder))
        for _ in range(3):
            append(runtime, 2)
            publish_anchor(runtime, blobs, key, Chain.CONTROL)
        anchors, unsigned = read_anchors(blobs, "control", [key.public])
    assert ([anchor.position for anchor in anchors], unsigned) == ([2, 4, 6], [])
    assert finding(runtime, anchors=anchors) is None
    entries = stored(owner)
    disarm(owner)
    rebuilt = relinked([replace(entry, reason="another") for entry in entries[2:]], entries[1])
    replace_all(owner, [*entries[:2], *rebuilt])
    assert finding(runtime) is None
    assert finding(runtime, anchors=anchors) == Finding(Flaw.ANCHOR_DIFFERS, 4)
    replace_all(owner, entries[:4])
    assert finding(runtime) is None
    assert finding(runtime, anchors=anchors) == Finding(Flaw.TRUNCATED, 5)


@contextmanager
def archived(runtime: Runtime) -> Iterator[Path]:
    """The month of the chain's last entry as an archive in a folder, written weeks later; its file of entries."""
    head = append(runtime)[0]
    month = f"{head.appended_at:%Y-%m}"
    clock = runtime.clock
    assert isinstance(clock, StandingClock)
    clock.instant = head.appended_at + timedelta(days=40)
    with tempfile.TemporaryDirectory() as folder:
        archive_month(runtime, FileBlobs(Path(folder)), signing_key(), Chain.CONTROL, month)
        yield Path(folder) / (archive_name("control", month) + ENTRIES)


def a_changed_archive_is_found(runtime: Runtime, owner: Owner) -> None:
    """Entries, manifest and signature: what was changed, cut, added or signed by somebody else is found."""
    append(runtime, 4)
    with archived(runtime) as file, tempfile.TemporaryDirectory() as elsewhere:
        for part in file.parent.iterdir():
            shutil.copyfile(part, Path(elsewhere) / part.name)
        copy = Path(elsewhere) / file.name
        stem = file.name.removesuffix(ENTRIES)
        public = [signing_key().public]

        def look() -> Finding | None:
            return verify_archive(copy, public).finding

        lines = copy.read_bytes().splitlines(keepends=True)
        assert (len(lines), look()) == (5, None)
        spoiled = {
            Finding(Flaw.CHANGED, 2): [lines[0], lines[1].replace(b"oid:7f1c", b"oid:7f1d"), *lines[2:]],
            Finding(Flaw.MISSING, 3): [*lines[:2], *lines[3:]],
            Finding(Flaw.REPEATED, 3): [*lines[:2], lines[1], *lines[2:]],
            Finding(Flaw.TRUNCATED, 5): lines[:4],
            Finding(Flaw.SURPLUS, 6): [*lines, lines[4]],
        }
        for expected, kept in spoiled.items():
            copy.write_bytes(b"".join(kept))
            assert look() == expected
        entries = stored(owner)
        rebuilt = relinked([replace(entry, reason="another") for entry in entries[2:]], entries[1])
        copy.write_bytes(b"".join([*lines[:2], *map(line_of, rebuilt)]))
        assert look() == Finding(Flaw.MANIFEST_DIFFERS, 5)
        copy.write_bytes(b"".join(lines))
        manifest = copy.with_name(stem + MANIFEST)
        copy.with_name(stem + SIGNATURE).write_bytes(signing_key(2).sign(manifest.read_bytes()))
        assert look() == Finding(Flaw.SIGNATURE_INVALID, None, manifest.name)


_LATE = """
INSERT INTO access_records (occurred_at, actor, principal_type, permission, resource, status, result_count, duration_us,
    request_id, query, looked_up) VALUES (now(), 'late', 'PERSON', 'p', 'r', 200, 1, 1, 'req', '{}', '{}')
"""


def every_record_is_in_one_seal(runtime: Runtime, owner: Owner) -> None:
    """Late commits too, and a changed record is found by its seal."""
    with runtime.database.transaction() as late:
        late.exec_driver_sql(_LATE)
        read(runtime, 2)
        assert seal(runtime) == 2
    read(runtime, 1)
    assert seal(runtime) == 2
    assert seal(runtime) == 0
    ids = [row[0] for row in owner.execute("SELECT record_id FROM access_records ORDER BY 1").fetchall()]
    assert sorted(n for each in seals(owner) for run in each.ranges for n in run) == ids
    assert check(runtime).finding is None
    spoil(owner, "UPDATE access_records SET status = 201 WHERE record_id = %s", ids[-1])
    assert check(runtime).finding == Finding(Flaw.RECORDS_DIFFER, 2)


AUDIT_STORIES: tuple[Story, ...] = (
    writers_at_once_never_fork,
    the_time_of_a_chain_never_falls,
    a_changed_entry_is_found_at_its_position,
    a_chain_made_anew_is_found_by_its_anchor,
    a_changed_archive_is_found,
    every_record_is_in_one_seal,
)
