"""Access: who there is, what roles allow and show, who holds which role where, and Counterfoil's own tokens."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from shared.schema import METADATA, code_text

# site_id: where the principal is managed; null: by those who hold all sites.
principals = Table(
    "principals",
    METADATA,
    Column("principal_id", code_text(), primary_key=True),
    Column("kind", code_text(), nullable=False),
    Column("name", Text, nullable=False),
    Column("issuer", code_text()),
    Column("subject", code_text()),
    Column("site_id", code_text(), ForeignKey("sites.site_id")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", code_text(), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("principal_id ~ '^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$'", name="principal_id_form"),
    CheckConstraint("kind IN ('PERSON', 'SERVICE')", name="kind"),
    CheckConstraint("btrim(name) <> '' AND length(name) <= 200", name="name"),
    CheckConstraint("(issuer IS NULL) = (subject IS NULL)", name="identity"),
    CheckConstraint("version >= 1", name="version"),
    Index("uq_principals_issuer_subject", "issuer", "subject", unique=True),
    Index("ix_principals_site_id", "site_id", "principal_id"),
)
# The administrator's role is what everything else can be mended with: it cannot be switched off, and what it lost
# nobody could give back.
roles = Table(
    "roles",
    METADATA,
    Column("role", code_text(), primary_key=True),
    Column("permissions", ARRAY(code_text()), nullable=False),
    # What the role shows; everything else that can be masked is.
    Column("shown_fields", ARRAY(code_text()), nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("role ~ '^[a-z][a-z_]{0,39}$'", name="role_form"),
    CheckConstraint("shown_fields <@ ARRAY['user_id', 'merchant_name', 'raw_payload']", name="shown_fields"),
    CheckConstraint(
        "role <> 'administrator' OR (is_active AND permissions @> ARRAY['site:lookup:read',"
        " 'site:operator_detail:read', 'site:batch:run', 'site:approval:request', 'site:correction:request',"
        " 'site:approval:decide', 'site:version:activate', 'site:audit:read', 'all:audit:verify', 'site:audit:export',"
        " 'site:own_token:manage', 'site:principal:manage', 'site:token:manage', 'all:role:manage',"
        " 'site:site:manage', 'site:policy:manage'])",
        name="administrator",
    ),
    CheckConstraint("version >= 1", name="version"),
)
# All sites are said in so many words: a grant without a site that is not for all of them cannot be written.
grants = Table(
    "grants",
    METADATA,
    Column("grant_id", code_text(), primary_key=True),
    Column("principal_id", code_text(), ForeignKey("principals.principal_id"), nullable=False),
    Column("role", code_text(), ForeignKey("roles.role"), nullable=False),
    Column("site_id", code_text(), ForeignKey("sites.site_id")),
    Column("all_sites", Boolean, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_until", DateTime(timezone=True)),
    Column("break_glass", Boolean, nullable=False, server_default=text("false")),
    Column("reason", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", code_text(), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Column("revoked_by", code_text()),
    Column("reviewed_at", DateTime(timezone=True)),
    Column("reviewed_by", code_text()),
    CheckConstraint("all_sites = (site_id IS NULL)", name="site"),
    CheckConstraint("valid_until > valid_from", name="period"),
    CheckConstraint(
        "NOT break_glass OR (valid_until IS NOT NULL AND valid_until <= valid_from + interval '24 hours')",
        name="break_glass",
    ),
    CheckConstraint("btrim(reason) <> ''", name="reason"),
    CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
    CheckConstraint(
        "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL OR break_glass)",
        name="reviewed",
    ),
    CheckConstraint("reviewed_by <> principal_id AND reviewed_by <> created_by", name="reviewer"),
    Index("ix_grants_principal_id", "principal_id", postgresql_where=text("revoked_at IS NULL")),
    Index("ix_grants_site_id", "site_id", "grant_id"),
    Index(
        "uq_grants_site",
        "principal_id",
        "role",
        "site_id",
        unique=True,
        postgresql_where=text("revoked_at IS NULL AND valid_until IS NULL AND site_id IS NOT NULL"),
    ),
    Index(
        "uq_grants_all",
        "principal_id",
        "role",
        unique=True,
        postgresql_where=text("revoked_at IS NULL AND valid_until IS NULL AND site_id IS NULL"),
    ),
    Index("ix_grants_unreviewed", "created_at", postgresql_where=text("break_glass AND reviewed_at IS NULL")),
)
# roles, sites: what the token is cut down to; null: to nothing less than its principal holds.
tokens = Table(
    "tokens",
    METADATA,
    Column("token_id", code_text(), primary_key=True),
    Column("principal_id", code_text(), ForeignKey("principals.principal_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("previous_sha256", LargeBinary),
    Column("previous_until", DateTime(timezone=True)),
    Column("roles", ARRAY(code_text())),
    Column("sites", ARRAY(code_text())),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", code_text(), nullable=False),
    Column("rotated_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("last_used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("revoked_by", code_text()),
    CheckConstraint("token_id ~ '^[0-9a-f]{16}$'", name="token_id_form"),
    CheckConstraint("btrim(name) <> '' AND length(name) <= 200", name="name"),
    CheckConstraint("octet_length(secret_sha256) = 32", name="secret_length"),
    CheckConstraint("octet_length(previous_sha256) = 32", name="previous_length"),
    CheckConstraint(
        "(previous_sha256 IS NULL) = (previous_until IS NULL)"
        " AND (previous_sha256 IS NULL OR rotated_at IS NOT NULL)",
        name="previous",
    ),
    CheckConstraint("cardinality(roles) > 0", name="roles"),
    CheckConstraint("cardinality(sites) > 0", name="sites"),
    CheckConstraint("rotated_at >= created_at", name="rotated"),
    CheckConstraint(
        "expires_at > coalesce(rotated_at, created_at)"
        " AND expires_at <= coalesce(rotated_at, created_at) + interval '720 hours'",
        name="life",
    ),
    CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
    Index("ix_tokens_principal_id", "principal_id", "token_id"),
    Index("ix_tokens_expires_at", "expires_at", "token_id", postgresql_where=text("revoked_at IS NULL")),
)
# One row: the secret of the first start is good until somebody used it.
bootstrap = Table(
    "bootstrap",
    METADATA,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("used_at", DateTime(timezone=True)),
    Column("principal_id", code_text(), ForeignKey("principals.principal_id")),
    CheckConstraint("only_row", name="only_row"),
    CheckConstraint("(used_at IS NULL) = (principal_id IS NULL)", name="used"),
)
