import json

import pytest

from infra.local.sample.malformed import BODY_LIMIT_BYTES, MALFORMED, OVERSIZED_EVERY, malformed_body

ENTRY = {
    "tx_id": "tx-1-P",
    "wallet_id": "wal-kr-000001",
    "entry_type": "PAYMENT",
    "amount": "12.50",
    "event_time": "2026-11-23T01:02:03Z",
    "site_id": "KR-SEOUL",
    "version": 1,
}
ORDER = {
    "order_id": "ord-1",
    "amount": 5,
    "status": "CREATED",
    "created_at": "2026-11-23T01:02:03Z",
    "version": 1,
}


def refuse_constant(name: str) -> None:
    raise ValueError(name)


def is_sound_json(data: bytes) -> bool:
    """True for what a strict reader takes: UTF-8, no NaN, no repeated keys, whole."""
    try:
        value = json.loads(data.decode(), parse_constant=refuse_constant, object_pairs_hook=unique)
        json.dumps(value, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("repeated key")
    return dict(pairs)


def test_kinds_take_turns_and_no_two_are_alike() -> None:
    made = [malformed_body(number, ENTRY) for number in range(len(MALFORMED))]
    assert [kind for kind, _ in made] == [kind for kind, _ in MALFORMED]
    assert len({data for _, data in made}) == len(MALFORMED)


@pytest.mark.parametrize("body", [ENTRY, ORDER], ids=["entry", "order"])
def test_the_mistakes_of_form_are_refused_by_a_strict_reader(body: dict[str, object]) -> None:
    makers = dict(MALFORMED)
    of_form = {
        "truncated_json", "empty_body", "amount_not_a_number", "lone_surrogate", "not_utf8", "duplicate_key",
    }  # fmt: skip
    assert {kind for kind in makers if not is_sound_json(makers[kind](body))} == of_form


@pytest.mark.parametrize("body", [ENTRY, ORDER], ids=["entry", "order"])
def test_the_other_mistakes_change_what_the_event_says(body: dict[str, object]) -> None:
    for kind, make in MALFORMED:
        assert make(body) != json.dumps(body).encode(), kind


def test_a_rare_event_is_larger_than_the_contract_allows() -> None:
    _, data = malformed_body(OVERSIZED_EVERY - 1, ENTRY)
    assert len(data) > BODY_LIMIT_BYTES
