"""Each story of the audit record has planted defects that it must find."""

from pathlib import Path

import pytest

from tests.support.audit_stories import AUDIT_STORIES
from tests.support.canary import Defect, assert_found, assert_holds
from tests.support.postgres import ClonedDatabase

DEFECTS = (
    Defect(
        "the chain's lock is not taken",
        "writers_at_once_never_fork",
        "shared/audit/store.py",
        (("pg_advisory_xact_lock(%s::integer, %s::integer)", "%s::integer + %s::integer"),),
    ),
    Defect(
        "the head is read before the lock",
        "writers_at_once_never_fork",
        "shared/audit/store.py",
        (
            (
                "        session.execute(_LOCK, (_LOCK_SPACE, _LOCKS[chain]), prepare=True)\n"
                "        found = session.execute(_HEAD, (chain.value,), prepare=True)\n",
                "        found = session.execute(_HEAD, (chain.value,), prepare=True)\n"
                "        session.execute(_LOCK, (_LOCK_SPACE, _LOCKS[chain]), prepare=True)\n",
            ),
        ),
    ),
    Defect(
        "an entry has the clock's time, also behind a later one",
        "the_time_of_a_chain_never_falls",
        "shared/audit/store.py",
        (("greatest(clock_timestamp(), head.appended_at)", "clock_timestamp()"),),
    ),
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
        "an archive may end early",
        "a_changed_archive_is_found",
        "shared/audit/verify_archive.py",
        (("if check.position < manifest.last_position:", "if check.position < 0:"),),
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_found(defect: Defect, tmp_path: Path, database: ClonedDatabase) -> None:
    assert_found(defect, tmp_path, database)


def test_the_story_of_an_unspoiled_copy_holds(tmp_path: Path, database: ClonedDatabase) -> None:
    assert_holds(AUDIT_STORIES[-1].__name__, tmp_path, database)


def test_every_story_has_its_defect() -> None:
    assert {defect.story for defect in DEFECTS} == {story.__name__ for story in AUDIT_STORIES}
