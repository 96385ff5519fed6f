"""What the charts of the first add-ons are given: known keys, and everything that a bare cluster depends on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import versions
from components.argocd.charts import charts
from components.self_managed.addon_values import (
    calico_values,
    cloud_controller_values,
    csr_approver_values,
    private_dns_pattern,
)
from tests.self_managed import VPC, nodes14

_CHARTS = Path(__file__).parents[2] / "sandbox/charts"
_REGISTRY = "registry.example.com/copies"
_VALUES: Mapping[str, Callable[[str | None], dict[str, Any]]] = {
    "tigera-operator": lambda registry: calico_values(nodes14(), registry),
    "aws-cloud-controller-manager": lambda registry: cloud_controller_values(nodes14(), registry),
    "kubelet-csr-approver": lambda registry: csr_approver_values(nodes14(), VPC, registry),
}


def _unknown(chart: str, values: Mapping[str, Any]) -> Iterator[str]:
    facts = json.loads((_CHARTS / chart / "keys.json").read_text(encoding="utf-8"))
    for path in _paths(values):
        if path not in facts["keys"] and not any(path.startswith(f"{free}.") for free in facts["open"]):
            yield path


def _paths(value: Any, path: str = "") -> Iterator[str]:
    if not isinstance(value, Mapping) or not value:
        yield path
        return
    for key, below in value.items():
        escaped = key.replace(".", r"\.")
        yield from _paths(below, f"{path}.{escaped}" if path else escaped)


@pytest.mark.parametrize("registry", [None, _REGISTRY])
@pytest.mark.parametrize("chart", _VALUES)
def test_the_pinned_chart_knows_every_key(chart: str, registry: str | None) -> None:
    """No value is one that the chart's templates do not read; a wrong one is found."""
    values = _VALUES[chart](registry)
    assert list(_unknown(chart, values)) == []
    assert list(_unknown(chart, {**values, "hostNetwork": True})) == ["hostNetwork"]


@pytest.mark.parametrize("chart", [*_VALUES, "crd.projectcalico.org.v1"])
def test_facts_about_charts_are_of_the_pinned_versions(chart: str) -> None:
    """What the tests know of a chart was taken from the version that the program installs."""
    data = yaml.safe_load((_CHARTS / chart / "chart.yaml").read_text(encoding="utf-8"))
    assert data["version"] == charts(None)[chart].version


def test_the_cloud_controller_is_of_kubernetes_minor() -> None:
    """Its chart lags behind; the image is of the minor that the cluster has."""
    tag = cloud_controller_values(nodes14())["image"]["tag"]
    assert tag == versions.AWS_CLOUD_CONTROLLER_MANAGER
    assert tag.removeprefix("v").split(".")[:2] == versions.KUBERNETES.split(".")


def test_the_cloud_controller_needs_nothing_that_comes_later() -> None:
    """No network, no Service address, no schedulable node: each of them comes only after it has run."""
    values = cloud_controller_values(nodes14())
    assert values["hostNetworking"] is True
    assert values["tolerations"] == [{"operator": "Exists"}]
    assert {row["name"]: row["value"] for row in values["env"]} == {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": "6443",
    }
    # Where its role's credentials and the API server are.
    assert values["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}


def test_the_cloud_controller_leaves_routes_and_load_balancers_to_others() -> None:
    """Two owners of one thing undo each other's work."""
    arguments = cloud_controller_values(replace(nodes14(), name="other"))["args"]
    assert "--configure-cloud-routes=false" in arguments
    assert "--controllers=cloud-node-controller,cloud-node-lifecycle-controller" in arguments
    assert "--cloud-provider=aws" in arguments
    assert "--cluster-name=other" in arguments


def test_calico_wraps_every_packet_in_the_clusters_own_range() -> None:
    """VXLAN always and no BGP, so that port 4789 between nodes is all that it needs and EC2 may check sources."""
    installation = calico_values(nodes14())["installation"]
    network = installation["calicoNetwork"]
    assert network["bgp"] == "Disabled"
    (pool,) = network["ipPools"]
    assert (pool["cidr"], pool["encapsulation"], pool["natOutgoing"]) == ("100.64.0.0/16", "VXLAN", "Enabled")
    assert network["nodeAddressAutodetectionV4"] == {"kubernetes": "NodeInternalIP"}
    # By itself it takes the interface's less what VXLAN adds.
    assert "mtu" not in network


def test_calicos_further_services_are_off() -> None:
    """On by default in the chart: an API server, a flow log and its page, which nothing here asks."""
    values = calico_values(nodes14())
    assert [values[key]["enabled"] for key in ("apiServer", "goldmane", "whisker")] == [False, False, False]


def test_images_come_from_the_registry_that_holds_copies() -> None:
    """With a registry each chart is told it; without, none is told any."""
    assert calico_values(nodes14(), _REGISTRY)["installation"]["registry"] == f"{_REGISTRY}/"
    assert calico_values(nodes14(), _REGISTRY)["tigeraOperator"] == {"registry": _REGISTRY}
    cloud = cloud_controller_values(nodes14(), _REGISTRY)["image"]["repository"]
    approver = csr_approver_values(nodes14(), VPC, _REGISTRY)["image"]["repository"]
    assert {cloud, approver} == {
        f"{_REGISTRY}/provider-aws/cloud-controller-manager",
        f"{_REGISTRY}/postfinance/kubelet-csr-approver",
    }
    assert not any("registry" in json.dumps(values(None)) for values in _VALUES.values())


def test_a_serving_certificate_is_for_an_address_of_the_vpc_only() -> None:
    """Name and address are checked against the VPC's own resolver, without which no pattern would be looked at."""
    values = csr_approver_values(nodes14(), VPC)
    assert values["bypassDnsResolution"] is False
    assert values["providerIpPrefixes"] == [str(VPC)]
    assert values["allowedDnsNames"] == 1
    assert values["dnsPolicy"] == "Default"


@pytest.mark.parametrize(
    ("region", "name", "passes"),
    [
        ("ap-northeast-2", "ip-10-0-1-23.ap-northeast-2.compute.internal", True),
        ("us-east-1", "ip-10-0-1-23.ec2.internal", True),
        ("ap-northeast-2", "ip-10-0-1-23.ec2.internal", False),
        ("ap-northeast-2", "ip-10-0-1-23.ap-northeast-1.compute.internal", False),
        ("ap-northeast-2", "k8s-api-auth", False),
        ("ap-northeast-2", "kubernetes.default.svc", False),
        ("ap-northeast-2", "api.nodes14.internal", False),
        ("ap-northeast-2", "ip-10-0-1-23.ap-northeast-2.compute.internal.example.com", False),
        ("ap-northeast-2", "ip-10-0-1-23xap-northeast-2ycompute.internal", False),
        ("ap-northeast-2", "x-ip-10-0-1-23.ap-northeast-2.compute.internal", False),
    ],
)
def test_only_names_that_a_vpc_gives_pass(region: str, name: str, passes: bool) -> None:
    """A node that somebody took over gets no certificate in the name of the API or of a Service."""
    assert bool(re.match(private_dns_pattern(region), name)) is passes
