"""Passwords and keys: made once, kept afterwards."""

import json
from dataclasses import asdict

from infra.local.stack.credentials import Credentials
from infra.local.stack.layout import Layout
from shared.adapters.secrets import FileSecrets
from shared.adapters.signing import is_signed, load_public_key
from shared.audit.access.model import HASH_KEY
from shared.audit.keys import SIGNING_KEY, signing_key


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


def test_the_apps_keys_are_made_once_and_fit_the_public_one(layout: Layout) -> None:
    Credentials.load(layout)
    secrets = FileSecrets(layout.secrets)
    signing, hashing = secrets.get(SIGNING_KEY), secrets.get(HASH_KEY)
    assert len(hashing.value) >= 32
    public = load_public_key(layout.audit_public_key.read_bytes())
    assert is_signed(b"words", signing_key(secrets).sign(b"words"), [public])
    Credentials.load(layout)
    assert (secrets.get(SIGNING_KEY), secrets.get(HASH_KEY)) == (signing, hashing)
    files = [file for file in layout.secrets.rglob("*") if file.is_file()]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
