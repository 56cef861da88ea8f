"""The table of settings: names, defaults and limits come from the code, meanings are kept from the page."""

import re
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from infra.local.docs.tables import codes, markdown_table
from shared.settings import PLATFORM_NAMES, Settings, setting_names

_ROW = re.compile(r"^\| `([^`]+)` \| .*? \| (.*) \|$", re.MULTILINE)


def settings_table(current: str) -> str:
    """One row per setting. Raises LookupError for a setting whose meaning nobody has written yet."""
    meanings = dict(_ROW.findall(current))
    if missing := [name for name in setting_names() if not meanings.get(name, "").strip()]:
        raise LookupError(f"write what {', '.join(missing)} means into the table of docs/settings.md")
    hints = get_type_hints(Settings, include_extras=True)
    fields = {field.encode_name: field for field in msgspec.structs.fields(Settings)}
    rows = []
    for name, hint in ((name, hints[name.lower()]) for name in fields):
        shown = PLATFORM_NAMES.get(name, name)
        rows.append(
            (f"`{shown}`", _default(fields[name]) + _limits(hint), meanings[shown].replace(r"\|", "|"))
        )
    return markdown_table(("setting", "default", "meaning"), rows)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "**required**"
    value = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    return f"`{value}`" if value else "empty"


def _limits(hint: Any) -> str:
    """The values a setting takes, where they are few or bounded."""
    if get_origin(hint) is Literal:
        return f" ({codes(get_args(hint))})"
    if get_origin(hint) is not Annotated:
        return ""
    meta = next(each for each in hint.__metadata__ if isinstance(each, msgspec.Meta))
    low = f"{meta.ge:,}" if meta.ge is not None else f"above {meta.gt:,}" if meta.gt is not None else ""
    return f" ({low} to {meta.le:,})" if low and meta.le is not None else ""
