"""What Pulumi hands over and what the charts of the tree read are the same keys, checked on both sides."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest
import yaml

import versions
from components.argocd.charts import charts
from components.argocd.handover import ClusterHandover, Handover, KarpenterHandover, RepositoryHandover
from tests.gitops.tree import BOOTSTRAP, CHECKOUT, HANDOVER, Tool, Tree, helm

Schema = Mapping[str, Any]
_CHARTS = [BOOTSTRAP, "gitops/platform/karpenter-config"]
_BY_INDEX = re.compile(r'\(index \.Values\.([\w.]+) "([^"]+)"\)')
_READ = re.compile(r"\.Values\.([\w-]+(?:\.[\w-]+)*)")


def _schema(chart: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((CHECKOUT / chart / "values.schema.json").read_text(encoding="utf-8"))
    return schema


def _templates(chart: str) -> str:
    files = sorted((CHECKOUT / chart / "templates").iterdir())
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _reads(templates: str) -> set[str]:
    """Return the dotted paths that templates read; fail on a way of reading that cannot be followed."""
    text = _BY_INDEX.sub(r".Values.\1.\2", templates)
    paths = _READ.findall(text)
    assert len(paths) == text.count(".Values"), "read values by their full path only"
    return set(paths)


def _resolve(schema: Schema, node: Schema) -> Schema:
    return _resolve(schema, schema["definitions"][node["$ref"].rpartition("/")[2]]) if "$ref" in node else node


def _nodes(schema: Schema, node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    node = _resolve(schema, node)
    yield path, node
    for key, below in node.get("properties", {}).items():
        yield from _nodes(schema, below, f"{path}.{key}".lstrip("."))


def _disagreements(schema: Schema, templates: str) -> Iterator[str]:
    nodes, reads = dict(_nodes(schema, schema)), _reads(templates)
    yield from (f"{path} is read but not in the schema" for path in reads - nodes.keys())
    for path, node in nodes.items():
        # Whoever reads a whole map reads every key in it.
        above = {path[: match.start()] for match in re.finditer(r"\.", path)} | {path}
        if "properties" not in node and not above & reads:
            yield f"{path} is in the schema but nobody reads it"


@pytest.mark.parametrize("chart", _CHARTS)
def test_schema_and_templates_know_the_same_keys(chart: str) -> None:
    """Every value that a template reads is in the schema, and every key of the schema is read."""
    assert list(_disagreements(_schema(chart), _templates(chart))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (".Values.karpenter.queueName", ".Values.karpenter.queuName"),
        ('(index .Values.charts "karpenter-crd").version', '(index .Values.charts "karpenter-crds").version'),
        ("{{ .Values.tags | toJson }}", "{}"),
    ],
)
def test_a_key_on_one_side_only_is_noticed(old: str, new: str) -> None:
    """A misspelt read and a key that nobody reads are both found."""
    templates = _templates(BOOTSTRAP)
    assert old in templates
    assert list(_disagreements(_schema(BOOTSTRAP), templates.replace(old, new)))


@pytest.mark.parametrize("chart", _CHARTS)
def test_schema_is_closed_and_complete(chart: str) -> None:
    """At every level the schema refuses unknown keys; it asks for all of those that Pulumi hands over."""
    schema = _schema(chart)
    for path, node in _nodes(schema, schema):
        if "properties" in node:
            assert node["additionalProperties"] is False, path
            if path != "kubelet":
                assert sorted(node["required"]) == sorted(node["properties"]), path
        else:
            assert node.get("type", "object") != "object" or "additionalProperties" in node, path


def test_program_hands_over_what_the_schema_asks_for() -> None:
    """The program's hand-over, with the charts' own repositories or a mirror, is what the chart wants."""
    for mirror in (None, "https://charts.example.com/mirror"):
        third_party = charts(mirror)
        third_party.pop("argo-cd")
        handover = Handover(
            cluster=ClusterHandover(**_snake(HANDOVER["cluster"])),
            repository=RepositoryHandover(**HANDOVER["repository"]),
            charts=third_party,
            karpenter=KarpenterHandover(**_snake(HANDOVER["karpenter"])),
            tags=HANDOVER["tags"],
        )
        assert list(jsonschema.Draft7Validator(_schema(BOOTSTRAP)).iter_errors(handover.values())) == []
        assert handover.values()["charts"].keys() == HANDOVER["charts"].keys()


def _snake(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {re.sub("([A-Z])", r"_\1", key).lower(): value for key, value in keys.items()}


def test_example_is_of_the_pinned_versions() -> None:
    """The example that these tests render has the versions that the program hands over."""
    assert {chart["version"] for chart in HANDOVER["charts"].values()} == {versions.KARPENTER}
    assert HANDOVER["karpenter"]["amiAlias"] == f"al2023@{versions.AL2023_RELEASE}"


@pytest.mark.parametrize("chart", _CHARTS)
def test_chart_alone_renders_nothing(tool: Tool, chart: str) -> None:
    """Without a hand-over Helm refuses and names the keys: Git holds no value that could pass for a real one."""
    with pytest.raises(RuntimeError, match="values don't meet the specifications") as refusal:
        helm(tool, chart, "root", "argocd", {})
    assert "/amiAlias" in str(refusal.value)


def test_defaults_of_bootstrap_are_empty() -> None:
    """values.yaml documents every key of the hand-over, each with an empty value."""
    defaults = yaml.safe_load((CHECKOUT / BOOTSTRAP / "values.yaml").read_text(encoding="utf-8"))
    assert _leaves(defaults).keys() == {
        path for path, node in _nodes(_schema(BOOTSTRAP), _schema(BOOTSTRAP)) if "properties" not in node
    }
    assert not any(_leaves(defaults).values())


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        return {path: value}
    return {
        leaf: item for key, below in value.items() for leaf, item in _leaves(below, f"{path}.{key}".lstrip(".")).items()
    }


def _changed(path: str, value: Any) -> dict[str, Any]:
    handover = copy.deepcopy(dict(HANDOVER))
    *parents, last = path.split(".")
    at = handover
    for parent in parents:
        at = at[parent]
    at[last] = value
    return handover


_REFUSED: dict[str, list[Any]] = {
    "cluster.name": ["", "a b", "x" * 101],
    "cluster.region": ["", "eu-west-1a", "Ireland"],
    "cluster.unknown": ["x"],
    "repository.url": [
        "http://git.example.com/x",
        "https://user:token@git.example.com/x",
        "https://git.example.com",
        "",
    ],
    "repository.revision": ["", "-x", "a b"],
    "charts.karpenter.repository": [
        "oci://public.ecr.aws/karpenter",
        "http://charts.example.com",
        "https://u:p@x/y",
        "",
    ],
    "charts.karpenter.version": ["", "1.14", "1.x.x", ">=1.14.1", "latest", "*"],
    "charts.other": [{"repository": "https://charts.example.com", "version": "1.0.0"}],
    "karpenter.replicas": [0, "2", None],
    "karpenter.queueName": ["", "a.fifo", "x" * 81],
    "karpenter.nodeRoleName": ["", "arn:aws:iam::123456789012:role/x", "x" * 65],
    "karpenter.amiAlias": ["", "al2023@latest", "al2@v20260714", "al2023"],
    "karpenter.volumeSize": ["50", "0Gi", "50GB", 50],
    "karpenter.capacityTypes": [[], ["Spot"], ["spot", "spot"], "spot"],
    "karpenter.instanceFamilies": [[], ["t"], ["t3.medium"]],
    "karpenter.instanceSizes": [[], ["big"], ["medium "]],
    "karpenter.limits": [{}, {"cpu": "100"}, {"cpu": 100, "memory": "200Gi"}, {"cpu": "100", "memory": "200"}],
    "karpenter.consolidateAfter": ["", "1", "1d", "never"],
    "karpenter.disruptionBudget": ["", "101%", "half"],
    "tags": [{"": "x"}, {"a": 1}, {"kubernetes.io/cluster/x": "owned"}, {"eks:eks-cluster-name": "x"}],
}


@pytest.mark.parametrize(("path", "value"), [(path, value) for path, values in _REFUSED.items() for value in values])
def test_bad_value_is_refused(path: str, value: Any) -> None:
    """A hand-over with one bad value does not get past the schema, and the refusal names the key."""
    errors = list(jsonschema.Draft7Validator(_schema(BOOTSTRAP)).iter_errors(_changed(path, value)))
    assert errors
    assert all(path.rpartition(".")[2] in error.json_path + error.message for error in errors)


def test_example_passes() -> None:
    """The example hand-over itself is fine, so each refusal above is the changed value's doing."""
    assert list(jsonschema.Draft7Validator(_schema(BOOTSTRAP)).iter_errors(HANDOVER)) == []


