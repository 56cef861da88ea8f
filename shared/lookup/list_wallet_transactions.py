"""Look-up of a wallet's transactions, newest first."""

from dataclasses import asdict, dataclass

from shared.database.cursor import CursorSigner
from shared.lookup.answer import TransactionLine, transaction_lines, utc_text
from shared.lookup.model import WalletFilter, place_of
from shared.lookup.store import list_by_wallet
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletTransactionsAnswer:
    """One page; `next` is the cursor of the following page, None on the last."""

    wallet_id: str
    items: list[TransactionLine]
    next: str | None
    as_of: str


def list_wallet_transactions(
    runtime: Runtime,
    context: Context,
    wallet_id: str,
    wanted: WalletFilter,
    *,
    limit: int,
    cursor: str | None = None,
) -> WalletTransactionsAnswer:
    """Up to `limit` transactions of the wallet that pass the filter and that the caller may see. Raises CursorInvalid.

    A wallet nobody has heard of has no transactions: the page is empty.
    """
    signer = _signer(runtime, wallet_id, wanted)
    with recorded_read(runtime, context, (wallet_id,)) as reading:
        after = None if cursor is None else place_of(signer.read(cursor))
        found = list_by_wallet(
            reading.connection, wallet_id, wanted, context.scope, after=after, limit=limit + 1
        )
        page = found[:limit]
        reading.count = len(page)
    return WalletTransactionsAnswer(
        wallet_id=wallet_id,
        items=transaction_lines(page, context.caller.sees),
        next=signer.sign(page[-1].place) if len(found) > limit else None,
        as_of=utc_text(reading.now),
    )


def _signer(runtime: Runtime, wallet_id: str, wanted: WalletFilter) -> CursorSigner:
    filters = {
        name: utc_text(value) if not isinstance(value, str | None) else value
        for name, value in asdict(wanted).items()
    }
    return CursorSigner(
        runtime.settings.cursor_signing_key, "wallets/tx", {"wallet_id": wallet_id, **filters}
    )
