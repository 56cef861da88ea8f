"""Passwords and keys: made once, kept afterwards."""

import json
from dataclasses import asdict

from infra.local.stack.credentials import Credentials
from infra.local.stack.layout import Layout


def test_they_are_made_once_and_kept(layout: Layout) -> None:
    made = Credentials.load(layout)
    written = layout.credentials.stat().st_mtime_ns
    assert Credentials.load(layout) == made
    assert layout.credentials.stat().st_mtime_ns == written
    assert layout.credentials.stat().st_mode & 0o777 == 0o600
    values = list(asdict(made).values())
    assert len(set(values)) == len(values)
    assert min(map(len, values)) >= 32


def test_a_missing_one_is_made_and_the_others_stay(layout: Layout) -> None:
    made = asdict(Credentials.load(layout))
    layout.credentials.write_text(json.dumps({**made, "auditor": ""}))
    found = asdict(Credentials.load(layout))
    assert found["auditor"]
    assert {**found, "auditor": ""} == {**made, "auditor": ""}
    assert asdict(Credentials.load(layout)) == found
