"""The sandbox as a whole: what it is made of, in which order it starts, and that nothing of it stays."""

from __future__ import annotations

import fcntl
import shutil
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

from sandbox import crds
from sandbox.aws.emulator import AwsEmulator
from sandbox.aws.host import AwsHost
from sandbox.certificates import Authority
from sandbox.chart_mirror import ChartMirror
from sandbox.eks.host import EksHost
from sandbox.engine import Engine
from sandbox.environment import aws_environment, sandbox_environment
from sandbox.git_server import GitServer
from sandbox.kubernetes.argocd import ArgoCd
from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.kubernetes.controllers import Controllers
from sandbox.kubernetes.host import KubernetesHost
from sandbox.kubernetes.karpenter import ROWS as KARPENTER
from sandbox.kubernetes.metrics import Metrics
from sandbox.kubernetes.operators import ROWS as OPERATORS
from sandbox.language import LanguageHost
from sandbox.leftovers import Inventory
from sandbox.machines.balancers import Balancers
from sandbox.machines.machines import Machines
from sandbox.machines.settings import machine_settings
from sandbox.policy_packs import install_policy_runner
from sandbox.project import Project
from sandbox.protocol import ProviderHost
from sandbox.provisioning.karpenter import Karpenter
from sandbox.random_host import RandomHost
from sandbox.tls_host import TlsHost
from sandbox.tools import load_tools
from sandbox.volumes.provisioner import Volumes


class WorldError(Exception):
    """The sandbox cannot start; the message says why and what to do."""


class World:
    """Everything the engine and Argo CD talk to, on loopback, with its state in one folder.

    Use it as a context manager: leaving it ends every process and removes the folder.

    Args:
        checkout: Folder of the Pulumi project to run.
        folder: Where everything lies; must not be in use by another sandbox.
        kubernetes: Whether to start a Kubernetes API ahead of the first cluster. A preview needs none.
    """

    def __init__(self, checkout: Path, folder: Path, *, kubernetes: bool = True) -> None:
        self.checkout = checkout
        self.folder = folder
        self._ahead = kubernetes
        self._stack = ExitStack()

    def __enter__(self) -> World:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self) -> None:
        self._stack.enter_context(_FolderLock(self.folder))
        self._tools = tools = load_tools(self.checkout)
        authority = Authority(self.folder / "certificates")
        certificate = authority.issue("loopback")
        self.aws = AwsEmulator(self.folder / "aws")
        self._stack.callback(self.aws.stop)
        endpoint = self.aws.start()
        self.charts = ChartMirror(self.folder / "charts", certificate, crds.folders(tools))
        self._stack.callback(self.charts.stop)
        self.charts.start()
        self.git = GitServer(self.checkout, self.folder / "git", certificate)
        self._stack.callback(self.git.stop)
        self.git.start()
        endpoints = {"git": self.git.url, "charts": self.charts.url}
        self.project = Project(self.checkout, self.folder / "project", endpoints, self.aws.add_zone, self.aws.add_image)
        self.git.refresh(self.project.revisions())
        self.project.prepare()
        self.control_plane = ControlPlane(self.folder / "kubernetes", tools, authority=authority)
        self._stack.callback(self.control_plane.stop)
        balancers = self._start_machines(endpoint)
        # Stopped before the machines are: a round asks the API server for much, and would wait for one that is gone.
        works = (Karpenter(), Volumes(lambda: self.control_plane.cluster), Metrics())
        controllers = Controllers(self.control_plane, endpoint, (*KARPENTER, *OPERATORS), works)
        self._stack.callback(controllers.stop)
        controllers.start()
        self._start_hosts(tools, endpoint, balancers)
        if self._ahead:
            thread = threading.Thread(target=self.control_plane.start, name="control-plane", daemon=True)
            thread.start()
            self._stack.callback(thread.join)

    def _start_machines(self, endpoint: str) -> Balancers | None:
        """Have instances boot, if the checkout says how; return who plays load balancers then."""
        settings = machine_settings(self.checkout)
        if settings is None:
            return None
        folder = self.folder / "machines"
        machines = Machines(self.control_plane, self._tools, settings, endpoint, self.aws.regions, folder)
        self._stack.callback(machines.stop)
        machines.start()
        return machines.balancers

    def _start_hosts(self, tools: Mapping[str, Path], endpoint: str, balancers: Balancers | None) -> None:
        argocd = ArgoCd(self.control_plane, tools)
        self._stack.callback(argocd.stop)
        hosts: dict[str, ProviderHost | EksHost] = {
            "aws": AwsHost(endpoint, self.control_plane, balancers),
            "eks": EksHost(),
            "kubernetes": KubernetesHost(self.control_plane, self.charts, tools, (argocd,)),
            "random": RandomHost(),
            "tls": TlsHost(),
        }
        ports = {}
        for package, host in hosts.items():
            ports[package] = host.serve()
            self._stack.callback(host.stop)
        # The program may ask AWS, too: what it does around a resource runs in it.
        language = LanguageHost(aws_environment(endpoint))
        language_port = language.serve()
        self._stack.callback(language.stop)
        self.environment = sandbox_environment(
            folder=self.folder,
            tools={**tools, "policy-packs": install_policy_runner(self.folder)},
            ports=ports,
            language_port=language_port,
            aws_endpoint=endpoint,
            kubeconfig=self.control_plane.kubeconfig,
            argocd_port=argocd.server_port,
        )

    @property
    def kubeconfig(self) -> Path:
        """File with access to the cluster."""
        return self.control_plane.kubeconfig

    def engine(self, stack: str) -> Engine:
        """Return the engine on one stack of the project."""
        return Engine(self.project.folder, stack, self.environment, self._tools["pulumi"])

    def leftovers(self) -> list[tuple[str, str]]:
        """Return kind and name of what the last cluster still held when it was deleted."""
        return [(kind, name) for kind, names in self.control_plane.leftovers.items() for name in names]

    def inventory(self) -> Inventory:
        """Return what exists in AWS, service by service."""
        return self.aws.inventory()


class _FolderLock:
    """Holds a folder for one sandbox: a second one is refused, a crashed one's folder is taken over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = (self._folder / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WorldError(
                f"a sandbox is already running in {self._folder}: leave it, or name another folder"
            ) from error

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._file is not None:
            self._file.close()
