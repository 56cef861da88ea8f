"""Which entries belong to an order."""

import pytest

from shared.pairing.model import ORDER_TYPE, Anomaly, PairState, belongs_to_order
from shared.pairing.tables import pairs


@pytest.mark.parametrize(
    ("related_id", "related_type", "belongs"),
    [
        ("o-1", "PAYMENT_ORDER", True),
        ("o-1", "", True),
        ("o-1", None, True),
        ("o-1", "INVOICE", False),
        ("", "PAYMENT_ORDER", False),
        (None, None, False),
        ("", "", False),
    ],
)
def test_an_entry_belongs_to_an_order_it_is_related_to(
    related_id: str | None, related_type: str | None, belongs: bool
) -> None:
    assert belongs_to_order(related_id, related_type) is belongs


def test_the_database_knows_the_same_words() -> None:
    checks = {str(c.name): str(getattr(c, "sqltext", "")) for c in pairs.constraints}
    for words, check in ((PairState, "ck_pairs_state"), (Anomaly, "ck_pairs_anomalies")):
        text = checks[check]
        assert text.count("'") == 2 * len(words)
        assert all(f"'{word}'" in text for word in words)
    assert ORDER_TYPE == "PAYMENT_ORDER"
