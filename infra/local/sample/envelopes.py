"""How a body travels: bare, or as a CloudEvent in one of its two forms."""

from random import Random

import msgspec

from infra.local.sample.dialects import Dialect
from infra.local.sample.model import LEDGER, SampleEvent, Stream
from infra.local.sample.records import Body

STRUCTURED_SHARE = 0.08
BINARY_SHARE = 0.06
CORRELATION_SHARE = 0.05
_encode = msgspec.json.Encoder().encode


class Envelopes:
    """Wraps bodies, each written in the producers' dialect first."""

    def __init__(self, chance: Random, dialect: Dialect) -> None:
        self._chance = chance
        self._write = dialect.write

    def wrap(self, stream: Stream, partition_key: str, body: Body, kind: str) -> SampleEvent:
        """The event that carries the body."""
        draw, data = self._chance.random(), self._write(stream, body)
        if draw < STRUCTURED_SHARE:
            head = _cloud_event(stream, body)
            return SampleEvent(stream, partition_key, _encode({**head, "data": data}), {}, kind)
        properties: dict[str, str] = {}
        if draw < STRUCTURED_SHARE + BINARY_SHARE:
            # Both spellings are in use: AMQP's own and the one of brokers that refuse a colon.
            prefix = "cloudEvents:" if draw < STRUCTURED_SHARE + BINARY_SHARE / 2 else "cloudEvents_"
            properties = {f"{prefix}{name}": value for name, value in _cloud_event(stream, body).items()}
        elif draw > 1 - CORRELATION_SHARE:
            properties = self._correlation(draw > 1 - CORRELATION_SHARE / 2)
        return SampleEvent(stream, partition_key, _encode(data), properties, kind)

    def _correlation(self, as_trace: bool) -> dict[str, str]:
        number = self._chance.getrandbits(128)
        if as_trace:
            return {"traceparent": f"00-{number:032x}-{number & 0xFFFFFFFFFFFFFFFF:016x}-01"}
        return {"x-correlation-id": f"req-{number & 0xFFFFFFFF:08x}"}


def _cloud_event(stream: Stream, body: Body) -> dict[str, str]:
    key = body["tx_id"] if stream == LEDGER else body["order_id"]
    name = "ledger.entry.upserted" if stream == LEDGER else "payment.order.upserted"
    return {
        "specversion": "1.0",
        "id": f"{key}-{body.get('version', body.get('source_version', 0))}",
        "source": f"/payments/{body['site_id']}",
        "type": name,
        "datacontenttype": "application/json",
    }
