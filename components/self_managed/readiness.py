"""Waits that a run can fail by: for the API of a cluster that is booting, and for each of its nodes."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from components.self_managed.cluster_api import ApiError, ClusterAccess, in_thread
from components.self_managed.registration import registered_taints
from components.self_managed.spec import ClusterSpec, NodeSpec

# How often in a row a node has to be as it should be.
_TIMES: Final = 3
_NOT_YET: Final = frozenset(
    {"node.cloudprovider.kubernetes.io/uninitialized", "node.kubernetes.io/network-unavailable"}
)
_PHASE: Final = re.compile(r"platform-boot: (?:failed )?phase=\S+[^\r\n]*")

Console = Callable[[str], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long somebody waits, in seconds.

    Attributes:
        limit: After which a wait is over.
        every: Between two looks.
        told: Between two lines of progress.
    """

    limit: float = 20 * 60
    every: float = 3
    told: float = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Boots:
    """What the machines say of their boot.

    Attributes:
        instance_ids: By node.
        region: Of the machines.
        console: Returns an instance's console output; by default EC2 is asked, with the environment's credentials.
    """

    instance_ids: Mapping[str, pulumi.Input[str]]
    region: str
    console: Console | None = None

    async def told(self, nodes: Sequence[str]) -> str:
        """Return each machine's last phase, and how to read the rest."""
        return "\n".join([line for node in nodes for line in await self._of(node)])

    async def _of(self, node: str) -> list[str]:
        instance_id = await pulumi.Output.from_input(self.instance_ids[node]).future()
        if not instance_id:
            return [f"  {node}: has no machine"]
        console = self.console or (lambda id_: ec2_console(id_, self.region))
        try:
            phases = _PHASE.findall(await in_thread(lambda: console(instance_id)))
            said = phases[-1] if phases else "its console has no line of platform-boot"
        except Exception as error:  # noqa: BLE001 whatever it is, the wait's own failure is what matters
            said = f"its console cannot be read: {error}"
        return [
            f"  {node} ({instance_id}): {said}",
            f"    aws ec2 get-console-output --region {self.region} --latest --output text --instance-id {instance_id}",
            f"    aws ssm start-session --region {self.region} --target {instance_id}, then"
            " sudo journalctl -u platform-boot",
        ]


def ec2_console(instance_id: str, region: str) -> str:
    """Return the console output of an instance, at most 64 KB; it lags by a minute or so."""
    import boto3

    output = boto3.client("ec2", region_name=region).get_console_output(InstanceId=instance_id, Latest=True)
    return str(output.get("Output", ""))


def api_ready(
    *, kubeconfig: pulumi.Input[str], spec: ClusterSpec, boots: Boots, patience: Patience | None = None
) -> pulumi.ResourceHook:
    """Return the hook that the first resource in the cluster waits by: until the API is ready for the administrator.

    On time-out it fails with what the control planes say of their boot. That resource has to depend on them: a hook
    that waits for the id of a machine that was refused waits for the end of the run, and that for the hook.
    """
    wait = patience or Patience()
    access = ClusterAccess(kubeconfig)

    async def until_ready(_: pulumi.ResourceHookArgs) -> None:
        async def look() -> list[str]:
            try:
                return [fault] if (fault := await access.ask(lambda api: api.unready())) else []
            except ApiError as error:
                return [str(error)]

        faults = await _until(look, f"API of {spec.name}", wait)
        if faults:
            boot = await boots.told([node.name for node in spec.control_planes])
            raise TimeoutError(f"the API of {spec.name} is not ready after {_long(wait.limit)}: {faults[0]}\n{boot}")

    return pulumi.ResourceHook("self-managed-api-ready", until_ready)


def node_ready(
    *, kubeconfig: pulumi.Input[str], spec: ClusterSpec, boots: Boots, patience: Patience | None = None
) -> pulumi.ResourceHook:
    """Return the hook that each node's patch waits by: until that node is what the cluster's spec asks for.

    The patch names the node and, in its annotation `platform/instance-id`, the machine.
    """
    wait = patience or Patience()
    access = ClusterAccess(kubeconfig)
    nodes = {node.name: node for node in spec.nodes}

    async def until_ready(args: pulumi.ResourceHookArgs) -> None:
        metadata = (args.new_inputs or {})["metadata"]
        node = nodes[metadata["name"]]
        instance_id = str(metadata["annotations"]["platform/instance-id"])

        async def look() -> list[str]:
            try:
                found = await access.ask(lambda api: api.node(node.name))
            except ApiError as error:
                return [str(error)]
            return ["has not joined"] if found is None else node_faults(found, node, instance_id)

        faults = await _until(look, f"node {node.name}", wait, times=_TIMES)
        if faults:
            boot = await boots.told([node.name])
            raise TimeoutError(
                f"node {node.name} is not ready after {_long(wait.limit)}: {'; '.join(faults)}\n{boot}\n"
                f"    kubectl describe node {node.name}"
            )

    return pulumi.ResourceHook("self-managed-node-ready", until_ready)


def node_faults(found: Mapping[str, Any], node: NodeSpec, instance_id: str) -> list[str]:
    """Return what a Node of the API lacks of what its spec asks for."""
    metadata, spec = found["metadata"], found.get("spec", {})
    labels = metadata.get("labels") or {}
    has = {(taint["key"], taint.get("value") or "", taint["effect"]) for taint in spec.get("taints") or ()}
    provider_id = f"aws:///{node.zone}/{instance_id}"
    return [
        *([] if is_ready(found) else [f"not Ready: {_condition(found).get('message', 'says nothing yet')}"]),
        *(f"taint {key} is still there" for key, _, _ in sorted(has) if key in _NOT_YET),
        *(
            f"label {key}={value} is {labels.get(key, 'missing')}"
            for key, value in node.labels.items()
            if labels.get(key) != value
        ),
        *(
            f"taint {taint.key}={taint.value}:{taint.effect} is missing"
            for taint in registered_taints(node)
            if (taint.key, taint.value, taint.effect) not in has
        ),
        *(
            []
            if spec.get("providerID") == provider_id
            else [f"providerID is {spec.get('providerID') or 'missing'}, not {provider_id}"]
        ),
    ]


def is_ready(found: Mapping[str, Any]) -> bool:
    """Return whether a Node says that it is Ready."""
    return _condition(found).get("status") == "True"


def _condition(found: Mapping[str, Any]) -> Mapping[str, Any]:
    conditions = (found.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == "Ready"), {})


async def _until(look: Callable[[], Any], what: str, wait: Patience, *, times: int = 1) -> list[str]:
    """Look until there is no fault so many times in a row, or time is over; return the last faults."""
    started = told = time.monotonic()
    good = 0
    while True:
        faults: list[str] = await look()
        good = 0 if faults else good + 1
        now = time.monotonic()
        if good == times:
            pulumi.log.info(f"{what} is ready after {_long(now - started)}")
            return []
        if faults and now - started > wait.limit:
            return faults
        if faults and now - told >= wait.told:
            told = now
            pulumi.log.info(f"{what}: {_long(now - started)} of at most {_long(wait.limit)}: {'; '.join(faults)}")
        await asyncio.sleep(wait.every)


def _long(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
