"""Look-up of many transactions at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.lookup.answer import TransactionAnswer, transaction_answer, utc_text
from shared.lookup.store import list_transactions
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionsAnswer:
    """Those that were found, each as it is answered alone, and the ids of the others; both in the order asked for."""

    items: list[TransactionAnswer]
    unknown: list[str]
    as_of: str


def find_transactions(runtime: Runtime, context: Context, tx_ids: Sequence[str]) -> TransactionsAnswer:
    """The transactions of these ids, all of one instant; an id that comes twice is answered once.

    One of a site the caller may not see is unknown, as one that never came.
    """
    asked = list(dict.fromkeys(tx_ids))
    with recorded_read(runtime, context, asked) as reading:
        found = list_transactions(reading.connection, asked, context.scope)
        reading.count = len(found)
        sites = {each.entry.site_id for each in found.values()}
        reading.site_id = sites.pop() if len(sites) == 1 else None
    sees = context.caller.sees
    return TransactionsAnswer(
        items=[transaction_answer(found[each], reading.now, sees) for each in asked if each in found],
        unknown=[each for each in asked if each not in found],
        as_of=utc_text(reading.now),
    )
