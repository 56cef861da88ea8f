"""Access records with their seals, idempotency keys, refusal counts and chain segments.

Revision: 0006
Follows: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

APPEND_ONLY = """
CREATE TABLE access_records_default PARTITION OF access_records DEFAULT;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON access_records
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON access_records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON chain_segments
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON chain_segments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

PARTITIONS = """
CREATE FUNCTION ensure_access_partitions(first_day date, days integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    day date;
    starts timestamptz;
    ends timestamptz;
    partition_name text;
    made integer := 0;
BEGIN
    IF days NOT BETWEEN 1 AND 366 THEN
        RAISE EXCEPTION 'days must be 1 to 366, not %', days USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR day IN SELECT generate_series(first_day::timestamp, first_day::timestamp + make_interval(days => days - 1),
        interval '1 day')::date
    LOOP
        partition_name := 'access_records_' || to_char(day, 'YYYY_MM_DD');
        CONTINUE WHEN to_regclass('public.' || partition_name) IS NOT NULL;
        starts := day::timestamp AT TIME ZONE 'UTC';
        ends := (day::timestamp + interval '1 day') AT TIME ZONE 'UTC';
        -- A day that began in the default partition stays there: its own would have to take those rows over.
        CONTINUE WHEN EXISTS (
            SELECT FROM public.access_records_default WHERE recorded_at >= starts AND recorded_at < ends);
        EXECUTE format(
            'CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.access_records FOR VALUES FROM (%L) TO (%L)',
            partition_name, starts, ends);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION ensure_access_partitions(date, integer) FROM PUBLIC;
SELECT ensure_access_partitions((now() AT TIME ZONE 'UTC')::date, 14);

-- The one way in which access records end: a whole day, over long ago, and held by nobody.
CREATE FUNCTION drop_access_partition(day date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    partition_name text := 'access_records_' || to_char(day, 'YYYY_MM_DD');
    removed bigint;
BEGIN
    IF day >= (date_trunc('month', now() AT TIME ZONE 'UTC'))::date THEN
        RAISE EXCEPTION '% lies in the open month', day USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Whoever places a hold waits for this to end, and the other way round.
    LOCK TABLE public.legal_holds IN SHARE MODE;
    IF EXISTS (SELECT FROM public.legal_holds AS hold WHERE hold.class = 'access_records'
        AND hold.released_at IS NULL AND hold.first_day <= day AND day <= coalesce(hold.last_day, 'infinity'::date))
    THEN
        RAISE EXCEPTION '% is under a legal hold', day
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'access_records_held';
    END IF;
    IF to_regclass('public.' || partition_name) IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT count(*) FROM public.%I', partition_name) INTO removed;
    EXECUTE format('DROP TABLE public.%I', partition_name);
    RETURN removed;
END
$$;
REVOKE ALL ON FUNCTION drop_access_partition(date) FROM PUBLIC;
"""

# Place, time and hash are decided under the chain's lock and in the server: whoever waits for the lock waits for no
# round trip and no other program. Each statement of a function sees what was committed before it began. What stands
# before `rest` is what shared/audit/model.py writes there.
APPEND = r"""
CREATE FUNCTION append_audit_entry(lock_space integer, lock_key integer, entry public.audit_entries, rest bytea)
    RETURNS public.audit_entries LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head record;
BEGIN
    PERFORM pg_advisory_xact_lock(lock_space, lock_key);
    SELECT last.position, last.hash, last.appended_at INTO head FROM public.audit_entries AS last
        WHERE last.chain = entry.chain ORDER BY last.position DESC LIMIT 1;
    entry.position := coalesce(head.position, 0) + 1;
    -- A clock that was set back stops the chain's time and never turns it.
    entry.appended_at := greatest(clock_timestamp(), head.appended_at);
    entry.previous_hash := coalesce(head.hash, decode(repeat('00', 32), 'hex'));
    entry.canonical := convert_to(format('{"chain":"%s","position":%s,"appended_at":"%s"', entry.chain,
        entry.position, to_char(entry.appended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'UTF8')
        || rest;
    entry.hash := sha256(decode('01', 'hex') || entry.previous_hash || entry.canonical);
    INSERT INTO public.audit_entries SELECT (entry).*;
    RETURN entry;
END
$$;
REVOKE ALL ON FUNCTION append_audit_entry(integer, integer, public.audit_entries, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_audit_entry(integer, integer, public.audit_entries, bytea)
    TO counterfoil_app, counterfoil_retention;
"""

