"""The commands beside a running stack: metrics, token, psql, and who the tokens let in."""

import json
from typing import Any

import pytest

from infra.local.identity.tokens import mint_token
from shared.security.model import Role
from tests.support.acceptance import SAMPLE_EVENTS, Outcomes, Target
from tests.support.stack import LocalStack, run_command


@pytest.fixture(scope="module")
def own(stack: LocalStack) -> Target:
    return Target.of_stack(stack)


def test_metrics_say_what_happened_and_how_things_stand(stack: LocalStack, own: Target) -> None:
    for tx_id in ("nobody", "nobody-else", "never"):
        assert own.get(f"tx/{tx_id}").status_code == 404
    assert own.get("tx/nobody", token="no.such.token").status_code == 401
    printed = run_command(stack.layout.folder, "metrics", "--json")
    assert (printed.returncode, printed.stderr) == (0, "")
    found = json.loads(printed.stdout)
    check_requests(found)
    check_streams(found, own.outcomes())
    check_standing(found, own)


def check_requests(found: dict[str, Any]) -> None:
    asked = found["requests"]["tx/{tx_id?}"]
    assert asked["count"] == sum(asked["statuses"].values())
    assert asked["statuses"]["404"] >= 3
    assert asked["statuses"]["401"] >= 1
    assert asked["server_errors"] == 0
    assert asked["per_second"] > 0
    assert 0 < asked["p50"] <= asked["p95"] <= asked["p99"]
    assert found["auth_failures"]["AUTH_TOKEN_INVALID"] >= 1


def check_streams(found: dict[str, Any], outcomes: Outcomes) -> None:
    assert found["streams"].keys() == {"ledger", "payment_order"}
    for stream in found["streams"].values():
        assert stream["batches"] > 0
        assert stream["events_per_second_busy"] > 0
        assert 0 < stream["p50"] <= stream["p99"]
    events = sum(sum(stream["events"].values()) for stream in found["streams"].values())
    assert events == outcomes.received + outcomes.redelivered
    assert outcomes.received >= SAMPLE_EVENTS
    assert sum(found["dead_letters"].values()) == outcomes.dead_lettered


def check_standing(found: dict[str, Any], own: Target) -> None:
    places = {f"{stream}/{partition}" for stream in ("ledger", "payment_order") for partition in range(4)}
    assert found["lag_events"] == dict.fromkeys(places, 0)
    assert found["freshness_seconds"].keys() == places
    assert min(found["freshness_seconds"].values()) >= 0
    delays = found["apply_delay_seconds"]
    assert 0 < delays["p50"] <= delays["p95"] <= delays["p99"]
    assert found["counts"]["applied"] == own.outcomes().applied
    complete = own.rows("SELECT count(*) FROM pairs WHERE state = 'COMPLETE'")
    assert complete == [(found["pairs"]["complete"],)]


def test_a_printed_token_opens_the_look_up(stack: LocalStack, own: Target) -> None:
    printed = run_command(stack.layout.folder, "token", "--role", "operator")
    assert printed.returncode == 0
    assert own.get("tx/nobody", token=printed.stdout.strip()).status_code == 404


@pytest.mark.parametrize("role", [role.value for role in Role if role is not Role.SERVICE])
def test_every_role_of_a_person_may_look_up(stack: LocalStack, own: Target, role: str) -> None:
    assert own.get("tx/nobody", token=mint_token(stack.layout.identity, role=role)).status_code == 404


@pytest.mark.parametrize("roles", [(), ("service",), ("viewers", "VIEWER")])
def test_a_token_without_a_role_that_may_is_refused(
    stack: LocalStack, own: Target, roles: tuple[str, ...]
) -> None:
    token = mint_token(stack.layout.identity, subject="somebody", roles=roles)
    answer = own.get("tx/nobody", token=token)
    assert (answer.status_code, answer.json()["code"]) == (403, "AUTH_FORBIDDEN")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "choices",
    [{"ttl_seconds": -3600}, {"audience": "api://another"}, {"extra": {"iss": "http://127.0.0.1:1"}}],
)
def test_a_token_that_is_not_for_now_or_not_for_us_is_refused(
    stack: LocalStack, own: Target, choices: dict[str, Any]
) -> None:
    answer = own.get("tx/nobody", token=mint_token(stack.layout.identity, **choices))
    assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_TOKEN_INVALID")


def test_psql_asks_the_database_and_the_auditor_may_not_write(stack: LocalStack) -> None:
    folder = stack.layout.folder
    selected = run_command(folder, "psql", "--statement", "SELECT current_user || '/' || count(*) FROM sites")
    assert selected.returncode == 0
    assert "counterfoil_auditor/3" in selected.stdout
    refused = run_command(folder, "psql", "--statement", "DELETE FROM sites")
    assert refused.returncode != 0
