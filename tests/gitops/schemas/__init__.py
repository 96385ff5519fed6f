"""What an object of the tree may say: the kinds' own schemas, with every unknown key refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

import jsonschema
from kubernetes_validate import utils
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from sandbox import crds
from sandbox.tools import load_tools
from tests.gitops.tree import CHECKOUT, Object, Tree

Kind = tuple[str, str]
"""An object's apiVersion and kind."""

# The names of the trees, as of the fixture `trees`.
TREES: Final = ("eks-dev", "eks-staging", "eks-prod", "self-managed")

# The API server knows metadata by itself; a CRD says no more than that it is an object.
_METADATA: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "finalizers": {"type": "array", "items": {"type": "string"}},
    },
}


class Schemas:
    """The custom kinds that some CRDs define, and Kubernetes' own at one minor.

    Args:
        kinds: CRDs.
        minor: Of Kubernetes, as `1.36`.
    """

    def __init__(self, kinds: Iterable[Mapping[str, Any]], minor: str) -> None:
        self._minor = minor
        self._open = {
            (f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]): version
            for crd in kinds
            for version in crd["spec"]["versions"]
            if version["served"]
        }
        self._ready: dict[Kind, jsonschema.Draft202012Validator] = {}

    @property
    def custom(self) -> frozenset[Kind]:
        """The kinds that the CRDs define."""
        return frozenset(self._open)

    def faults(self, thing: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with an object: path and reason. A kind that nobody defines is wrong too."""
        kind = (thing["apiVersion"], thing["kind"])
        validator = self._custom(kind) if kind in self._open else _core(kind, self._minor)
        if validator is None:
            return [f"no kind {kind[1]} in {kind[0]} of Kubernetes {self._minor} or any CRD"]
        found = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(thing)]
        return found + (self._pod_template(thing) if kind[1] == "Rollout" else [])

    def schema(self, kind: Kind) -> Mapping[str, Any]:
        """Return a custom kind's schema, closed."""
        root = closed(self._open[kind]["schema"]["openAPIV3Schema"])
        root["properties"]["metadata"] = _METADATA
        return root

    def _custom(self, kind: Kind) -> jsonschema.Draft202012Validator:
        if kind not in self._ready:
            self._ready[kind] = jsonschema.Draft202012Validator(self.schema(kind))
        return self._ready[kind]

    def _pod_template(self, rollout: Mapping[str, Any]) -> list[str]:
        # Its CRD takes anything for a volume and for resources; Kubernetes, which gets the pods in the end, does not.
        name = {"name": rollout["metadata"]["name"]}
        template = {
            "apiVersion": "v1",
            "kind": "PodTemplate",
            "metadata": name,
            "template": rollout["spec"]["template"],
        }
        return self.faults(template)


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a structural schema as JSON schema that refuses what the API server would drop without a word.

    Levels that keep unknown fields stay open. Conditions (`oneOf`, `not` …) add no keys and stay as they are.
    """
    made = dict(schema)
    if "items" in made:
        made["items"] = closed(made["items"])
    if isinstance(made.get("additionalProperties"), Mapping):
        made["additionalProperties"] = closed(made["additionalProperties"])
    if "properties" in made:
        made["properties"] = {key: closed(value) for key, value in made["properties"].items()}
        # Defaults come before validation.
        made["required"] = [key for key in made.get("required", []) if "default" not in made["properties"].get(key, {})]
    if made.get("type") == "object" and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if made.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    elif made.get("nullable") and "type" in made:
        made["type"] = [made["type"], "null"]
    return made


def definitions(trees: Iterable[Tree]) -> list[Object]:
    """Return the CRDs of the custom kinds in some trees: their publishers', those kept by hand, the trees' own."""
    things = [thing for tree in trees for thing in whole(tree)]
    used = {thing["kind"] for thing in things}
    sets = crds.folders(load_tools(CHECKOUT)).values()
    own = {thing["metadata"]["name"]: thing for thing in things if thing["kind"] == "CustomResourceDefinition"}
    return [crd for folder in sets for crd in crds.definitions(folder, used).values()] + list(own.values())


def whole(tree: Tree) -> Iterator[Object]:
    """Yield what a tree renders from this repository, and the Applications that its ApplicationSets make."""
    yield from tree.ours()
    yield from tree.generated


@cache
def _core(kind: Kind, minor: str) -> jsonschema.Draft202012Validator | None:
    folder, registry = _core_definitions(minor)
    group, _, version = kind[0].rpartition("/")
    prefix = f"{group.partition('.')[0]}-" if group else ""
    try:
        schema = utils.schema_contents(f"{folder}/{kind[1].lower()}-{prefix}{version}.json", minor)
    except FileNotFoundError:
        return None
    return jsonschema.Draft202012Validator(schema, registry=registry)


@cache
def _core_definitions(minor: str) -> tuple[str, Registry[Any]]:
    (version,) = {version for version in utils.all_versions() if version.startswith(f"{minor}.")}
    folder = f"kubernetes-json-schema/v{version}-local-strict"
    definitions = DRAFT202012.create_resource(utils.schema_contents(f"{folder}/_definitions.json", minor))
    registry: Registry[Any] = definitions @ Registry()
    return folder, registry
