"""User data: what makes a bare Ubuntu machine a node by itself, as one cloud-config without a secret in it.

The scripts in `boot` go to the machine without the lines that are only comments. Secrets and the machine's own facts it
reads from AWS when it runs (`boot/machine.py`).
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import versions
from components.self_managed import control_plane, kubeadm
from components.self_managed import packages as apt
from components.self_managed.compression import compress
from components.self_managed.kubelet import (
    IMAGE_CREDENTIALS,
    IMAGE_CREDENTIALS_PROGRAM,
    KERNEL_SETTINGS,
    LOGIND,
    SHUTDOWN_SECONDS,
    image_credentials,
)
from components.self_managed.names import (
    CONTROL_PLANE_FILES,
    ENCRYPTION_KEY,
    SNAPSHOTS_PREFIX,
    plan_names,
)
from components.self_managed.spec import API_PORT, ClusterSpec, NodeSpec
from components.self_managed.tasks import LIBRARY, Task, tasks, timers, units

# EC2 refuses more, counted before base64 (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html).
USER_DATA_BYTES: Final = 16 * 1024
MACHINE: Final = "/etc/platform/machine.json"
KUBEADM: Final = "/etc/platform/kubeadm.yaml"
KUBEADM_RENDERED: Final = "/run/platform/kubeadm.yaml"
# The first of several control planes has both: it joins when the cluster is there already.
JOIN: Final = "/etc/platform/kubeadm-join.yaml"
JOIN_RENDERED: Final = "/run/platform/kubeadm-join.yaml"
ETCD_VOLUME: Final = "/var/lib/etcd-volume"

# Bridged packets pass iptables, where kube-proxy works; Calico refuses a reverse path filter that is loose.
_BRIDGED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "net.bridge.bridge-nf-call-iptables": "1",
        "net.bridge.bridge-nf-call-ip6tables": "1",
        "net.ipv4.conf.all.rp_filter": "1",
    }
)

_BOOT: Final = Path(__file__).parent / "boot"
_SCRIPTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "boot": "boot.sh",
        "packages": "packages.sh",
        "kubeadm": "kubeadm.sh",
        "machine": "machine.py",
        IMAGE_CREDENTIALS_PROGRAM: "ecr_credentials.py",
    }
)
_CONTROL_PLANE_SCRIPTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "certificates": "certificates.sh",
        "etcd-restore": "etcd_restore.sh",
        "etcd-snapshot": "etcd_snapshot.sh",
        "etcd-volume": "etcd_volume.sh",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Boot:
    """What a machine needs to know of the cluster besides its specification.

    Attributes:
        ca_pin: Of the cluster's authority (`pki_math.ca_pin`).
        backups_bucket: Takes etcd's snapshots.
        logs_bucket: Takes audit logs.
    """

    ca_pin: str
    backups_bucket: str
    logs_bucket: str


class File(NamedTuple):
    """A file that cloud-init writes; root owns it."""

    path: str
    content: str
    mode: str = "0644"


def user_data(spec: ClusterSpec, node: NodeSpec, boot: Boot) -> str:
    """Return the user data as EC2 takes it: base64 of the compressed cloud-config, the same for the same arguments.

    Raises:
        ValueError: EC2 would refuse its size; or as `cloud_config`.
    """
    config = cloud_config(spec, node, boot).encode()
    packed = compress(config, shared=len(_beginning(node.role == "control-plane")))
    if len(packed) > USER_DATA_BYTES:
        raise ValueError(
            f"node={node.name}: user data of {len(packed)} bytes, and EC2 takes {USER_DATA_BYTES};"
            " shorten its labels and taints"
        )
    return base64.b64encode(packed).decode()


def cloud_config(spec: ClusterSpec, node: NodeSpec, boot: Boot) -> str:
    """Return the cloud-config as text.

    Raises:
        ValueError: The packages of that version are not known; or as kubeadm's configuration.
    """
    return _beginning(node.role == "control-plane").decode() + "".join(
        [
            *map(_written, _files(spec, node, boot)),
            f"hostname: {json.dumps(node.name)}\n",
            "preserve_hostname: false\n",
            "manage_etc_hosts: localhost\n",
            "ssh_pwauth: false\n",
            "runcmd:\n",
            "  - [systemctl, daemon-reload]\n",
            # Not awaited: it may take half an hour, and cloud-init is not to hang on it.
            "  - [systemctl, enable, --now, --no-block, platform-boot.service]\n",
        ]
    )


def machine(spec: ClusterSpec, node: NodeSpec) -> str:
    """Describe what the machine is to become, for the scripts and for whoever plays it."""
    names, master = plan_names(spec.name), node.role == "control-plane"
    blanks = {kubeadm.TOKEN_BLANK: names.join_token_parameter}
    rendered = {KUBEADM: KUBEADM_RENDERED}
    files: dict[str, str] = {}
    if master:
        blanks[control_plane.ENCRYPTION_KEY_BLANK] = names.control_plane_parameter(ENCRYPTION_KEY)
        rendered |= control_plane.RENDERED
        files = {path: names.control_plane_parameter(key) for key, path in CONTROL_PLANE_FILES.items()}
    if _joins_later(spec, node):
        rendered[JOIN] = JOIN_RENDERED
    described = {
        "region": spec.region,
        "cluster": spec.name,
        "node": node.name,
        "role": "control-plane" if master else "worker",
        "first": _is_first(spec, node),
        "kubernetes": spec.version,
        "files": files,
        "blanks": blanks,
        "rendered": rendered,
    }
    return f"{json.dumps(described, indent=2)}\n"


def snapshots(cluster_name: str, ca_pin: str) -> str:
    """Return where a cluster's snapshots are, without a slash at the end.

    The authority is in it: a snapshot of an earlier cluster of the same name is of no use to this one, whose service
    accounts' and encryption keys are others.
    """
    return f"{SNAPSHOTS_PREFIX}/{cluster_name}/{ca_pin.removeprefix('sha256:')[:12]}"


def without_comments(script: str) -> str:
    """Drop the lines that are only a comment; the interpreter's line stays."""
    return re.sub(r"(?m)^[ \t]*#(?!!).*\n", "", script)


