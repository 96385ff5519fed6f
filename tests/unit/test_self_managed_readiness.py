"""The waits for a booting cluster: what ends them, what they say meanwhile, and what a time-out tells."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components.self_managed.cluster_api import ClusterApi
from components.self_managed.readiness import Boots, Patience, api_ready, node_faults, node_ready
from components.self_managed.spec import NodeSpec
from tests.self_managed import NODES14, node
from tests.self_managed.api import FakeApi, served

QUICK = Patience(limit=0.4, every=0.01, told=0.05)
LONG = Patience(limit=20, every=0.01, told=0.05)
REDIS = node("k8s-redis")
CONSOLE = (
    "[ 20.1] platform-boot: phase=packages\r\n[ 61.0] platform-boot: failed phase=parameters AccessDenied\r\nlogin:"
)


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No engine is there: hooks are not registered, and lines of progress are kept."""
    lines: list[str] = []
    monkeypatch.setattr("pulumi.resource_hooks.register_resource_hook", lambda hook: None)
    monkeypatch.setattr("pulumi.log.info", lines.append)
    return lines


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """An API without nodes."""
    with served(FakeApi()) as fake:
        yield fake


def boots(console: Callable[[str], str] = lambda _: CONSOLE) -> Boots:
    ids = {found.name: f"i-{found.name}" for found in NODES14.nodes}
    return Boots(instance_ids=ids, region="ap-northeast-2", console=console)


def patch(name: str, instance_id: str) -> pulumi.ResourceHookArgs:
    """What the engine hands to the hook of a node's patch."""
    metadata = {"name": name, "annotations": {"platform/instance-id": instance_id}}
    return pulumi.ResourceHookArgs(urn="urn", id="", name=name, type="", new_inputs={"metadata": metadata})


async def run(hook: pulumi.ResourceHook, args: Any = None) -> None:
    waiting = hook(args)
    assert waiting is not None
    await waiting


def registered(api: FakeApi, spec: NodeSpec = REDIS, instance_id: str = "i-1") -> dict[str, Any]:
    """Add a node as it is once all is well."""
    found = api.add_node(spec.name, instance_id, providerID=f"aws:///{spec.zone}/{instance_id}")
    found["metadata"]["labels"] = dict(spec.labels)
    found["spec"]["taints"] = [{"key": t.key, "value": t.value, "effect": t.effect} for t in spec.taints]
    return found


def later(seconds: float, change: Callable[[], object]) -> Coroutine[Any, Any, None]:
    async def wait() -> None:
        await asyncio.sleep(seconds)
        change()

    return wait()


def test_the_api_is_ready_when_the_administrator_may_use_it(api: FakeApi, told: list[str]) -> None:
    """An API that answers, but has not granted rights yet, is not ready: the first resource would be refused."""
    original, asked = api.answer, iter(range(100))

    def answer(method: str, url: str, body: Any) -> Any:
        if url == "/readyz":
            look = next(asked)
            api.unready, api.forbidden = (500 if look < 2 else 200), look < 4
        return original(method, url, body)

    api.answer = answer  # type: ignore[method-assign]

    async def story() -> None:
        patience = replace(LONG, told=0)
        await run(api_ready(kubeconfig=api.kubeconfig, spec=NODES14, boots=boots(), patience=patience))

    asyncio.run(story())
    told_of = [line.rpartition(": ")[2] for line in told]
    assert told_of[:4] == ["500 etcd is not ready"] * 2 + ["403 nodes is forbidden"] * 2
    assert told_of[4].startswith("API of nodes14 is ready after")


def test_a_time_out_says_where_the_machine_stands(api: FakeApi) -> None:
    """The last phase of each control plane, and the commands that show the rest; workers are not asked."""
    api.unready = 0

    async def story() -> None:
        await run(api_ready(kubeconfig=api.kubeconfig, spec=NODES14, boots=boots(), patience=QUICK))

    with pytest.raises(TimeoutError) as raised:
        asyncio.run(story())
    first, *rest = str(raised.value).splitlines()
    assert first.startswith("the API of nodes14 is not ready after 0 s: no answer: ")
    assert rest == [
        "  k8s-master (i-k8s-master): platform-boot: failed phase=parameters AccessDenied",
        "    aws ec2 get-console-output --region ap-northeast-2 --latest --output text --instance-id i-k8s-master",
        "    aws ssm start-session --region ap-northeast-2 --target i-k8s-master,"
        " then sudo journalctl -u platform-boot",
    ]


