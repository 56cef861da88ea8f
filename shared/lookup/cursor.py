"""Page cursors: where a page ended, signed together with the list it belongs to.

A cursor is opaque to callers. It holds the place only; route and filters enter the signature, so that a cursor
of one list is refused by every other.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.errors.request import CursorInvalid
from shared.lookup.model import Place

CURSOR_CHARACTERS_MAX = 1024
_SIGNATURE_BYTES = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class CursorSigner:
    """Signs and reads the cursors of one list: a route with its filters, the page size excepted."""

    key: str
    route: str
    filters: Mapping[str, str | None]

    def sign(self, place: Place) -> str:
        body = _packed(place)
        return base64.urlsafe_b64encode(self._signature(body) + body).rstrip(b"=").decode()

    def read(self, cursor: str) -> Place:
        """The place a cursor of this very list names. Raises CursorInvalid."""
        signed = _decoded(cursor)
        signature, body = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(body)):
            raise CursorInvalid
        microseconds, tx_id = json.loads(body)
        return Place(_EPOCH + microseconds * _MICROSECOND, tx_id)

    def _signature(self, body: bytes) -> bytes:
        meant = json.dumps([self.route, sorted(self.filters.items()), body.decode()], separators=(",", ":"))
        return hmac.new(self.key.encode(), meant.encode(), hashlib.sha256).digest()


def _packed(place: Place) -> bytes:
    microseconds = (place.event_time - _EPOCH) // _MICROSECOND
    return json.dumps([microseconds, place.tx_id], separators=(",", ":")).encode()


def _decoded(cursor: str) -> bytes:
    """The bytes of a cursor in its one spelling; a second spelling of the same bytes is refused too."""
    if len(cursor) > CURSOR_CHARACTERS_MAX:
        raise CursorInvalid
    try:
        signed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        signed[_SIGNATURE_BYTES:].decode()
    except ValueError as error:
        raise CursorInvalid from error
    if base64.urlsafe_b64encode(signed).rstrip(b"=").decode() != cursor:
        raise CursorInvalid
    return signed
