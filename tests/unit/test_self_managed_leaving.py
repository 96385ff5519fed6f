"""How machines leave: pods first and within their budgets, one machine at a time, and not at all after a failure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from components.self_managed.draining import ApiUnreachableError
from components.self_managed.leaving import Succession
from components.self_managed.readiness import Patience
from tests.self_managed.api import FakeApi, served

DRAIN = Patience(limit=2, every=0.01, told=0.05)
HASTY = Patience(limit=0.3, every=0.01, told=0.05)


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No engine is there: hooks are not registered, and lines of progress are kept."""
    lines: list[str] = []
    monkeypatch.setattr("pulumi.resource_hooks.register_resource_hook", lambda hook: None)
    monkeypatch.setattr("pulumi.resource_hooks.register_error_hook", lambda hook: None)
    monkeypatch.setattr("pulumi.log.info", lines.append)
    __import__("kubernetes")
    return lines


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """An API with three nodes, a, b and c, on machines of the same names."""
    with served(FakeApi()) as fake:
        for name in "abc":
            fake.add_node(name, f"i-{name}")
        yield fake


class Engine:
    """What the engine does to one resource after the other, as far as hooks see it."""

    def __init__(
        self,
        api: FakeApi,
        machines: Sequence[str] = ("machines-a", "machines-b", "machines-c"),
        drain: Patience = DRAIN,
        succession: Patience = DRAIN,
        pause: float = 0.2,
        kubeconfig: str | None = None,
    ) -> None:
        self.api = api
        self.succession = Succession(
            kubeconfig=api.kubeconfig if kubeconfig is None else kubeconfig,
            machines=machines,
            version="1.36.4",
            drain=drain,
            succession=succession,
            pause=pause,
        )

    async def hook(self, kind: str, name: str, id_: str = "", **more: Any) -> None:
        args = pulumi.ResourceHookArgs(urn=f"urn::machines-{name}", id=id_, name=f"machines-{name}", type="")
        for key, value in more.items():
            setattr(args, key, value)
        for hook in getattr(self.succession.hooks, kind) or ():
            await hook(args)

    async def delete(self, name: str) -> None:
        await self.hook("before_delete", name, f"i-{name}")
        self.api.said.append(f"terminate {name}")
        await self.hook("after_delete", name, f"i-{name}")

    async def replace(self, name: str, *, ready_after: float = 0.1) -> None:
        """Delete, create, and have the new node join a while later."""
        await self.delete(name)
        await self.hook("before_create", name)
        self.api.said.append(f"launch {name}")
        await self.hook("after_create", name, f"i-{name}2")
        asyncio.get_running_loop().call_later(ready_after, self._join, name)

    def _join(self, name: str) -> None:
        self.api.said.append(f"ready {name}")
        self.api.add_node(name, f"i-{name}2")


def _ending(error: BaseException) -> str:
    return str(error).splitlines()[0]


def _mark(known: Coroutine[Any, Any, bool]) -> Any:
    """Stand for the mark's id, of which only that is asked."""
    return SimpleNamespace(is_known=lambda: known)


async def _no() -> bool:
    return False


def test_pods_leave_before_their_machine(api: FakeApi, told: list[str]) -> None:
    """Cordon, evict all that can live elsewhere, delete the Node; the node's own and finished pods are left alone."""
    for name in ("web-1", "web-2", "web-3"):
        api.add_pod(name, "a")
    api.add_pod("proxy", "a", "DaemonSet")
    api.add_pod("etcd", "a", "Node", annotations={"kubernetes.io/config.mirror": "x"})
    api.add_pod("job", "a", "Job")["status"]["phase"] = "Succeeded"
    api.add_pod("elsewhere", "b")
    api.lingers["web-2"] = 3

    async def story() -> None:
        await Engine(api).delete("a")

    asyncio.run(story())
    assert api.said == ["cordon a", "evict web-1", "evict web-2", "evict web-3", "delete a", "terminate a"]
    assert set(api.pods) == {"proxy", "etcd", "job", "elsewhere"}
    assert told[0] == "a: cordoned; its pods move"


