"""What AWS's answers amount to: the outputs of a resource, and the inputs that would give them."""

from __future__ import annotations

from typing import Any

from sandbox.aws.calls import pick
from sandbox.aws.codec import decode, member, tag_map
from sandbox.aws.compare import project, same, settle
from sandbox.aws.row import Row
from sandbox.aws.schema import Schema
from sandbox.aws.session import Scope, Session
from sandbox.protocol import Properties

__all__ = ["imported_inputs", "observed_outputs", "refreshed_inputs"]

EMPTY: tuple[Any, ...] = (None, "", [], {})


def observed_outputs(
    row: Row, schema: Schema, session: Session, document: dict[str, Any], scope: Scope, inputs: Properties
) -> Properties:
    """Return the outputs in a document of AWS, in the wording of the inputs where both mean the same."""
    found: Properties = {}
    values = {**scope.values, **document}
    for name, kind in schema.outputs.items():
        if name in ("tags", "tagsAll", "id", "urn") or _elsewhere(row, name, inputs):
            continue
        if name in row.out:
            live = pick(row.out[name], values, values)
        else:
            live = document.get(row.rename.get(name) or member(name, document) or name)
        # Most of what AWS does not tell is only untold; what a row can take away again is gone when it is not there.
        given = None if live is None and name in row.unset else inputs.get(name)
        value = settle(given, decode(live, kind, name, row.rename))
        if value is not None:
            found[name] = value
    if "region" in schema.outputs:
        found["region"] = session.region
    return {**found, **_tags(row, session, document, inputs)}


def refreshed_inputs(row: Row, schema: Schema, outputs: Properties, olds: Properties) -> Properties:
    """Return the old inputs with what has drifted."""
    found = dict(olds)
    for name in schema.inputs.keys() & olds.keys() - {"tags"}:
        live = outputs.get(name)
        if live is None and name in row.unset:
            del found[name]
        elif live is not None and not same(olds[name], project(olds[name], live)):
            found[name] = project(olds[name], live)
    if row.tags and outputs.get("tags", {}) != olds.get("tags", {}):
        found["tags"] = outputs.get("tags", {})
    return found


def imported_inputs(row: Row, schema: Schema, outputs: Properties) -> Properties:
    """Return the inputs of a resource that the program did not make."""
    live = {name: value for name, value in outputs.items() if name in schema.inputs and value not in EMPTY}
    live.pop("region", None)
    return {**row.defaults, **live}


def _elsewhere(row: Row, name: str, inputs: Properties) -> bool:
    """Say whether an output belongs to other resources: left out, so that it never looks like drift."""
    if name not in row.volatile or name in inputs:
        return False
    return bool(inputs) or name not in row.computed


def _tags(row: Row, session: Session, document: dict[str, Any], inputs: Properties) -> Properties:
    if not row.tags:
        return {}
    raw = next((document[name] for name in ("Tags", "tags", "TagSet") if name in document), None)
    live = {name: text for name, text in tag_map(raw).items() if not name.startswith("aws:")}
    given = inputs.get("tags") or {}
    own = {name: text for name, text in live.items() if name in given or session.default_tags.get(name) != text}
    return {"tagsAll": live, **({"tags": own} if own or "tags" in inputs else {})}
