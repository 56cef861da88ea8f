"""Event contracts: which event types there are, in one tuple; a new one is a file here and a line in CONTRACTS."""

from shared.sync.events.contract import Contract
from shared.sync.events.ledger_entry import LEDGER_ENTRY
from shared.sync.events.payment_order import PAYMENT_ORDER

CONTRACTS: tuple[Contract, ...] = (LEDGER_ENTRY, PAYMENT_ORDER)
