"""Machines of a stack come, leave and are replaced while it is up, for real: what runs on them lives on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from sandbox.world import World
from tests.sandbox.conftest import CHECKOUT
from tests.sandbox.self_managed import WITHOUT_TREE, Platform, until, with_workers, worker
from tests.sandbox.without_kubernetes import Steps

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.life]

WORKERS = {f"k8s-worker-{zone}": worker(zone) for zone in "abc"}
MORE = {**WORKERS, "k8s-worker-more": worker("a", domain="scan")}
SECOND = {**WITHOUT_TREE, "machines/rollout": 2}
INSTANCE = "aws:ec2/instance:Instance"
LABELS = {"app": "shop"}
POD = {
    "containers": [{"name": "shop", "image": "registry.example.com/shop:1"}],
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": LABELS}}
            ]
        }
    },
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What there is at one time."""

    machines: Mapping[str, str]
    nodes: Mapping[str, str]
    ready: set[str]
    token: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an `up` did.

    Attributes:
        fewest_ready: Of nodes, while it ran.
        fewest_pods: Of two pods of which a budget lets one go at a time, those that served at the worst moment.
    """

    before: Seen
    after: Seen
    steps: Steps
    fewest_ready: int
    fewest_pods: int
    again: set[str]


@dataclass(frozen=True, kw_only=True)
class Life:
    """What was seen in a life of the stack."""

    rollout: Change
    more: Change
    less: Change
    replaced: Change
    rows: list[dict[str, str]]
    volumes: list[list[str]]
    kept: str
    left: list[str]


@pytest.fixture(scope="module")
def life(start_world: Callable[[Path], World]) -> Life:
    """Play it."""
    platform = Platform(start_world(CHECKOUT))
    platform.up(with_workers(WORKERS, **WITHOUT_TREE))
    _deploy(platform)
    rollout = _change(platform, lambda: platform.up(with_workers(WORKERS, **SECOND)))
    rows = platform.verify()
    more = _change(platform, lambda: platform.up(with_workers(MORE, **SECOND)))
    less = _change(platform, lambda: platform.up(with_workers(WORKERS, **SECOND)))
    volumes = [_volumes(platform)]
    replaced = _change(platform, lambda: platform.replace("machines-k8s-master"))
    volumes.append(_volumes(platform))
    kept = platform.core().read_namespaced_config_map("canary", "default").data["says"]
    rows += platform.verify()
    return Life(
        rollout=rollout,
        more=more,
        less=less,
        replaced=replaced,
        rows=rows,
        volumes=volumes,
        kept=kept,
        left=platform.destroy(),
    )


def _deploy(platform: Platform) -> None:
    """Run two pods on different nodes, of which one may be away; and write something down."""
    core = platform.core()
    core.create_namespaced_config_map("default", {"metadata": {"name": "canary"}, "data": {"says": "tweet"}})
    template = {"metadata": {"labels": LABELS}, "spec": POD}
    deployment = {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": template}
    apps = client.AppsV1Api(core.api_client)
    apps.create_namespaced_deployment("default", {"metadata": {"name": "shop"}, "spec": deployment})
    budget = {"metadata": {"name": "shop"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": LABELS}}}
    client.PolicyV1Api(core.api_client).create_namespaced_pod_disruption_budget("default", budget)
    until(lambda: _serving(core) == 2, "the shop does not open")


def _serving(core: client.CoreV1Api) -> int:
    pods = core.list_namespaced_pod("default", label_selector="app=shop").items
    conditions = [(one.type, one.status) for pod in pods for one in pod.status.conditions or []]
    return conditions.count(("Ready", "True"))


def _seen(platform: Platform) -> Seen:
    return Seen(
        machines={name: one["InstanceId"] for name, one in platform.instances().items()},
        nodes={name: node.metadata.uid for name, node in platform.nodes().items()},
        ready=platform.ready(),
        token=platform.secrets()["join/token"],
    )


def _change(platform: Platform, work: Callable[[], Any]) -> Change:
    before = _seen(platform)
    with _watched(platform) as (nodes, pods):
        steps = work()
    until(lambda: platform.ready() == platform.nodes().keys(), "not all nodes are Ready")
    until(lambda: _serving(platform.core()) == 2, "the shop has not opened again")
    again = platform.engine.preview(expect_no_changes=True)
    return Change(
        before=before,
        after=_seen(platform),
        steps=steps if isinstance(steps, Steps) else Steps(),
        fewest_ready=min(nodes),
        fewest_pods=min(pods),
        again=set(again.steps),
    )


@contextmanager
def _watched(platform: Platform) -> Iterator[tuple[list[int], list[int]]]:
    """Count ready nodes and serving pods again and again, whenever the API answers."""
    kubeconfig, ended = platform.kubeconfig(), threading.Event()
    nodes, pods = [], []

    def watch() -> None:
        core = client.CoreV1Api(config.new_client_from_config(config_file=str(kubeconfig)))
        core.api_client.configuration.retries = False
        while not ended.wait(0.3):
            try:
                found = core.list_node(_request_timeout=5).items
                serving = _serving(core)
            except Exception:  # noqa: BLE001 - while its only control plane is replaced nobody answers
                continue
            conditions = [(one.type, one.status) for node in found for one in node.status.conditions or []]
            nodes.append(conditions.count(("Ready", "True")))
            pods.append(serving)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield nodes, pods
    finally:
        ended.set()
        thread.join()


def test_a_rollout_replaces_every_worker_and_no_control_plane(life: Life) -> None:
    """Each worker is another machine and another node, with a fresh token; the control plane is what it was."""
    change = life.rollout
    assert change.after.ready == change.before.ready == {*WORKERS, "k8s-master"}
    for name in WORKERS:
        assert change.before.machines[name] != change.after.machines[name]
        assert change.before.nodes[name] != change.after.nodes[name]
    assert change.before.machines["k8s-master"] == change.after.machines["k8s-master"]
    assert change.before.nodes["k8s-master"] == change.after.nodes["k8s-master"]
    assert change.before.token != change.after.token


def test_a_rollout_has_one_machine_away_at_a_time(life: Life) -> None:
    """A machine's end is followed by its successor's beginning; three of four nodes are always Ready, a pod serves."""
    order = [step.split() for step in life.rollout.steps.order if f" {INSTANCE} " in step]
    kinds = [(step, name) for step, _, name in order if step in ("delete-replaced", "create-replacement")]
    assert len(kinds) == 6
    for (ended, name), (began, successor) in zip(kinds[::2], kinds[1::2], strict=True):
        assert (ended, began) == ("delete-replaced", "create-replacement")
        assert name == successor
    assert life.rollout.fewest_ready == 3
    assert life.rollout.fewest_pods == 1


def test_a_new_worker_touches_no_other(life: Life) -> None:
    """It is made with a token of its own; nobody else's resources change."""
    changes = life.more.steps.changes
    assert changes["create"] == {"machines-k8s-worker-more", "node-roles-k8s-worker-more"}
    assert changes["update"] == {"parameters-token"}
    assert changes["replace"] == {"pki-token-id", "pki-token-secret"}
    assert life.more.after.nodes.items() > life.more.before.nodes.items()
    assert life.more.after.ready == {*MORE, "k8s-master"}
    assert life.more.fewest_ready == 4


