"""PostgreSQL on this machine: found, initialised, started, stopped and recovered without an installation."""

from infra.local.postgres.errors import LocalPostgresError
from infra.local.postgres.server import LocalPostgres

__all__ = ["LocalPostgres", "LocalPostgresError"]
