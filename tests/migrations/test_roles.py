"""What each role may do, listed whole: a new table or privilege has to be written down here."""

from typing import Any

import psycopg
import pytest

from shared.tables import METADATA
from tests.support.migrated import ROLES
from tests.support.postgres import ClonedDatabase
from tests.support.roles import APP, AUDITOR, MIGRATOR, RETENTION, connected_as, refusal

Owner = psycopg.Connection[Any]
DENIED, READ_ONLY = "42501", "25006"
READ, ADD, CHANGE = {"SELECT"}, {"SELECT", "INSERT"}, {"SELECT", "INSERT", "UPDATE"}
APP_MAY = {
    "access_records": ADD,
    "alembic_version": READ,
    "applied_records": ADD,
    "approvals": ADD,
    "audit_entries": ADD,
    "backfill_runs": CHANGE,
    "bootstrap": READ,
    "chain_segments": ADD,
    "correction_entries": ADD,
    "corrections": ADD,
    "dead_letters": CHANGE,
    "grants": ADD,
    "hub_generations": ADD,
    "idempotency_keys": ADD,
    "ledger_entries": CHANGE,
    "legal_holds": ADD,
    "outbox": CHANGE,
    "pairs": CHANGE,
    "partition_heads": CHANGE,
    "payment_orders": CHANGE,
    "principals": ADD,
    "refusal_counts": ADD,
    "reject_ceilings": ADD,
    "roles": READ,
    "sequence_gaps": CHANGE,
    "settings_digests": ADD,
    "sites": CHANGE,
    "stream_positions": CHANGE,
    "sync_findings": ADD,
    "tokens": ADD,
}
# Where only some columns of a table may change.
APP_MAY_CHANGE = {
    "approvals": {
        "close_reason", "closed_as", "closed_at", "closed_by", "decided_as", "decided_at", "decided_by",
        "decision_reason", "state",
    },
    "bootstrap": {"principal_id", "used_at"},
    "corrections": {"changed_at", "state"},
    "grants": {"reviewed_at", "reviewed_by", "revoked_at", "revoked_by"},
    "hub_generations": {"seen_at"},
    "idempotency_keys": {"body", "created_at", "request_hash", "status"},
    "legal_holds": {"released_at", "released_by"},
    "principals": {"is_active", "name", "updated_at", "version"},
    "refusal_counts": {"refusals"},
    "roles": {"is_active", "permissions", "shown_fields", "updated_at", "version"},
    "settings_digests": {"changed_at", "digest", "document"},
    "tokens": {
        "expires_at", "last_used_at", "previous_sha256", "previous_until", "revoked_at", "revoked_by", "rotated_at",
        "secret_sha256",
    },
}  # fmt: skip


def granted(owner: Owner, role: str) -> dict[str, set[str]]:
    """Table → privileges, partitions left out."""
    rows = owner.execute(
        """
        SELECT g.table_name, array_agg(g.privilege_type::text) FROM information_schema.role_table_grants AS g
        JOIN pg_class AS c ON c.oid = format('public.%%I', g.table_name)::regclass
        WHERE g.grantee = %s AND g.table_schema = 'public' AND NOT c.relispartition GROUP BY 1
        """,
        (role,),
    )
    return {name: set(privileges) for name, privileges in rows.fetchall()}


def test_what_the_app_may_do(owner: Owner) -> None:
    assert granted(owner, APP) == APP_MAY


def test_the_auditor_reads_every_table(owner: Owner) -> None:
    assert granted(owner, AUDITOR) == dict.fromkeys((*METADATA.tables, "alembic_version"), READ)


def test_what_the_retention_role_may_do(owner: Owner) -> None:
    assert granted(owner, RETENTION) == {"access_records": READ, "audit_entries": ADD, "legal_holds": READ}


def test_of_partitions_only_reading_is_granted(owner: Owner) -> None:
    rows = owner.execute(
        """
        SELECT DISTINCT g.grantee::text, g.privilege_type::text FROM information_schema.role_table_grants AS g
        JOIN pg_class AS c ON c.oid = format('public.%I', g.table_name)::regclass
        WHERE c.relispartition AND g.grantee IN ('counterfoil_app', 'counterfoil_auditor')
        """
    ).fetchall()
    assert set(rows) == {(APP, "SELECT"), (AUDITOR, "SELECT")}


def test_some_columns_few_functions_and_no_sequence_are_granted_beside(owner: Owner) -> None:
    functions = owner.execute(
        """
        SELECT r.rolname, p.proname FROM pg_proc AS p CROSS JOIN pg_roles AS r
        WHERE p.pronamespace = 'public'::regnamespace AND r.rolname = ANY (%s)
          AND has_function_privilege(r.oid, p.oid, 'EXECUTE') AND NOT p.prorettype = 'trigger'::regtype
        """,
        ([APP, AUDITOR, RETENTION],),
    ).fetchall()
    assert sorted(functions) == [
        (APP, "append_audit_entry"),
        (APP, "ensure_access_partitions"),
        (APP, "ensure_evidence_partitions"),
        (APP, "expire_request_rows"),
        (RETENTION, "append_audit_entry"),
        (RETENTION, "drop_access_partition"),
    ]
    sequences = owner.execute(
        """
        SELECT r.rolname, c.relname FROM pg_class AS c CROSS JOIN pg_roles AS r
        WHERE c.relkind = 'S' AND r.rolname = ANY (%s) AND has_sequence_privilege(r.oid, c.oid, 'USAGE, UPDATE')
        """,
        ([APP, AUDITOR, RETENTION],),
    ).fetchall()
    assert sequences == []
    columns = owner.execute(
        "SELECT attrelid::regclass::text, array_agg(attname::text), array_agg(DISTINCT attacl::text)"
        " FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid"
        " WHERE attacl IS NOT NULL AND relnamespace = 'public'::regnamespace GROUP BY 1"
    ).fetchall()
    assert {table: set(names) for table, names, _ in columns} == APP_MAY_CHANGE
    assert {acl for _, _, acls in columns for acl in acls} == {f"{{{APP}=w/{MIGRATOR}}}"}


