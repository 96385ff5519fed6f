"""The GitOps tree as the product renders it (`platform gitops render`), and changes that break it on purpose."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import versions
from components.eks import documents, kubelet
from ops.errors import OpsError
from ops.gitops import objects, sources
from ops.gitops.charts import MissingChartError
from ops.gitops.objects import Key, is_application, key, scopes
from ops.gitops.rendering import Part, Rendered, Renderer, sources_of

CHECKOUT: Final = Path(__file__).resolve().parents[3]
BOOTSTRAP: Final = "gitops/bootstrap"
MAX_PODS: Final = 110
_EXAMPLE: Final[Mapping[str, Any]] = json.loads((CHECKOUT / "tests/gitops/handover.json").read_text(encoding="utf-8"))
# The nodes' settings are the program's own, so that what the tree makes of them is what nodes get.
_NODES: Final = {"kubelet": kubelet.scheduling(MAX_PODS), "userData": documents.node_config(MAX_PODS)}
HANDOVER: Final[Mapping[str, Any]] = {**_EXAMPLE, "karpenter": {**_EXAMPLE["karpenter"], **_NODES}}
# The other variant: what it has instead, and neither Karpenter nor overlays to choose from.
_INSTEAD: Final[Mapping[str, Any]] = json.loads(
    (CHECKOUT / "tests/gitops/handover_self_managed.json").read_text(encoding="utf-8")
)
SELF_MANAGED: Final[Mapping[str, Any]] = {
    section: value for section, value in {**_EXAMPLE, **_INSTEAD}.items() if section not in ("karpenter", "workloads")
}
# What the third-party charts render with our values: group/kind/name by namespace. Those charts are not in the tree.
CHARTS: Final[Mapping[str, Any]] = json.loads(
    (CHECKOUT / "tests/gitops/chart_objects.json").read_text(encoding="utf-8")
)
WAVE: Final = "argocd.argoproj.io/sync-wave"
IN_CLUSTER: Final = "https://kubernetes.default.svc"
# Kinds that lie in no namespace, of those that the tree has or must not have.
CLUSTER_SCOPED: Final = frozenset(kind for _, kind in scopes([]))

Object = objects.Object
Schema = Mapping[str, Any]
Tool = Callable[[str], Path]


@dataclass(frozen=True, slots=True)
class Tree:
    """Everything the root Application brings.

    Attributes:
        root: What gitops/bootstrap renders: projects, child Applications and ApplicationSets.
        generated: The Applications that ApplicationSets make.
        children: What each Application of both renders, all sources together. Of a chart from elsewhere: apiVersion,
            kind and metadata alone.
        handover: What it was rendered with.
        theirs: The objects of charts from elsewhere, by Application.
    """

    root: list[Object]
    generated: list[Object]
    children: dict[str, list[Object]]
    handover: Mapping[str, Any]
    theirs: Mapping[str, frozenset[Key]] = field(default_factory=dict)

    @property
    def applications(self) -> list[Object]:
        return [thing for thing in [*self.root, *self.generated] if is_application(thing)]

    def application(self, name: str) -> Object:
        return self.get(f"Application/{name}")

    def project(self, name: str) -> Object:
        return self.get(f"AppProject/{name}")

    def get(self, kind_and_name: str) -> Object:
        """Return the one object called, for instance, `NodePool/general`."""
        kind, name = kind_and_name.split("/")
        (found,) = [thing for thing in self.everything() if (thing["kind"], thing["metadata"]["name"]) == (kind, name)]
        return found

    def values(self, name: str) -> dict[str, Any]:
        """Return what the one source called so gets: a chart's name, or a folder's below gitops/platform."""
        paths = {name, f"gitops/platform/{name}"}
        every = (source for application in self.applications for source in sources_of(application))
        (found,) = [source for source in every if paths & {source.get("chart"), source.get("path")}]
        values: dict[str, Any] = found["helm"]["valuesObject"]
        return values

    def everything(self) -> Iterator[Object]:
        yield from self.root
        yield from self.generated
        for rendered in self.children.values():
            yield from rendered

    def ours(self) -> Iterator[Object]:
        """Yield what is rendered from this repository, whole."""
        yield from self.root
        for name, rendered in self.children.items():
            yield from (thing for thing in rendered if key(thing) not in self.theirs.get(name, frozenset()))


Rule = Callable[[Tree], Iterable[str]]
Break = Callable[[Tree], object]


def render(tool: Tool, handover: Mapping[str, Any] = HANDOVER) -> Tree:
    """Render the root and all that it brings, with the product's own renderer; what charts make is foreseen."""
    repository = handover["repository"]
    source = {
        "repoURL": repository["url"],
        "targetRevision": repository["revision"],
        "path": BOOTSTRAP,
        "helm": {"valuesObject": handover},
    }
    root, *below = _renderer(tool).render(
        {"metadata": {"name": "root"}, "spec": {"source": source, "destination": {"namespace": "argocd"}}}
    )
    names = {thing["metadata"]["name"] for thing in root.objects if is_application(thing)}
    tree = Tree(
        root=root.objects,
        generated=[one.application for one in below if one.name not in names],
        children={one.name: [thing for part in one.parts for thing in _made(one, part)] for one in below},
        handover=handover,
        theirs={
            one.name: frozenset(key(thing) for part in one.parts if part.missing for thing in _made(one, part))
            for one in below
        },
    )
    # What is the same in two trees was rendered once; a tree is nevertheless its owner's alone.
    return copy.deepcopy(tree)


