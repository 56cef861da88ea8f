"""Look-up of one transaction."""

from shared.lookup.answer import TransactionAnswer, transaction_answer
from shared.lookup.errors import TransactionNotFound
from shared.lookup.store import fetch_transaction
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def find_transaction(runtime: Runtime, context: Context, tx_id: str) -> TransactionAnswer:
    """The transaction with its order and both sides, as far as the caller may see them.

    Raises TransactionNotFound, also for one of a site the caller may not see.
    """
    with recorded_read(runtime, context, (tx_id,)) as reading:
        found = fetch_transaction(reading.connection, tx_id, context.scope)
        if found is None:
            raise TransactionNotFound(tx_id)
        reading.site_id = found.entry.site_id
    return transaction_answer(found, reading.now, context.caller.sees)
