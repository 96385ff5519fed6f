"""A machine's kubelet: registers its Node as the identity that the cluster gave it, and speaks for it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.kubernetes.api import MERGE, Api, ApiError, Manifest
from sandbox.machines import image_credentials
from sandbox.machines.hardware import Hardware
from sandbox.machines.tls_bootstrap import JoinError, request_serving_certificate

_LEASE_SECONDS: Final = 40
_RENEW_SECONDS: Final = 10.0
# After which a kubelet says the same again: somebody else may have written that nobody hears of it.
_POST_SECONDS: Final = 30.0
_STRATEGIC: Final = "application/strategic-merge-patch+json"
# Flags whose effect this module shows; the kubelet's other ones are refused here rather than passed over.
_FLAGS: Final = {
    *("cloud-provider", "hostname-override", "node-ip", "node-labels", "provider-id", "register-with-taints"),
    *image_credentials.FLAGS,
}
_NO_NETWORK: Final = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: cni plugin not initialized"
)


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What a kubelet registers.

    Attributes:
        name: Of the node.
        labels: Of its own choice.
        taints: As the API has them.
        provider_id: Empty when the kubelet is not told one.
        address: Internal address of the machine.
        external_cloud: Whether a cloud controller manager is to introduce the node first.
    """

    name: str
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...]
    provider_id: str
    address: str
    external_cloud: bool


def registration(section: Mapping[str, Any], arguments: Mapping[str, str], hostname: str, address: str) -> Registration:
    """Read kubeadm's `nodeRegistration` as the kubelet gets it. Raise `JoinError` for a flag that it does not know.

    Args:
        section: The section.
        arguments: The kubelet's extra arguments.
        hostname: Of the machine.
        address: Of the machine.
    """
    if unknown := sorted(arguments.keys() - _FLAGS):
        raise JoinError(f"kubelet flags {', '.join(unknown)}: not emulated; add them in sandbox/machines/kubelet.py")
    labels = dict(pair.partition("=")[::2] for pair in arguments.get("node-labels", "").split(",") if pair)
    own = arguments.get("node-ip", address)
    if own != address:
        raise JoinError(f"node-ip {own} is not an address of the machine, which has {address}")
    return Registration(
        name=arguments.get("hostname-override") or section.get("name") or hostname,
        labels=labels,
        taints=tuple(dict(one) for one in section.get("taints") or []),
        provider_id=arguments.get("provider-id", ""),
        address=own,
        external_cloud=arguments.get("cloud-provider") == "external",
    )


