"""What Karpenter's charts are given, and what charts of this repository consist of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kubernetes.utils import parse_quantity

from tests.gitops.tree import BOOTSTRAP, CHECKOUT, HANDOVER, Break, Tool, Tree, assert_noticed, edit, helm

_KARPENTER = "Application/karpenter"
_VALUES = ["spec", "source", "helm", "valuesObject"]


def test_karpenter_chart_gets_what_its_aws_side_is_named(tree: Tree) -> None:
    """The controller's chart gets cluster, queue, region and the account that its Pod Identity association names."""
    source = tree.application("karpenter")["spec"]["source"]
    values = source["helm"]["valuesObject"]
    assert values["settings"] == {
        "clusterName": HANDOVER["cluster"]["name"],
        "interruptionQueue": HANDOVER["karpenter"]["queueName"],
        "eksControlPlane": True,
        "isolatedVPC": False,
        "enableZonalShift": True,
    }
    assert values["serviceAccount"] == {"name": "karpenter"}
    assert values["controller"]["env"] == [{"name": "AWS_REGION", "value": HANDOVER["cluster"]["region"]}]
    assert values["replicas"] == HANDOVER["karpenter"]["replicas"]
    assert tree.application("karpenter")["spec"]["destination"]["namespace"] == "kube-system"


def karpenter_outlives_a_zone(tree: Tree) -> Iterator[str]:
    values = tree.application("karpenter")["spec"]["source"]["helm"]["valuesObject"]
    if values.get("replicas", 0) < 2:
        yield "a second controller takes over"
    if values.get("nodeSelector", {}).get("node-type") != "base":
        yield "it runs on base nodes, which nobody takes away"
    if values.get("priorityClassName") != "system-cluster-critical":
        yield "nothing crowds it out"
    if values.get("podDisruptionBudget", {}).get("maxUnavailable") != 1:
        yield "one at a time may be drained, and one always may"
    spreads = [row for row in values.get("topologySpreadConstraints", []) if row["topologyKey"].endswith("/zone")]
    if [(row["maxSkew"], row["whenUnsatisfiable"]) for row in spreads] != [(1, "DoNotSchedule")]:
        yield "the two are in two zones"
    if any(row.get("nodeTaintsPolicy") != "Honor" for row in spreads):
        yield "the dead nodes of a lost zone would keep the second one waiting"
    if "affinity" in values:
        yield "the chart's own affinity keeps the two apart; a part of it here would be merged or replace it"
    resources = values["controller"]["resources"]
    asked, most = (parse_quantity(resources[what]["memory"]) for what in ("requests", "limits"))
    if not asked <= most <= 2 * asked:
        yield "it ends long before a node has no memory left that nobody asked for"


@pytest.mark.parametrize(
    "break_",
    [
        edit(_KARPENTER, *_VALUES, "replicas", to=1),
        edit(_KARPENTER, *_VALUES, "nodeSelector"),
        edit(_KARPENTER, *_VALUES, "nodeSelector", "node-type", to="general"),
        edit(_KARPENTER, *_VALUES, "priorityClassName"),
        edit(_KARPENTER, *_VALUES, "podDisruptionBudget", "maxUnavailable", to=0),
        edit(_KARPENTER, *_VALUES, "topologySpreadConstraints"),
        edit(_KARPENTER, *_VALUES, "topologySpreadConstraints", 0, "whenUnsatisfiable", to="ScheduleAnyway"),
        edit(_KARPENTER, *_VALUES, "topologySpreadConstraints", 0, "nodeTaintsPolicy", to="Ignore"),
        edit(_KARPENTER, *_VALUES, "affinity", to={"podAntiAffinity": {}}),
        edit(_KARPENTER, *_VALUES, "controller", "resources", "limits", "memory", to="2Gi"),
    ],
)
def test_weaker_karpenter_is_noticed(break_: Break, tree: Tree) -> None:
    """Each thing that keeps a controller running through the loss of a zone is missed when it is gone."""
    assert list(karpenter_outlives_a_zone(tree)) == []
    assert_noticed(karpenter_outlives_a_zone, break_, tree)


@pytest.mark.parametrize(
    ("region", "isolated", "asked"),
    [
        ("eu-west-1", False, True),
        ("cn-north-1", False, True),
        ("us-gov-west-1", False, False),
        ("eu-west-1", True, False),
    ],
)
def test_zonal_shift_is_asked_for_where_it_answers(tool: Tool, region: str, isolated: bool, asked: bool) -> None:
    """A controller that is to respect zonal shifts and cannot read them does not start.

    Regions: https://docs.aws.amazon.com/r53recovery/latest/dg/introduction-region-zonal-autoshift.html.
    """
    karpenter = {**HANDOVER["karpenter"], "isolated": isolated, "instanceProfileName": "nodes" if isolated else ""}
    handover = {**HANDOVER, "cluster": {**HANDOVER["cluster"], "region": region}, "karpenter": karpenter}
    root = {thing["metadata"]["name"]: thing for thing in helm(tool, BOOTSTRAP, "root", "argocd", handover)}
    settings = root["karpenter"]["spec"]["source"]["helm"]["valuesObject"]["settings"]
    assert settings["enableZonalShift"] is asked


def test_crds_come_from_one_chart_and_are_never_pruned(tree: Tree) -> None:
    """The controller's chart leaves its CRDs out, and those of the CRD chart stay when they drop out of Git."""
    assert tree.application("karpenter")["spec"]["source"]["helm"]["skipCrds"] is True
    annotations = tree.application("karpenter-crd")["spec"]["source"]["helm"]["valuesObject"]["additionalAnnotations"]
    assert annotations == {"argocd.argoproj.io/sync-options": "Prune=false"}


@pytest.mark.parametrize("chart", sorted((CHECKOUT / "gitops").rglob("Chart.yaml")), ids=lambda file: file.parent.name)
def test_chart_is_of_this_repository(chart: Path) -> None:
    """A chart of the tree depends on no other chart: nothing is fetched that this repository does not pin."""
    metadata = yaml.safe_load(chart.read_text(encoding="utf-8"))
    assert "dependencies" not in metadata
