"""Page cursors."""

import base64
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.database.cursor import CursorSigner
from shared.errors.request import CursorInvalid

SIGNER = CursorSigner("k" * 32, "wallets/tx", {"wallet_id": "w-1", "from": None})
PLACE = (datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), "t-1", 7)
INSTANTS = st.datetimes(timezones=st.just(UTC))
IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)


@given(st.lists(INSTANTS | IDS | st.integers(-(2**63), 2**63 - 1), max_size=4))
def test_a_cursor_names_its_place(place: list[datetime | str | int]) -> None:
    assert SIGNER.read(SIGNER.sign(place)) == place


def test_every_altered_character_is_found() -> None:
    cursor = SIGNER.sign(PLACE)
    for at, old in enumerate(cursor):
        altered = cursor[:at] + ("A" if old != "A" else "B") + cursor[at + 1 :]
        with pytest.raises(CursorInvalid):
            SIGNER.read(altered)


@pytest.mark.parametrize(
    "other",
    [
        CursorSigner("x" * 32, "wallets/tx", {"wallet_id": "w-1", "from": None}),
        CursorSigner("k" * 32, "payment-orders", {"wallet_id": "w-1", "from": None}),
        CursorSigner("k" * 32, "wallets/tx", {"wallet_id": "w-2", "from": None}),
        CursorSigner("k" * 32, "wallets/tx", {"wallet_id": "w-1", "from": "None"}),
        CursorSigner("k" * 32, "wallets/tx", {"wallet_id": "w-1"}),
    ],
)
def test_a_cursor_of_another_list_is_refused(other: CursorSigner) -> None:
    with pytest.raises(CursorInvalid):
        SIGNER.read(other.sign(PLACE))


@given(st.text(max_size=300) | st.text("ABCabc019-_", max_size=300))
def test_noise_is_refused(noise: str) -> None:
    with pytest.raises(CursorInvalid):
        SIGNER.read(noise)


@pytest.mark.parametrize("spelling", ["{0}=", "{0}\n", " {0}", "{0}" * 2, "{0}" * 40, ""])
def test_a_cursor_has_one_spelling(spelling: str) -> None:
    with pytest.raises(CursorInvalid):
        SIGNER.read(spelling.format(SIGNER.sign(PLACE)))


def test_spare_bits_of_the_last_character_are_no_second_spelling() -> None:
    place = next(place for place in ((PLACE[0], "t" * n) for n in (1, 2, 3)) if len(SIGNER.sign(place)) % 4)
    cursor = SIGNER.sign(place)
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    other = cursor[:-1] + alphabet[alphabet.index(cursor[-1]) ^ 1]
    padding = "=" * (-len(cursor) % 4)
    assert base64.urlsafe_b64decode(other + padding) == base64.urlsafe_b64decode(cursor + padding)
    with pytest.raises(CursorInvalid):
        SIGNER.read(other)


def test_the_order_of_filters_does_not_matter() -> None:
    turned = CursorSigner("k" * 32, "wallets/tx", {"from": None, "wallet_id": "w-1"})
    assert SIGNER.read(turned.sign(PLACE)) == list(PLACE)
