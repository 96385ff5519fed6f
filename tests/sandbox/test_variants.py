"""What the stack files leave open: other values than theirs, from the start and on a stack that is up.

Kubernetes has a stand-in here; what the values mean in the cluster is tested with the tree.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.sandbox.conftest import CHECKOUT
from tests.sandbox.without_kubernetes import Account, Steps

pytestmark = pytest.mark.engine

ZONES = {"ap-northeast-2a": 0, "ap-northeast-2b": 1, "ap-northeast-2c": 2}
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
# Without NAT images have to come from inside as well.
IMAGES = {"registry": "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/mirror"}
# Everything that no stack file has, as far as it goes together.
CLOSED: dict[str, Any] = {
    "aws/permissionsBoundary": BOUNDARY,
    "cluster/publicAccessCidrs": [],
    "network/nat": "none",
    "network/privateEndpoints": True,
    "network/podCidr": "100.64.0.0/16",
    "gitops/images": IMAGES,
    "identity/hostedZoneIds": ["Z0123456789ABCDEFGHIJ"],
    "identity/chartRepositories": ["charts/base"],
    "karpenter/freezes": [{"schedule": "0 9 * * 5", "duration": "62h"}],
}


def test_a_closed_stack_with_everything_comes_stays_and_goes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No NAT gateway, endpoints, a range for pods, a boundary on every role: settled after one `up`, nothing left."""
    with Account(CHECKOUT, tmp_path_factory.mktemp("closed"), "dev") as account:
        anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        account.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(anything))
        made = account.up(CLOSED).changes["create"]
        assert {"network-endpoints-eks-auth", "network-pods-c", "karpenter-node", "identity-external-dns"} <= made
        assert [name for name in made if "-nat-" in name] == []
        assert account.client("ec2").describe_nat_gateways()["NatGateways"] == []
        assert set(account.again().steps) <= {"same", "read"}
        assert account.destroy() == []


# Edits of dev, one upon the other, each with all that differs from the file.
EDITS: dict[str, dict[str, Any]] = {
    "as the file says": {},
    "per-az": {"network/nat": "per-az"},
    "regional": {"network/nat": "regional"},
    "one zone more": {"network/zones": {**ZONES, "ap-northeast-2d": 3}},
    "closed, one zone less": {"network/nat": "none", "network/privateEndpoints": True, "gitops/images": IMAGES},
    "open, with a range for pods": {
        "network/podCidr": "100.64.0.0/16",
        "cluster/access/ciApply": {"pipeline": "arn:aws:iam::123456789012:role/pipeline"},
    },
    "other nodes": {"nodes/maxPods": 60, "karpenter/maxPods": 110},
}


