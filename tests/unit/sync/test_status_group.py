"""The four groups a producer's status word falls into."""

import pytest

from shared.sync.events.payment_order import STATUS_GROUPS, status_group

WORDS = {
    "SUCCESS": "SETTLED COMPLETED SUCCESS SUCCEEDED PAID",
    "FAIL": "FAILED CANCELLED CANCELED REJECTED DECLINED",
    "IN_PROGRESS": "CREATED PENDING PROCESSING AUTHORIZED",
}


@pytest.mark.parametrize(("group", "words"), WORDS.items())
def test_known_words_whatever_their_case_and_blanks(group: str, words: str) -> None:
    for word in words.split():
        for spelling in (word, word.lower(), word.title(), f" {word} ", f"\t{word.lower()}\n"):
            assert status_group(spelling) == group


def test_no_word_beyond_these_is_known() -> None:
    assert {group: " ".join(words) for group, words in STATUS_GROUPS.items()} == WORDS


@pytest.mark.parametrize(
    "word", ["", "DONE", "SETTLED!", "SET TLED", "UNKNOWN", "완료", "FAIL", "PAID.", "NULL"]
)
def test_any_other_word_is_unknown(word: str) -> None:
    assert status_group(word) == "UNKNOWN"
