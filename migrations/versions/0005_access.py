"""Access: principals, roles, grants, tokens, masking and sites' management.

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# An administrator is an active principal who holds the role for all sites and without an end. Whoever takes one away
# waits for the others who do, and looks in a statement after the lock: two who remove each other leave one.
LAST_ADMINISTRATOR = """
CREATE FUNCTION refuse_last_administrator() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz;
BEGIN
    IF TG_TABLE_NAME = 'grants' THEN moment := NEW.revoked_at; ELSE moment := NEW.updated_at; END IF;
    PERFORM pg_advisory_xact_lock(1096108, 1);
    IF NOT EXISTS (
        SELECT FROM public.grants AS g JOIN public.principals AS p USING (principal_id)
        WHERE p.is_active AND g.role = 'administrator' AND g.all_sites AND g.revoked_at IS NULL
            AND g.valid_from <= moment AND g.valid_until IS NULL) THEN
        RAISE EXCEPTION 'the last administrator stays'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'last_administrator';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER last_administrator AFTER UPDATE OF revoked_at ON grants FOR EACH ROW
    WHEN (OLD.role = 'administrator' AND OLD.all_sites AND OLD.valid_until IS NULL AND NEW.revoked_at IS NOT NULL)
    EXECUTE FUNCTION refuse_last_administrator();
CREATE TRIGGER last_administrator AFTER UPDATE OF is_active ON principals FOR EACH ROW
    WHEN (OLD.is_active AND NOT NEW.is_active)
    EXECUTE FUNCTION refuse_last_administrator();
"""

# Five at a time, however many ask at once: the principal's row is locked, and the count is the statement after it.
ACTIVE_TOKENS = """
CREATE FUNCTION refuse_sixth_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM public.principals WHERE principal_id = NEW.principal_id FOR NO KEY UPDATE;
    IF (SELECT count(*) FROM public.tokens
        WHERE principal_id = NEW.principal_id AND token_id <> NEW.token_id AND revoked_at IS NULL
            AND expires_at > coalesce(NEW.rotated_at, NEW.created_at)) >= 5 THEN
        RAISE EXCEPTION 'a principal has at most five active tokens'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'tokens_active';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER active_tokens BEFORE INSERT OR UPDATE OF expires_at ON tokens
    FOR EACH ROW EXECUTE FUNCTION refuse_sixth_token();
"""

READ = ("site:lookup:read",)
RUN = ("site:operator_detail:read", "site:batch:run")
REQUEST = ("site:approval:request", "site:correction:request")
DECIDE = ("site:approval:decide", "site:version:activate")
AUDIT = ("site:audit:read", "all:audit:verify", "site:audit:export")
OWN = ("site:own_token:manage",)
MANAGE = (
    "site:principal:manage",
    "site:token:manage",
    "all:role:manage",
    "site:site:manage",
    "site:policy:manage",
)
PERMISSIONS = {
    "viewer": (*READ, *OWN),
    "operator": (*READ, *RUN, *REQUEST, *OWN),
    "approver": (*READ, *REQUEST, *DECIDE, *OWN),
    "auditor": (*READ, *AUDIT, *OWN),
    "site_manager": (*READ, *RUN, *REQUEST, *OWN, *MANAGE),
    "administrator": (*READ, *RUN, *REQUEST, *DECIDE, *AUDIT, *OWN, *MANAGE),
    "service": OWN,
}
SHOWN = ("user_id", "merchant_name", "raw_payload")
SHOWN_TO = ("auditor", "site_manager", "administrator")

PRIVILEGES = """
GRANT SELECT ON principals, roles, grants, tokens, bootstrap TO counterfoil_app, counterfoil_auditor;
GRANT INSERT ON principals, grants, tokens TO counterfoil_app;
GRANT UPDATE (name, is_active, version, updated_at) ON principals TO counterfoil_app;
GRANT UPDATE (permissions, shown_fields, is_active, version, updated_at) ON roles TO counterfoil_app;
GRANT UPDATE (revoked_at, revoked_by, reviewed_at, reviewed_by) ON grants TO counterfoil_app;
GRANT UPDATE (secret_sha256, previous_sha256, previous_until, rotated_at, expires_at, last_used_at, revoked_at,
    revoked_by) ON tokens TO counterfoil_app;