def test_a_worker_that_is_taken_out_leaves_no_trace_in_the_cluster(life: Life) -> None:
    """Its pods move before it goes, its Node goes with it, and no other is touched."""
    changes = life.less.steps.changes
    assert changes["delete"] == {"machines-k8s-worker-more", "node-roles-k8s-worker-more"}
    assert changes.keys() <= {"delete", "update", *REPLACEMENT}
    assert life.less.after.nodes == life.more.before.nodes
    assert life.less.fewest_pods >= 1


REPLACEMENT = {"replace", "create-replacement", "delete-replaced"}


def test_a_control_plane_keeps_address_volume_and_data(life: Life) -> None:
    """Another machine with the same etcd: what was written is there, and all nodes come back, the same ones."""
    change = life.replaced
    assert {n for n in change.before.machines if change.before.machines[n] != change.after.machines[n]} == {
        "k8s-master"
    }
    assert life.kept == "tweet"
    assert {n for n in change.before.nodes if change.before.nodes[n] != change.after.nodes[n]} == {"k8s-master"}
    assert change.after.ready == {*WORKERS, "k8s-master"}
    (volume, address, _), (volume_after, address_after, holder) = life.volumes
    assert (volume, address) == (volume_after, address_after)
    assert holder == change.after.machines["k8s-master"]


def _volumes(platform: Platform) -> list[str]:
    """Return the etcd volume, the control plane's address and who has the volume."""
    machine = platform.instances()["k8s-master"]
    found = platform.aws("ec2").describe_volumes(
        Filters=[{"Name": "tag:Name", "Values": ["platform-nodes14-k8s-master-etcd"]}]
    )["Volumes"]
    assert len(found) == 1
    return [found[0]["VolumeId"], machine["PrivateIpAddress"], found[0]["Attachments"][0]["InstanceId"]]


@pytest.mark.parametrize("change", ["rollout", "more", "less", "replaced"])
def test_nothing_is_to_change_afterwards(life: Life, change: str) -> None:
    """The same program again has nothing to do, whatever was done before."""
    assert getattr(life, change).again <= {"same", "read"}


def test_the_report_passes_after_each_replacement(life: Life) -> None:
    """No row of `platform verify` fails."""
    assert [row for row in life.rows if row["state"] == "fail"] == []


def test_destroy_leaves_nothing_but_what_is_kept_on_purpose(life: Life) -> None:
    """AWS holds what it held before, and no cluster kept anything."""
    assert life.left == []
