"""Look-up of one transaction."""

from shared.lookup.answer import TransactionAnswer, transaction_answer
from shared.lookup.errors import TransactionNotFound
from shared.lookup.store import fetch_transaction
from shared.runtime import Runtime


def find_transaction(runtime: Runtime, tx_id: str) -> TransactionAnswer:
    """The transaction with its order and both sides. Raises TransactionNotFound."""
    with runtime.database.statement() as connection:
        found = fetch_transaction(connection, tx_id)
    if found is None:
        raise TransactionNotFound(tx_id)
    return transaction_answer(found, runtime.clock.now())
