"""A stack of three control planes, for real: it comes, the first of them is replaced under load, it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.applications import ApplicationWatch
from sandbox.engine import Operation
from sandbox.world import World
from tests.sandbox.conftest import CHECKOUT
from tests.sandbox.self_managed import CLUSTER, REGION, Platform, worker

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.life]

PLANES = ["k8s-master", "k8s-master-2", "k8s-master-3"]
VALUES = {
    "machines/controlPlanes": 3,
    "machines/controlPlane/zones": [f"{REGION}{zone}" for zone in "abc"],
    "machines/workers": {f"k8s-worker-{zone}": worker(zone) for zone in "abc"},
    "machines/total": 6,
}


@dataclass(kw_only=True)
class Seen:
    """What there is at one time.

    Attributes:
        targets: Instances that take connections, by target group.
        alias: What the API's private name leads to.
    """

    nodes: dict[str, Any]
    machines: dict[str, Any]
    rows: list[dict[str, str]]
    targets: dict[str, set[str]] = field(default_factory=dict)
    alias: str = ""
    again: Operation


@dataclass(frozen=True, kw_only=True)
class Life:
    """What was seen in a life of the stack."""

    first: Seen
    replaced: Seen
    balancers: dict[str, str]
    farewell: str
    left: list[str]


@pytest.fixture(scope="module")
def life(start_world: Callable[[Path], World]) -> Life:
    """Play it."""
    platform = Platform(start_world(CHECKOUT))
    platform.up(VALUES)
    _begun(ApplicationWatch(platform.kubeconfig()))
    first = _seen(platform)
    balancers = platform.aws("elbv2").describe_load_balancers()["LoadBalancers"]
    _let_the_token_expire(platform)
    platform.replace("pki-token-id", "pki-token-secret", "machines-k8s-master")
    replaced = _seen(platform)
    farewell, left = platform.down()
    return Life(
        first=first,
        replaced=replaced,
        balancers={one["DNSName"]: one["Scheme"] for one in balancers},
        farewell=farewell,
        left=left,
    )


def _begun(watch: ApplicationWatch) -> None:
    """Wait for the tree's first controllers. Most of its later waves ask for nodes that this stack does not have."""
    deadline = time.monotonic() + 240
    while not any(one.name == "infrastructure" and one.good for one in watch.applications()):
        assert time.monotonic() < deadline, "Application infrastructure is not Synced and Healthy"
        time.sleep(0.5)


def _let_the_token_expire(platform: Platform) -> None:
    """A day after the rollout the cluster does not know its token any more."""
    token = platform.secrets()["join/token"].partition(".")[0]
    platform.core().delete_namespaced_secret(f"bootstrap-token-{token}", "kube-system")


def _seen(platform: Platform) -> Seen:
    elb = platform.aws("elbv2")
    groups = {one["TargetGroupName"]: one["TargetGroupArn"] for one in elb.describe_target_groups()["TargetGroups"]}
    return Seen(
        nodes=platform.nodes(),
        machines=platform.instances(),
        rows=platform.verify(),
        targets={
            name: {
                one["Target"]["Id"]
                for one in elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
                if one["TargetHealth"]["State"] == "healthy"
            }
            for name, arn in groups.items()
        },
        alias=_alias(platform),
        again=platform.engine.preview(expect_no_changes=True),
    )


def _alias(platform: Platform) -> str:
    route53 = platform.aws("route53")
    zone = route53.list_hosted_zones_by_name(DNSName=f"{CLUSTER}.internal.")["HostedZones"][0]
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    found = next(one for one in records if one["Name"] == f"api.{CLUSTER}.internal.")
    return str(found["AliasTarget"]["DNSName"]).removesuffix(".")


def _at(life: Life, when: str) -> Seen:
    return life.first if when == "first" else life.replaced


WHEN = pytest.mark.parametrize("when", ["first", "replaced"])


@WHEN
def test_three_control_planes_are_ready_in_three_zones(life: Life, when: str) -> None:
    """Each has the taint that keeps pods off and its own zone; all six nodes are Ready."""
    seen = _at(life, when)
    assert len(seen.nodes) == 6
    for node in seen.nodes.values():
        assert ("Ready", "True") in {(one.type, one.status) for one in node.status.conditions}
    planes = {name: node for name, node in seen.nodes.items() if name in PLANES}
    assert [len([*planes]), {node.metadata.labels["topology.kubernetes.io/zone"][-1] for node in planes.values()}] == [
        3,
        {*"abc"},
    ]
    for node in planes.values():
        assert ("node-role.kubernetes.io/control-plane", "NoSchedule") in {
            (taint.key, taint.effect) for taint in node.spec.taints
        }


@WHEN
def test_the_api_is_found_behind_two_load_balancers(life: Life, when: str) -> None:
    """Machines by the private name and the internal one, we by the public one; each sends to all three."""
    seen = _at(life, when)
    planes = {seen.machines[name]["InstanceId"] for name in PLANES}
    assert len(seen.targets) == 2
    assert set(map(frozenset, seen.targets.values())) == {frozenset(planes)}
    assert life.balancers[seen.alias] == "internal"
    assert sorted(life.balancers.values()) == ["internal", "internet-facing"]


@WHEN
def test_the_report_passes_and_nothing_is_to_change(life: Life, when: str) -> None:
    """Every row of `platform verify` passes; the same program has nothing to do."""
    seen = _at(life, when)
    assert [row for row in seen.rows if row["state"] == "fail"] == []
    assert set(seen.again.steps) <= {"same", "read"}


def test_the_first_one_came_again_as_a_member(life: Life) -> None:
    """Another machine at the same address, all others untouched: it joined the cluster and began no new one."""
    was, is_ = life.first, life.replaced
    ids = {name: (was.machines[name]["InstanceId"], is_.machines[name]["InstanceId"]) for name in was.machines}
    assert {name for name, (before, after) in ids.items() if before != after} == {"k8s-master"}
    address = "PrivateIpAddress"
    assert was.machines["k8s-master"][address] == is_.machines["k8s-master"][address]
    uids = {name for name in was.nodes if was.nodes[name].metadata.uid != is_.nodes[name].metadata.uid}
    assert uids == {"k8s-master"}


def test_a_tree_that_waits_does_not_hold_the_destroy_up(life: Life) -> None:
    """The root waits for Applications that want nodes which are not there; its sync is ended before it is deleted."""
    assert "ended the syncs of" in life.farewell
    assert "root" in life.farewell.partition("ended the syncs of ")[2].partition(":")[0]


def test_destroy_leaves_nothing_but_what_is_kept_on_purpose(life: Life) -> None:
    """AWS holds what it held before, and no cluster kept anything."""
    assert life.left == []