# The application cannot delete: it may only ask for what is over to go, and how long a key stands is said here.
EXPIRY = """
CREATE FUNCTION expire_request_rows(refusal_days integer) RETURNS TABLE (keys bigint, refusals bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF refusal_days < 1 THEN
        RAISE EXCEPTION 'refusals are kept a day or longer' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM public.idempotency_keys WHERE created_at < now() - interval '24 hours';
    GET DIAGNOSTICS keys = ROW_COUNT;
    DELETE FROM public.refusal_counts WHERE minute < now() - make_interval(days => refusal_days);
    GET DIAGNOSTICS refusals = ROW_COUNT;
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION expire_request_rows(integer) FROM PUBLIC;
"""

PRIVILEGES = """
GRANT SELECT ON access_records, chain_segments, idempotency_keys, legal_holds, refusal_counts, settings_digests
    TO counterfoil_app, counterfoil_auditor;
GRANT INSERT ON access_records, chain_segments, idempotency_keys, legal_holds, refusal_counts, settings_digests
    TO counterfoil_app;
GRANT UPDATE (request_hash, created_at, status, body) ON idempotency_keys TO counterfoil_app;
GRANT UPDATE (released_by, released_at) ON legal_holds TO counterfoil_app;
GRANT UPDATE (refusals) ON refusal_counts TO counterfoil_app;
GRANT UPDATE (digest, document, changed_at) ON settings_digests TO counterfoil_app;
GRANT EXECUTE ON FUNCTION ensure_access_partitions(date, integer), expire_request_rows(integer) TO counterfoil_app;
GRANT USAGE ON SCHEMA public TO counterfoil_retention;
GRANT SELECT ON access_records, audit_entries, legal_holds TO counterfoil_retention;
GRANT INSERT ON audit_entries TO counterfoil_retention;
GRANT EXECUTE ON FUNCTION drop_access_partition(date) TO counterfoil_retention;
"""


