"""A principal as it is told, and what can be wished of one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["PERSON", "SERVICE"]
KINDS: tuple[Kind, ...] = ("PERSON", "SERVICE")
NAME_CHARACTERS_MAX = 200
IDENTITY_CHARACTERS_MAX = 200
_PRINCIPAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}", re.ASCII)


@dataclass(frozen=True)
class Principal:
    """A person or a service. With issuer and subject it is known by the issuer's tokens.

    `site_id` is the site that manages it; None: those who hold all sites do. Times are UTC.
    """

    principal_id: str
    kind: str
    name: str
    issuer: str | None
    subject: str | None
    site_id: str | None
    is_active: bool
    version: int
    created_at: str
    created_by: str
    updated_at: str


@dataclass(frozen=True)
class FirstAdministrator(Principal):
    """The administrator of the first start, with a token to begin with; `secret` is shown once."""

    grant_id: str
    token_id: str
    secret: str


@dataclass(frozen=True)
class PrincipalPage:
    """Principals by their id; `next` is the cursor of the following page, None on the last."""

    items: Sequence[Principal]
    next: str | None


@dataclass(frozen=True, kw_only=True)
class NewPrincipal:
    """Who shall be there. Without an id one is made; a subject is one of the configured issuer."""

    kind: Kind
    name: str
    principal_id: str | None = None
    subject: str | None = None
    site_id: str | None = None


def wrong_in(wished: NewPrincipal) -> dict[str, str]:
    """Field → what is wrong with it."""
    found = {}
    if not wished.name.strip() or len(wished.name) > NAME_CHARACTERS_MAX:
        found["name"] = f"must have 1 to {NAME_CHARACTERS_MAX} characters"
    if wished.principal_id is not None and not _PRINCIPAL_ID.fullmatch(wished.principal_id):
        found["principal_id"] = "must have 1 to 128 letters, digits and . _ @ -, the first a letter or digit"
    if wished.subject is not None and (
        not wished.subject.strip()
        or not wished.subject.isprintable()
        or len(wished.subject) > IDENTITY_CHARACTERS_MAX
    ):
        found["subject"] = f"must have 1 to {IDENTITY_CHARACTERS_MAX} printable characters"
    return found
