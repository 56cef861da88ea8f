"""How large a request may be; looked at before anything of it is read."""

from collections.abc import Mapping

import azure.functions as func

from shared.errors.request import BodyTooLarge, HeadersTooLarge

URL_CHARACTERS_MAX = 8 * 1024
HEADERS_MAX = 100
HEADER_CHARACTERS_MAX = 16 * 1024
HEADERS_CHARACTERS_MAX = 32 * 1024


def check_sizes(http: func.HttpRequest, body_bytes_max: int) -> None:
    """Raises HeadersTooLarge and BodyTooLarge."""
    if len(http.url) > URL_CHARACTERS_MAX:
        raise HeadersTooLarge(f"address of {len(http.url)} characters")
    _check_headers(http.headers)
    if len(http.get_body()) > body_bytes_max:
        raise BodyTooLarge(f"{len(http.get_body())} bytes, at most {body_bytes_max}")


def _check_headers(headers: Mapping[str, str]) -> None:
    lengths = [len(name) + len(value) for name, value in headers.items()]
    if len(lengths) > HEADERS_MAX:
        raise HeadersTooLarge(f"{len(lengths)} headers")
    if max(lengths, default=0) > HEADER_CHARACTERS_MAX or sum(lengths) > HEADERS_CHARACTERS_MAX:
        raise HeadersTooLarge(f"headers of {sum(lengths)} characters")
