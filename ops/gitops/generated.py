"""The Applications that an ApplicationSet makes.

Of the generators there is the list, and of Go's templates what names a value: `{{ .domain }}`, `{{ .image.url }}` and
`{{ index .labels "app.kubernetes.io/name" }}`. Everything else is refused
(https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/GoTemplate/).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ops.errors import OpsError
from ops.gitops.objects import Object

_FINALIZER: Final = "resources-finalizer.argocd.argoproj.io"
_ACTION: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FIELD: Final = re.compile(r"-?\s*((?:\.\w+)+)\s*-?")
_INDEX: Final = re.compile(r'-?\s*index\s+(\.|(?:\.\w+)+)((?:\s+"[^"]+")+)\s*-?')


def applications(application_set: Mapping[str, Any]) -> list[Object]:
    """Return the Applications of an ApplicationSet, in the order of its lists.

    Raises:
        OpsError: It has a generator or a template that is not known here, or two Applications of one name.
    """
    name, spec = application_set["metadata"]["name"], application_set["spec"]
    try:
        made = [_application(spec, element, application_set) for element in _elements(spec)]
    except OpsError as error:
        raise OpsError(f"ApplicationSet {name}: {error}") from error
    names = [one["metadata"]["name"] for one in made]
    if twice := sorted({one for one in names if names.count(one) > 1}):
        raise OpsError(f"ApplicationSet {name}: makes two Applications called {twice[0]}")
    return made


def _elements(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if not spec.get("goTemplate"):
        raise OpsError("without goTemplate it is not rendered here")
    if "templatePatch" in spec:
        raise OpsError("templatePatch is not rendered here")
    for generator in spec.get("generators", []):
        if list(generator) != ["list"] or set(generator["list"]) != {"elements"}:
            raise OpsError(f"generator {', '.join(generator)} is not rendered here; list with elements is")
        yield from generator["list"]["elements"]


def _application(spec: Mapping[str, Any], element: Mapping[str, Any], application_set: Mapping[str, Any]) -> Object:
    template = _filled(spec["template"], element)
    metadata = dict(template["metadata"])
    if namespace := application_set["metadata"].get("namespace"):
        metadata["namespace"] = namespace
    if not metadata.get("finalizers") and not (spec.get("syncPolicy") or {}).get("preserveResourcesOnDeletion"):
        metadata["finalizers"] = [_FINALIZER]
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata, "spec": template["spec"]}


def _filled(value: Any, element: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return _ACTION.sub(lambda action: _value(action.group(1), element), value)
    if isinstance(value, Mapping):
        return {_filled(key, element): _filled(item, element) for key, item in value.items()}
    return [_filled(item, element) for item in value] if isinstance(value, list) else value


def _value(action: str, element: Mapping[str, Any]) -> str:
    if field := _FIELD.fullmatch(action):
        steps = field.group(1).split(".")[1:]
    elif index := _INDEX.fullmatch(action):
        steps = [step for step in index.group(1).split(".") if step] + re.findall(r'"([^"]+)"', index.group(2))
    else:
        raise OpsError(f"template {{{{{action}}}}} is not rendered here")
    if action.startswith("-") or action.endswith("-"):
        raise OpsError(f"template {{{{{action}}}}} is not rendered here: it takes white space away")
    found: Any = element
    for step in steps:
        if not isinstance(found, Mapping) or step not in found:
            raise OpsError(f"an element has no {'.'.join(steps)}")
        found = found[step]
    if not isinstance(found, str):
        raise OpsError(f"{'.'.join(steps)} of an element is no text")
    return found
