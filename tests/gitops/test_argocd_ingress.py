"""How Argo CD is published: by the load balancer alone, to a port that answers it (requirements G-13 to G-15)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from components.argocd.chart_values import argocd_values
from components.edge.names import argocd_url
from ops.gitops.objects import Object
from tests.gitops.tree import Break, Rule, Tool, Tree, assert_noticed, edit, helm

_INGRESS: Final = "Ingress/argocd-server-ingress"
_POLICY: Final = "NetworkPolicy/argocd-server-load-balancer"
_METRICS: Final = "NetworkPolicy/argocd-server-metrics"
_ALB: Final = "alb.ingress.kubernetes.io"
# Of argocd-server's pods, as the chart names them; what a policy sees is theirs, whatever port a Service has.
_SERVER: Final = {"app.kubernetes.io/instance": "argocd", "app.kubernetes.io/name": "argocd-server"}
_PORT: Final = 8080


def _backend(tree: Tree) -> dict[str, Any]:
    (rule,) = tree.get(_INGRESS)["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    service: dict[str, Any] = path["backend"]["service"]
    return service


def the_load_balancer_is_told_what_the_server_speaks(tree: Tree) -> Iterator[str]:
    """HTTPS to a port that speaks HTTP is a target that is never healthy."""
    insecure = argocd_values()["configs"]["params"]["server.insecure"]
    spoken = "HTTP" if insecure == "true" else "HTTPS"
    annotations = tree.get(_INGRESS)["metadata"]["annotations"]
    for key in ("backend-protocol", "healthcheck-protocol"):
        if annotations.get(f"{_ALB}/{key}") != spoken:
            yield f"{key} is not {spoken}"
    if annotations.get(f"{_ALB}/healthcheck-path") != "/healthz":
        yield "the health check asks for another path"


def one_name_is_published(tree: Tree) -> Iterator[str]:
    """The name that Cognito sends people back to, with a certificate of its own."""
    spec = tree.get(_INGRESS)["spec"]
    host = argocd_url(tree.handover["edge"]["domain"]).removeprefix("https://")
    if [rule.get("host") for rule in spec["rules"]] != [host]:
        yield f"published is not {host}"
    if spec.get("tls") != [{"hosts": [host]}]:
        yield f"no certificate is looked for by the name {host}"
    if spec.get("ingressClassName") != "alb":
        yield "the class is not the load balancer controller's"


def the_hand_overs_annotations_are_there(tree: Tree) -> Iterator[str]:
    annotations = tree.get(_INGRESS)["metadata"]["annotations"]
    for key, value in tree.handover["edge"]["ingressAnnotations"].items():
        if annotations.get(key) != value:
            yield f"{key} is not {value}"


def the_load_balancer_reaches_pods(tree: Tree) -> Iterator[str]:
    """Addresses of pods on EKS; elsewhere ports of the one node that has the pod, whose policy knows the caller."""
    target = tree.get(_INGRESS)["metadata"]["annotations"].get(f"{_ALB}/target-type")
    if tree.handover["cluster"]["variant"] == "eks":
        if (target, _backend(tree)) != ("ip", {"name": "argocd-server", "port": {"number": 80}}):
            yield "targets are not the chart's own pods"
        return
    service = tree.get(f"Service/{_backend(tree)['name']}")["spec"]
    (port,) = service["ports"]
    if (target, service["type"], service["externalTrafficPolicy"]) != ("instance", "NodePort", "Local"):
        yield "targets are not ports of nodes that keep the caller's address"
    if (service["selector"], port["port"], port["targetPort"]) != (_SERVER, _backend(tree)["port"]["number"], _PORT):
        yield "the port leads elsewhere"


def nobody_else_gets_in(tree: Tree) -> Iterator[str]:
    """The load balancer at the server's port, Prometheus at its metrics: the only policies for it."""
    values = argocd_values()
    if values["global"]["networkPolicy"] != {"create": True, "defaultDenyIngress": True}:
        yield "Argo CD's namespace denies nothing by itself"
    if values["server"]["networkPolicy"] != {"create": False}:
        yield "the chart's own policy lets everybody in"
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    network = {"ipBlock": {"cidr": tree.handover["cluster"]["networkCidr"]}}
    for name, peer, port in ((_POLICY, network, _PORT), (_METRICS, monitoring, 8083)):
        policy = tree.get(name)
        if policy["metadata"]["namespace"] != "argocd" or policy["spec"]["podSelector"] != {"matchLabels": _SERVER}:
            yield f"{name} is not the server's"
        if policy["spec"]["ingress"] != [{"from": [peer], "ports": [{"protocol": "TCP", "port": port}]}]:
            yield f"{name} lets others in"


