"""How a machine leaves: its pods move, its node goes, and the next one waits until a successor has taken its place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_random import RandomString

from components.self_managed.cluster_api import ApiError, ClusterAccess
from components.self_managed.draining import ApiUnreachableError, Drain
from components.self_managed.names import ETCD_SUFFIX
from components.self_managed.readiness import Patience, is_ready

# kOps gives a node a quarter of an hour: https://github.com/kubernetes/kops/blob/master/docs/operations/rolling-update.md.
_DRAIN: Final = Patience(limit=15 * 60, every=5, told=30)
# A successor's order, boot and registration.
_SUCCESSION: Final = Patience(limit=20 * 60, every=3, told=60)
# Seconds: AWS's provider waits this long for an instance to terminate. The engine goes on at once with the successor.
_TERMINATION: Final = 20 * 60.0
_PAUSE: Final = 60.0


@dataclass(kw_only=True, slots=True)
class _Turn:
    """Who may leave now.

    Attributes:
        until: When it has to have come further; else no other machine leaves.
        lacks: What it waits for, in words.
        successor: Id of the machine that took its place.
    """

    name: str
    until: float
    lacks: str = "it has not left"
    successor: str | None = None


class Succession:
    """Hooks around the life of each instance; one machine is away at a time, in one run.

    A machine that is replaced hands its turn on when its successor's node is Ready; one that goes for good does so once
    it is gone. After a failure no further machine leaves in this run. When the whole cluster goes, no pod is moved:
    there is nowhere to move it to (see `Standing`).

    No worker is replaced while the API server's minor is older than that of the kubelet to come.

    A control plane leaves before its volume does, for that stops it, and the API with it where it is the only one. One
    that does not answer any more goes as it is.

    The hooks run when resources are deleted, so that the program has to run then: `pulumi destroy --run-program`.

    Args:
        kubeconfig: Of the administrator.
        machines: Logical names of the instances of this run; others go for good.
        version: Of the kubelets of machines to come, such as `1.36.4`.
        drain: How long pods may take to leave.
        succession: How long a successor may take.
        pause: Seconds between an end and its successor's beginning, after which there is no successor.
    """

    hooks: pulumi.ResourceHookBinding
    volume_hooks: pulumi.ResourceHookBinding
    ending: pulumi.ResourceHook

    def __init__(
        self,
        *,
        kubeconfig: pulumi.Input[str],
        machines: Sequence[str],
        version: str,
        drain: Patience = _DRAIN,
        succession: Patience = _SUCCESSION,
        pause: float = _PAUSE,
    ) -> None:
        self._access = ClusterAccess(kubeconfig)
        self._machines = frozenset(machines)
        self._version = version
        self._fits = False
        self._drain_patience, self._succession_patience, self._pause = drain, succession, pause
        self._turn: _Turn | None = None
        self._stopped: str | None = None
        self._ended = False
        self._left: set[str] = set()
        self._standing: asyncio.Future[bool] | None = None
        self.hooks = pulumi.ResourceHookBinding(
            before_delete=[pulumi.ResourceHook("self-managed-leave", self._before_delete)],
            after_delete=[pulumi.ResourceHook("self-managed-left", self._after_delete)],
            before_create=[pulumi.ResourceHook("self-managed-succeed", self._before_create)],
            after_create=[pulumi.ResourceHook("self-managed-succeeded", self._after_create)],
            on_error=[pulumi.ErrorHook("self-managed-failed", self._failed)],
        )
        detach = pulumi.ResourceHook("self-managed-detach", self._before_detach)
        self.volume_hooks = pulumi.ResourceHookBinding(before_delete=[detach])
        self.ending = pulumi.ResourceHook("self-managed-ending", self._end)

    def stands_by(self, standing: pulumi.Output[str]) -> None:
        """Take note of the resource that is there as long as the cluster is to be."""
        self._standing = asyncio.ensure_future(standing.is_known())

    async def _before_delete(self, args: pulumi.ResourceHookArgs) -> None:
        if not self._over() and args.id not in self._left:
            await self._leave(args.name, args.id)

    async def _before_detach(self, args: pulumi.ResourceHookArgs) -> None:
        instance_id = str((args.old_inputs or {})["instanceId"])
        if not self._over():
            await self._leave(args.name.removesuffix(ETCD_SUFFIX), instance_id, control_plane=True)
            self._left.add(instance_id)

    async def _leave(self, name: str, instance_id: str, *, control_plane: bool = False) -> None:
        await self._take_turn(name)
        drain = Drain(self._access, self._drain_patience, instance_id)
        try:
            if not control_plane and name in self._machines:
                await self._check_successor(drain)
            await self._move_pods(drain)
        except ApiUnreachableError as error:
            if not control_plane:
                self._stop(f"{name} could not leave: {error}")
                raise
            pulumi.log.warn(f"{name} goes as it is: {error}")
        except BaseException as error:
            self._stop(f"{name} could not leave: {str(error).splitlines()[0] if str(error) else 'interrupted'}")
            raise

    async def _after_delete(self, args: pulumi.ResourceHookArgs) -> None:
        if args.name in self._machines:
            self._come_further(args, self._pause, "no successor was begun")
        elif self._turn is not None and self._turn.name == args.name:
            self._turn = None

    async def _before_create(self, args: pulumi.ResourceHookArgs) -> None:
        self._come_further(args, self._succession_patience.limit, "its successor is not made")

    async def _after_create(self, args: pulumi.ResourceHookArgs) -> None:
        # To wait for its node here would leave a machine unrecorded that is there: whoever is next looks after it.
        limit = self._succession_patience.limit
        self._come_further(args, limit, f"its successor {args.id} is not Ready", successor=args.id)

    def _come_further(
        self, args: pulumi.ResourceHookArgs, limit: float, lacks: str, *, successor: str | None = None
    ) -> None:
        turn = self._turn
        if turn is not None and turn.name == args.name:
            turn.until, turn.lacks, turn.successor = time.monotonic() + limit, lacks, successor

    async def _failed(self, args: Any) -> bool:
        if self._turn is not None and self._turn.name == args.name:
            self._stop(f"{args.name}: its {args.failed_operation} failed")
        return False

    async def _end(self, _: pulumi.ResourceHookArgs) -> None:
        self._ended = True

    def _over(self) -> bool:
        """Whether the cluster goes as a whole, in this run or one before."""
        known = self._standing
        if known is not None and known.done() and not known.result():
            self._ended = True
        return self._ended

    def _stop(self, why: str) -> None:
        self._stopped = self._stopped or why

    async def _take_turn(self, name: str) -> None:
        """Wait until no other machine is away.

        Raises:
            RuntimeError: Another one failed to leave, or its successor does not come.
        """
        patience, told = self._succession_patience, time.monotonic()
        while True:
            if self._stopped is not None:
                raise RuntimeError(f"{name} stays as it is: {self._stopped}")
            turn, now = self._turn, time.monotonic()
            if turn is None:
                until = now + self._drain_patience.limit + _TERMINATION
                self._turn = _Turn(name=name, until=until)
                return
            if turn.successor is not None and await self._has_joined(turn.successor):
                if self._turn is turn:
                    self._turn = None
            elif now > turn.until:
                self._stop(f"{turn.name} was to be replaced first, and {turn.lacks}")
            else:
                if now - told >= patience.told:
                    told = now
                    pulumi.log.info(f"{name} waits for {turn.name}, which goes first")
                await asyncio.sleep(patience.every)

    async def _has_joined(self, instance_id: str) -> bool:
        try:
            node = await self._access.ask(lambda api: api.node_on(instance_id))
        except ApiError:
            # With one control plane the API is away while that one is replaced.
            return False
        return node is not None and is_ready(node)

    async def _check_successor(self, drain: Drain) -> None:
        """Ask once in a run, before the first worker leaves for another."""
        if not self._fits:
            await drain.check_successor(self._version)
            self._fits = True

    async def _move_pods(self, drain: Drain) -> None:
        if await drain.begin():
            await drain.until_empty()
            await drain.finish()


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingArgs:
    """What the mark needs to know.

    Attributes:
        succession: Learns from it that the cluster goes.
        after: The machines.
    """

    succession: Succession
    after: Sequence[pulumi.Resource]


class Standing(pulumi.ComponentResource):
    """A mark in the state, and nowhere else, that this cluster is to stand.

    It is the first of the cluster to go in a destroy, and is not there in the next one when that was cut off: machines
    then know that they all go. Nothing else tells a program so.
    """

    def __init__(self, name: str, args: StandingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the mark."""
        super().__init__("platform:self_managed:Standing", name, None, opts)
        mark = RandomString(
            name,
            length=1,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                hooks=pulumi.ResourceHookBinding(before_delete=[args.succession.ending]),
            ),
        )
        args.succession.stands_by(mark.id)
        self.register_outputs({})
