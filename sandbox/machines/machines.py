"""All machines: watches EC2, boots what has user data, and ends what is terminated."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from sandbox.aws.console import CONSOLE
from sandbox.kubernetes.api import ApiError
from sandbox.kubernetes.control_plane import ClusterError, ControlPlane
from sandbox.machines.around import Around
from sandbox.machines.balancers import Balancers
from sandbox.machines.boot import Machine
from sandbox.machines.clients import Clients
from sandbox.machines.controllers import calico, cloud_controller, csr_approver
from sandbox.machines.controllers.cloud_controller import CloudControllerError
from sandbox.machines.controllers.view import View
from sandbox.machines.fabric import Fabric
from sandbox.machines.instance import Instance
from sandbox.machines.kubelet import Kubelet
from sandbox.machines.network import NetworkError
from sandbox.machines.rights import RightsError
from sandbox.machines.settings import MachineSettings
from sandbox.machines.tls_bootstrap import JoinError

_POLL_SECONDS: Final = 1.0
_BEAT_SECONDS: Final = 1.0
# What may fail in between: a server that comes or goes, and what moto trips over while a list changes.
_TROUBLE: Final = (
    ApiError,
    BotoCoreError,
    ClientError,
    ClusterError,
    JoinError,
    NetworkError,
    ResponseParserError,
    RightsError,
)


class Machines:
    """Runs machines for as long as it is started.

    Args:
        control_plane: The one Kubernetes of the sandbox.
        tools: Path by tool.
        settings: How user data speaks.
        endpoint: URL of the emulated AWS.
        regions: Says in which regions a service is used.
        folder: For the machines' files.
    """

    def __init__(
        self,
        control_plane: ControlPlane,
        tools: Mapping[str, Path],
        settings: MachineSettings,
        endpoint: str,
        regions: Callable[[str], Iterable[str]],
        folder: Path,
    ) -> None:
        clients = Clients(endpoint)
        self.around = Around(
            control_plane=control_plane,
            tools=tools,
            settings=settings,
            clients=clients,
            fabric=Fabric(clients),
            folder=folder,
        )
        self.balancers = Balancers(clients, self.around.fabric, settings.operator)
        self._regions = regions
        self._seen: set[str] = set()
        self._machines: dict[str, Machine] = {}
        self._kubelets: dict[str, Kubelet] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(seconds, work), name=name, daemon=True)
            for name, seconds, work in (("machines", _POLL_SECONDS, self.look), ("kubelets", _BEAT_SECONDS, self.beat))
        ]

    def start(self) -> None:
        """Start to watch."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Switch everything off. Idempotent."""
        self._ended.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for machine in self._machines.values():
            machine.end()
        for machine in self._machines.values():
            machine.stop()
        self.balancers.stop()
        with self._lock:
            for kubelet in self._kubelets.values():
                kubelet.close()
            self._kubelets.clear()
        shutil.rmtree(self.around.folder, ignore_errors=True)

    def _run(self, seconds: float, work: Callable[[], None]) -> None:
        while not self._ended.wait(seconds):
            with contextlib.suppress(*_TROUBLE):
                work()

    # EC2 -----------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Look once at what EC2 has: boot what is new and end what has gone."""
        found = {one.id: one for region in self._regions("ec2") for one in self._instances(region)}
        self.around.fabric.see(found)
        for identity, instance in found.items():
            if instance.running and identity not in self._seen:
                self._seen.add(identity)
                if user_data := self._user_data(instance):
                    self._machines[identity] = Machine(self.around, identity, user_data, self._joined)
                    self._machines[identity].start()
        for identity in [one for one in self._machines if one not in found or not found[one].running]:
            self._switch_off(identity)
        self.balancers.look(self._regions("elbv2"))

    def _instances(self, region: str) -> Iterable[Instance]:
        pages = self.around.clients.of(region)("ec2").get_paginator("describe_instances").paginate()
        for page in pages:
            for reservation in page["Reservations"]:
                for described in reservation["Instances"]:
                    yield Instance(described=described, region=region)

    def _user_data(self, instance: Instance) -> str:
        ec2 = self.around.clients.of(instance.region)("ec2")
        answer = ec2.describe_instance_attribute(InstanceId=instance.id, Attribute="userData")
        return str(answer.get("UserData", {}).get("Value") or "")

    def _switch_off(self, identity: str) -> None:
        machine = self._machines.pop(identity)
        machine.stop()
        with self._lock:
            kubelet = self._kubelets.pop(identity, None)
            if kubelet is not None:
                kubelet.leave()
        if self.around.fabric.listens(identity) and not self.around.fabric.silence(identity):
            # The last machine that served the API takes the cluster along.
            control_plane = self.around.control_plane
            if control_plane.cluster is not None:
                control_plane.cluster_deleted(control_plane.cluster)

    # Nodes ---------------------------------------------------------------------------------------------------------

    def _joined(self, identity: str, kubelet: Kubelet) -> None:
        with self._lock:
            self._kubelets[identity] = kubelet

    def kubelets(self) -> dict[str, Kubelet]:
        """Return the kubelets that run, by instance."""
        with self._lock:
            return dict(self._kubelets)

    def beat(self) -> None:
        """Have the stand-ins work once, and every kubelet say how its node is."""
        kubelets = self.kubelets()
        if not kubelets or self.around.control_plane.cluster is None:
            return
        view = View(self.around.control_plane.api, self.around.fabric, self.around.clients.of)
        for work in (calico.operate, cloud_controller.introduce, csr_approver.approve):
            self._work(work, view)
        connected = calico.connected(view)
        addresses = {node["metadata"]["name"]: node["status"].get("addresses") or [] for node in view.nodes}
        for identity, kubelet in kubelets.items():
            with self._lock, contextlib.suppress(*_TROUBLE):
                if identity not in self._kubelets:
                    continue  # it left in the meantime
                kubelet.beat(kubelet.what.name in connected)
                kubelet.vouch([pod for pod in view.pods if pod["spec"].get("nodeName") == kubelet.what.name])
                kubelet.serve(addresses.get(kubelet.what.name, []))
        calico.give_addresses(view, connected)

    def _work(self, work: Callable[[View], None], view: View) -> None:
        """Run a stand-in. What it trips over now it meets again in the next round."""
        try:
            work(view)
        except CloudControllerError as error:
            for identity in self.kubelets():
                if self.around.fabric.listens(identity):
                    CONSOLE.say(identity, f"aws-cloud-controller-manager: {error}")
        except _TROUBLE:
            return
