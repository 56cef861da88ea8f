"""The audit record over HTTP: search, who looked up an id, verification, export, archives; by site."""

import csv
import hashlib
import io
import json
from typing import Any

import psycopg
import pytest

from shared.audit.archive_chains import archive_chains
from shared.audit.model import Action, Chain, Outcome
from shared.audit.publish_anchors import publish_anchors
from shared.runtime import Runtime
from tests.support.access import read, seal, spoil, weeks_later
from tests.support.audit import append, disarm, stored
from tests.support.requests import body_of, known_as, send
from tests.support.runtime import MADE_SECRETS, NOON, HeldSecrets, StandingClock

Owner = psycopg.Connection[Any]
ENTRIES, ACCESS, VERIFY = "http_audit_entries", "http_audit_access", "http_audit_verify"
EXPORT, ARCHIVES = "http_audit_export", "http_audit_archives"


def asked(runtime: Runtime, name: str, query: str = "", role: str = "auditor", *sites: str) -> Any:
    answer = send(runtime, name, {"Authorization": known_as(runtime, role, *sites)}, query)
    assert answer.status_code == 200, answer.get_body()
    return body_of(answer)


def positions(found: Any) -> list[int]:
    return [each["position"] for each in found["items"]]


@pytest.fixture
def filled(runtime: Runtime) -> Runtime:
    """Six entries: two actors, two sites, none, and one that was denied."""
    append(runtime, 2)
    append(runtime, 1, actor="oid:other", site_id="JP-TOKYO", target_id="18", request_id="req-2")
    append(
        runtime, 1, site_id=None, action=Action.CEILING_RAISE, target_type="reject_ceiling", target_id=None
    )
    append(runtime, 1, outcome=Outcome.DENIED, reason=None)
    append(runtime, 1, chain=Chain.ACCESS, action=Action.ACCESS_SEAL, reason=None)
    return runtime


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [5, 4, 3, 2, 1]),
        ("chain=access", [1]),
        ("actor=oid%3Aother", [3]),
        ("action=operator:reject_ceiling:raise", [4]),
        ("target_type=sequence_gap&target_id=17", [5, 2, 1]),
        ("site=JP-TOKYO", [3]),
        ("outcome=DENIED", [5]),
        ("request_id=req-2", [3]),
        ("from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z", []),
        ("from=2020-01-01T00:00:00Z", [5, 4, 3, 2, 1]),
    ],
)
def test_entries_are_found_by_every_filter(filled: Runtime, query: str, expected: list[int]) -> None:
    found = asked(filled, ENTRIES, query)
    assert (positions(found), found["total"], found["next"]) == (expected, len(expected), None)


def test_pages_follow_each_other_and_know_the_total(filled: Runtime) -> None:
    seen, query = [], "limit=2"
    while True:
        found = asked(filled, ENTRIES, query)
        seen.append(positions(found))
        assert found["total"] == 5
        if found["next"] is None:
            break
        query = f"limit=2&cursor={found['next']}"
    assert seen == [[5, 4], [3, 2], [1]]
    other = send(filled, ENTRIES, {"Authorization": known_as(filled, "auditor")}, f"actor=x&{query}")
    assert (other.status_code, body_of(other)["code"]) == (422, "CURSOR_INVALID")


def test_an_auditor_of_a_site_sees_that_site(filled: Runtime) -> None:
    found = asked(filled, ENTRIES, "", "auditor", "JP-TOKYO")
    assert (positions(found), found["total"]) == ([3], 1)
    assert positions(asked(filled, ENTRIES, "site=KR-SEOUL", "auditor", "JP-TOKYO")) == []
    answer = send(filled, EXPORT, {"Authorization": known_as(filled, "auditor", "JP-TOKYO")})
    assert len(answer.get_body().splitlines()) == 3


@pytest.mark.parametrize(
    "query", ["chain=other", "outcome=done", "action=x", "from=2020-01-01", "actor=", "a=b"]
)
def test_what_is_no_filter_is_refused(runtime: Runtime, query: str) -> None:
    answer = send(runtime, ENTRIES, {"Authorization": known_as(runtime, "auditor")}, query)
    assert (answer.status_code, body_of(answer)["code"]) == (422, "REQUEST_INVALID")


@pytest.mark.parametrize("name", [ENTRIES, ACCESS, VERIFY, EXPORT, ARCHIVES])
def test_a_viewer_reads_nothing_of_it(runtime: Runtime, owner: Owner, name: str) -> None:
    answer = send(runtime, name, {"Authorization": known_as(runtime)})
    assert (answer.status_code, body_of(answer)["code"]) == (403, "AUTH_FORBIDDEN")
    rows = owner.execute("SELECT count(*) FROM access_records WHERE status = 403").fetchone()
    denied = [entry.outcome for entry in stored(owner)]
    assert (rows, denied) == (((0,), ["DENIED"]) if name == EXPORT else ((1,), []))


