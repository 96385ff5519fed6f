"""Several control planes behind load balancers, and who gets in from outside."""

from __future__ import annotations

import base64
from typing import Any, cast

import pytest

from sandbox.kubernetes.credentials import authenticate
from sandbox.kubernetes.host import KubernetesHost
from sandbox.protocol import HostError
from sandbox.tools import load_tools
from tests.sandbox.kubernetes.conftest import Provider, RefusedError
from tests.sandbox.machines import CHECKOUT, Lab, Wanted, authority, pin, until

pytestmark = pytest.mark.cluster

_ADDRESSES = ("10.0.1.20", "10.0.1.21", "10.0.1.22")
_ADMINS = "kubeadm:cluster-admins"
_NAMESPACE = "kubernetes:core/v1:Namespace"


@pytest.fixture(scope="module")
def masters(lab: Lab) -> list[str]:
    """Three control planes; the API's name is an alias of a load balancer before them."""
    wanted = [Wanted(name="a", control_plane=True), Wanted(name="b", member=True), Wanted(name="c", member=True)]
    ids = [lab.run(one, address=address) for one, address in zip(wanted, _ADDRESSES, strict=True)]
    made = lab.balance("inside", "internal", lab.subnet, lab.group_for("inside", "10.0.0.0/16"), ids)
    alias = {
        "HostedZoneId": made["CanonicalHostedZoneId"],
        "DNSName": made["DNSName"],
        "EvaluateTargetHealth": False,
    }
    lab.point(AliasTarget=alias)
    for identity in ids:
        lab.wait_for_console(identity, "phase=done", timeout=180)
    return ids


@pytest.fixture(scope="module")
def server(lab: Lab, masters: list[str]) -> str:
    """URL of a load balancer that faces the internet."""
    group = lab.group_for("outside", "203.0.113.0/24")
    made = lab.balance("outside", "internet-facing", lab.public, group, masters)
    return f"https://{made['DNSName']}:6443"


def _try(lab: Lab, kubeconfig: str) -> None:
    authenticate(kubeconfig, None, lab.api)


def _until_served(lab: Lab, server: str) -> None:
    def served() -> bool:
        try:
            _try(lab, lab.kubeconfig(server, _ADMINS))
        except HostError:
            return False
        return True

    until(served, 30, lambda: "the load balancer does not forward")


def test_further_control_planes_join_through_the_balancer(lab: Lab, masters: list[str]) -> None:
    """All are nodes with the control plane's label, and each answers: the cluster survives all but the last."""
    nodes = lab.api.request("GET", "/api/v1/nodes")["items"]
    label = "node-role.kubernetes.io/control-plane"
    assert {node["metadata"]["name"] for node in nodes if label in node["metadata"]["labels"]} == {"a", "b", "c"}
    assert all(lab.machines.around.fabric.listens(identity) for identity in masters)


def test_operator_comes_in_with_the_clusters_certificate(lab: Lab, server: str) -> None:
    """A certificate of the administrators' group has all rights through the load balancer, another group has none."""
    _until_served(lab, server)
    with pytest.raises(HostError, match="is refused"):
        _try(lab, lab.kubeconfig(server, "strangers"))


def test_provider_acts_only_with_a_kubeconfig_that_gets_in(lab: Lab, server: str) -> None:
    """The Kubernetes provider makes objects with the administrator's kubeconfig, and none with a stranger's."""
    _until_served(lab, server)
    host = KubernetesHost(lab.control_plane, cast("Any", None), load_tools(CHECKOUT))
    provider = Provider(host.serve())
    inputs = {"metadata": {"name": "made"}}
    for organization, allowed in (("strangers", False), (_ADMINS, True)):
        provider.configure(kubeconfig=lab.kubeconfig(server, organization))
        if allowed:
            provider.create(_NAMESPACE, "made", inputs)
        else:
            with pytest.raises(RefusedError, match="is refused"):
                provider.create(_NAMESPACE, "made", inputs)
    assert lab.api.request("GET", "/api/v1/namespaces/made")
    provider.close()
    host.stop()


def test_kubeconfig_of_another_authority_is_refused(lab: Lab, server: str) -> None:
    """Who trusts another authority, or expects another name, does not get through."""
    _until_served(lab, server)
    other = base64.b64encode(authority("kubernetes")[0].encode()).decode()
    with pytest.raises(HostError, match="certificate verify failed"):
        _try(lab, lab.kubeconfig(server, _ADMINS, **{"certificate-authority-data": other}))
    with pytest.raises(HostError, match="unreachable"):
        _try(lab, lab.kubeconfig(server, _ADMINS, **{"tls-server-name": "other.example.com"}))


def test_operator_outside_the_allowed_range_is_shut_out(lab: Lab, masters: list[str]) -> None:
    """A load balancer whose group lets another range in ends the operator's connection."""
    group = lab.group_for("elsewhere", "198.51.100.0/24")
    made = lab.balance("elsewhere", "internet-facing", lab.public, group, masters)
    balancers = lab.machines.balancers
    until(lambda: balancers.listens(made["DNSName"], 6443), 20, lambda: "nobody listens")
    with pytest.raises(HostError, match="unreachable"):
        _try(lab, lab.kubeconfig(f"https://{made['DNSName']}:6443", _ADMINS))


def test_further_control_plane_needs_the_clusters_authorities(lab: Lab, masters: list[str]) -> None:
    """A control plane with other authorities than the cluster's does not join."""
    other, _ = authority("kubernetes")
    assert pin(other) != pin(lab.certificate)
    lab.put("/lab/control-plane/ca-crt", other, "control-plane")
    identity = lab.run(Wanted(name="d", member=True), address="10.0.1.23")
    lab.wait_for_console(identity, "/etc/kubernetes/pki/ca.crt is not the cluster's")
    lab.put("/lab/control-plane/ca-crt", lab.certificate, "control-plane")
    lab.terminate(identity)


def test_cluster_survives_the_control_plane_that_began_it(lab: Lab, masters: list[str], server: str) -> None:
    """Once the first has gone the others answer, and the load balancer leads to them."""
    lab.terminate(masters[0])
    until(lambda: not lab.machines.around.fabric.listens(masters[0]), 30, lambda: "it still answers")
    assert lab.control_plane.cluster == "lab"
    _until_served(lab, server)