GRANT UPDATE (used_at, principal_id) ON bootstrap TO counterfoil_app;
"""


def upgrade() -> None:
    op.add_column("sites", sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.create_check_constraint(op.f("ck_sites_version"), "sites", "version >= 1")
    op.create_table(
        "principals",
        sa.Column("principal_id", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(collation="C"), nullable=True),
        sa.Column("subject", sa.Text(collation="C"), nullable=True),
        sa.Column("site_id", sa.Text(collation="C"), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(collation="C"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("btrim(name) <> '' AND length(name) <= 200", name=op.f("ck_principals_name")),
        sa.CheckConstraint("kind IN ('PERSON', 'SERVICE')", name=op.f("ck_principals_kind")),
        sa.CheckConstraint(
            "principal_id ~ '^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$'",
            name=op.f("ck_principals_principal_id_form"),
        ),
        sa.CheckConstraint("(issuer IS NULL) = (subject IS NULL)", name=op.f("ck_principals_identity")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_principals_version")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.site_id"], name=op.f("fk_principals_site_id")),
        sa.PrimaryKeyConstraint("principal_id", name=op.f("pk_principals")),
    )
    op.create_index("ix_principals_site_id", "principals", ["site_id", "principal_id"], unique=False)
    op.create_index("uq_principals_issuer_subject", "principals", ["issuer", "subject"], unique=True)
    op.create_table(
        "roles",
        sa.Column("role", sa.Text(collation="C"), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("shown_fields", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role <> 'administrator' OR (is_active AND permissions @> ARRAY['site:lookup:read', 'site:operator_detail:read', 'site:batch:run', 'site:approval:request', 'site:correction:request', 'site:approval:decide', 'site:version:activate', 'site:audit:read', 'all:audit:verify', 'site:audit:export', 'site:own_token:manage', 'site:principal:manage', 'site:token:manage', 'all:role:manage', 'site:site:manage', 'site:policy:manage'])",
            name=op.f("ck_roles_administrator"),
        ),
        sa.CheckConstraint("role ~ '^[a-z][a-z_]{0,39}$'", name=op.f("ck_roles_role_form")),
        sa.CheckConstraint(
            "shown_fields <@ ARRAY['user_id', 'merchant_name', 'raw_payload']",
            name=op.f("ck_roles_shown_fields"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_roles_version")),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_roles")),
    )
    op.create_table(
        "grants",
        sa.Column("grant_id", sa.Text(collation="C"), nullable=False),
        sa.Column("principal_id", sa.Text(collation="C"), nullable=False),
        sa.Column("role", sa.Text(collation="C"), nullable=False),
        sa.Column("site_id", sa.Text(collation="C"), nullable=True),
        sa.Column("all_sites", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("break_glass", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(collation="C"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Text(collation="C"), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Text(collation="C"), nullable=True),
        sa.CheckConstraint(
            "NOT break_glass OR (valid_until IS NOT NULL AND valid_until <= valid_from + interval '24 hours')",
            name=op.f("ck_grants_break_glass"),
        ),
        sa.CheckConstraint("btrim(reason) <> ''", name=op.f("ck_grants_reason")),
        sa.CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL OR break_glass)",
            name=op.f("ck_grants_reviewed"),
        ),
        sa.CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_grants_revoked")),
        sa.CheckConstraint("all_sites = (site_id IS NULL)", name=op.f("ck_grants_site")),
        sa.CheckConstraint(
            "reviewed_by <> principal_id AND reviewed_by <> created_by", name=op.f("ck_grants_reviewer")
        ),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_grants_period")),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.principal_id"], name=op.f("fk_grants_principal_id")
        ),
        sa.ForeignKeyConstraint(["role"], ["roles.role"], name=op.f("fk_grants_role")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.site_id"], name=op.f("fk_grants_site_id")),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_grants")),
    )
    op.create_index(
        "ix_grants_principal_id",
        "grants",
        ["principal_id"],
        unique=False,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index("ix_grants_site_id", "grants", ["site_id", "grant_id"], unique=False)
    op.create_index(
        "ix_grants_unreviewed",
        "grants",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("break_glass AND reviewed_at IS NULL"),
    )
    op.create_index(
        "uq_grants_all",
        "grants",
        ["principal_id", "role"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL AND valid_until IS NULL AND site_id IS NULL"),
    )
    op.create_index(
        "uq_grants_site",
        "grants",
        ["principal_id", "role", "site_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL AND valid_until IS NULL AND site_id IS NOT NULL"),
    )
    op.create_table(
        "tokens",
        sa.Column("token_id", sa.Text(collation="C"), nullable=False),
        sa.Column("principal_id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("previous_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("roles", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column("sites", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(collation="C"), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Text(collation="C"), nullable=True),
        sa.CheckConstraint("btrim(name) <> '' AND length(name) <= 200", name=op.f("ck_tokens_name")),
        sa.CheckConstraint(
            "expires_at > coalesce(rotated_at, created_at) AND expires_at <= coalesce(rotated_at, created_at) + interval '720 hours'",
            name=op.f("ck_tokens_life"),
        ),
        sa.CheckConstraint("token_id ~ '^[0-9a-f]{16}$'", name=op.f("ck_tokens_token_id_form")),
        sa.CheckConstraint(
            "(previous_sha256 IS NULL) = (previous_until IS NULL) AND (previous_sha256 IS NULL OR rotated_at IS NOT NULL)",
            name=op.f("ck_tokens_previous"),
        ),
        sa.CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_tokens_revoked")),
        sa.CheckConstraint("cardinality(roles) > 0", name=op.f("ck_tokens_roles")),
        sa.CheckConstraint("cardinality(sites) > 0", name=op.f("ck_tokens_sites")),
        sa.CheckConstraint("octet_length(previous_sha256) = 32", name=op.f("ck_tokens_previous_length")),
        sa.CheckConstraint("octet_length(secret_sha256) = 32", name=op.f("ck_tokens_secret_length")),
        sa.CheckConstraint("rotated_at >= created_at", name=op.f("ck_tokens_rotated")),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.principal_id"], name=op.f("fk_tokens_principal_id")
        ),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_tokens")),
    )
    op.create_index(
        "ix_tokens_expires_at",
        "tokens",
        ["expires_at", "token_id"],
        unique=False,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index("ix_tokens_principal_id", "tokens", ["principal_id", "token_id"], unique=False)
    op.create_table(
        "bootstrap",
        sa.Column("only_row", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("principal_id", sa.Text(collation="C"), nullable=True),
        sa.CheckConstraint("(used_at IS NULL) = (principal_id IS NULL)", name=op.f("ck_bootstrap_used")),
        sa.CheckConstraint("only_row", name=op.f("ck_bootstrap_only_row")),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.principal_id"], name=op.f("fk_bootstrap_principal_id")
        ),
        sa.PrimaryKeyConstraint("only_row", name=op.f("pk_bootstrap")),
    )
    op.execute(LAST_ADMINISTRATOR)
    op.execute(ACTIVE_TOKENS)
    _seed()
    op.execute(PRIVILEGES)


def _seed() -> None:
    roles = sa.table(
        "roles",
        sa.column("role", sa.Text()),
        sa.column("permissions", postgresql.ARRAY(sa.Text())),
        sa.column("shown_fields", postgresql.ARRAY(sa.Text())),
        sa.column("updated_at", sa.DateTime(timezone=True)),
    )
    for role, permissions in PERMISSIONS.items():
        shown = list(SHOWN) if role in SHOWN_TO else []
        values = {"role": role, "permissions": sorted(permissions), "shown_fields": shown}
        op.execute(roles.insert().values(**values, updated_at=sa.func.now()))
    op.execute("INSERT INTO bootstrap DEFAULT VALUES")


def downgrade() -> None:
    op.drop_table("bootstrap")
    op.drop_table("tokens")
    op.drop_table("grants")
    op.drop_table("roles")
    op.drop_table("principals")
    op.execute("DROP FUNCTION refuse_sixth_token()")
    op.execute("DROP FUNCTION refuse_last_administrator()")
    op.drop_constraint(op.f("ck_sites_version"), "sites")
    op.drop_column("sites", "version")