def test_who_looked_up_an_id_is_answered(runtime: Runtime, owner: Owner) -> None:
    read(runtime, 3)
    (found,) = asked(runtime, ACCESS, "id=tx-1")["items"]
    assert (found["actor"], found["resource"], found["ids_looked_up"]) == ("oid:7f1c", "http_tx", 1)
    assert asked(runtime, ACCESS, "id=tx-7")["total"] == 0
    rotated = runtime.secrets
    assert isinstance(rotated, HeldSecrets)
    rotated.held["access-hash-key"] = [*MADE_SECRETS["access-hash-key"], "another-hash-key-of-32-characters"]
    read(runtime, 2, resource="http_wallet_tx")
    found_by_both = asked(runtime, ACCESS, "id=tx-1&resource=http_wallet_tx")
    assert found_by_both["total"] == 1
    # The searches for it are look-ups of it themselves.
    assert asked(runtime, ACCESS, "id=tx-1")["total"] == 4
    kept = [row[0] for row in owner.execute("SELECT query FROM access_records").fetchall()]
    assert not any("tx-1" in query for query in kept)


def test_access_records_have_pages_and_sites(runtime: Runtime, owner: Owner) -> None:
    read(runtime, 5)
    spoil(owner, "UPDATE access_records SET site_id = 'JP-TOKYO' WHERE record_id = 2")
    found = asked(runtime, ACCESS, "", "auditor", "JP-TOKYO")
    assert [each["record_id"] for each in found["items"]] == [2]
    page = asked(runtime, ACCESS, "actor=oid%3A7f1c&limit=3")
    rest = asked(runtime, ACCESS, f"actor=oid%3A7f1c&limit=3&cursor={page['next']}")
    assert [each["record_id"] for each in (*page["items"], *rest["items"])] == [5, 4, 3, 2, 1]
    assert (page["total"], rest["next"]) == (5, None)


def test_a_chain_is_verified_and_the_first_bad_position_named(filled: Runtime, owner: Owner) -> None:
    publish_anchors(filled)
    found = asked(filled, VERIFY)
    assert (found["holds"], found["first"], found["last"], found["count"]) == (True, 1, 5, 5)
    assert (found["anchors"], found["finding"], found["closed"], found["seals"]) == (1, None, [], None)
    disarm(owner)
    owner.execute("UPDATE audit_entries SET reason = 'another' WHERE chain = 'control' AND position = 3")
    found = asked(filled, VERIFY, "chain=control")
    assert found["finding"] == {"flaw": "FIELDS_DIFFER", "position": 3, "subject": ""}
    assert (found["holds"], found["last"]) == (False, 2)
    assert asked(filled, VERIFY, "from=4&to=5")["holds"] is True


def test_the_chain_of_seals_is_verified_beside_its_records(runtime: Runtime, owner: Owner) -> None:
    read(runtime, 3)
    seal(runtime)
    found = asked(runtime, VERIFY, "chain=access")
    assert (found["holds"], found["seals"], found["records"], found["records_archived"]) == (True, 1, 3, 0)
    assert found["records_unsealed"] == 0
    spoil(owner, "UPDATE access_records SET actor = 'another' WHERE record_id = 2")
    found = asked(runtime, VERIFY, "chain=access")
    assert found["finding"] == {"flaw": "RECORDS_DIFFER", "position": 1, "subject": ""}


@pytest.mark.parametrize("query", ["from=0", "to=x", "from=5&to=4", "chain=none", "from=1.5"])
def test_positions_are_checked(runtime: Runtime, query: str) -> None:
    answer = send(runtime, VERIFY, {"Authorization": known_as(runtime, "auditor")}, query)
    assert (answer.status_code, body_of(answer)["code"]) == (422, "REQUEST_INVALID")


def test_an_export_carries_its_digest_and_is_recorded(filled: Runtime, owner: Owner) -> None:
    append(filled, actor="=HYPERLINK()")
    answer = send(filled, EXPORT, {"Authorization": known_as(filled, "auditor")}, "site=KR-SEOUL")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    body = answer.get_body()
    table, _, last = body.rpartition(b"# sha256=")
    digest = hashlib.sha256(table).hexdigest()
    assert (last, answer.headers["X-Content-SHA256"]) == (f"{digest}\r\n".encode(), digest)
    rows = list(csv.DictReader(io.StringIO(table.decode(), newline="")))
    assert [row["position"] for row in rows] == ["1", "2", "5", "6"]
    assert rows[-1]["actor"] == "'=HYPERLINK()"
    entry = stored(owner)[-1]
    assert (entry.action, entry.outcome, entry.site_id) == (Action.ENTRIES_EXPORT, "DONE", "KR-SEOUL")
    told = json.loads(entry.after or "")
    assert (told["rows"], told["sha256"], told["filter"]["site"]) == (4, digest, "KR-SEOUL")


def test_archives_are_listed_with_the_keys_that_check_them(runtime: Runtime) -> None:
    append(runtime, 2)
    read(runtime, 2)
    seal(runtime)
    weeks_later(runtime)
    written = archive_chains(runtime)
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.instant = NOON
    found = asked(runtime, ARCHIVES)
    kinds = [each["kind"] for each in found["items"]]
    assert sorted(set(kinds)) == ["access", "access_records", "control"]
    assert len(kinds) == len(written) * 3 // 2
    assert all(key.startswith("-----BEGIN PUBLIC KEY-----") for key in found["public_keys"])
    first = found["items"][0]
    assert (first["kind"], first["count"], first["key_id"]) == ("control", 2, "audit-signing-key/v1")
