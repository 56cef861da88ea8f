"""Page cursors: where a page ended, signed together with the list it belongs to.

A cursor is opaque to callers. It holds the place only; route and filters enter the signature, so that a cursor
of one list is refused by every other.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.errors.request import CursorInvalid

CURSOR_CHARACTERS_MAX = 1024
_SIGNATURE_BYTES = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# What a place is made of, in the order the list is sorted by.
Part = datetime | str | int


@dataclass(frozen=True)
class CursorSigner:
    """Signs and reads the cursors of one list: a route with its filters, the page size excepted."""

    key: str
    route: str
    filters: Mapping[str, str | None]

    def sign(self, place: Sequence[Part]) -> str:
        """The cursor of the page that begins behind this place."""
        body = json.dumps([_packed(part) for part in place], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._signature(body) + body).rstrip(b"=").decode()

    def read(self, cursor: str) -> list[Part]:
        """The place a cursor of this very list names, as it was signed. Raises CursorInvalid."""
        signed = _decoded(cursor)
        signature, body = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(body)):
            raise CursorInvalid
        return [_unpacked(part) for part in json.loads(body)]

    def _signature(self, body: bytes) -> bytes:
        meant = json.dumps([self.route, sorted(self.filters.items()), body.decode()], separators=(",", ":"))
        return hmac.new(self.key.encode(), meant.encode(), hashlib.sha256).digest()


def _packed(part: Part) -> list[int] | str | int:
    """A time is a list of one number: its microseconds."""
    return [(part - _EPOCH) // _MICROSECOND] if isinstance(part, datetime) else part


def _unpacked(part: list[int] | str | int) -> Part:
    return _EPOCH + part[0] * _MICROSECOND if isinstance(part, list) else part


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
