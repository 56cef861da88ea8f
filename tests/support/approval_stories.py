"""Stories of approvals and of what a scope shows, told by the tests on the product and by canaries on a spoiled copy.

Each takes a runtime and a superuser's connection, and raises AssertionError when the rule does not hold.
"""

from collections.abc import Callable
from typing import Any

import psycopg

from shared.approvals.approve import approve
from shared.approvals.execute_approval import execute_approval
from shared.approvals.find_approval import find_approval
from shared.errors.base import CounterfoilError
from shared.lookup.find_payment_order import find_payment_order
from shared.lookup.find_transaction import find_transaction
from shared.runtime import Runtime
from tests.support.approvals import REASON, approved, arrive, correction, deciding, moving, requested, states
from tests.support.lookups import looking
from tests.support.sync_events import entry, ingest, order

Owner = psycopg.Connection[Any]
Story = Callable[[Runtime, Owner], None]


def code_of(act: Callable[[], object]) -> str:
    """The code of what was refused; `done` when it was not."""
    try:
        act()
    except CounterfoilError as error:
        return error.code
    return "done"


def an_outdated_approval_is_not_carried_out(runtime: Runtime, owner: Owner) -> None:
    """A newer event changed the row after it was asked for; of an amount the database would say so by itself."""
    arrive(runtime)
    approval_id = approved(runtime, correction("t-1", "ANNOTATE"))["approval_id"]
    ingest(runtime, entry(2, "t-1", amount="11", updated_at="2026-11-23T11:59:00Z", version=9))
    said = code_of(lambda: execute_approval(runtime, moving(), approval_id, REASON))
    assert said == "APPROVAL_OUTDATED", said
    assert states(owner) == [("APPROVED", "APPROVED", 0)]


def an_approver_names_what_was_read(runtime: Runtime, owner: Owner) -> None:
    """Another hash is another payload."""
    arrive(runtime)
    asked = requested(runtime)
    said = code_of(lambda: approve(runtime, deciding(), asked["approval_id"], "0" * 64, REASON))
    assert said == "APPROVAL_PAYLOAD_CHANGED", said
    assert states(owner) == [("PENDING", "PENDING", 0)]


def an_approval_of_another_site_is_not_there(runtime: Runtime, owner: Owner) -> None:
    """Nor can it be read."""
    arrive(runtime)
    asked = requested(runtime)
    said = code_of(lambda: find_approval(runtime, looking("JP-TOKYO"), asked["approval_id"]))
    assert said == "APPROVAL_NOT_FOUND", said


def a_foreign_row_does_not_show(runtime: Runtime, owner: Owner) -> None:
    """An order and its PAYMENT in Seoul, its RECEIVE and a second PAYMENT in Tokyo."""
    ingest(
        runtime,
        entry(1, "p", site_id="KR-SEOUL", wallet_id="w-p", amount="10"),
        entry(2, "r", entry_type="RECEIVE", site_id="JP-TOKYO", wallet_id="w-r", amount="9"),
        entry(3, "p-2", site_id="JP-TOKYO", wallet_id="w-2", event_time="2026-11-23T11:30:00Z"),
        order(1, "o-1", site_id="KR-SEOUL", amount="10", merchant_name="Shop"),
    )
    seoul = find_transaction(runtime, looking("KR-SEOUL"), "p")
    assert (seoul.paired_tx_id, seoul.receiver_wallet_id) == (None, None)
    assert seoul.anomalies == ["SITE_MISMATCH"], seoul.anomalies
    tokyo = find_payment_order(runtime, looking("JP-TOKYO"), "o-1", limit=5)
    assert tokyo.order is None
    assert {each.tx_id for each in tokyo.entries.items} == {"r", "p-2"}
    assert {each.merchant_name for each in tokyo.entries.items} == {None}
    assert code_of(lambda: find_transaction(runtime, looking("JP-TOKYO"), "p")) == "TX_NOT_FOUND"


def a_merchant_is_masked_below_auditors(runtime: Runtime, owner: Owner) -> None:
    """In every place of the answer."""
    ingest(runtime, entry(1, "p"), order(1, "o-1", merchant_name="Shop", user_id="u-1"))
    found = find_transaction(runtime, looking(role="operator"), "p")
    assert found.order is not None
    assert {found.merchant_name, found.order.merchant_name, found.order.user_id} == {"[masked]"}


APPROVAL_STORIES: tuple[Story, ...] = (
    an_outdated_approval_is_not_carried_out,
    an_approver_names_what_was_read,
    an_approval_of_another_site_is_not_there,
    a_foreign_row_does_not_show,
    a_merchant_is_masked_below_auditors,
)