class Kubelet:
    """Speaks for one node from registration until it is stopped.

    Args:
        connect: Returns a client with the node's own identity; asked again when the API server has gone.
        what: What to register.
        hardware: What the machine offers.
        configuration: KubeletConfiguration of the cluster.
    """

    def __init__(
        self,
        connect: Callable[[], Api],
        what: Registration,
        hardware: Hardware,
        configuration: Mapping[str, Any],
    ) -> None:
        self.what = what
        self.hardware = hardware
        self._connect = connect
        self._api = connect()
        self._configuration = configuration
        self._renewed = self._posted = 0.0
        self._ready, self._since = False, _now()
        self._served: tuple[str, ...] = ()

    def register(self) -> None:
        """Make the Node, or take over one that this very instance made. Raise `JoinError` when it is refused."""
        try:
            self._api.request("POST", "/api/v1/nodes", self._node())
        except ApiError as error:
            if error.status != 409:
                raise JoinError(f"Node {self.what.name} is refused: {error}") from error
            there = self._api.request("GET", f"/api/v1/nodes/{self.what.name}")
            known = there.get("spec", {}).get("providerID", "")
            if known != self.what.provider_id:
                raise JoinError(
                    f"Node {self.what.name} is there with providerID {known}, which cannot be changed to "
                    f"{self.what.provider_id}: delete the Node first"
                ) from error

    def serve(self, addresses: Sequence[Mapping[str, str]]) -> None:
        """Ask for a serving certificate of the node's addresses, whenever they are others than before."""
        names = tuple(sorted({one["address"] for one in addresses}))
        if self._configuration.get("serverTLSBootstrap") and names and names != self._served:
            request_serving_certificate(self._api, self.what.name, names)
            self._served = names

    def beat(self, network: bool) -> None:
        """Renew the lease and say how the node is; `network` says whether the CNI plugin runs there."""
        try:
            self._beat(network)
        except ApiError as error:
            if error.status == 0:
                self._api.close()
                self._api = self._connect()
            raise

    def _beat(self, network: bool) -> None:
        now = time.monotonic()
        if now - self._renewed >= _RENEW_SECONDS:
            self._renew()
            self._renewed = now
        if network == self._ready and now - self._posted < _POST_SECONDS:
            return
        if network != self._ready:
            self._ready, self._since = network, _now()
        change = {"status": {"conditions": _conditions(network, self._since)}}
        self._api.request("PATCH", f"/api/v1/nodes/{self.what.name}/status", change, content_type=_STRATEGIC)
        self._posted = now

    def vouch(self, pods: Sequence[Manifest]) -> None:
        """Say of its running pods that they are ready, when the controller manager has said otherwise.

        It does so once of each pod that comes to a node that is not Ready.
        """
        for pod in pods:
            conditions = pod["status"].get("conditions") or []
            if pod["status"].get("phase") == "Running" and not any(
                (one["type"], one["status"]) == ("Ready", "True") for one in conditions
            ):
                change = {"status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": _now()}]}}
                path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/status"
                self._api.request("PATCH", path, change, content_type=_STRATEGIC)

    def leave(self) -> None:
        """Say that the machine goes down, and nothing any more.

        A real kubelet may fall silent without it; then the controller manager notices after fifty seconds.
        """
        with contextlib.suppress(ApiError):
            message = "node is shutting down"
            condition = {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": message}
            change = {"status": {"conditions": [{**condition, "lastTransitionTime": _now()}]}}
            self._api.request("PATCH", f"/api/v1/nodes/{self.what.name}/status", change, content_type=_STRATEGIC)
        self.close()

    def close(self) -> None:
        """Say nothing any more."""
        self._api.close()

    def _renew(self) -> None:
        root, name = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", self.what.name
        spec = {
            "holderIdentity": name,
            "leaseDurationSeconds": _LEASE_SECONDS,
            "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        try:
            self._api.request("PATCH", f"{root}/{name}", {"spec": spec}, content_type=MERGE)
        except ApiError as error:
            if error.status != 404:
                raise
            metadata = {"name": name}
            self._api.request(
                "POST",
                root,
                {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec},
            )

    def _node(self) -> Manifest:
        what, kind = self.what, self.hardware.kind
        fixed = {
            "kubernetes.io/arch": kind.architecture,
            "kubernetes.io/hostname": what.name,
            "kubernetes.io/os": "linux",
        }
        taints = [*what.taints]
        annotations = {}
        if what.external_cloud:
            taints.append(
                {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}
            )
            annotations["alpha.kubernetes.io/provided-node-ip"] = what.address
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": what.name, "labels": {**what.labels, **fixed}, "annotations": annotations},
            "spec": {"taints": taints} | ({"providerID": what.provider_id} if what.provider_id else {}),
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": what.address},
                    {"type": "Hostname", "address": what.name},
                ],
                "capacity": self.hardware.capacity(self._configuration),
                "allocatable": self.hardware.allocatable(self._configuration),
                "conditions": _conditions(False, self._since),
                "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
                "nodeInfo": self.hardware.system(),
            },
        }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _conditions(network: bool, since: str) -> list[Manifest]:
    said = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status")
        if network
        else ("Ready", "False", "KubeletNotReady", _NO_NETWORK),
    ]
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": _now(),
            "lastTransitionTime": since,
        }
        for kind, status, reason, message in said
    ]
