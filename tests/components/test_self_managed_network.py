"""A network whose pods live in an overlay: what it reserves, and what it leaves out."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pulumi
import pytest
from pulumi_aws.ec2.eip import Eip

from components.network.component import Network, NetworkArgs
from components.place import Place
from tests.components.conftest import EIP, ENDPOINT, RESERVATION, SUBNET, TABLE, Builder
from tests.conftest import ACCOUNT, CaptureProgram


@pytest.mark.parametrize("zones", [{"ap-northeast-2a": 0}, {"ap-northeast-2a": 3, "ap-northeast-2c": 1}])
def test_fixed_addresses_are_set_apart(network: Builder, zones: dict[str, int]) -> None:
    """The second /28 of every private subnet is no address that AWS gives out; there are no ranges of prefixes."""
    captured = network(overlay=True, zones=zones)
    ranges = {
        r.name.rpartition("-")[2]: IPv4Network(r.inputs["cidrBlock"])
        for r in captured.of_type(SUBNET)
        if "private" in r.name
    }
    reserved = {r.name: r for r in captured.of_type(RESERVATION)}
    assert set(reserved) == {f"network-private-{zone[-1]}-fixed" for zone in zones}
    for zone in zones:
        found = reserved[f"network-private-{zone[-1]}-fixed"]
        assert found.inputs["reservationType"] == "explicit"
        subnet = ranges[zone[-1]]
        assert found.inputs["cidrBlock"] == str(list(subnet.subnets(new_prefix=28))[1])
        assert found.source("subnetId") == captured.one(SUBNET, f"network-private-{zone[-1]}").urn


def test_nothing_of_eks_or_karpenter_is_made(network: Builder) -> None:
    """No subnets for the interfaces of a control plane of EKS, no tag for Karpenter; the rest is as ever."""
    plain, overlay = network(), network(overlay=True)
    gone = {r.name for r in plain.resources} - {r.name for r in overlay.resources}
    assert gone == {
        "network-cluster",
        *(f"network-cluster-{zone}" for zone in "abc"),
        *(f"network-private-{zone}-prefixes-{part}" for zone in "abc" for part in ("quarter", "half")),
    }
    assert not [r.name for r in overlay.of_type(SUBNET) if "karpenter.sh/discovery" in r.inputs["tags"]]
    assert [r.name for r in plain.of_type(SUBNET) if "karpenter.sh/discovery" in r.inputs["tags"]]
    assert all(
        "kubernetes.io/role/internal-elb" in overlay.one(SUBNET, f"network-private-{z}").inputs["tags"] for z in "abc"
    )
    assert overlay.one(ENDPOINT, "network-s3").inputs["routeTableIds"]
    assert len(overlay.of_type(TABLE)) == 4


@pytest.mark.parametrize("flag", [True, False])
def test_a_private_subnet_is_given_out_with_its_reservation(capture: CaptureProgram, flag: bool) -> None:
    """Whoever is placed by a subnet's id comes after the reservation: no address of it is taken by then."""
    args = NetworkArgs(
        cluster_name="demo",
        cidr="10.0.0.0/16",
        overlay=flag,
        zones={"ap-northeast-2a": 0},
        nat="single",
        flow_log_retention_days=30,
        place=Place(region="ap-northeast-2", partition="aws", account_id=ACCOUNT),
    )

    def program() -> None:
        network = Network("network", args)
        Eip("user", tags={"subnet": network.zone_subnet_ids["a"]})
        Eip("later", opts=pulumi.ResourceOptions(depends_on=network.egress))

    captured = capture(program)
    fixed = {r.urn for r in captured.of_type(RESERVATION) if r.name.endswith("-fixed")}
    assert (fixed <= captured.needs(captured.one(EIP, "user")), bool(fixed)) == (True, flag)
    assert fixed <= captured.needs(captured.one(EIP, "later"))


def test_an_overlays_pods_have_no_range_in_the_vpc(network: Builder) -> None:
    """The two ways to give pods addresses exclude each other."""
    changes: dict[str, Any] = {"overlay": True, "pod_cidr": "100.64.0.0/16"}
    captured = network(expect=ValueError, **changes)
    rule = "pod_cidr=100.64.0.0/16: pods of an overlay take no addresses of the VPC; leave it out"
    assert (str(captured.error), captured.resources) == (rule, [])