_BREAKS: dict[Rule, list[Break]] = {
    the_load_balancer_is_told_what_the_server_speaks: [
        edit(_INGRESS, "metadata", "annotations", f"{_ALB}/backend-protocol", to="HTTPS"),
        edit(_INGRESS, "metadata", "annotations", f"{_ALB}/healthcheck-protocol"),
        edit(_INGRESS, "metadata", "annotations", f"{_ALB}/healthcheck-path", to="/"),
    ],
    one_name_is_published: [
        edit(_INGRESS, "spec", "rules", 0, "host"),
        edit(_INGRESS, "spec", "tls"),
        edit(_INGRESS, "spec", "ingressClassName"),
    ],
    the_hand_overs_annotations_are_there: [edit(_INGRESS, "metadata", "annotations", f"{_ALB}/ssl-redirect")],
    the_load_balancer_reaches_pods: [
        edit(_INGRESS, "metadata", "annotations", f"{_ALB}/target-type", to="instance"),
        edit(_INGRESS, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "number", to=443),
    ],
    nobody_else_gets_in: [
        edit(_POLICY, "spec", "ingress", to=[{}]),
        edit(_POLICY, "spec", "ingress", 0, "from", to=[]),
        edit(_POLICY, "spec", "ingress", 0, "ports", 0, "port", to=80),
        edit(_POLICY, "metadata", "namespace", to="default"),
        edit(_METRICS, "spec", "ingress", 0, "from", 0, "namespaceSelector", to={}),
    ],
}
_SELF_MANAGED_BREAKS: list[Break] = [
    edit("Service/argocd-server-nodeport", "spec", "externalTrafficPolicy", to="Cluster"),
    edit("Service/argocd-server-nodeport", "spec", "type", to="ClusterIP"),
    edit("Service/argocd-server-nodeport", "spec", "ports", 0, "targetPort", to=443),
    edit(_INGRESS, "metadata", "annotations", f"{_ALB}/target-type", to="ip"),
]


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
    """The rule complains about a way to Argo CD that breaks it."""
    assert_noticed(rule, break_, tree)


@pytest.mark.parametrize("break_", _SELF_MANAGED_BREAKS, ids=["cluster", "type", "port", "target"])
def test_a_node_port_that_misses_is_noticed(break_: Break, self_managed_tree: Tree) -> None:
    """So does the rule for a cluster whose pods no load balancer reaches."""
    assert_noticed(the_load_balancer_reaches_pods, break_, self_managed_tree)


def _render(tool: Tool, **changes: Any) -> list[Object]:
    values = {"domain": "example.com", "annotations": {}, "targetType": "ip", "networkCidr": "10.0.0.0/16", **changes}
    return helm(tool, "gitops/platform/argocd-ingress", "argocd-ingress", "argocd", values)


def test_only_the_variant_without_reachable_pods_opens_a_node_port(tool: Tool) -> None:
    """A port on every node is one way more into the cluster."""
    assert {thing["kind"] for thing in _render(tool)} == {"Ingress", "NetworkPolicy"}
    assert {thing["kind"] for thing in _render(tool, targetType="instance")} == {"Ingress", "NetworkPolicy", "Service"}


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        pytest.param({"domain": ""}, "domain", id="no domain"),
        pytest.param({"targetType": "alb"}, "targetType", id="target"),
        pytest.param({"networkCidr": ""}, "networkCidr", id="no network"),
        pytest.param({"annotations": {"kubernetes.io/ingress.class": "alb"}}, "ingress.class", id="old annotation"),
        pytest.param({"certificateArn": "a"}, "certificateArn", id="unknown key"),
    ],
)
def test_wrong_values_are_refused(tool: Tool, changes: dict[str, Any], part: str) -> None:
    """What would publish nothing, or everything, is no value."""
    with pytest.raises(RuntimeError, match=part):
        _render(tool, **changes)