@pytest.mark.parametrize(
    "toleration",
    [
        {"operator": "Exists"},
        {"operator": "Exists", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"},
    ],
)
def test_a_pod_that_comes_back_onto_the_cordoned_node_is_evicted_once(api: FakeApi, toleration: dict[str, str]) -> None:
    """Calico's operator and Typha tolerate everything: the emptiest node is the scheduler's first choice for them."""
    api.add_pod("typha", "a")["spec"]["tolerations"] = [{"key": "other", "operator": "Exists"}, toleration]
    api.returns.add("typha")

    async def story() -> None:
        await Engine(api).delete("a")

    asyncio.run(story())
    assert api.said == ["cordon a", "evict typha", "delete a", "terminate a"]


@pytest.mark.parametrize(
    "toleration",
    [
        {"operator": "Exists", "effect": "NoExecute"},
        {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"},
    ],
)
def test_a_pod_that_was_on_its_way_is_moved_as_well(api: FakeApi, toleration: dict[str, str]) -> None:
    """Bound a moment after the cordon, it does not come back by itself: it is evicted like all others."""
    api.add_pod("web", "a")["spec"]["tolerations"] = [toleration]
    api.returns.add("web")

    async def story() -> None:
        engine = Engine(api)
        leaving = asyncio.ensure_future(engine.delete("a"))
        while api.said.count("evict web") < 2:
            await asyncio.sleep(0.01)
        api.returns.clear()
        await leaving

    asyncio.run(story())
    assert api.said[-3:] == ["evict web", "delete a", "terminate a"]


def test_a_dead_machine_is_let_go(api: FakeApi) -> None:
    """Its kubelet ends no pod, so that an evicted one stays for as long as the node does; a living one is awaited."""
    api.add_pod("web", "a")
    api.lingers["web"] = 10**9
    api.nodes["a"]["status"]["conditions"][0]["status"] = "Unknown"

    async def story(drain: Patience) -> None:
        await Engine(api, drain=drain).delete("a")

    asyncio.run(story(DRAIN))
    assert api.said == ["cordon a", "evict web", "delete a", "terminate a"]
    api.add_node("a", "i-a")
    with pytest.raises(TimeoutError, match="a is not deleted: 1 of its pods are still there"):
        asyncio.run(story(HASTY))


def test_a_budget_is_asked_again(api: FakeApi, told: list[str]) -> None:
    """A refusal is no failure: the eviction is tried until the budget allows it."""
    api.add_pod("web", "a")
    api.refusals["web"] = 12

    async def story() -> None:
        await Engine(api).delete("a")

    asyncio.run(story())
    assert api.said[-3:] == ["evict web", "delete a", "terminate a"]
    assert any("disruption budget web needs 2 healthy pods" in line for line in told)


def test_a_budget_that_never_allows_it_keeps_the_machine(api: FakeApi) -> None:
    """The failure names pod, budget and what to do; neither node nor machine is deleted."""
    api.add_pod("web", "a")
    api.refusals["web"] = -1

    async def story() -> None:
        await Engine(api, drain=HASTY).delete("a")

    with pytest.raises(TimeoutError) as raised:
        asyncio.run(story())
    assert str(raised.value).splitlines() == [
        "a is not deleted: 1 of its pods are still there after 0 min",
        "  demo/web: 429 Cannot evict pod; The disruption budget web needs 2 healthy pods and has 2 currently",
        "  The node is cordoned. Help these pods and run again, or keep it: kubectl uncordon a",
    ]
    assert (api.said, "a" in api.nodes) == (["cordon a"], True)


def test_one_machine_is_away_at_a_time(api: FakeApi, told: list[str]) -> None:
    """Three are replaced at once: the next is cordoned only when the former's successor is Ready."""
    for name in "abc":
        api.add_pod(f"web-{name}", name)

    async def story() -> None:
        engine = Engine(api)
        await asyncio.gather(*(engine.replace(name) for name in "abc"))
        await asyncio.sleep(0.2)

    asyncio.run(story())
    turns = [api.said[index : index + 6] for index in range(0, 18, 6)]
    for turn in turns:
        name = turn[0][-1]
        words = ("cordon {}", "evict web-{}", "delete {}", "terminate {}", "launch {}", "ready {}")
        assert turn == [word.format(name) for word in words]
    assert sorted(turn[0] for turn in turns) == ["cordon a", "cordon b", "cordon c"]
    assert any("waits for machines-" in line for line in told)


def test_a_node_that_goes_for_good_is_not_waited_for(api: FakeApi) -> None:
    """What the program no longer has needs no successor: the next one leaves once it is gone."""
    started = time.monotonic()

    async def story() -> None:
        engine = Engine(api, machines=["machines-c"], pause=60, succession=Patience(limit=60, every=0.01))
        await asyncio.gather(*(engine.delete(name) for name in "ab"))

    asyncio.run(story())
    assert time.monotonic() - started < 30
    assert sorted(api.said[2::3]) == ["terminate a", "terminate b"]


def _two(api: FakeApi, first: Any, **changes: Any) -> str:
    """Run what happens to a, with b due after it; return b's failure."""

    async def story() -> BaseException | None:
        engine = Engine(api, **changes)
        one = asyncio.ensure_future(first(engine))
        await asyncio.sleep(0.05)
        results = await asyncio.gather(one, engine.delete("b"), return_exceptions=True)
        return results[1] if isinstance(results[1], BaseException) else None

    error = asyncio.run(story())
    assert error is not None, api.said
    assert "cordon b" not in api.said
    return _ending(error)


def test_a_failed_drain_ends_the_rollout(api: FakeApi) -> None:
    """Whoever waits fails at once with the first one's reason, and stays untouched."""
    api.add_pod("web", "a")
    api.refusals["web"] = -1
    said = _two(api, lambda engine: engine.delete("a"), drain=HASTY, succession=Patience(limit=60, every=0.01))
    assert said == (
        "machines-b stays as it is: machines-a could not leave: "
        "a is not deleted: 1 of its pods are still there after 0 min"
    )


def test_a_successor_that_cannot_be_made_ends_the_rollout(api: FakeApi) -> None:
    """The provider's failure is known at once: nobody waits for a machine that is not coming."""

    async def first(engine: Engine) -> None:
        await engine.delete("a")
        await engine.hook("before_create", "a")
        await engine.hook("on_error", "a", failed_operation="create")

    started = time.monotonic()
    said = _two(api, first, succession=Patience(limit=60, every=0.01))
    assert said == "machines-b stays as it is: machines-a: its create failed"
    assert time.monotonic() - started < 30


def test_a_successor_that_does_not_join_ends_the_rollout(api: FakeApi) -> None:
    """After its time the next machine stays, and the failure says whom it waited for."""
    said = _two(api, lambda engine: engine.replace("a", ready_after=60), succession=HASTY)
    assert said == (
        "machines-b stays as it is: machines-a was to be replaced first, and its successor i-a2 is not Ready"
    )


def test_a_run_that_begins_no_successor_ends_the_rollout(api: FakeApi) -> None:
    """The engine has given up for another reason: no second machine is taken away."""
    said = _two(api, lambda engine: engine.delete("a"), succession=Patience(limit=60, every=0.01))
    assert said == "machines-b stays as it is: machines-a was to be replaced first, and no successor was begun"


def test_a_failure_elsewhere_is_none_of_a_rollout(api: FakeApi) -> None:
    """The first machines of a cluster may fail, too: then there is no turn, and a retry is not asked for."""

    async def story() -> None:
        engine = Engine(api)
        args = pulumi.ResourceHookArgs(urn="urn::x", id="", name="x", type="")
        args.failed_operation = "create"  # type: ignore[attr-defined]
        hook = (engine.succession.hooks.on_error or [])[0]
        answer: Any = hook(args)  # type: ignore[arg-type]
        assert await answer is False
        await engine.delete("a")

    asyncio.run(story())
    assert api.said[-1] == "terminate a"


def test_no_kubelet_becomes_newer_than_the_api(api: FakeApi) -> None:
    """With an older API server no worker is cordoned: one line says which, and the next ones say the same at once."""
    api.version = "v1.35.9"

    async def story() -> list[BaseException | None]:
        engine = Engine(api)
        return await asyncio.gather(*(engine.replace(name) for name in "ab"), return_exceptions=True)

    said = [str(error) for error in asyncio.run(story())]
    line = (
        "the API server is v1.35.9, and no kubelet may be newer: upgrade the control planes to v1.36.4 first,"
        " docs/runbooks/upgrade-self-managed.md"
    )
    assert said == [line, f"machines-b stays as it is: machines-a could not leave: {line}"]
    assert api.said == []


@pytest.mark.parametrize("version", ["v1.36.0", "v1.36.12", "v1.37.0", "v2.0.1"])
def test_a_kubelet_may_be_as_old_as_it_likes(api: FakeApi, version: str) -> None:
    """Minors are compared as numbers, and patches not at all; the question is asked once in a run."""
    api.version = version

    async def story() -> None:
        engine = Engine(api)
        await engine.replace("a", ready_after=0)
        api.version = "v1.9.0"
        await engine.replace("b")

    asyncio.run(story())
    assert {"terminate a", "terminate b"} <= set(api.said)


def test_a_machine_that_goes_for_good_may_go_from_an_old_api(api: FakeApi) -> None:
    """No kubelet follows it. Neither does the API that a control plane is: that one is there to be replaced."""
    api.version = "v1.35.9"

    async def story() -> None:
        engine = Engine(api, machines=["machines-b", "machines-c"])
        await engine.delete("a")
        await _detach(engine, "c")

    asyncio.run(story())
    assert api.said == ["cordon a", "delete a", "terminate a", "cordon c", "delete c", "stop c"]


def test_a_machine_without_a_node_just_goes(api: FakeApi, told: list[str]) -> None:
    """One that never joined, or whose node was deleted by hand, has nothing to move."""
    del api.nodes["a"]

    async def story() -> None:
        await Engine(api).delete("a")

    asyncio.run(story())
    assert api.said == ["terminate a"]
    assert told == ["i-a has no node in the cluster; nothing to move"]


def test_the_node_of_a_successor_is_not_deleted(api: FakeApi) -> None:
    """A node is found by its machine, whatever its name."""
    api.nodes["a"]["spec"]["providerID"] = "aws:///ap-northeast-2a/i-another"

    async def story() -> None:
        await Engine(api).delete("a")

    asyncio.run(story())
    assert ("a" in api.nodes, api.said) == (True, ["terminate a"])


def test_an_api_that_cannot_be_asked_keeps_the_machine(api: FakeApi) -> None:
    """Nothing is deleted blindly; the failure says why."""
    api.unready, api.forbidden = 0, True

    async def story() -> None:
        await Engine(api, drain=HASTY).delete("a")

    with pytest.raises(
        ApiUnreachableError, match=r"i-a is not deleted, because the API cannot be asked .*403 nodes is forb"
    ):
        asyncio.run(story())
    assert api.said == []


async def _detach(engine: Engine, name: str) -> None:
    """Take a control plane's volume away, as the engine does before it deletes the machine."""
    hook = (engine.succession.volume_hooks.before_delete or [])[0]
    args = pulumi.ResourceHookArgs(urn="urn::volume", id="vai-1", name=f"machines-{name}-etcd", type="")
    args.old_inputs = {"instanceId": f"i-{name}", "volumeId": "vol-1"}
    waiting = hook(args)
    assert waiting is not None
    await waiting
    engine.api.said.append(f"stop {name}")


def test_a_control_plane_leaves_before_it_stops(api: FakeApi) -> None:
    """Without its volume it stands still: its pods go before that, and nobody asks the API afterwards."""
    api.add_pod("web", "a")

    async def story() -> None:
        engine = Engine(api)
        await _detach(engine, "a")
        api.forbidden = True
        await engine.delete("a")
        await engine.hook("before_create", "a")
        await engine.hook("after_create", "a", "i-a2")
        api.forbidden = False
        api.add_node("a", "i-a2")
        await engine.delete("b")

    asyncio.run(story())
    assert api.said[:5] == ["cordon a", "evict web", "delete a", "stop a", "terminate a"]
    assert api.said[5:] == ["cordon b", "delete b", "terminate b"]


def test_a_control_plane_that_is_dead_goes_as_it_is(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is why it is being replaced; a warning says that its pods were not moved."""
    warned: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", warned.append)
    api.forbidden = True

    async def story() -> None:
        engine = Engine(api, drain=HASTY)
        await _detach(engine, "a")
        await engine.delete("a")

    asyncio.run(story())
    assert api.said == ["stop a", "terminate a"]
    assert [line.split(":")[0] for line in warned] == ["machines-a goes as it is"]


@pytest.mark.parametrize("cut_off", [False, True], ids=["destroy", "destroy again"])
def test_no_pod_moves_when_the_whole_cluster_goes(api: FakeApi, cut_off: bool) -> None:
    """All machines go at once, whether the mark went in this run or is not there any more; the API is not asked."""
    api.add_pod("web", "a")
    api.refusals["web"] = -1

    async def story() -> None:
        engine = Engine(api, kubeconfig="no kubeconfig, for its parts are gone")
        if cut_off:
            engine.succession.stands_by(_mark(_no()))
            await asyncio.sleep(0.01)
        else:
            await engine.succession.ending(pulumi.ResourceHookArgs(urn="", id="", name="", type=""))  # type: ignore[misc]
        await asyncio.gather(*(engine.delete(name) for name in "abc"))

    asyncio.run(story())
    assert sorted(api.said) == ["terminate a", "terminate b", "terminate c"]


def test_a_cluster_that_is_still_being_made_drains(api: FakeApi) -> None:
    """In an `up` the mark is not known until the machines are there: that is no destroy."""

    async def story() -> None:
        engine = Engine(api)
        engine.succession.stands_by(_mark(asyncio.sleep(0.3, result=True)))
        await asyncio.sleep(0.01)
        await engine.delete("a")

    asyncio.run(story())
    assert api.said == ["cordon a", "delete a", "terminate a"]
