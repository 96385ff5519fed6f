"""Which machines are planned for which pods."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.kubernetes.instance_types import allocatable, capacity
from sandbox.provisioning.amounts import Amount
from sandbox.provisioning.needs import Needs, needs
from sandbox.provisioning.offers import CAPACITY_TYPE, POOL, TYPE, ZONE, offers
from sandbox.provisioning.packing import Machine, Plan, Pool, Room, cheapest, pack
from sandbox.provisioning.selection import all_match

_ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
_FREE = 2**60
_SIZES = ({"key": TYPE, "operator": "In", "values": ["t3.medium", "t3.large", "m5.large"]},)


def pod(name: str, cpu: str = "500m", app: str = "web", **spec: Any) -> Needs:
    container = {"resources": {"requests": {"cpu": cpu, "memory": "100Mi"}}}
    metadata = {"name": name, "uid": name, "namespace": "shop", "labels": {"app": app}}
    return needs({"metadata": metadata, "spec": {"containers": [container], **spec}})


def pool(
    name: str = "general", *requirements: dict[str, Any], taints: tuple[dict[str, str], ...] = (), nodes: int = _FREE
) -> Pool:
    rooms = []
    for offer in offers("eu-west-1", _ZONES):
        labels = {**offer.labels, POOL: name}
        if all_match(labels, (*_SIZES, *requirements)):
            whole = capacity(offer.kind, {})
            free = allocatable(offer.kind, {}, planning=True)
            rooms.append(
                Room(labels=labels, free=free, whole=Amount(cpu=whole.cpu, memory=whole.memory, pods=1), offer=offer)
            )
    left = Amount(cpu=_FREE, memory=_FREE, pods=nodes)
    return Pool(name=name, rooms=tuple(rooms), taints=taints, left=left)


def node(
    name: str,
    zone: str = _ZONES[0],
    cpu: int = 4000,
    pods: tuple[Needs, ...] = (),
    taints: tuple[dict[str, str], ...] = (),
) -> Machine:
    room = Room(labels={ZONE: zone, "disk": "ssd"}, free=Amount(cpu=cpu, memory=2**34, pods=58))
    used = sum((one.amount for one in pods), Amount())
    return Machine(name=name, rooms=(room,), pods=[*pods], taints=taints, used=used)


def names(plan: Plan) -> list[list[str]]:
    return [sorted(one.name for one in machine.pods) for machine in plan.machines]


def test_one_machine_for_what_fits_on_one_and_the_cheapest() -> None:
    """Three half cores fit on one machine with two; the cheapest such is spot."""
    plan = pack([pod("a"), pod("b"), pod("c")], [], [pool()])
    assert names(plan) == [["a", "b", "c"]]
    bought = cheapest(plan.machines[0])
    assert (bought.labels[TYPE], bought.labels[CAPACITY_TYPE]) == ("t3.medium", "spot")


def test_on_demand_where_spot_is_not_allowed() -> None:
    """The pool's capacity types hold."""
    plan = pack([pod("a")], [], [pool("general", {"key": CAPACITY_TYPE, "operator": "In", "values": ["on-demand"]})])
    assert cheapest(plan.machines[0]).labels[CAPACITY_TYPE] == "on-demand"


def test_a_larger_machine_for_more_memory() -> None:
    """A type stays in the choice only while all pods fit on it."""
    container = {"resources": {"requests": {"cpu": "100m", "memory": "6Gi"}}}
    wanted = needs({"metadata": {"name": "m", "uid": "m", "namespace": "shop"}, "spec": {"containers": [container]}})
    plan = pack([wanted], [], [pool()])
    assert cheapest(plan.machines[0]).labels[TYPE] in ("t3.large", "m5.large")


def test_nodes_that_are_there_come_first() -> None:
    """No machine is made for what the scheduler can place."""
    plan = pack([pod("a")], [node("n")], [pool()])
    assert (plan.machines, plan.homeless) == ([], {})


@pytest.mark.parametrize(
    "full",
    [
        node("n", cpu=400),
        node("n", taints=({"key": "only", "value": "db", "effect": "NoSchedule"},)),
    ],
    ids=["full", "tainted"],
)
def test_a_node_that_cannot_take_the_pod_is_passed_over(full: Machine) -> None:
    """Room and taints of nodes count."""
    assert names(pack([pod("a")], [full], [pool()])) == [["a"]]


_EXISTS = {"matchExpressions": [{"key": POOL, "operator": "Exists"}]}


def test_a_required_nodepool_keeps_pods_off_other_nodes() -> None:
    """`karpenter.sh/nodepool Exists` is fulfilled by a machine of a pool alone."""
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_EXISTS]}}}
    assert names(pack([pod("a", affinity=affinity)], [node("n")], [pool()])) == [["a"]]


@pytest.mark.parametrize(
    "spec",
    [
        {"nodeSelector": {"disk": "nvme"}},
        {"nodeSelector": {ZONE: "eu-west-1x"}},
        {"nodeSelector": {"kubernetes.io/arch": "arm64"}},
        {"cpu": "9"},
    ],
    ids=["label", "zone", "architecture", "size"],
)
def test_what_nothing_fits_is_homeless(spec: dict[str, Any]) -> None:
    """No machine is made in vain, and the reason is said."""
    plan = pack([pod("a", **spec)], [], [pool()])
    assert plan.machines == []
    assert "no Ready NodePool allows" in plan.homeless["a"]