@dataclass(frozen=True, kw_only=True)
class Life:
    """What each edit of the stack changed, what the preview of the last one had shown, and what was left."""

    edits: dict[str, Steps]
    previewed: Steps
    again: set[str]
    left: list[str]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Play the edits."""
    with Account(CHECKOUT, tmp_path_factory.mktemp("edited"), "dev") as account:
        *first, (last, values) = EDITS.items()
        edits = {label: account.up(edit) for label, edit in first}
        previewed = account.preview(values)
        edits[last] = account.up(values)
        again = set(account.again().steps)
        return Life(edits=edits, previewed=previewed, again=again, left=account.destroy())


def test_another_way_out_changes_gateways_and_routes_only(life: Life) -> None:
    """No subnet, table or node knows which NAT gateway it leaves by."""

    def with_alarms(*zones: str) -> set[str]:
        alarms = {f"observability-nat-{what}-{zone}" for what in ("ports", "drops") for zone in zones}
        return alarms | {f"network-nat-{zone}" for zone in zones}

    routes = {f"network-private-{zone}-default" for zone in "abc"}
    # The dashboard, which draws every gateway.
    drawn = {"observability"}
    assert life.edits["per-az"].changes == {
        "create": with_alarms("b", "c"),
        "update": drawn | routes - {"network-private-a-default"},
    }
    assert life.edits["regional"].changes == {
        "create": with_alarms("regional"),
        "update": drawn | routes,
        "delete": with_alarms("a", "b", "c"),
    }


@pytest.mark.parametrize("edit", ["regional", "one zone more"])
def test_no_gateway_goes_before_all_routes_have_left_it(life: Life, edit: str) -> None:
    """Connections break once, for as long as AWS needs to change a route."""
    order = life.edits[edit].order
    routes = [i for i, step in enumerate(order) if step.startswith("update aws:ec2/route:Route ")]
    gone = [i for i, step in enumerate(order) if step.startswith("delete aws:ec2/natGateway:NatGateway ")]
    assert len(routes) == 3
    assert max(routes) < min(gone)


def test_a_network_closes_after_its_endpoints_came_and_opens_before_they_go(life: Life) -> None:
    """Nodes reach AWS all the time, by one way or the other."""
    closing, opening = (life.edits[edit].order for edit in ("closed, one zone less", "open, with a range for pods"))
    assert _last(closing, "create aws:ec2/vpcEndpoint:VpcEndpoint") < _first(closing, "delete aws:ec2/route:Route")
    assert _last(opening, "create aws:ec2/route:Route") < _first(opening, "delete aws:ec2/vpcEndpoint:VpcEndpoint")


def test_a_zone_comes_and_goes_without_the_control_plane(life: Life) -> None:
    """Its subnets are new or go, the cluster keeps its own; a new base group comes before the old one is drained."""
    more, less = (life.edits[edit] for edit in ("one zone more", "closed, one zone less"))
    subnets = {f"network-{role}-d" for role in ("private", "public", "cluster")}
    assert subnets <= more.changes["create"]
    assert subnets <= less.changes["delete"]
    for steps in (more, less):
        assert steps.inputs["aws:eks/nodeGroup:NodeGroup nodes"] == ["subnetIds"]
        assert "aws:eks/cluster:Cluster cluster-eksCluster" not in steps.inputs
        group = "aws:eks/nodeGroup:NodeGroup nodes"
        assert steps.order.index(f"create-replacement {group}") < steps.order.index(f"delete-replaced {group}")
    nodes, subnet = "delete-replaced aws:eks/nodeGroup:NodeGroup", "delete aws:ec2/subnet:Subnet"
    assert _last(less.order, nodes) < _first(less.order, subnet)


def test_nothing_but_the_base_group_of_other_zones_is_replaced(life: Life) -> None:
    """No edit of these replaces a subnet, a table, an add-on or the cluster."""
    replaced = {edit: steps.changes.get("replace", set()) for edit, steps in life.edits.items()}
    zones = ("one zone more", "closed, one zone less")
    assert replaced == {edit: {"nodes"} if edit in zones else set() for edit in EDITS}


def test_pods_get_a_range_of_their_own_later(life: Life) -> None:
    """The VPC CNI is told of the subnets once they are ready; nodes that are there stay as they are."""
    steps = life.edits["open, with a range for pods"]
    assert steps.inputs["aws:eks/addon:Addon addons-vpc-cni"] == ["configurationValues"]
    assert "aws:eks/nodeGroup:NodeGroup nodes" not in steps.inputs
    told = steps.order.index("update aws:eks/addon:Addon addons-vpc-cni")
    assert _last(steps.order, "create aws:ec2/subnet:Subnet") < told


def test_access_comes_and_goes_alone(life: Life) -> None:
    """A role more or less is an access entry and its policy; the cluster is not touched."""
    entry = {"cluster-pipeline", "cluster-pipeline-admin"}
    assert entry <= life.edits["open, with a range for pods"].changes["create"]
    assert entry <= life.edits["other nodes"].changes["delete"]
    assert not any("cluster-eksCluster" in step for step in life.edits["other nodes"].order)


def test_another_number_of_pods_rolls_the_nodes_and_the_preview_says_so(life: Life) -> None:
    """A new version of the launch template, which the group takes node by node; Karpenter's number goes to the tree."""
    steps = life.edits["other nodes"]
    assert steps.inputs["aws:ec2/launchTemplate:LaunchTemplate nodes"] == ["userData"]
    assert steps.inputs["aws:eks/nodeGroup:NodeGroup nodes"] == ["launchTemplate"]
    assert steps.inputs["kubernetes:argoproj.io/v1alpha1:Application argocd-root"] == ["spec"]
    # The pods' own range goes with this edit: there are fewer subnets whose addresses are counted.
    watching = {"observability", "observability-free-addresses"}
    assert steps.changes["update"] == {"nodes", "addons-vpc-cni", "argocd-root"} | watching
    # By type as well: group and launch template have one name.
    assert life.previewed.inputs.keys() == steps.inputs.keys()
    assert life.previewed.changes == steps.changes


def test_after_all_edits_the_stack_is_settled_and_goes_without_a_trace(life: Life) -> None:
    """Neither refresh nor preview finds a difference; a destroy leaves nothing but what is kept on purpose."""
    assert life.again <= {"same", "read"}
    assert life.left == []


def _first(order: list[str], start: str) -> int:
    return next(i for i, step in enumerate(order) if step.startswith(f"{start} "))


def _last(order: list[str], start: str) -> int:
    return max(i for i, step in enumerate(order) if step.startswith(f"{start} "))
