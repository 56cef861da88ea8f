"""The viewer of the API's description: everything it loads is ours, and its page lets nothing else run."""

import json
import re

import pytest

from functions.http.docs import MEDIA_TYPES, PAGE, VIEWER
from tests.functions.app_process import Done
from tests.functions.conftest import Installation
from tests.functions.platform import get

LICENCES = {"swagger-ui.LICENSE.txt", "swagger-ui.NOTICE.txt", "swagger-ui-bundle.js.LICENSE.txt"}
# Where a page names something to load.
LOADED = re.compile(r"""(?:src|href)\s*=\s*["']([^"']+)["']""")


def load(installed: Installation, asset: str = "") -> Done:
    path = f"docs/{asset}" if asset else "docs"
    return installed.app.invoke(get("http_docs", path, {"asset": asset} if asset else {}))


def test_the_page_needs_no_token_and_lets_nothing_foreign_run(installed: Installation) -> None:
    done = load(installed)
    assert done.status == 200
    assert done.headers["content-type"].startswith("text/html")
    policy = dict(each.strip().split(" ", 1) for each in done.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert done.headers["X-Frame-Options"] == "DENY"


def test_everything_the_page_loads_is_there(installed: Installation) -> None:
    page = (VIEWER / PAGE).read_text("utf-8")
    assets = [each.removeprefix("docs/") for each in LOADED.findall(page)]
    assert set(assets) == set(MEDIA_TYPES) - {PAGE}
    for asset in assets:
        done = load(installed, asset)
        assert (done.status, done.body) == (200, (VIEWER / asset).read_bytes())
        assert done.headers["content-type"].startswith(MEDIA_TYPES[asset])


def test_the_page_has_no_script_of_its_own_and_no_other_host() -> None:
    page = (VIEWER / PAGE).read_text("utf-8")
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == ["", ""]
    assert not re.search(r"\son\w+\s*=|style\s*=|https?:", page)
    assert "https:" not in (VIEWER / "start.js").read_text("utf-8")


def test_the_folder_holds_what_is_served_and_the_licences_of_it() -> None:
    assert {file.name for file in VIEWER.iterdir()} == set(MEDIA_TYPES) | LICENCES
    assert "Apache License" in (VIEWER / "swagger-ui.LICENSE.txt").read_text("utf-8")


@pytest.mark.parametrize(
    "asset", ["../docs.py", "..%2f..%2ffunction_app.py", "swagger-ui.LICENSE.txt", "\x00", "INDEX.HTML"]
)
def test_nothing_else_is_served(installed: Installation, asset: str) -> None:
    assert load(installed, asset).status == 422


def test_the_description_is_served(installed: Installation) -> None:
    done = installed.app.invoke(get("http_openapi", "openapi.json"))
    document = json.loads(done.body)
    assert (done.status, document["openapi"]) == (200, "3.1.0")
    assert "/tx/{tx_id}" in document["paths"]
