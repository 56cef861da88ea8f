"""Each story of the audit record has planted defects that it must find."""

from pathlib import Path

import pytest

from shared.runtime import Runtime
from tests.support.audit import Owner
from tests.support.audit_stories import AUDIT_STORIES
from tests.support.canary import Defect, assert_found, assert_holds
from tests.support.postgres import ClonedDatabase

DEFECTS = (
    Defect(
        "a time that falls is no finding",
        "the_time_of_a_chain_never_falls",
        "shared/audit/links.py",
        ((" and moment >= last", ""),),
    ),
    Defect(
        "columns are not compared",
        "a_changed_entry_is_found_at_its_position",
        "shared/audit/links.py",
        (("canonical_bytes(vars(e)) != e.canonical", "canonical_bytes(vars(e)) == b''"),),
    ),
    Defect(
        "links are skipped",
        "a_changed_entry_is_found_at_its_position",
        "shared/audit/links.py",
        (
            ("previous_text = known.hex()\n", 'previous_text = ""\n'),
            (
                "            canonical = line[_ENTRY_AT:-2]\n",
                "            canonical = line[_ENTRY_AT:-2]\n"
                "            previous_text = line[33:97].decode()\n"
                "            known = bytes.fromhex(previous_text)\n",
            ),
        ),
    ),
    Defect(
        "the hash is taken as it is told",
        "a_changed_entry_is_found_at_its_position",
        "shared/audit/links.py",
        (("text = made.hexdigest()", "text = line[107:171].decode()"),),
    ),
    Defect(
        "anchors are not compared",
        "a_chain_made_anew_is_found_by_its_anchor",
        "shared/audit/links.py",
        (("expected.get(position, made.digest()) != made.digest()", "not made"),),
    ),
    Defect(
        "a chain may end before its anchor",
        "a_chain_made_anew_is_found_by_its_anchor",
        "shared/audit/verify_chain.py",
        (("max(end, max(told, default=0))", "end"),),
    ),
    Defect(
        "the signature is not checked",
        "a_changed_archive_is_found",
        "shared/audit/verify_archive.py",
        (("if not is_signed(encoded, signature, keys):", "if is_signed(encoded, b'', keys):"),),
    ),
    Defect(
        "the last hash is not compared",
        "a_changed_archive_is_found",
        "shared/audit/verify_archive.py",
        (
            ("if check.hash.hex() != manifest.last_hash:", "if not check.hash:"),
            ("(blocks.bytes, blocks.sha256, check.appended_text) != told", "not told"),
        ),
    ),
    Defect(
        "entries behind the last are let pass",
        "a_changed_archive_is_found",
        "shared/audit/verify_archive.py",
        (
            ("if len(lines) > room:", "if room < 0:"),
            ("(blocks.bytes, blocks.sha256, check.appended_text) != told", "not told"),
        ),
    ),
    Defect(
        "records are taken as sealed without looking",
        "every_record_is_in_one_seal",
        "shared/audit/access/verify_seals.py",
        (("if len(lines) == seal.count and lines_digest(lines) == seal.digest:", "if seal.digest:"),),
    ),
    Defect(
        "a seal goes on from the last time and not from what was open then",
        "every_record_is_in_one_seal",
        "shared/audit/access/seal_access_records.py",
        (
            (
                "open_from = min(oldest, moment - age if whole else found[-1].recorded_at)",
                "open_from = moment",
            ),
        ),
    ),
    Defect(
        "what is sealed is sealed again",
        "every_record_is_in_one_seal",
        "shared/audit/access/store.py",
        (
            (
                "AND NOT record_id <@ %(sealed)s::int8multirange\nORDER BY",
                "AND record_id <> -1 AND %(sealed)s::text <> ''\nORDER BY",
            ),
        ),
    ),
    Defect(
        "an archive may end early",
        "a_changed_archive_is_found",
        "shared/audit/verify_archive.py",
        (("if check.position < manifest.last_position:", "if check.position < 0:"),),
    ),
)

# Of the function that appends, in the database itself: what stands there, and what stands there instead.
_LOCK = "PERFORM pg_advisory_xact_lock(lock_space, lock_key);"
_HEAD_END = "ORDER BY last.position DESC LIMIT 1;"
SPOILED = {
    "the chain's lock is not taken": ("writers_at_once_never_fork", ((_LOCK, ""),)),
    "the head is read before the lock": (
        "writers_at_once_never_fork",
        ((_LOCK, ""), (_HEAD_END, f"{_HEAD_END}\n{_LOCK}")),
    ),
    "an entry has the clock's time, also behind a later one": (
        "the_time_of_a_chain_never_falls",
        (("greatest(clock_timestamp(), head.appended_at)", "clock_timestamp()"),),
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_defect_of_the_function_that_appends_is_found(runtime: Runtime, owner: Owner, name: str) -> None:
    story_name, changes = SPOILED[name]
    row = owner.execute("SELECT pg_get_functiondef('append_audit_entry'::regproc)").fetchone()
    assert row is not None
    text: str = row[0]
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    owner.execute(text.encode())
    story = next(each for each in AUDIT_STORIES if each.__name__ == story_name)
    with pytest.raises(AssertionError):
        story(runtime, owner)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_found(defect: Defect, tmp_path: Path, database: ClonedDatabase) -> None:
    assert_found(defect, tmp_path, database)


def test_the_story_of_an_unspoiled_copy_holds(tmp_path: Path, database: ClonedDatabase) -> None:
    assert_holds(AUDIT_STORIES[-1].__name__, tmp_path, database)


def test_every_story_has_its_defect() -> None:
    told = {defect.story for defect in DEFECTS} | {story for story, _ in SPOILED.values()}
    assert told == {story.__name__ for story in AUDIT_STORIES}