@pytest.mark.parametrize(
    ("console", "says"),
    [("", "its console has no line of platform-boot"), (None, "its console cannot be read: no credentials")],
)
def test_a_time_out_is_told_without_a_console(api: FakeApi, console: str | None, says: str) -> None:
    """Neither an empty console nor missing rights hide the failure itself."""
    api.unready = 500

    def read(_: str) -> str:
        if console is None:
            raise PermissionError("no credentials")
        return console

    async def story() -> None:
        await run(api_ready(kubeconfig=api.kubeconfig, spec=NODES14, boots=boots(read), patience=QUICK))

    with pytest.raises(TimeoutError, match=f"500 etcd is not ready\n  k8s-master .*: {says}"):
        asyncio.run(story())


def test_a_node_is_ready_three_times_in_a_row(api: FakeApi) -> None:
    """One look at a Ready node is not enough: it may be the last moment of its predecessor."""
    found = registered(api)
    looks: list[str] = []
    original = api.answer

    def answer(method: str, url: str, body: Any) -> Any:
        looks.append(url)
        found["status"]["conditions"][0]["status"] = "False" if len(looks) == 2 else "True"
        return original(method, url, body)

    api.answer = answer  # type: ignore[method-assign]

    async def story() -> None:
        hook = node_ready(kubeconfig=api.kubeconfig, spec=NODES14, boots=boots(), patience=LONG)
        await run(hook, patch("k8s-redis", "i-1"))

    asyncio.run(story())
    assert looks == ["/api/v1/nodes/k8s-redis"] * 5


FAULTS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda found: found["status"].update(conditions=[]), "not Ready: says nothing yet"),
    (lambda found: found["metadata"].update(labels={}), "label workload=redis is missing"),
    (lambda found: found["metadata"].update(labels={"workload": "x"}), "label workload=redis is x"),
    (lambda found: found["spec"].update(taints=[]), "taint workload=redis:NoSchedule is missing"),
    (lambda found: found["spec"].pop("providerID"), "providerID is missing, not aws:///ap-northeast-2b/i-1"),
    (
        lambda found: found["spec"]["taints"].append(
            {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}
        ),
        "taint node.cloudprovider.kubernetes.io/uninitialized is still there",
    ),
]


@pytest.mark.parametrize(("spoil", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_every_fault_of_a_node_is_told(api: FakeApi, spoil: Callable[[dict[str, Any]], object], fault: str) -> None:
    """A node without a fault is told to have none; each single one is named and holds the run up."""
    spec = replace(REDIS, zone="ap-northeast-2b")
    found = registered(api, spec)
    assert node_faults(found, spec, "i-1") == []
    spoil(found)
    assert node_faults(found, spec, "i-1") == [fault]


def test_the_node_of_a_former_machine_does_not_count(api: FakeApi) -> None:
    """Its name is the same, and it may still be Ready: the machine's id tells them apart."""
    registered(api, instance_id="i-old")

    async def story() -> None:
        hook = node_ready(kubeconfig=api.kubeconfig, spec=NODES14, boots=boots(), patience=QUICK)
        await run(hook, patch("k8s-redis", "i-new"))

    with pytest.raises(TimeoutError, match=r"providerID is aws:///.*/i-old, not aws:///.*/i-new") as raised:
        asyncio.run(story())
    assert "kubectl describe node k8s-redis" in str(raised.value)


def test_fourteen_waits_hold_nobody_up(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """All wait at once while the program goes on: no call is made in the thread of its event loop."""
    original, callers = ClusterApi.node, set[int]()

    def node_of(self: ClusterApi, name: str) -> Any:
        callers.add(threading.get_ident())
        return original(self, name)

    monkeypatch.setattr(ClusterApi, "node", node_of)

    async def story() -> None:
        hook = node_ready(kubeconfig=api.kubeconfig, spec=NODES14, boots=boots(), patience=replace(LONG, every=0.1))
        waits = [run(hook, patch(found.name, "i-1")) for found in NODES14.nodes]
        await asyncio.gather(*waits, later(1, lambda: [registered(api, found) for found in NODES14.nodes]))

    taints = [taint.key for found in NODES14.nodes for taint in found.taints]
    assert "node-role.kubernetes.io/control-plane" in taints
    asyncio.run(story())
    assert callers
    assert threading.get_ident() not in callers
