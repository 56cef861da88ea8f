"""Publishes a sample in its own process: `python -m tests.support.publish_sample CONNECTION EVENTS LEDGER ORDERS`.

The SDK leaves the socket of a lost connection to the garbage collector, which a test run that turns
warnings into errors would count against whatever test runs then.
"""

import json
import sys
from collections.abc import Iterator
from datetime import date

from infra.local.sample import SampleEvent, generate_exactly
from infra.local.sample.publish import publish

HALT_AT = 2 / 3


def main(connection: str, events: int, ledger_hub: str, order_hub: str) -> None:
    """Says `halfway` at two thirds and goes on when a line arrives; then prints the counts."""

    def told() -> Iterator[SampleEvent]:
        day = date(2026, 11, 23)
        for place, event in enumerate(generate_exactly(6, events, day, malformed_share=0.0)):
            if place == int(events * HALT_AT):
                print(json.dumps({"halfway": True}), flush=True)
                sys.stdin.readline()
            yield event

    result = publish(told(), connection, {"ledger": ledger_hub, "payment_order": order_hub})
    print(json.dumps({"acknowledged": result.acknowledged.total(), "resent": result.resent}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
