"""Look-up of a wallet's transactions, newest first."""

from dataclasses import asdict, dataclass

from shared.lookup.answer import TransactionLine, transaction_lines, utc_text
from shared.lookup.cursor import CursorSigner
from shared.lookup.model import WalletFilter
from shared.lookup.store import list_by_wallet
from shared.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletTransactionsAnswer:
    """One page; `next` is the cursor of the following page, None on the last."""

    wallet_id: str
    items: list[TransactionLine]
    next: str | None
    as_of: str


def list_wallet_transactions(
    runtime: Runtime, wallet_id: str, wanted: WalletFilter, *, limit: int, cursor: str | None = None
) -> WalletTransactionsAnswer:
    """Up to `limit` transactions of the wallet that pass the filter. Raises CursorInvalid.

    A wallet nobody has heard of has no transactions: the page is empty.
    """
    signer = _signer(runtime, wallet_id, wanted)
    after = None if cursor is None else signer.read(cursor)
    with runtime.database.statement() as connection:
        found = list_by_wallet(connection, wallet_id, wanted, after=after, limit=limit + 1)
    page = found[:limit]
    return WalletTransactionsAnswer(
        wallet_id=wallet_id,
        items=transaction_lines(page),
        next=signer.sign(page[-1].place) if len(found) > limit else None,
        as_of=utc_text(runtime.clock.now()),
    )


def _signer(runtime: Runtime, wallet_id: str, wanted: WalletFilter) -> CursorSigner:
    filters = {
        name: utc_text(value) if not isinstance(value, str | None) else value
        for name, value in asdict(wanted).items()
    }
    return CursorSigner(
        runtime.settings.cursor_signing_key, "wallets/tx", {"wallet_id": wallet_id, **filters}
    )
