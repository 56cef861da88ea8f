"""What the platform's runtime makes of function_app.py: exactly these functions, with exactly these bindings."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions import BLUEPRINTS
from functions.schedule import SCHEDULE
from infra.local.host.errors import StartError
from shared.settings import setting_names
from tests.functions.app_process import Function, app_process
from tests.functions.platform import get
from tests.support.runtime import BASE_SETTINGS


def event_hub(hub: str) -> list[dict[str, Any]]:
    return [
        {
            "direction": "IN",
            "type": "eventHubTrigger",
            "name": "events",
            "connection": "EventHubs",
            "eventHubName": hub,
            "consumerGroup": "%EVENT_CONSUMER_GROUP%",
            "cardinality": "MANY",
            "dataType": "BINARY",
        }
    ]


def http(route: str, *methods: str) -> list[dict[str, Any]]:
    trigger = {
        "direction": "IN",
        "type": "httpTrigger",
        "name": "req",
        "route": route,
        "methods": list(methods),
        "authLevel": "ANONYMOUS",
    }
    return [trigger, {"direction": "OUT", "type": "http", "name": "$return"}]


def timer(schedule: str) -> list[dict[str, Any]]:
    return [
        {
            "direction": "IN",
            "type": "timerTrigger",
            "name": "timer",
            "schedule": schedule,
            "runOnStartup": False,
            "useMonitor": True,
        }
    ]


# Never gives up: the trigger moves its checkpoint whether a function succeeds or throws.
WITHOUT_END = {
    "retry_strategy": "exponential_backoff",
    "max_retry_count": -1,
    "minimum_interval": timedelta(seconds=2),
    "maximum_interval": timedelta(minutes=5),
}
SNAPSHOT: dict[str, tuple[list[dict[str, Any]], dict[str, Any] | None]] = {
    "stream_ledger": (event_hub(BASE_SETTINGS["LEDGER_HUB_NAME"]), WITHOUT_END),
    "stream_payment_orders": (event_hub(BASE_SETTINGS["PAYMENT_ORDER_HUB_NAME"]), WITHOUT_END),
    "timer_watch_sync": (timer("%WATCH_SYNC_SCHEDULE%"), None),
    "timer_warn_expiring_tokens": (timer("%WARN_EXPIRING_TOKENS_SCHEDULE%"), None),
    "timer_expire_approvals": (timer("%EXPIRE_APPROVALS_SCHEDULE%"), None),
    "timer_seal_access_records": (timer("%SEAL_ACCESS_RECORDS_SCHEDULE%"), None),
    "timer_keep_request_rows": (timer("%KEEP_REQUEST_ROWS_SCHEDULE%"), None),
    "timer_publish_anchors": (timer("%PUBLISH_ANCHORS_SCHEDULE%"), None),
    "timer_archive_chains": (timer("%ARCHIVE_CHAINS_SCHEDULE%"), None),
    "http_tx": (http("tx/{tx_id?}", "GET"), None),
    "http_tx_lookup": (http("tx/lookup", "POST"), None),
    "http_tx_timeline": (http("tx/{tx_id}/timeline", "GET"), None),
    "http_payment_orders": (http("payment-orders", "GET"), None),
    "http_payment_order": (http("payment-orders/{order_id}", "GET"), None),
    "http_payment_order_timeline": (http("payment-orders/{order_id}/timeline", "GET"), None),
    "http_pairs": (http("pairs", "GET"), None),
    "http_wallet_tx": (http("wallets/{wallet_id}/tx", "GET"), None),
    "http_sync_status": (http("sync/status", "GET"), None),
    "http_approvals": (http("approvals", "GET"), None),
    "http_approval": (http("approvals/{approval_id}", "GET"), None),
    "http_approval_request": (http("approvals", "POST"), None),
    "http_approval_approve": (http("approvals/{approval_id}/approve", "POST"), None),
    "http_approval_reject": (http("approvals/{approval_id}/reject", "POST"), None),
    "http_approval_withdraw": (http("approvals/{approval_id}/withdraw", "POST"), None),
    "http_approval_execute": (http("approvals/{approval_id}/execute", "POST"), None),
    "http_corrections": (http("corrections", "GET"), None),
    "http_correction": (http("corrections/{correction_id}", "GET"), None),
    "http_correction_request": (http("corrections", "POST"), None),
    "http_audit_entries": (http("audit/entries", "GET"), None),
    "http_audit_access": (http("audit/access", "GET"), None),
    "http_audit_verify": (http("audit/verify", "GET"), None),
    "http_audit_segment_proposal": (http("audit/segment-proposal", "GET"), None),
    "http_audit_export": (http("audit/export", "GET"), None),
    "http_audit_archives": (http("audit/archives", "GET"), None),
    "http_health_live": (http("health/live", "GET"), None),
    "http_health_ready": (http("health/ready", "GET"), None),
    "http_openapi": (http("openapi.json", "GET"), None),
    "http_docs": (http("docs/{asset?}", "GET"), None),
    "http_bootstrap": (http("bootstrap", "POST"), None),
    "http_principals": (http("principals", "GET"), None),
    "http_principal_create": (http("principals", "POST"), None),
    "http_principal_deactivate": (http("principals/{principal_id}/deactivate", "POST"), None),
    "http_principal_activate": (http("principals/{principal_id}/activate", "POST"), None),
    "http_grants": (http("grants", "GET"), None),
    "http_grant_give": (http("grants", "POST"), None),
    "http_break_glass_give": (http("grants/break-glass", "POST"), None),
    "http_grant_revoke": (http("grants/{grant_id}/revoke", "POST"), None),
    "http_break_glass_review": (http("grants/{grant_id}/review", "POST"), None),
    "http_tokens": (http("tokens", "GET"), None),
    "http_tokens_expiring": (http("tokens/expiring", "GET"), None),
    "http_token_issue": (http("tokens", "POST"), None),
    "http_token_revoke": (http("tokens/{token_id}/revoke", "POST"), None),
    "http_own_tokens": (http("own-tokens", "GET"), None),
    "http_own_token_rotate": (http("own-tokens/{token_id}/rotate", "POST"), None),
    "http_own_token_revoke": (http("own-tokens/{token_id}/revoke", "POST"), None),
    "http_roles": (http("roles", "GET"), None),
    "http_role_change": (http("roles/{role_id}", "PATCH"), None),
    "http_sites": (http("sites", "GET"), None),
    "http_site_create": (http("sites", "POST"), None),
    "http_site_change": (http("sites/{site_id}", "PATCH"), None),
}


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Function]]:
    """The functions of an app whose database, broker and issuer are not there: indexing asks nobody."""
    with app_process(BASE_SETTINGS, tmp_path_factory.mktemp("indexing") / "app.log") as app:
        yield {function.name: function for function in app.functions}


def test_the_app_has_exactly_these_functions(functions: dict[str, Function]) -> None:
    assert sorted(functions) == sorted(SNAPSHOT)


@pytest.mark.parametrize("name", sorted(SNAPSHOT))
def test_a_function_is_bound_exactly_so(functions: dict[str, Function], name: str) -> None:
    bindings, retry = SNAPSHOT[name]
    assert functions[name].bindings == bindings
    assert functions[name].retry == retry


def test_every_reference_in_a_binding_is_a_setting(functions: dict[str, Function]) -> None:
    texts = [text for each in functions.values() for b in each.bindings for text in map(str, b.values())]
    references = {text.strip("%") for text in texts if text.startswith("%")}
    assert references == {"EVENT_CONSUMER_GROUP", *(duty.schedule for duty in SCHEDULE)}
    assert references <= set(setting_names())


def test_no_route_is_one_the_platform_keeps_for_itself(functions: dict[str, Function]) -> None:
    bindings = [b for each in functions.values() for b in each.bindings if b["type"] == "httpTrigger"]
    asked = [(b["route"], method) for b in bindings for method in b["methods"]]
    assert len(asked) == len(set(asked))
    assert not any(route.lower().startswith(("admin", "runtime")) for route, _ in asked)
    assert len(BLUEPRINTS) <= len(functions)


@pytest.mark.parametrize("name", ["DATABASE_URL", "CURSOR_SIGNING_KEY", "EVENT_DEFAULT_SITE_ID"])
def test_without_a_setting_the_app_does_not_start_and_names_it(tmp_path: Path, name: str) -> None:
    without = {key: value for key, value in BASE_SETTINGS.items() if key != name}
    with pytest.raises(StartError) as caught, app_process(without, tmp_path / "app.log"):
        pass
    assert name in str(caught.value)


def test_a_wrong_secret_stops_the_start_and_is_shown_nowhere(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    wrong = {**BASE_SETTINGS, "CURSOR_SIGNING_KEY": "hunter2", "OIDC_ISUER": "x"}
    with pytest.raises(StartError) as caught, app_process(wrong, log):
        pass
    assert all(name in str(caught.value) for name in ("CURSOR_SIGNING_KEY", "OIDC_ISUER", "OIDC_ISSUER"))
    assert "hunter2" not in str(caught.value) + log.read_text("utf-8")


def test_an_app_alone_is_alive_and_not_ready(tmp_path: Path) -> None:
    with app_process(BASE_SETTINGS, tmp_path / "app.log") as app:
        live = app.invoke(get("http_health_live", "health/live"))
        ready = app.invoke(get("http_health_ready", "health/ready"))
    assert (live.status, live.body) == (200, b'{"status":"ok"}')
    assert (ready.status, ready.body) == (503, b'{"status":"not ok"}')
