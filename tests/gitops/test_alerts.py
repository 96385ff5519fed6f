"""What Prometheus warns of and what Grafana shows: of metrics that exist, and so that somebody knows what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.gitops.tree import CHECKOUT, Break, Rule, Tree, assert_noticed, edit

# By the page that has them.
_METRICS: Final[dict[str, list[str]]] = json.loads((CHECKOUT / "tests/gitops/metrics.json").read_text(encoding="utf-8"))
_KNOWN: Final = frozenset(name for names in _METRICS.values() for name in names)
# What stands in an expression beside metrics: strings, label matchers, ranges, lists of labels.
_NO_METRIC: Final = re.compile(
    r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)'
)
_WORD: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_OPERATORS: Final = frozenset({"and", "or", "unless", "bool", "offset"})


def _metrics(expression: str) -> set[str]:
    """Return the metrics of an expression of PromQL: what is left of its words without functions and operators."""
    left = _NO_METRIC.sub(" ", expression)
    words = {match[0] for match in _WORD.finditer(left) if not left[match.end() :].lstrip().startswith("(")}
    return words - _OPERATORS


def _rules(tree: Tree) -> Iterator[tuple[str, dict[str, Any]]]:
    for thing in tree.ours():
        if thing["kind"] == "PrometheusRule":
            for group in thing["spec"]["groups"]:
                yield from ((f"{group['name']}/{rule['alert']}", rule) for rule in group["rules"])


def _dashboards(tree: Tree) -> Iterator[tuple[str, dict[str, Any]]]:
    for thing in tree.ours():
        if thing["kind"] == "ConfigMap" and thing["metadata"]["name"].startswith("dashboard-"):
            yield from ((name, json.loads(text)) for name, text in thing["data"].items())


def alerts_and_dashboards_ask_for_what_there_is(tree: Tree) -> Iterator[str]:
    """A name that no longer exists is an alert that never comes (requirements G-54 and K-37 have four of them)."""
    for name, rule in _rules(tree):
        yield from (f"{name} asks for {metric}" for metric in sorted(_metrics(rule["expr"]) - _KNOWN))
    for name, board in _dashboards(tree):
        for panel in board["panels"]:
            for target in panel["targets"]:
                unknown = sorted(_metrics(target["expr"]) - _KNOWN)
                yield from (f"{name}: {panel['title']} asks for {metric}" for metric in unknown)


def alerts_say_what_is_wrong(tree: Tree) -> Iterator[str]:
    names = [name for name, _ in _rules(tree)]
    yield from (f"there are two of {name}" for name in sorted(set(names)) if names.count(name) > 1)
    for name, rule in _rules(tree):
        if rule.get("labels", {}).get("severity") not in ("critical", "warning", "info"):
            yield f"{name} does not say how bad it is"
        if not {"summary", "description"} <= rule.get("annotations", {}).keys():
            yield f"{name} does not say what is wrong, or what to do"


def what_has_to_be_watched_is(tree: Tree) -> Iterator[str]:
    """Requirement K-43 and the issue's own list; the rest comes with the chart's rules."""
    wanted = {
        *("argocd/ArgocdApplicationUnhealthy", "argocd/ArgocdApplicationNotSynced", "argocd/ArgocdBackupTooOld"),
        *("external-secrets/ExternalSecretFailing", "workloads/WorkloadDown"),
    }
    if tree.handover["cluster"]["variant"] == "eks":
        wanted |= {f"karpenter/Karpenter{name}" for name in ("ProvisioningFailing", "LimitNear", "SpotInterruptions")}
    else:
        wanted |= {"databases/PostgresqlDown", "databases/RedisDown", "databases/RabbitmqDown"}
    yield from (f"{name} is missing" for name in sorted(wanted - {name for name, _ in _rules(tree)}))


_SPEC: Final = ("spec", "groups", 0, "rules", 0)
_ARGOCD: Final = "PrometheusRule/platform-argocd"
_BREAKS: dict[Rule, list[Break]] = {
    alerts_and_dashboards_ask_for_what_there_is: [
        edit(_ARGOCD, *_SPEC, "expr", to='argocd_app_health_status{health_status="Healthy"} == 0'),
        edit("PrometheusRule/platform-karpenter", *_SPEC, "expr", to="sum(karpenter_nodes_total) by (nodepool) > 0"),
        edit(
            "ConfigMap/dashboard-argocd",
            "data",
            "argocd.json",
            to='{"panels": [{"title": "a", "targets": [{"expr": "argocd_app_sync_status"}]}]}',
        ),
    ],
    alerts_say_what_is_wrong: [
        edit(_ARGOCD, *_SPEC, "labels", "severity", to="bad"),
        edit(_ARGOCD, *_SPEC, "annotations", "description"),
        edit(_ARGOCD, *_SPEC, "alert", to="ArgocdSyncFailed"),
    ],
    what_has_to_be_watched_is: [edit(_ARGOCD, *_SPEC, "alert", to="Other")],
}


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_control_holds(rule: Rule, tree: Tree, self_managed_tree: Tree) -> None:
    """Both variants keep the rule."""
    assert [*rule(tree), *rule(self_managed_tree)] == []


@pytest.mark.parametrize(
    ("rule", "break_"),
    [
        pytest.param(rule, break_, id=f"{rule.__name__}-{number}")
        for rule, breaks in _BREAKS.items()
        for number, break_ in enumerate(breaks)
    ],
)
def test_control_catches_its_mutation(rule: Rule, break_: Break, tree: Tree) -> None:
    """The rule complains about monitoring that breaks it."""
    assert_noticed(rule, break_, tree)


@pytest.mark.parametrize(
    ("expression", "metrics"),
    [
        ("absent(a_total)", {"a_total"}),
        ('sum by (x, y) (rate(a_total{z="b_total", w=~"c|d"}[5m])) > 0', {"a_total"}),
        ("a / on (x) group_left (y) (b > 0.9)", {"a", "b"}),
        ('time() - a{x="1"} > 13 * 3600 and b unless on (x) c', {"a", "b", "c"}),
    ],
    ids=["function", "matchers", "vectors", "operators"],
)
def test_metrics_are_told_from_the_rest(expression: str, metrics: set[str]) -> None:
    """Functions, labels, strings and operators are no metrics."""
    assert _metrics(expression) == metrics


def test_no_known_metric_is_unused(tree: Tree, self_managed_tree: Tree) -> None:
    """The list holds what is asked for and no more."""
    asked: set[str] = set()
    for one in (tree, self_managed_tree):
        asked |= {name for _, rule in _rules(one) for name in _metrics(rule["expr"])}
        panels = (panel for _, board in _dashboards(one) for panel in board["panels"])
        asked |= {name for panel in panels for target in panel["targets"] for name in _metrics(target["expr"])}
    assert asked == _KNOWN


def test_the_documents_dashboard_is_there(tree: Tree) -> None:
    """Requirement G-54: its title and its three panels, with metrics that exist."""
    board = dict(_dashboards(tree))["argocd.json"]
    first = [(panel["type"], panel["title"]) for panel in board["panels"][:3]]
    assert board["title"] == "ArgoCD GitOps Dashboard"
    assert first == [
        ("stat", "Application Health Status"),
        ("stat", "Sync Status"),
        ("piechart", "Application Count by Project"),
    ]


def test_dashboards_are_told_apart(tree: Tree) -> None:
    """Grafana knows a dashboard by its uid, a panel by its id, and Prometheus by the chart's name for it."""
    boards = [board for _, board in _dashboards(tree)]
    assert len({board["uid"] for board in boards}) == len(boards) == 2
    for board in boards:
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        assert {panel["datasource"]["uid"] for panel in board["panels"]} == {"prometheus"}
