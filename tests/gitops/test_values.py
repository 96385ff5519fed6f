"""What Pulumi hands over and what the charts of the tree read are the same keys, checked on both sides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import pytest
import yaml

import versions
from components.argocd.charts import tree_charts
from tests.gitops.tree import (
    BOOTSTRAP,
    CHECKOUT,
    HANDOVER,
    SELF_MANAGED,
    Schema,
    Tool,
    chart_schema,
    helm,
    schema_nodes,
)

_OURS = sorted(str(file.parent.relative_to(CHECKOUT)) for file in CHECKOUT.glob("gitops/platform/*/Chart.yaml"))
_CHARTS = [BOOTSTRAP, *_OURS]
_BY_INDEX = re.compile(r'\(?index \$?\.(?:root\.)?Values\.([\w.]+) "([^"]+)"\)?')
_READ = re.compile(r"\.Values\.([\w-]+(?:\.[\w-]+)*)")


def _templates(chart: str) -> str:
    files = sorted(path for path in (CHECKOUT / chart / "templates").rglob("*") if path.is_file())
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _reads(templates: str) -> set[str]:
    """Return the dotted paths that templates read; fail on a way of reading that cannot be followed."""
    text = _BY_INDEX.sub(r".Values.\1.\2", templates)
    paths = _READ.findall(text)
    assert len(paths) == text.count(".Values"), "read values by their full path only"
    return set(paths)


def _disagreements(schema: Schema, templates: str) -> Iterator[str]:
    nodes, reads = dict(schema_nodes(schema)), _reads(templates)
    yield from (f"{path} is read but not in the schema" for path in reads - nodes.keys())
    for path, node in nodes.items():
        # Whoever reads a whole map reads every key in it.
        above = {path[: match.start()] for match in re.finditer(r"\.", path)} | {path}
        if "properties" not in node and not above & reads:
            yield f"{path} is in the schema but nobody reads it"


@pytest.mark.parametrize("chart", _CHARTS)
def test_schema_and_templates_know_the_same_keys(chart: str) -> None:
    """Every value that a template reads is in the schema, and every key of the schema is read."""
    assert list(_disagreements(chart_schema(chart), _templates(chart))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (".Values.karpenter.queueName", ".Values.karpenter.queuName"),
        ('index .Values.identity "external-dns"', 'index .Values.identity "external-names"'),
        (".Values.workloads.overlay", "dev"),
    ],
)
def test_a_key_on_one_side_only_is_noticed(old: str, new: str) -> None:
    """A misspelt read and a key that nobody reads are both found."""
    templates = _templates(BOOTSTRAP)
    assert old in templates
    assert list(_disagreements(chart_schema(BOOTSTRAP), templates.replace(old, new)))


@pytest.mark.parametrize("chart", _CHARTS)
def test_schema_is_closed_and_complete(chart: str) -> None:
    """At every level the schema refuses unknown keys; it asks for all of those that Pulumi hands over."""
    schema = chart_schema(chart)
    for path, node in schema_nodes(schema):
        if "properties" in node:
            assert node["additionalProperties"] is False, path
            assert sorted(_required(schema, path, node)) == sorted(node["properties"]), path
        else:
            assert node.get("type", "object") != "object" or "additionalProperties" in node, path


def _required(schema: Schema, path: str, node: Schema) -> set[str]:
    """Return the keys that a level asks for, in every variant or in one."""
    variants = [row["then"] for row in schema.get("allOf", [])]
    below = variants if path == "" else [variant.get("properties", {}).get(path) or {} for variant in variants]
    return set(node.get("required", [])).union(*(level.get("required", []) for level in below))


def test_example_is_of_the_pinned_versions() -> None:
    """The example that these tests render has the versions that the program hands over."""
    for variant, handover in (("eks", HANDOVER), ("self-managed", SELF_MANAGED)):
        pinned = tree_charts(variant, None)  # type: ignore[arg-type]
        assert handover["charts"] == {name: asdict(chart) for name, chart in pinned.items()}
    assert HANDOVER["karpenter"]["amiAlias"] == f"al2023@{versions.AL2023_RELEASE}"


@pytest.mark.parametrize("chart", _CHARTS)
def test_chart_alone_renders_nothing(tool: Tool, chart: str) -> None:
    """Without a hand-over Helm refuses and names the keys: Git holds no value that could pass for a real one."""
    with pytest.raises(RuntimeError, match="values don't meet the specifications") as refusal:
        helm(tool, chart, "root", "argocd", {})
    assert re.search(r"- at '/[\w/]+': ", str(refusal.value))


def test_defaults_of_bootstrap_are_empty() -> None:
    """values.yaml documents every key of the hand-over, each with an empty value; those of a variant as comments."""
    text = (CHECKOUT / BOOTSTRAP / "values.yaml").read_text(encoding="utf-8")
    defaults = _leaves(yaml.safe_load(text))
    # Several blocks of comments may be about one key.
    blocks = re.findall(r"(?m)(?:^#\|\S.*\n)(?:^#\| .*\n)*", text)
    documented = [_leaves(yaml.safe_load(block.replace("#|", ""))) for block in blocks]
    leaves = {path: value for known in (defaults, *documented) for path, value in known.items()}
    parents = {path.partition(".")[0] for known in documented for path in known} & defaults.keys()
    assert leaves.keys() - parents == {
        path for path, node in schema_nodes(chart_schema(BOOTSTRAP)) if "properties" not in node
    }
    assert not any(leaves.values())


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        return {path: value}
    return {
        leaf: item for key, below in value.items() for leaf, item in _leaves(below, f"{path}.{key}".lstrip(".")).items()
    }