@functools.cache
def _renderer(tool: Tool) -> Renderer:
    return Renderer(CHECKOUT, tool, _elsewhere, versions.KUBERNETES)


def _elsewhere(repository: str, name: str, version: str) -> Path:
    raise MissingChartError(f"{name} {version} lies in {repository}, not in this repository")


def _made(application: Rendered, part: Part) -> Iterable[Object]:
    """Return what a source makes; an Application may put a chart's objects elsewhere than these tests know them."""
    if not part.missing:
        return part.objects
    namespace = application.application["spec"]["destination"]["namespace"]
    return _foreseen(part.source["chart"], (part.values or {}).get("namespaceOverride") or namespace)


def _foreseen(chart: str, namespace: str) -> Iterator[Object]:
    known = CHARTS[chart]["objects"]
    home = max((place for place in known if place), key=lambda place: len(known[place]), default="")
    for place, names in known.items():
        where = namespace if place == home else place
        for group, kind, name in (entry.split("/") for entry in names):
            metadata = {"name": name, **({"namespace": where} if place else {})}
            yield {"apiVersion": f"{group}/v1".lstrip("/"), "kind": kind, "metadata": metadata}


def helm(tool: Tool, path: str, release: str, namespace: str, values: Mapping[str, Any]) -> list[Object]:
    """Render a chart of this repository. Raise `RuntimeError` with Helm's message if it refuses."""
    kubernetes = [versions.KUBERNETES]
    try:
        return sources.helm(tool, CHECKOUT / path, {"valuesObject": values}, release, namespace, kubernetes)
    except OpsError as error:
        raise RuntimeError(str(error)) from error


def edit(kind_and_name: str, *path: str | int, to: Any = None) -> Break:
    """Return a change that sets a value in one object; `to=None` takes it out."""

    def change(tree: Tree) -> None:
        at: Any = tree.get(kind_and_name)
        for step in path[:-1]:
            at = at[step] if isinstance(step, int) else at.setdefault(step, {})
        if to is None:
            del at[path[-1]]
        else:
            at[path[-1]] = to

    return change


def add(application: str, thing: Object) -> Break:
    """Return a change that makes a child render one more object."""
    return lambda tree: tree.children[application].append(copy.deepcopy(thing))


def assert_noticed(rule: Rule, break_: Break, tree: Tree) -> None:
    """Assert that a rule complains about a broken copy of the tree."""
    broken = copy.deepcopy(tree)
    break_(broken)
    assert broken != tree, "the change changes nothing"
    assert list(rule(broken)), f"{rule.__name__} notices nothing"


def chart_schema(chart: str) -> dict[str, Any]:
    """Return what the values of a chart of this repository have to be."""
    schema: dict[str, Any] = json.loads((CHECKOUT / chart / "values.schema.json").read_text(encoding="utf-8"))
    return schema


def schema_nodes(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield every value that the schema knows by its dotted path, with what it says of it."""
    yield from _nodes(schema, schema)


def _nodes(schema: Schema, node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    if "$ref" in node:
        node = schema["definitions"][node["$ref"].rpartition("/")[2]]
    yield path, node
    for name, below in node.get("properties", {}).items():
        yield from _nodes(schema, below, f"{path}.{name}".lstrip("."))