def upgrade() -> None:
    _make_access_records()
    _make_request_rows()
    _make_chain_segments()
    _make_legal_holds()
    op.create_table(
        "settings_digests",
        sa.Column("app", sa.Text(collation="C"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.Text(collation="C"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("ck_settings_digests_digest_length")),
        sa.PrimaryKeyConstraint("app", name=op.f("pk_settings_digests")),
    )
    for statements in (APPEND_ONLY, PARTITIONS, APPEND, EXPIRY, PRIVILEGES):
        op.execute(statements)


def _make_access_records() -> None:
    op.create_table(
        "access_records",
        sa.Column("record_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(collation="C"), nullable=False),
        sa.Column("principal_type", sa.Text(collation="C"), nullable=False),
        sa.Column("role", sa.Text(collation="C"), nullable=True),
        sa.Column("site_id", sa.Text(collation="C"), nullable=True),
        sa.Column("permission", sa.Text(collation="C"), nullable=False),
        sa.Column("resource", sa.Text(collation="C"), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=True),
        sa.Column("result_count", sa.BigInteger(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.Text(collation="C"), nullable=False),
        sa.Column("client_address", sa.Text(collation="C"), nullable=True),
        sa.Column("user_agent", sa.Text(collation="C"), nullable=True),
        sa.Column("query", sa.Text(collation="C"), nullable=False),
        sa.Column("looked_up", sa.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("key_version", sa.Text(collation="C"), nullable=True),
        sa.CheckConstraint(
            "principal_type IN ('PERSON', 'SERVICE', 'SYSTEM')", name=op.f("ck_access_records_principal_type")
        ),
        sa.CheckConstraint("status BETWEEN 100 AND 599", name=op.f("ck_access_records_status")),
        sa.CheckConstraint("(code IS NULL) = (status < 400)", name=op.f("ck_access_records_code")),
        sa.CheckConstraint("result_count >= 0", name=op.f("ck_access_records_result_count")),
        sa.CheckConstraint("duration_us >= 0", name=op.f("ck_access_records_duration_us")),
        sa.CheckConstraint(
            "cardinality(looked_up) = 0 OR key_version IS NOT NULL",
            name=op.f("ck_access_records_key_version"),
        ),
        sa.PrimaryKeyConstraint("recorded_at", "record_id", name=op.f("pk_access_records")),
        postgresql_partition_by="RANGE (recorded_at)",
    )
    op.create_index("ix_access_records_actor_recorded_at", "access_records", ["actor", "recorded_at"])
    op.create_index("ix_access_records_looked_up", "access_records", ["looked_up"], postgresql_using="gin")


def _make_request_rows() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("principal_id", sa.Text(collation="C"), nullable=False),
        sa.Column("idempotency_key", sa.Text(collation="C"), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("octet_length(request_hash) = 32", name=op.f("ck_idempotency_keys_hash_length")),
        sa.CheckConstraint("status BETWEEN 200 AND 299", name=op.f("ck_idempotency_keys_status")),
        sa.CheckConstraint("(status IS NULL) = (body IS NULL)", name=op.f("ck_idempotency_keys_answered")),
        sa.CheckConstraint(
            "length(idempotency_key) BETWEEN 1 AND 200", name=op.f("ck_idempotency_keys_key_length")
        ),
        sa.PrimaryKeyConstraint("principal_id", "idempotency_key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    op.create_table(
        "refusal_counts",
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("refusals", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("refusals >= 1", name=op.f("ck_refusal_counts_refusals")),
        sa.CheckConstraint("length(address) <= 64", name=op.f("ck_refusal_counts_address_length")),
        sa.PrimaryKeyConstraint("minute", "address", "code", name=op.f("pk_refusal_counts")),
    )


def _make_chain_segments() -> None:
    op.create_table(
        "chain_segments",
        sa.Column("chain", sa.Text(collation="C"), nullable=False),
        sa.Column("break_position", sa.BigInteger(), nullable=False),
        sa.Column("head_position", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.Text(collation="C"), nullable=False),
        sa.Column("approved_by", sa.Text(collation="C"), nullable=False),
        sa.Column("approval_id", sa.Text(collation="C"), nullable=False),
        sa.Column("reason", sa.Text(collation="C"), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("chain IN ('control', 'access')", name=op.f("ck_chain_segments_chain")),
        sa.CheckConstraint(
            "break_position >= 1 AND head_position >= break_position - 1",
            name=op.f("ck_chain_segments_positions"),
        ),
        sa.CheckConstraint("requested_by <> approved_by", name=op.f("ck_chain_segments_two_persons")),
        sa.CheckConstraint("btrim(reason) <> ''", name=op.f("ck_chain_segments_reason")),
        sa.CheckConstraint("octet_length(signature) = 64", name=op.f("ck_chain_segments_signature_length")),
        sa.PrimaryKeyConstraint("chain", "break_position", name=op.f("pk_chain_segments")),
    )


def _make_legal_holds() -> None:
    op.create_table(
        "legal_holds",
        sa.Column("hold_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("class", sa.Text(collation="C"), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("placed_by", sa.Text(collation="C"), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(collation="C"), nullable=False),
        sa.Column("released_by", sa.Text(collation="C"), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("class IN ('access_records')", name=op.f("ck_legal_holds_class")),
        sa.CheckConstraint("last_day >= first_day", name=op.f("ck_legal_holds_days")),
        sa.CheckConstraint("btrim(reason) <> ''", name=op.f("ck_legal_holds_reason")),
        sa.CheckConstraint(
            "(released_by IS NULL) = (released_at IS NULL)", name=op.f("ck_legal_holds_released")
        ),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_legal_holds")),
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION append_audit_entry(integer, integer, audit_entries, bytea)")
    op.execute("DROP FUNCTION expire_request_rows(integer)")
    op.execute("DROP FUNCTION drop_access_partition(date)")
    op.execute("DROP FUNCTION ensure_access_partitions(date, integer)")
    op.execute("REVOKE ALL ON audit_entries FROM counterfoil_retention")
    op.execute("REVOKE ALL ON SCHEMA public FROM counterfoil_retention")
    for table in ("settings_digests", "legal_holds", "chain_segments", "refusal_counts"):
        op.drop_table(table)
    op.drop_index("ix_idempotency_keys_created_at", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index("ix_access_records_looked_up", table_name="access_records")
    op.drop_index("ix_access_records_actor_recorded_at", table_name="access_records")
    op.drop_table("access_records")