@pytest.mark.parametrize("role", ROLES)
def test_no_role_is_more_than_a_login(owner: Owner, role: str) -> None:
    row = owner.execute(
        "SELECT rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles"
        " WHERE rolname = %s",
        (role,),
    ).fetchone()
    assert row == (True, False, False, False, False, False)
    members = owner.execute("SELECT 1 FROM pg_auth_members WHERE member = %s::regrole", (role,)).fetchall()
    assert members == []


def test_everything_belongs_to_the_migrator(owner: Owner) -> None:
    rows = owner.execute(
        """
        SELECT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION SELECT proowner::regrole::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        """
    ).fetchall()
    assert rows == [(MIGRATOR,)]


STATEMENTS = [
    "CREATE TABLE mine (a int)",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "DROP TABLE outbox",
    "DROP FUNCTION ensure_evidence_partitions(date, integer)",
    "DROP TRIGGER append_only ON applied_records",
    "ALTER TABLE outbox ADD COLUMN mine int",
    "ALTER TABLE applied_records DISABLE TRIGGER ALL",
    "ALTER TABLE pairs DROP CONSTRAINT ck_pairs_state",
    "GRANT DELETE ON pairs TO counterfoil_app",
    "ALTER ROLE counterfoil_app SUPERUSER",
    "SET ROLE counterfoil_migrator",
    "SET session_replication_role = replica",
    "COPY sites TO PROGRAM 'cat'",
    *(f"TRUNCATE {table}" for table in METADATA.tables),
    *(f"DELETE FROM {table}" for table in METADATA.tables),
]


@pytest.mark.parametrize("role", [APP, AUDITOR, RETENTION])
def test_what_neither_the_app_nor_the_auditor_may(database: ClonedDatabase, role: str) -> None:
    with connected_as(database, role) as connection:
        # The auditor's sessions are read only; without that its privileges must refuse as well.
        connection.execute("SET default_transaction_read_only = off")
        refusals = {statement: refusal(connection, statement) for statement in STATEMENTS}
    allowed = {s: r for s, r in refusals.items() if r != DENIED and not (r is None and s.startswith("GRANT"))}
    assert allowed == {}


def test_a_grant_by_the_app_gives_nothing(database: ClonedDatabase, owner: Owner) -> None:
    """PostgreSQL only warns when nothing was granted."""
    with connected_as(database, APP) as connection:
        refusal(connection, "GRANT DELETE ON pairs TO counterfoil_app")
    assert granted(owner, APP) == APP_MAY


@pytest.mark.parametrize("table", [*METADATA.tables, "alembic_version"])
def test_the_auditor_writes_nothing(database: ClonedDatabase, table: str) -> None:
    writes = [f"INSERT INTO {table} DEFAULT VALUES", f"DELETE FROM {table}"]
    with connected_as(database, AUDITOR) as connection:
        assert refusal(connection, f"SELECT count(*) FROM {table}") is None
        assert {refusal(connection, write) for write in writes} <= {READ_ONLY, DENIED}
        connection.execute("SET default_transaction_read_only = off")
        assert {refusal(connection, write) for write in writes} == {DENIED}


LIMITS = {
    MIGRATOR: {"timezone": "UTC", "lock_timeout": "5s"},
    APP: {
        "timezone": "UTC",
        "statement_timeout": "30s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "1min",
    },
    AUDITOR: {"timezone": "UTC", "statement_timeout": "5min", "default_transaction_read_only": "on"},
    RETENTION: {"timezone": "UTC", "statement_timeout": "5min", "lock_timeout": "5s"},
}


@pytest.mark.parametrize("role", ROLES)
def test_sessions_have_their_limits(database: ClonedDatabase, role: str) -> None:
    """They hang on the role, because a pooler refuses start-up options."""
    with connected_as(database, role) as connection:
        shown = {name: connection.execute(f"SHOW {name}").fetchone() for name in LIMITS[role]}
    assert shown == {name: (value,) for name, value in LIMITS[role].items()}


def test_nobody_else_may_create_in_the_schema(owner: Owner) -> None:
    assert owner.execute(
        "SELECT has_schema_privilege('counterfoil_migrator', 'public', 'CREATE'),"
        " has_schema_privilege('counterfoil_app', 'public', 'CREATE'),"
        " has_schema_privilege('counterfoil_auditor', 'public', 'CREATE')"
    ).fetchone() == (True, False, False)
