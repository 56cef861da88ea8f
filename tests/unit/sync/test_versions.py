"""Versions: integers from 0 to 2^63−1."""

import pytest

from shared.sync.events.values import VERSION_MAX, Number, version
from tests.support.refusals import refuses


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (0, "0"),
        ("0", "0"),
        (1, "1"),
        ("1", "1"),
        ("007", "7"),
        (" 12\n", "12"),
        (2**63 - 1, "9223372036854775807"),
        (str(2**63 - 1), "9223372036854775807"),
    ],
)
def test_versions(raw: object, text: str) -> None:
    assert version(raw) == text


def test_the_greatest_version_is_that_of_a_bigint() -> None:
    assert VERSION_MAX == 2**63 - 1


@pytest.mark.parametrize(
    "raw", [-1, 2**63, str(2**63), 10**400, "1" * 31, "-1", "+1", "1.0", "1e3", Number("1.0"), Number("1e3")]
)
def test_what_is_beyond_or_no_integer_is_refused(raw: object) -> None:
    assert refuses(version, raw)


@pytest.mark.parametrize("raw", [True, False, None, [], {}, "one", "١", "1 2"])
def test_another_type_or_word_is_refused(raw: object) -> None:
    assert refuses(version, raw)


@pytest.mark.parametrize("raw", ["", " ", "\t"])
def test_blank_is_absent(raw: str) -> None:
    assert version(raw) is None
