"""The GitOps tree as Argo CD would render it, and changes that break it on purpose."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from components.eks import documents, kubelet

CHECKOUT: Final = Path(__file__).resolve().parents[3]
BOOTSTRAP: Final = "gitops/bootstrap"
MAX_PODS: Final = 110
_EXAMPLE: Final[Mapping[str, Any]] = json.loads((CHECKOUT / "tests/gitops/handover.json").read_text(encoding="utf-8"))
# The nodes' settings are the program's own, so that what the tree makes of them is what nodes get.
_NODES: Final = {"kubelet": kubelet.scheduling(MAX_PODS), "userData": documents.node_config(MAX_PODS)}
HANDOVER: Final[Mapping[str, Any]] = {**_EXAMPLE, "karpenter": {**_EXAMPLE["karpenter"], **_NODES}}
# The other variant: what it has instead, and no Karpenter.
_INSTEAD: Final[Mapping[str, Any]] = json.loads(
    (CHECKOUT / "tests/gitops/handover_self_managed.json").read_text(encoding="utf-8")
)
SELF_MANAGED: Final[Mapping[str, Any]] = {
    key: value for key, value in {**_EXAMPLE, **_INSTEAD}.items() if key != "karpenter"
}
# What the third-party charts render with our values: group/kind/name by namespace. Those charts are not in the tree.
CHARTS: Final[Mapping[str, Any]] = json.loads(
    (CHECKOUT / "tests/gitops/chart_objects.json").read_text(encoding="utf-8")
)
WAVE: Final = "argocd.argoproj.io/sync-wave"
IN_CLUSTER: Final = "https://kubernetes.default.svc"
# Kinds that lie in no namespace, of those that the tree has or must not have.
CLUSTER_SCOPED: Final = frozenset(
    {
        *("APIService", "ClusterRole", "ClusterRoleBinding", "CSIDriver", "CustomResourceDefinition", "EC2NodeClass"),
        *("IngressClass", "IngressClassParams", "MutatingWebhookConfiguration", "Namespace", "NodePool"),
        *("StorageClass", "ValidatingWebhookConfiguration"),
    }
)

Object = dict[str, Any]
Schema = Mapping[str, Any]
Tool = Callable[[str], Path]


@dataclass(frozen=True, slots=True)
class Tree:
    """Everything the root Application brings.

    Attributes:
        root: What gitops/bootstrap renders: projects and child Applications.
        children: What each child Application renders. For a chart from elsewhere: apiVersion, kind and metadata alone.
        handover: What it was rendered with.
    """

    root: list[Object]
    children: dict[str, list[Object]]
    handover: Mapping[str, Any]

    @property
    def applications(self) -> list[Object]:
        return [thing for thing in self.root if thing["kind"] == "Application"]

    def application(self, name: str) -> Object:
        return self.get(f"Application/{name}")

    def project(self, name: str) -> Object:
        return self.get(f"AppProject/{name}")

    def get(self, kind_and_name: str) -> Object:
        """Return the one object called, for instance, `NodePool/general`."""
        kind, name = kind_and_name.split("/")
        (found,) = [thing for thing in self.everything() if (thing["kind"], thing["metadata"]["name"]) == (kind, name)]
        return found

    def everything(self) -> Iterator[Object]:
        yield from self.root
        for rendered in self.children.values():
            yield from rendered

    def ours(self) -> Iterator[Object]:
        """Yield what is rendered from this repository, whole."""
        yield from self.root
        for application in self.applications:
            if "path" in application["spec"]["source"]:
                yield from self.children[application["metadata"]["name"]]


Rule = Callable[[Tree], Iterable[str]]
Break = Callable[[Tree], object]


def render(tool: Tool, handover: Mapping[str, Any] = HANDOVER) -> Tree:
    """Render the root and every child as Argo CD does: from the child's own source, with the child's own values."""
    root = helm(tool, BOOTSTRAP, "root", "argocd", handover)
    tree = Tree(root, {}, handover)
    for application in tree.applications:
        tree.children[application["metadata"]["name"]] = _render_child(tool, application)
    return tree


def _render_child(tool: Tool, application: Object) -> list[Object]:
    source, namespace = application["spec"]["source"], application["spec"]["destination"]["namespace"]
    if "chart" in source:
        return list(_foreseen(source["chart"]))
    if (CHECKOUT / source["path"] / "kustomization.yaml").is_file():
        return _objects(_run(tool("kustomize"), "build", str(CHECKOUT / source["path"])))
    values = source.get("helm", {}).get("valuesObject", {})
    rendered = helm(tool, source["path"], application["metadata"]["name"], namespace, values)
    for thing in rendered:
        if thing["kind"] not in CLUSTER_SCOPED:
            thing["metadata"].setdefault("namespace", namespace)
    return rendered


def _foreseen(chart: str) -> Iterator[Object]:
    for namespace, names in CHARTS[chart]["objects"].items():
        for group, kind, name in (entry.split("/") for entry in names):
            place = {"namespace": namespace} if namespace else {}
            yield {"apiVersion": f"{group}/v1".lstrip("/"), "kind": kind, "metadata": {"name": name, **place}}


def helm(tool: Tool, path: str, release: str, namespace: str, values: Mapping[str, Any]) -> list[Object]:
    """Render a chart of this repository. Raise `RuntimeError` with Helm's message if it refuses."""
    arguments = ["template", release, str(CHECKOUT / path), "--namespace", namespace, "--include-crds", "--values", "-"]
    return _objects(_run(tool("helm"), *arguments, given=json.dumps(values)))


def _run(program: Path, *arguments: str, given: str = "") -> str:
    done = subprocess.run([program, *arguments], check=False, input=given, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def _objects(text: str) -> list[Object]:
    return [thing for thing in yaml.safe_load_all(text) if thing]


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
    for key, below in node.get("properties", {}).items():
        yield from _nodes(schema, below, f"{path}.{key}".lstrip("."))
