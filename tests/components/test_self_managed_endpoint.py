"""Where the API of a self-managed cluster is found, with one control plane and with three."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.place import Place
from components.self_managed.endpoint import Endpoint, EndpointArgs
from components.self_managed.spec import ClusterSpec
from tests.captures import UNKNOWN, Capture
from tests.conftest import ACCOUNT, CaptureProgram
from tests.self_managed import NODES14, THREE, with_node

ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
TARGETS = "aws:lb/targetGroup:TargetGroup"
LISTENER = "aws:lb/listener:Listener"
URN = "urn:pulumi:dev::platform::platform:self_managed:Endpoint::endpoint"


def _args(spec: ClusterSpec, **changes: Any) -> EndpointArgs:
    several = len(spec.control_planes) > 1
    example: dict[str, Any] = {
        "vpc_id": "vpc-1",
        "public_subnet_ids": ["subnet-public-a", "subnet-public-b"],
        "private_subnet_ids": ["subnet-a", "subnet-b"],
        "internal_balancer_id": "sg-internal" if several else None,
        "public_balancer_id": "sg-public",
        "place": Place(region="ap-northeast-2", partition="aws", account_id=ACCOUNT, tags={"project": "demo"}),
    }
    return EndpointArgs(spec=spec, **{**example, **changes})


def endpoint(capture: CaptureProgram, spec: ClusterSpec, **changes: Any) -> Capture:
    args = _args(spec, **changes)
    return capture(lambda: Endpoint("endpoint", args))


def test_one_control_plane_is_found_by_its_address(capture: CaptureProgram) -> None:
    """The name is in a zone that only the VPC sees, and known before any machine is."""
    captured = endpoint(capture, NODES14, public_balancer_id=None)
    zone, record = captured.one(ZONE, "endpoint-zone"), captured.one(RECORD, "endpoint-record")
    assert zone.inputs["name"] == "nodes14.internal"
    assert zone.inputs["vpcs"] == [{"vpcId": "vpc-1", "vpcRegion": "ap-northeast-2"}]
    assert (record.inputs["name"], record.inputs["type"]) == ("api.nodes14.internal", "A")
    assert (record.inputs["records"], record.inputs["ttl"]) == ([str(NODES14.control_planes[0].address)], 60)
    assert not captured.of_type(BALANCER)
    assert captured.outputs[URN]["server"] == "https://api.nodes14.internal:6443"


def test_three_are_found_behind_an_internal_balancer(capture: CaptureProgram) -> None:
    """The same name is an alias; the balancer stands in private subnets and sends across zones."""
    captured = endpoint(capture, THREE, public_balancer_id=None)
    balancer, record = captured.one(BALANCER, "endpoint-internal"), captured.one(RECORD, "endpoint-record")
    assert "records" not in record.inputs
    assert "ttl" not in record.inputs
    assert record.source("aliases") == balancer.urn
    assert balancer.inputs["internal"] is True
    assert balancer.inputs["subnets"] == ["subnet-a", "subnet-b"]
    assert balancer.inputs["securityGroups"] == ["sg-internal"]
    assert balancer.inputs["enableCrossZoneLoadBalancing"] is True
    assert captured.outputs[URN]["server"] == "https://api.nodes14.internal:6443"


def test_targets_are_control_planes_that_are_ready(capture: CaptureProgram) -> None:
    """A control plane that reaches itself through the balancer gets an answer, and one that is not ready nothing."""
    targets = endpoint(capture, THREE).of_type(TARGETS)
    assert len(targets) == 2
    for group in targets:
        check = group.inputs["healthCheck"]
        assert (check["protocol"], check["path"], check["matcher"]) == ("HTTPS", "/readyz", "200")
        assert (group.inputs["preserveClientIp"], group.inputs["targetType"]) == ("false", "instance")
        assert (group.inputs["port"], group.inputs["protocol"]) == (6443, "TCP")


@pytest.mark.parametrize("spec", [NODES14, THREE], ids=["one", "three"])
def test_the_world_comes_through_a_balancer_of_its_own(capture: CaptureProgram, spec: ClusterSpec) -> None:
    """The public balancer has its own group and subnets; machines still use the name in the VPC."""
    captured = endpoint(capture, spec)
    balancer = captured.one(BALANCER, "endpoint-public")
    assert balancer.inputs["internal"] is False
    assert balancer.inputs["subnets"] == ["subnet-public-a", "subnet-public-b"]
    assert balancer.inputs["securityGroups"] == ["sg-public"]
    server = str(captured.outputs[URN]["server"])
    assert server.startswith("https://api-public-nodes14-")
    assert server.endswith(".elb.ap-northeast-2.amazonaws.com:6443")
    assert captured.one(LISTENER, "endpoint-public").inputs["port"] == 6443
    assert balancer.urn not in captured.needs(captured.one(RECORD, "endpoint-record"))


def test_protection_is_the_balancers(capture: CaptureProgram) -> None:
    """AWS and Pulumi refuse to delete them when told to, and only then."""
    for protect in (True, False):
        captured = endpoint(capture, THREE, protect=protect)
        for balancer in captured.of_type(BALANCER):
            assert (balancer.protect, balancer.inputs["enableDeletionProtection"]) == (protect, protect)
        assert captured.one("aws:route53/zone:Zone", "endpoint-zone").protect is protect


@pytest.mark.parametrize("name", ["a", "sg-internal-elb", "a-cluster-whose-name-is-as-long-as-one-may"])
def test_names_fit(capture: CaptureProgram, name: str) -> None:
    """Load balancers and target groups have at most 32 characters and never begin as AWS's own do."""
    captured = endpoint(capture, replace(THREE, name=name))
    names = [r.inputs["name"] for kind in (BALANCER, TARGETS) for r in captured.of_type(kind)]
    assert len(set(names)) == 2
    assert all(len(text) <= 32 and not text.startswith(("internal-", "-")) and text[-1] != "-" for text in names)


def test_a_first_preview_knows_the_name(capture: CaptureProgram) -> None:
    """Nothing of the record waits for AWS but its zone."""
    args = _args(NODES14, public_balancer_id=None)
    captured = capture(lambda: Endpoint("endpoint", args), preview=True)
    record = captured.one(RECORD, "endpoint-record")
    assert (record.inputs["zoneId"], record.inputs["name"]) == (UNKNOWN, "api.nodes14.internal")


def test_control_planes_that_nobody_finds_are_refused() -> None:
    """Three without a balancer's group, or one without an address, end in one line."""
    with pytest.raises(ValueError, match="3 control planes stand behind a load balancer"):
        _args(THREE, internal_balancer_id=None)
    with pytest.raises(ValueError, match="address=None of k8s-master"):
        _args(with_node("k8s-master", address=None))
