"""The query string of a request: read whole, refused when it says something we do not know."""

import difflib
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func

from shared.errors.request import FieldProblem, RequestInvalid

FIELDS_MAX = 50


def read_query(request: func.HttpRequest, known: Sequence[str]) -> dict[str, str]:
    """The parameters by name. Raises RequestInvalid for an unknown, repeated or unreadable one.

    The URL is read, not the host's own view of it: that one drops blank values and joins repeated ones.
    """
    pairs = _pairs(request)
    problems = [*_unknown([name for name, _ in pairs], known), *_repeated([name for name, _ in pairs])]
    if problems:
        raise RequestInvalid(*problems)
    return dict(pairs)


def _pairs(request: func.HttpRequest) -> list[tuple[str, str]]:
    params: Mapping[str, str] = request.params
    try:
        text = urlsplit(request.url).query
        if not text:
            return list(params.items())
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError as error:
        problem = FieldProblem(
            "query", f"is not UTF-8, percent-encoded, with at most {FIELDS_MAX} parameters"
        )
        raise RequestInvalid(problem) from error


def _unknown(names: Sequence[str], known: Sequence[str]) -> list[FieldProblem]:
    taken = f"this endpoint takes {', '.join(known)}" if known else "this endpoint takes no parameters"
    problems = []
    for name in dict.fromkeys(names):
        if name not in known:
            near = difflib.get_close_matches(name[:40], known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            problems.append(FieldProblem(name[:40], f"is not a parameter here{hint}; {taken}"))
    return problems


def _repeated(names: Sequence[str]) -> list[FieldProblem]:
    twice = {name for name in names if names.count(name) > 1}
    return [FieldProblem(name[:40], "is given more than once; send it once") for name in sorted(twice)]
