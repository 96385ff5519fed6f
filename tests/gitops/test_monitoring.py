"""What Prometheus reads, how long it keeps it, where alerts go, and who gets into Grafana."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from ops.gitops.objects import Object
from tests.gitops.tree import WAVE, Break, Rule, Tool, Tree, assert_noticed, edit, helm

_PLATFORM: Final = frozenset({"kube-system", "argocd"})
_STACK: Final = "kube-prometheus-stack"


def _monitors(tree: Tree) -> list[Object]:
    return [thing for thing in tree.ours() if thing["kind"] in ("PodMonitor", "ServiceMonitor")]


def monitors_look_where_something_is(tree: Tree) -> Iterator[str]:
    """One for each part that has metrics, in a namespace that there is."""
    namespaces = {thing["metadata"]["name"] for thing in tree.ours() if thing["kind"] == "Namespace"} | _PLATFORM
    for monitor in _monitors(tree):
        for namespace in monitor["spec"]["namespaceSelector"].get("matchNames", ["every namespace"]):
            if namespace not in namespaces:
                yield f"{monitor['metadata']['name']} looks into {namespace}"
    wanted = {"argocd", "argo-rollouts", "aws-load-balancer-controller", "external-dns", "external-secrets"}
    if tree.handover["cluster"]["variant"] == "eks":
        wanted |= {"karpenter"}
    else:
        wanted |= {"cloudnative-pg", "postgresql", "rabbitmq", "rabbitmq-cluster-operator", "redis"}
    found = {monitor["metadata"]["name"] for monitor in _monitors(tree)}
    yield from (f"{name} is read, or not, by mistake" for name in sorted(wanted ^ found))


def annotated_pods_are_not_read_twice(tree: Tree) -> Iterator[str]:
    """Pods of charts carry the annotation as well, and have monitors."""
    relabelings = tree.get("ScrapeConfig/kubernetes-pods")["spec"]["relabelings"]
    dropped = {
        name
        for row in relabelings
        if (row["action"], row["sourceLabels"]) == ("Drop", ["__meta_kubernetes_namespace"])
        for name in row["regex"].split("|")
    }
    watched = {name for monitor in _monitors(tree) for name in monitor["spec"]["namespaceSelector"]["matchNames"]}
    yield from (f"{name} is read twice" for name in sorted(watched - dropped))


def grafana_needs_nobodys_password(tree: Tree) -> Iterator[str]:
    """Requirement V-36, corrected: no password in Git, no port on the nodes."""
    grafana = tree.values(_STACK)["grafana"]
    secret = tree.get(f"ExternalSecret/{grafana['admin']['existingSecret']}")
    keys = {row["secretKey"] for row in secret["spec"]["data"]}
    if {grafana["admin"]["userKey"], grafana["admin"]["passwordKey"]} != keys:
        yield "Grafana looks for other keys than its Secret has"
    if WAVE in secret["metadata"].get("annotations", {}):
        yield "a sync waits for a secret that may have no value yet"
    if "adminPassword" in grafana or grafana.get("service", {}).get("type", "ClusterIP") != "ClusterIP":
        yield "it has a password in Git, or a port on the nodes"
    sidecar = grafana["sidecar"]["dashboards"]
    wanted = {sidecar["label"]: sidecar["labelValue"]}
    for thing in tree.ours():
        if thing["metadata"]["name"].startswith("dashboard-") and thing["metadata"].get("labels") != wanted:
            yield f"{thing['metadata']['name']} is not what its sidecar looks for"


def alerts_have_somewhere_to_go(tree: Tree) -> Iterator[str]:
    """To Slack with the token that Argo CD has too, which Alertmanager reads from a file."""
    values = tree.values(_STACK)["alertmanager"]
    (slack,) = [row for row in values["config"]["receivers"] if row["name"] == values["config"]["route"]["receiver"]]
    path = slack["slack_configs"][0]["http_config"]["authorization"]["credentials_file"]
    *_, name, key = path.split("/")
    if name not in values["alertmanagerSpec"].get("secrets", []):
        yield f"{name} is not mounted"
    keys = {row["secretKey"] for row in tree.get("ExternalSecret/alertmanager-slack")["spec"]["data"]}
    if (name, keys) != ("alertmanager-slack", {key}):
        yield f"nothing makes {path}"


_PODS: Final = "PodMonitor/external-secrets"
_BREAKS: dict[Rule, list[Break]] = {
    monitors_look_where_something_is: [
        edit(_PODS, "spec", "namespaceSelector", "matchNames", to=["external"]),
        edit(_PODS, "spec", "namespaceSelector", to={"any": True}),
        edit(_PODS, "metadata", "name", to="other"),
    ],
    annotated_pods_are_not_read_twice: [
        edit(_PODS, "spec", "namespaceSelector", "matchNames", to=["bubblepool"]),
        edit("ScrapeConfig/kubernetes-pods", "spec", "relabelings", 0, "action", to="Keep"),
    ],
    grafana_needs_nobodys_password: [
        edit("ExternalSecret/grafana-admin", "metadata", "annotations", WAVE, to="-1"),
        edit("ExternalSecret/grafana-admin", "spec", "data", 0, "secretKey", to="user"),
        edit("ConfigMap/dashboard-argocd", "metadata", "labels"),
    ],
    alerts_have_somewhere_to_go: [
        edit("ExternalSecret/alertmanager-slack", "spec", "data", 0, "secretKey", to="slack-token")
    ],
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


def test_argocd_is_asked_as_often_as_the_documents_say(tree: Tree) -> None:
    """Requirement G-53: every 15 s, under the names of its Services' labels."""
    monitor = tree.get("ServiceMonitor/argocd")["spec"]
    (endpoint,) = monitor["endpoints"]
    assert (endpoint["port"], endpoint["interval"], monitor["jobLabel"]) == (
        "http-metrics",
        "15s",
        "app.kubernetes.io/name",
    )


