"""Moves what runs on a node elsewhere, within the limits that budgets set, and takes the node out of the cluster."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import pulumi

from components.self_managed.cluster_api import ApiError, ClusterAccess, ClusterApi
from components.self_managed.readiness import Patience, is_ready

# Seconds for volumes to be detached once their pods are gone.
_DETACHING: Final = 120.0
# Seconds in which an API that is away for a moment has to be back.
_ASKING: Final = 180.0
_MIRROR: Final = "kubernetes.io/config.mirror"
_CORDON: Final = "node.kubernetes.io/unschedulable"
_MINOR: Final = re.compile(r"v?(\d+)\.(\d+)")
_T = TypeVar("_T")


class ApiUnreachableError(Exception):
    """Nobody can be asked to move pods."""


class Drain:
    """The way of one node out of the cluster; the steps are to be taken in their order, the first one once in a run."""

    def __init__(self, access: ClusterAccess, patience: Patience, instance_id: str) -> None:
        self._access, self._patience, self._instance_id = access, patience, instance_id
        self._started = time.monotonic()
        self._node: Mapping[str, Any] = {}
        self._found: frozenset[str] | None = None

    @property
    def _name(self) -> str:
        return str(self._node["metadata"]["name"])

    async def check_successor(self, version: str) -> None:
        """Refuse a successor that would be newer than the API server, which Kubernetes does not support.

        Several control planes are one API: whichever answers speaks for all
        (https://kubernetes.io/releases/version-skew-policy/#kubelet).

        Args:
            version: Of the successor's kubelet.

        Raises:
            RuntimeError: The API server's minor is an older one.
        """
        known = await self._insist(lambda api: api.version())
        if _minor(known) < _minor(version):
            raise RuntimeError(
                f"the API server is {known}, and no kubelet may be newer: upgrade the control planes to v{version}"
                " first, docs/runbooks/upgrade-self-managed.md"
            )

    async def begin(self) -> bool:
        """Cordon the instance's node; return whether there is one."""

        def cordon(api: ClusterApi) -> Mapping[str, Any] | None:
            node = api.node_on(self._instance_id)
            if node is not None:
                api.cordon(node["metadata"]["name"])
            return node

        node = await self._insist(cordon)
        if node is None:
            pulumi.log.info(f"{self._instance_id} has no node in the cluster; nothing to move")
            return False
        self._node = node
        pulumi.log.info(f"{self._name}: cordoned; its pods move")
        return True

    async def _insist(self, call: Callable[[ClusterApi], _T]) -> _T:
        while True:
            try:
                return await self._access.ask(call)
            except ApiError as error:
                if time.monotonic() - self._started > min(_ASKING, self._patience.limit):
                    raise ApiUnreachableError(
                        f"{self._instance_id} is not deleted, because the API cannot be asked to move its pods: {error}"
                    ) from error
                await asyncio.sleep(self._patience.every)

    async def until_empty(self) -> None:
        """Evict until no pod is left but those that belong to the node.

        Raises:
            TimeoutError: Pods are left; the message names them and what their budgets say.
        """
        told = time.monotonic()
        while True:
            try:
                left = await self._access.ask(self._evict)
            except ApiError as error:
                left = [str(error)]
            now = time.monotonic()
            if not left:
                return
            if now - self._started > self._patience.limit:
                raise TimeoutError(self._gave_up(left))
            if now - told >= self._patience.told:
                told = now
                pulumi.log.info(f"{self._name}: {len(left)} pods left, {left[0]}")
            await asyncio.sleep(self._patience.every)

    def _gave_up(self, left: Sequence[str]) -> str:
        minutes = f"{self._patience.limit / 60:.0f} min"
        return "\n".join(
            [
                f"{self._name} is not deleted: {len(left)} of its pods are still there after {minutes}",
                *(f"  {line}" for line in left),
                f"  The node is cordoned. Help these pods and run again, or keep it: kubectl uncordon {self._name}",
            ]
        )

    def _evict(self, api: ClusterApi) -> list[str]:
        """Evict once; return what is left.

        A pod that does not mind the cordon comes back, and onto this node above all, which is the emptiest: it is
        evicted once, and goes with its node when it is here again. On a node that is dead no pod ever ends, either.
        """
        left = []
        node = api.node(self._name)
        dead = node is None or not is_ready(node)
        pods = [pod for pod in api.pods_on(self._name) if _moves(pod)]
        if self._found is None:
            self._found = frozenset(pod["metadata"]["uid"] for pod in pods)
        for pod in pods:
            metadata = pod["metadata"]
            if metadata["uid"] not in self._found and _ignores_cordon(pod):
                continue
            ending = "deletionTimestamp" in metadata
            if ending and dead:
                continue
            said = "is ending" if ending else api.evict(pod)
            left.append(f"{metadata['namespace']}/{metadata['name']}: {said or 'evicted'}")
        return left

    async def finish(self) -> None:
        """Delete the Node, once its volumes are free for where the pods went."""
        until = time.monotonic() + min(_DETACHING, self._patience.limit)
        while time.monotonic() < until:
            node = await self._access.ask(lambda api: api.node(self._name))
            if node is None or not (node.get("status") or {}).get("volumesAttached"):
                break
            await asyncio.sleep(self._patience.every)
        await self._access.ask(lambda api: api.delete_node(self._node))
        pulumi.log.info(f"{self._name}: empty and out of the cluster after {time.monotonic() - self._started:.0f} s")


def _minor(version: str) -> tuple[int, int]:
    """Return major and minor; what is no version is older than all."""
    found = _MINOR.match(version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _ignores_cordon(pod: Mapping[str, Any]) -> bool:
    """Whether the scheduler takes a cordoned node for the pod, as for Calico's operator and Typha."""
    tolerations = (pod.get("spec") or {}).get("tolerations") or ()
    return any(
        one.get("effect") in (None, "", "NoSchedule")
        and (one.get("key") == _CORDON or (not one.get("key") and one.get("operator") == "Exists"))
        for one in tolerations
    )


def _moves(pod: Mapping[str, Any]) -> bool:
    """Whether a pod has to leave: not if it is the node's own, or over."""
    metadata = pod["metadata"]
    owners = {owner.get("kind") for owner in metadata.get("ownerReferences") or () if owner.get("controller")}
    over = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not (over or "DaemonSet" in owners or _MIRROR in (metadata.get("annotations") or {}))