def test_helm_applies_the_schema(tool: Tool) -> None:
    """Helm itself refuses an unknown key, so Argo CD does too."""
    with pytest.raises(RuntimeError, match="clutser"):
        helm(tool, BOOTSTRAP, "root", "argocd", {**HANDOVER, "clutser": {}})


_OTHER: dict[str, Any] = {
    "cluster.name": "other_cluster-2",
    "cluster.region": "us-gov-west-1",
    "repository.url": "ssh://git@git.example.com:2222/other.git",
    "repository.revision": "v1.2.3",
    "charts.karpenter.repository": "https://charts.example.com/mirror",
    "charts.karpenter.version": "1.15.0-rc.1",
    "charts.karpenter-crd.repository": "registry.example.com:5000/karpenter",
    "charts.karpenter-crd.version": "1.15.0",
    "karpenter.replicas": 1,
    "karpenter.queueName": "other_queue",
    "karpenter.nodeRoleName": "Other+Role",
    "karpenter.amiAlias": "al2023@v20261101",
    "karpenter.volumeSize": "100Gi",
    "karpenter.capacityTypes": ["on-demand"],
    "karpenter.instanceFamilies": ["m7i-flex", "c7gn"],
    "karpenter.instanceSizes": ["12xlarge", "metal-24xl"],
    "karpenter.limits.cpu": "1000",
    "karpenter.limits.memory": "2Ti",
    "karpenter.consolidateAfter": "1h30m",
    "karpenter.disruptionBudget": "0",
    "tags": {"Owner": "other"},
}


@pytest.mark.parametrize(("path", "value"), _OTHER.items())
def test_value_reaches_the_tree(tool: Tool, tree: Tree, path: str, value: Any) -> None:
    """Another value, good as well, changes what the root Application renders."""
    assert helm(tool, BOOTSTRAP, "root", "argocd", _changed(path, value)) != tree.root


def test_every_value_has_another() -> None:
    """The test above leaves out no key of the hand-over."""
    schema = _schema(BOOTSTRAP)
    assert _OTHER.keys() == {path for path, node in _nodes(schema, schema) if "properties" not in node}