def test_prometheus_keeps_what_the_documents_say(tree: Tree, self_managed_tree: Tree) -> None:
    """Requirement V-39: fifteen days; on the machine that is for it, 80 GB."""
    for one, size in ((tree, "20Gi"), (self_managed_tree, "80Gi")):
        spec = one.values(_STACK)["prometheus"]["prometheusSpec"]
        claim = spec["storageSpec"]["volumeClaimTemplate"]["spec"]
        assert spec["retention"] == "15d"
        assert claim["resources"]["requests"]["storage"] == size
        assert int(spec["retentionSize"].removesuffix("GB")) * 10**9 < int(size.removesuffix("Gi")) * 2**30


def _render(tool: Tool, **changes: Any) -> list[Object]:
    values = {"variant": "eks", "secrets": [], "domain": "", "karpenter": True, **changes}
    return helm(tool, "gitops/platform/monitoring", "monitoring", "monitoring", values)


def test_what_there_is_no_secret_for_is_not_asked_for(tool: Tool) -> None:
    """An ExternalSecret without its secret would hold up all that follows."""
    assert not [thing for thing in _render(tool) if thing["kind"] == "ExternalSecret"]


def test_where_nothing_is_published_no_names_are_watched(tool: Tool) -> None:
    """Without a domain there is no external-dns."""
    names = {thing["metadata"]["name"] for thing in _render(tool)}
    assert "external-dns" not in names
    assert "external-dns" in {thing["metadata"]["name"] for thing in _render(tool, domain="example.com")}


@pytest.mark.parametrize(
    "changes",
    [{"variant": "gke"}, {"secrets": ["a b"]}, {"domain": "-"}, {"karpenter": "yes"}, {"retention": "1d"}],
    ids=["variant", "purpose", "domain", "type", "unknown key"],
)
def test_wrong_values_are_refused(tool: Tool, changes: dict[str, Any]) -> None:
    """The chart says which value is wrong instead of rendering it."""
    (key,) = changes
    with pytest.raises(RuntimeError, match=key):
        _render(tool, **changes)
