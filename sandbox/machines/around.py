"""What a machine finds around itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.machines.clients import Clients
from sandbox.machines.fabric import Fabric
from sandbox.machines.hardware import Hardware
from sandbox.machines.kubeadm import Configuration
from sandbox.machines.settings import MachineSettings


@dataclass(frozen=True, kw_only=True)
class Around:
    """The world as machines see it.

    Attributes:
        control_plane: The one Kubernetes of the sandbox.
        tools: Path by tool.
        settings: How user data speaks.
        clients: Of the emulated AWS.
        fabric: The network.
        folder: Of all machines' files.
    """

    control_plane: ControlPlane
    tools: Mapping[str, Path]
    settings: MachineSettings
    clients: Clients
    fabric: Fabric
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Member:
    """A machine that is ready to become a member of a cluster.

    Attributes:
        identity: Id of the instance.
        root: Folder that stands for its `/`.
        hardware: What it offers.
        configuration: kubeadm's, filled in.
        active: Whether the machine still runs.
    """

    identity: str
    root: Path
    hardware: Hardware
    configuration: Configuration
    active: Callable[[], bool]