def test_taints_of_a_pool_want_tolerations() -> None:
    """A pod goes to the pool whose taints it tolerates, be it asked later."""
    gpu = pool("gpu", taints=({"key": "gpu", "value": "yes", "effect": "NoSchedule"},))
    plan = pack([pod("a")], [], [gpu, pool()])
    assert [machine.pool for machine in plan.machines] == ["general"]
    tolerant = pod("b", tolerations=[{"key": "gpu", "operator": "Equal", "value": "yes"}])
    assert [machine.pool for machine in pack([tolerant], [], [gpu, pool()]).machines] == ["gpu"]


def test_limits_bound_the_number_of_machines() -> None:
    """What needs one machine more than the limit allows waits."""
    plan = pack([pod(name, cpu="1500m") for name in "abc"], [], [pool(nodes=2)])
    assert names(plan) == [["a"], ["b"]]
    assert list(plan.homeless) == ["c"]


def spread(key: str, hard: bool = True) -> dict[str, Any]:
    when = "DoNotSchedule" if hard else "ScheduleAnyway"
    selector = {"matchLabels": {"app": "web"}}
    one = {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": when, "labelSelector": selector}
    return {"topologySpreadConstraints": [one]}


def test_a_spread_over_zones_makes_a_machine_in_each() -> None:
    """Three pods, three zones; a fourth joins one of them."""
    plan = pack([pod(name, cpu="100m", **spread(ZONE)) for name in "abcd"], [], [pool()])
    assert sorted(map(len, names(plan))) == [1, 1, 2]
    assert {cheapest(machine).labels[ZONE] for machine in plan.machines} == set(_ZONES)


def test_a_spread_counts_pods_that_are_there() -> None:
    """The zone that has one already gets none before the others."""
    there = node("n", zone=_ZONES[1], pods=(pod("old"),), cpu=500)
    plan = pack([pod("a", **spread(ZONE)), pod("b", **spread(ZONE))], [there], [pool()])
    assert {cheapest(machine).labels[ZONE] for machine in plan.machines} == {_ZONES[0], _ZONES[2]}


def test_a_wish_that_no_machine_grants_is_dropped() -> None:
    """A soft spread makes a machine per host while it can, and does not keep a pod waiting."""
    pods = [pod(name, cpu="100m", **spread("kubernetes.io/hostname", hard=False)) for name in "abc"]
    assert sorted(map(len, names(pack(pods, [], [pool(nodes=2)])))) == [1, 2]


def anti(key: str) -> dict[str, Any]:
    term = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": "web"}}}
    return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def test_anti_affinity_separates_by_host() -> None:
    """Two that do not stand each other get a machine each."""
    pods = [pod(name, cpu="100m", **anti("kubernetes.io/hostname")) for name in "ab"]
    assert names(pack(pods, [], [pool()])) == [["a"], ["b"]]


def test_a_pod_that_is_there_keeps_others_off() -> None:
    """Its anti-affinity holds against pods that have none."""
    there = node("n", pods=(pod("old", **anti("kubernetes.io/hostname")),))
    assert names(pack([pod("a")], [there], [pool()])) == [["a"]]
    assert names(pack([pod("a", app="other")], [there], [pool()])) == []


def test_affinity_joins() -> None:
    """A pod that wants to be where another is does not get a machine of its own."""
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
    close: dict[str, Any] = {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    assert names(pack([pod("a", cpu="600m"), pod("b", app="cache", **close)], [], [pool()])) == [["a", "b"]]
    assert list(pack([pod("b", app="cache", **close)], [], [pool()]).homeless) == ["b"]


def test_a_wish_for_spot_is_granted_first() -> None:
    """Preferred node affinity chooses among the pools' offers; without such an offer it is dropped."""
    wish = {
        "weight": 1,
        "preference": {"matchExpressions": [{"key": CAPACITY_TYPE, "operator": "In", "values": ["spot"]}]},
    }
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}
    (machine,) = pack([pod("a", affinity=affinity)], [], [pool()]).machines
    assert {room.labels[CAPACITY_TYPE] for room in machine.rooms} == {"spot"}
    dear = pool("general", {"key": CAPACITY_TYPE, "operator": "NotIn", "values": ["spot"]})
    assert names(pack([pod("a", affinity=affinity)], [], [dear])) == [["a"]]


def test_a_volume_binds_a_pod_to_its_zone() -> None:
    """A machine is made where the volume is."""
    container = {"resources": {"requests": {"cpu": "1"}}}
    zone = ({"key": ZONE, "operator": "In", "values": [_ZONES[2]]},)
    manifest = {"metadata": {"name": "a", "uid": "a", "namespace": "shop"}, "spec": {"containers": [container]}}
    (machine,) = pack([needs(manifest, [[zone]])], [], [pool()]).machines
    assert cheapest(machine).labels[ZONE] == _ZONES[2]


def test_what_is_not_played_is_said() -> None:
    """A need that this module does not know keeps a pod waiting instead of being passed over."""
    container = {"resources": {"requests": {"nvidia.com/gpu": "1"}}}
    manifest = {"metadata": {"name": "a", "uid": "a", "namespace": "shop"}, "spec": {"containers": [container]}}
    plan = pack([needs(manifest)], [], [pool()])
    assert "does not play request of nvidia.com/gpu" in plan.homeless["a"]
