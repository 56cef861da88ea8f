"""Sites: the form of their codes and the bounds of their windows."""

from typing import Any

import psycopg
import pytest

from shared.database import constraint_name

Owner = psycopg.Connection[Any]


def refused_by(owner: Owner, **columns: object) -> str | None:
    row: dict[str, object] = {"site_id": "X1", "name": "A site", "time_zone": "UTC", **columns}
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    try:
        owner.execute(f"INSERT INTO sites ({names}) VALUES ({marks})", list(row.values()))
    except psycopg.IntegrityError as error:
        return constraint_name(error)
    return None


@pytest.mark.parametrize("site_id", ["A", "KR-BUSAN", "eu.paris_2", "0", "x" * 40])
def test_codes(owner: Owner, site_id: str) -> None:
    assert refused_by(owner, site_id=site_id) is None


@pytest.mark.parametrize("site_id", ["", " ", "-A", ".A", "_A", "A B", "é", "x" * 41, "A/B", "A\n", "A\nB"])
def test_what_is_no_code_is_refused(owner: Owner, site_id: str) -> None:
    assert refused_by(owner, site_id=site_id) == "ck_sites_site_id_form"


@pytest.mark.parametrize("seconds", [0, -1, 31_536_001])
def test_windows_have_bounds(owner: Owner, seconds: int) -> None:
    assert refused_by(owner, pair_window_seconds=seconds) == "ck_sites_pair_window"
    assert refused_by(owner, silence_window_seconds=seconds) == "ck_sites_silence_window"


def test_a_site_is_active_with_usual_windows_unless_told_otherwise(owner: Owner) -> None:
    assert refused_by(owner) is None
    row = owner.execute(
        "SELECT is_active, pair_window_seconds, silence_window_seconds FROM sites WHERE site_id = 'X1'"
    ).fetchone()
    assert row == (True, 900, 3600)
    assert refused_by(owner) == "pk_sites"
