"""The API's description: valid OpenAPI 3.1, and whole against the declarations."""

import json
import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import validate

from functions import declared_endpoints
from functions.edge.endpoint import ANYONE, Answer, Endpoint
from functions.edge.openapi import openapi_document, paths_of
from functions.edge.parameters import PARAMETERS, kept_query
from shared.audit.model import Action
from shared.errors.catalog import entry_of
from shared.security.model import Permission

ENDPOINTS = declared_endpoints()
each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
IDS_AND_TEXTS = {"id", "cursor", "wallet_id", "tx_id", "order_id", "user_id", "reason", "q"}


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """A request body."""

    name: str
    count: int = 0


class Made(msgspec.Struct):
    """An answer."""

    version: int


WRITE = Endpoint(
    name="http_make", summary="Make one.", route="things/{thing_id}/parts/{part_id?}", methods=("POST", "PUT"),
    permission=Permission.SITE_MANAGE, rate_class="admin", query=("limit",), request=Wanted, response=Made,
    answers=frozenset({201}), errors=("TX_NOT_FOUND",), audit=Action.CEILING_RAISE, target="thing",
    idempotency="required", if_match="optional", handle=lambda _runtime, _request: Answer({}),
)  # fmt: skip


def document_of(*endpoints: Endpoint) -> dict[str, Any]:
    """As a program reads it."""
    document: dict[str, Any] = json.loads(msgspec.json.encode(openapi_document(endpoints)))
    return document


def resolved(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_the_description_is_valid() -> None:
    validate(document_of(*ENDPOINTS))
    validate(document_of(WRITE))


@each_endpoint
def test_every_endpoint_is_described_with_every_status_and_code(endpoint: Endpoint) -> None:
    document = document_of(*ENDPOINTS)
    for path, names, _ in paths_of(endpoint):
        for method in endpoint.methods:
            operation = document["paths"][path][method.lower()]
            assert {int(status) for status in operation["responses"]} == endpoint.statuses
            assert {each["name"] for each in operation["parameters"] if each["in"] == "path"} == set(names)
            assert (operation["security"] == []) == (endpoint.permission == ANYONE)
            told = "".join(each["description"] for each in operation["responses"].values())
            assert all(f"`{code}`" in told for code in endpoint.problem_codes)


# What is asked for does not fit into an address; nothing is changed, so an access record is what it leaves.
READS_BY_POST = {"http_tx_lookup"}


@each_endpoint
def test_an_endpoint_says_what_it_is_for_and_what_it_answers(endpoint: Endpoint) -> None:
    assert re.fullmatch(r"[A-Z].{5,150}\.", endpoint.summary)
    assert endpoint.response is not None or endpoint.media_type != "application/json"
    assert all(entry_of(code).code == code for code in endpoint.errors)
    reads = endpoint.methods == ("GET",) or endpoint.name in READS_BY_POST
    assert reads or endpoint.audit is not None or endpoint.rate_class == "public"
    assert endpoint.audit is None or endpoint.target


def test_every_reference_leads_somewhere_and_every_name_is_used_once() -> None:
    document = document_of(*ENDPOINTS, WRITE)
    text = json.dumps(document)
    for reference in set(re.findall(r'"(#/[^"]+)"', text)):
        assert resolved(document, reference)
    ids = re.findall(r'"operationId": "([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_a_write_is_described_whole() -> None:
    document = document_of(WRITE)
    assert set(document["paths"]) == {"/things/{thing_id}/parts", "/things/{thing_id}/parts/{part_id}"}
    operation = document["paths"]["/things/{thing_id}/parts"]["post"]
    headers = {each["name"]: each["required"] for each in operation["parameters"] if each["in"] == "header"}
    assert headers == {"X-Correlation-ID": False, "Idempotency-Key": True, "If-Match": False}
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    schema = resolved(document, body["$ref"])
    assert (schema["required"], schema["additionalProperties"]) == (["name"], False)
    assert set(operation["responses"]["201"]["headers"]) >= {"ETag", "Idempotency-Replayed"}
    assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]
    assert "Retry-After" in operation["responses"]["429"]["headers"]
    assert {operation[f"x-{name}"] for name in ("permission", "rate-class", "audit-action")} == {
        "site:site:manage",
        "admin",
        "operator:reject_ceiling:raise",
    }


def test_an_id_stands_in_for_a_part_of_the_path() -> None:
    endpoint = replace(WRITE, route="things/{thing_id?}", methods=("GET",), query=("id", "limit"))
    paths = document_of(endpoint)["paths"]

    def query_of(path: str) -> dict[str, bool]:
        return {
            each["name"]: each["required"]
            for each in paths[path]["get"]["parameters"]
            if each["in"] == "query"
        }

    assert query_of("/things") == {"id": True, "limit": False}
    assert query_of("/things/{thing_id}") == {"limit": False}


@each_endpoint
def test_every_query_parameter_has_a_meaning(endpoint: Endpoint) -> None:
    assert set(endpoint.query or ()) <= set(PARAMETERS)


def test_what_is_kept_of_a_query_names_nobody() -> None:
    assert not [name for name in IDS_AND_TEXTS if name in PARAMETERS and PARAMETERS[name].kept]
    kept = kept_query({"id": "wallet-7", "limit": "5", "other": "x", "entry_type": "y" * 500})
    assert kept == {"id": "", "limit": "5", "other": "", "entry_type": "y" * 64}
