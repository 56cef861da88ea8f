import re

import pytest

from infra.local.host.errors import StartError
from infra.local.host.routes import Route


def route(template: str, *methods: str) -> Route:
    return Route.parse("f", template, frozenset(methods))


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("items", "/items", {}),
        ("items", "/ITEMS/", {}),
        ("items", "/items/1", None),
        ("items/{id}", "/items/a%20b", {"id": "a b"}),
        ("items/{id}", "/items/", None),
        ("items/{id}", "/items/a/b", None),
        ("items/{id?}", "/items", {}),
        ("items/{id?}", "/items/7", {"id": "7"}),
        ("{*rest}", "/", {"rest": ""}),
        ("files/{*rest}", "/files/a/b.txt", {"rest": "a/b.txt"}),
        ("files/{*rest}", "/files", {}),
        ("a/{x}-{y}", "/a/1-2", {"x": "1", "y": "2"}),
        ("i/{id:int}", "/i/-5", {"id": "-5"}),
        ("i/{id:int}", "/i/2147483648", None),
        ("i/{id:long}", "/i/2147483648", {"id": "2147483648"}),
        ("i/{id:guid}", "/i/0af7651916cd43dd8448eb211c80319c", {"id": "0af7651916cd43dd8448eb211c80319c"}),
        ("i/{id:guid}", "/i/7", None),
        ("i/{id:alpha}", "/i/abc", {"id": "abc"}),
        ("i/{id:alpha}", "/i/ab1", None),
        ("i/{id:bool}", "/i/True", {"id": "True"}),
        ("i/{id:decimal}", "/i/1.50", {"id": "1.50"}),
        ("i/{id:length(2,3)}", "/i/abcd", None),
        ("i/{id:length(4)}", "/i/abcd", {"id": "abcd"}),
        ("i/{id:minlength(2):maxlength(3)}", "/i/a", None),
        ("i/{id:min(3)}", "/i/2", None),
        ("i/{id:max(3)}", "/i/2", {"id": "2"}),
        ("i/{id:range(3,5)}", "/i/6", None),
        ("i/{id:regex(^x+$)}", "/i/xx", {"id": "xx"}),
        ("i/{id:regex(^x+$)}", "/i/xy", None),
    ],
)
def test_templates(template: str, path: str, parameters: dict[str, str] | None) -> None:
    assert route(template).match("GET", path) == parameters


def test_methods_restrict_and_absent_methods_do_not() -> None:
    assert route("a", "GET").match("HEAD", "/a") is None
    assert route("a").match("DELETE", "/a") == {}


@pytest.mark.parametrize("template", ["admin", "Admin/x", "/administrators", "runtime/y"])
def test_reserved_prefixes_are_refused(template: str) -> None:
    with pytest.raises(StartError, match=template):
        route(template)


@pytest.mark.parametrize(
    "template", ["a/{id:min(x)}", "a/{id:regex([)}", "a/{id:currency}", "a/{id", "a/x{id?}"]
)
def test_a_template_this_host_cannot_serve_is_refused(template: str) -> None:
    with pytest.raises(StartError, match=re.escape(template)):
        route(template)


def test_same_template_conflicts_only_when_methods_meet() -> None:
    assert route("a/{id}", "GET").conflicts_with(route("A/{id}", "GET", "PUT"))
    assert route("a", "GET").conflicts_with(route("a"))
    assert not route("a", "GET").conflicts_with(route("a", "PUT"))
    assert not route("a", "GET").conflicts_with(route("b", "GET"))
