"""The part of Go's templates with sprig's functions that manifests of secrets use: fields of a flat map and pipes."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote_plus

__all__ = ["TemplateError", "execute"]

_ACTION: Final = re.compile(r"(\s*)\{\{(-?)(.*?)(-?)\}\}(\s*)", re.DOTALL)
_FIELD: Final = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)")
_INDEX: Final = re.compile(r'index \. "([^"]+)"')
_PIPES: Final[Mapping[str, Callable[[str], str]]] = {
    "b64enc": lambda text: base64.b64encode(text.encode()).decode(),
    "b64dec": lambda text: base64.b64decode(text).decode(),
    "lower": str.lower,
    "quote": json.dumps,
    "toJson": json.dumps,
    "toString": str,
    "trim": str.strip,
    "upper": str.upper,
    "urlquery": quote_plus,
}


class TemplateError(Exception):
    """A template that Go would refuse, or one that says what this module does not know."""


def execute(template: str, values: Mapping[str, str]) -> str:
    """Fill a template in. Raise `TemplateError` for a key that is not there, as the option `missingkey=error` does."""

    def filled(match: re.Match[str]) -> str:
        before, left, action, right, after = match.groups()
        return ("" if left else before) + _value(action.strip(), values) + ("" if right else after)

    return _ACTION.sub(filled, template)


def _value(action: str, values: Mapping[str, str]) -> str:
    source, *pipes = (part.strip() for part in action.split("|"))
    found = _FIELD.fullmatch(source) or _INDEX.fullmatch(source)
    if found is None:
        raise TemplateError(f"template action {action!r}: not known in sandbox/kubernetes/operators/go_templates.py")
    if found[1] not in values:
        raise TemplateError(f'map has no entry for key "{found[1]}"')
    text = values[found[1]]
    for pipe in pipes:
        if pipe not in _PIPES:
            raise TemplateError(
                f"template function {pipe!r}: not known in sandbox/kubernetes/operators/go_templates.py"
            )
        text = _PIPES[pipe](text)
    return text
