"""The sites room's SQL."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from shared.database import constraint_name
from shared.database.database import driver
from shared.database.scope import Sites, scope_values, site_condition
from shared.database.told import told
from shared.sites.errors import SiteExists, SiteNotFound
from shared.sites.model import Site, Wish

_COLUMNS = """site_id, name, time_zone, is_active, pair_window_seconds, silence_window_seconds, version, created_at,
    updated_at"""
_IN_SCOPE = site_condition("site_id")
_ONE = f"SELECT {_COLUMNS} FROM sites WHERE site_id = %(site_id)s AND {_IN_SCOPE}"
_PAGE = f"""
SELECT {_COLUMNS} FROM sites WHERE {_IN_SCOPE} AND site_id > %(after)s ORDER BY site_id LIMIT %(limit)s
"""
_INSERT = f"""
INSERT INTO sites (site_id, name, time_zone, is_active, pair_window_seconds, silence_window_seconds, created_at,
    updated_at)
VALUES (%(site_id)s, %(name)s, %(time_zone)s, %(is_active)s, %(pair_window_seconds)s, %(silence_window_seconds)s,
    %(now)s, %(now)s)
RETURNING {_COLUMNS}
"""
_UPDATE = f"""
UPDATE sites SET name = %(name)s, time_zone = %(time_zone)s, is_active = %(is_active)s,
    pair_window_seconds = %(pair_window_seconds)s, silence_window_seconds = %(silence_window_seconds)s,
    version = version + 1, updated_at = %(now)s
WHERE site_id = %(site_id)s RETURNING {_COLUMNS}
"""
_IS_TIME_ZONE = "SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = %s)"


def get_site(connection: Connection, site_id: str, scope: Sites, *, lock: bool = False) -> Site:
    """The site, to be changed when `lock`. Raises SiteNotFound, also when it lies outside of the scope."""
    values = {"site_id": site_id, **scope_values(scope)}
    row = driver(connection).execute(_ONE + (" FOR UPDATE" if lock else ""), values).fetchone()
    if row is None:
        raise SiteNotFound(site_id)
    return _site(row)


def list_sites(connection: Connection, scope: Sites, *, after: str, limit: int) -> list[Site]:
    """The sites of the scope behind a code, in order."""
    values = {**scope_values(scope), "after": after, "limit": limit}
    return [_site(row) for row in driver(connection).execute(_PAGE, values)]


def insert_site(connection: Connection, site_id: str, wish: Wish, now: datetime) -> Site:
    """Raises SiteExists."""
    import psycopg

    try:
        found = driver(connection).execute(_INSERT, {"site_id": site_id, "now": now, **asdict(wish)})
    except psycopg.errors.UniqueViolation as error:
        if constraint_name(error) == "pk_sites":
            raise SiteExists(site_id) from error
        raise
    return _site(found.fetchall()[0])


def update_site(connection: Connection, site_id: str, wish: Wish, now: datetime) -> Site:
    """The site as it is from now on; it was locked before."""
    found = driver(connection).execute(_UPDATE, {"site_id": site_id, "now": now, **asdict(wish)})
    return _site(found.fetchall()[0])


def is_time_zone(connection: Connection, name: str) -> bool:
    """Whether the database knows a time zone of that name."""
    return bool(driver(connection).execute(_IS_TIME_ZONE, (name,)).fetchall()[0][0])


def _site(row: Any) -> Site:
    return Site(*told(row))
