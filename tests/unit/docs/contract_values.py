"""Values of every kind of the event contract: at its edges, beyond them, and of other types."""

from shared.sync.events import values as kinds
from shared.sync.events.values import Parse


def texts(longest: int) -> tuple[str, ...]:
    """Texts at the edges of a kind of at most that many characters."""
    plain = (
        "a",
        "7",
        " a b ",
        "\t\r\na\n",
        'Mercado "La Ría"',
        "京橋文具",
        "💶",
        "\u00a0",
        "a\u200bb",
        "\u2028",
    )
    controls = (
        "a\tb",
        "a\nb",
        "a\r\nb",
        "a\x00b",
        "\x00",
        "a\x1f",
        "\x7fa",
        "a\x85b",
        "\x9f",
        "a\x0bb",
        "\x0c",
    )
    sizes = ("x" * longest, f" {'x' * longest}\n", "💶" * longest, "x" * (longest + 1), "💶" * (longest + 1))
    return (*plain, *controls, *sizes)


NUMERALS = (
    0, 1, 12.5, 0.25, 1e3, 99_999_999_999_999_999_999, 10**20, 10**40, 1e21,
    "0", "12.50", "00012.5", " 5 ", "12.", "1e3", "1E-8", "0e5", "12.0000000000000", "9" * 20, "0.12345678",
    "9" * 21, "0.123456789", "+5", ".5", "1_000", "0x1F", "1,5", "NaN", "Infinity", "１２", "5 5", "e5", "1e", "-",
)  # fmt: skip
NEGATIVE = (
    -1,
    -12.5,
    "-1",
    "-0.00000001",
    "-12.50",
    "-1e2",
    "-0",
    "-0.0",
    "-0e5",
    "-00",
    "--1",
    "- 1",
    "-" + "9" * 21,
    -(10**20),
)
DAY_TEXT = "2026-11-23"
INSTANTS = (
    *(f"{DAY_TEXT}T10:20:30{tail}" for tail in (
        "Z", "z", "", "+09:00", "-0330", "+09", "-00:00", "+23:59", ".5Z", ",5Z", ".123456789Z", " ", "\n",
        "+09:60", "-05:99", "+24:00", "+05:99", "+9", ".Z", ".1234567890Z", "ZZ", " Z", "Z+01", "\u00a0",
    )),
    f"{DAY_TEXT} 10:20:30Z", f"{DAY_TEXT}t10:20", f"{DAY_TEXT}T10:20Z", f"{DAY_TEXT}T00:00:00Z",
    DAY_TEXT, f"{DAY_TEXT}T", f"{DAY_TEXT}T10", f"{DAY_TEXT}T24:00:00Z", f"{DAY_TEXT}T10:60:00Z",
    f"{DAY_TEXT}T10:20:60Z", f"{DAY_TEXT}_10:20:30Z", "2026-11-00T10:20:30Z", "2026-13-01T10:20:30Z",
    "2026-11-32T10:20:30Z", "26-11-23T10:20:30Z", "20261123T102030Z", "2026-W48-1T10:20:30Z",
    "２026-11-23T10:20:30Z", "yesterday",
)  # fmt: skip
VALUES: dict[Parse, tuple[object, ...]] = {
    kinds.identifier: (*texts(200), 0, 17, -17, 10**198, 10**200, -(10**200)),
    kinds.code: (*texts(40), 1),
    kinds.short_text: (*texts(40), 1),
    kinds.free_text: (*texts(500), 1),
    kinds.currency: ("EUR", "eur", " KRW ", "EU", "EURO", "E1R", "ÉUR", "E R", "EUR\x00", 978),
    kinds.amount: (*NUMERALS, *NEGATIVE),
    kinds.signed_amount: (*NUMERALS, *NEGATIVE),
    kinds.instant: (*INSTANTS, 1_764_000_000),
    kinds.version: (
        0, 1, 2**63 - 1, 2**63, -1, 1.5, "0", "007", " 5\n", str(2**63 - 1), "0" * 25 + "7", "0" * 30, "0" * 31,
        "1" * 20, "1.5", "-1", "+1", "1e3", "１", "one",
    ),
}  # fmt: skip
# No kind takes these but as absent.
OTHERS: tuple[object, ...] = (None, "", " \t\r\n", True, False, [], ["a"], {}, {"value": 1})