def _is_first(spec: ClusterSpec, node: NodeSpec) -> bool:
    return node.name == spec.control_planes[0].name


def _joins_later(spec: ClusterSpec, node: NodeSpec) -> bool:
    return _is_first(spec, node) and len(spec.control_planes) > 1


@cache
def _beginning(master: bool) -> bytes:
    """Return what all control planes, or all others, begin with."""
    return "".join(["#cloud-config\nwrite_files:\n", *map(_written, _shared_files(master))]).encode()


def _written(file: File) -> str:
    text = "".join(f"      {line}\n" if line else "\n" for line in file.content.rstrip("\n").split("\n"))
    return f'  - path: {json.dumps(file.path)}\n    permissions: "{file.mode}"\n    content: |\n{text}'


def _shared_files(master: bool) -> Iterable[File]:
    yield File("/etc/modules-load.d/platform.conf", "overlay\nbr_netfilter\n")
    settings = "".join(f"{key} = {value}\n" for key, value in {**KERNEL_SETTINGS, **_BRIDGED}.items())
    yield File("/etc/sysctl.d/90-platform.conf", settings)
    yield File(LOGIND, f"[Login]\nInhibitDelayMaxSec={SHUTDOWN_SECONDS}\n")
    yield File(IMAGE_CREDENTIALS, f"{json.dumps(image_credentials(), indent=2)}\n")
    yield File("/etc/containerd/config.toml", _read("containerd.toml").replace("@PAUSE@", versions.PAUSE))
    yield File("/etc/crictl.yaml", "runtime-endpoint: unix:///run/containerd/containerd.sock\n")
    yield File("/etc/systemd/system/platform-boot.service", _read("platform-boot.service"))
    yield File(f"{LIBRARY}/machine.sh", _read("machine.sh"))
    for name, source in {**_SCRIPTS, **(_CONTROL_PLANE_SCRIPTS if master else {})}.items():
        yield File(f"{LIBRARY}/{name}", _read(source), "0755")
    if master:
        yield from (File(path, content) for path, content in control_plane.control_plane_files().items())
        # Else etcd would begin anew on the root disk when its volume is late.
        drop_in = f"[Unit]\nRequiresMountsFor={ETCD_VOLUME}\n"
        yield File("/etc/systemd/system/kubelet.service.d/20-platform.conf", drop_in)


def _files(spec: ClusterSpec, node: NodeSpec, boot: Boot) -> Iterable[File]:
    joining = kubeadm.join_configuration(spec, node, boot.ca_pin)
    yield File(MACHINE, machine(spec, node))
    yield File(KUBEADM, kubeadm.init_configuration(spec, node) if _is_first(spec, node) else joining)
    if _joins_later(spec, node):
        yield File(JOIN, joining)
    yield File("/etc/platform/boot.env", _environment(spec, node, boot))
    if node.role == "control-plane":
        yield from (File(path, text) for path, text in units(_tasks(spec, node, boot)).items())


def _read(name: str) -> str:
    return without_comments((_BOOT / name).read_text(encoding="utf-8"))


def _environment(spec: ClusterSpec, node: NodeSpec, boot: Boot) -> str:
    """Return the scripts' variables; `machine` has the rest."""
    values = {
        "CLUSTER": spec.name,
        "NODE": node.name,
        "ROLE": "control-plane" if node.role == "control-plane" else "worker",
        "FIRST": "yes" if _is_first(spec, node) else "no",
        "PACKAGES": " ".join(apt.packages(spec.version)),
        "KUBERNETES_REPOSITORY": apt.KUBERNETES_REPOSITORY,
        "KUBERNETES_KEY": apt.KUBERNETES_KEY,
        "DOCKER_REPOSITORY": apt.DOCKER_REPOSITORY,
        "DOCKER_KEY": apt.DOCKER_KEY,
        "UBUNTU": apt.UBUNTU,
    }
    if node.role == "control-plane":
        values |= {
            "ADDRESS": str(node.address),
            "CONTROL_PLANES": str(len(spec.control_planes)),
            "ENDPOINT": f"{spec.endpoint}:{API_PORT}",
            # After up to a minute the first of several takes the cluster for a new one, unless there are snapshots.
            "ENDPOINT_TRIES": "6",
            "ETCD_VOLUME": ETCD_VOLUME,
            "ETCD_DATA": kubeadm.ETCD_DATA,
            "BACKUPS_BUCKET": boot.backups_bucket,
            "SNAPSHOTS": snapshots(spec.name, boot.ca_pin),
            "TIMERS": " ".join(timers(_tasks(spec, node, boot))),
        }
    return "".join(f"{key}={shlex.quote(value)}\n" for key, value in values.items())


def _tasks(spec: ClusterSpec, node: NodeSpec, boot: Boot) -> Mapping[str, Task]:
    return tasks(cluster=spec.name, node=node.name, logs_bucket=boot.logs_bucket)
