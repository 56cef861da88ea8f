"""The development principals: one per role, for all sites, known by the local issuer; and a token for `make admin`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from infra.local.identity.claims import object_id_of
from infra.local.stack.layout import write_private
from shared.security.model import Role
from shared.security.secrets import digest, new_id, new_secret, shown

BY = "local-stack"
TOKEN_LIFE = timedelta(days=30)
_PRINCIPAL = """
INSERT INTO principals (principal_id, kind, name, issuer, subject, created_at, created_by, updated_at)
VALUES (%(id)s, %(kind)s, %(id)s, %(issuer)s, %(subject)s, %(now)s, %(by)s, %(now)s) ON CONFLICT DO NOTHING
"""
# The issuer's address moves with the ports of the stack. Only the owner may change whose a principal is.
_MAY_MOVE = "SELECT has_column_privilege('principals', 'issuer', 'UPDATE')"
_MOVE = """
UPDATE principals SET issuer = %(issuer)s
WHERE principal_id = %(id)s AND subject = %(subject)s AND issuer <> %(issuer)s
"""
_GRANT = """
INSERT INTO grants (grant_id, principal_id, role, all_sites, valid_from, reason, created_at, created_by)
VALUES (%(grant_id)s, %(id)s, %(role)s, true, %(now)s, 'development', %(now)s, %(by)s) ON CONFLICT DO NOTHING
"""
# The token of the run before is in nobody's hands any more: its file is written anew.
_REVOKE = """
UPDATE tokens SET revoked_at = %(now)s, revoked_by = %(by)s
WHERE principal_id = %(id)s AND created_by = %(by)s AND revoked_at IS NULL
"""
_TOKEN = """
INSERT INTO tokens (token_id, principal_id, name, secret_sha256, created_at, created_by, expires_at)
VALUES (%(token_id)s, %(id)s, 'make admin', %(secret)s, %(now)s, %(by)s, %(expires_at)s)
"""


def principal_id_of(role: Role) -> str:
    """The subject `make token ROLE=…` has when none is chosen."""
    return f"local-{role}"


def seed_principals(url: str, issuer: str, token_file: Path) -> None:
    """Register what is not there yet, and write a fresh administrator's token; harmless when repeated."""
    now = datetime.now(UTC)
    token_id, secret = new_id(), new_secret()
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        may_move = connection.execute(_MAY_MOVE).fetchone() == (True,)
        for role in Role:
            _seed(connection, role, issuer, now, may_move=may_move)
        values = {"id": principal_id_of(Role.ADMINISTRATOR), "by": BY, "now": now}
        connection.execute(_REVOKE, values)
        more = {"token_id": token_id, "secret": digest(secret), "expires_at": now + TOKEN_LIFE}
        connection.execute(_TOKEN, {**values, **more})
    write_private(token_file, shown(token_id, secret) + "\n")


def _seed(connection: psycopg.Connection, role: Role, issuer: str, now: datetime, *, may_move: bool) -> None:
    values = {
        "id": principal_id_of(role),
        "kind": "SERVICE" if role is Role.SERVICE else "PERSON",
        "issuer": issuer,
        "subject": object_id_of(principal_id_of(role)),
        "grant_id": f"{principal_id_of(role)}-all",
        "role": role.value,
        "now": now,
        "by": BY,
    }
    connection.execute(_PRINCIPAL, values)
    if may_move:
        connection.execute(_MOVE, values)
    connection.execute(_GRANT, values)
