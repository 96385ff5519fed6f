"""What apt installs on the machines, from whom, and by whose signature: exact versions on Ubuntu 24.04."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import versions

# https://pkgs.k8s.io/core:/stable:/v1.36/deb/Release.key (isv:kubernetes OBS Project). The date on which the key ends
# is moved on from time to time, which is why it is fetched and only its fingerprint is kept.
KUBERNETES_KEY: Final = "DE15B14486CD377B9E876E1A234654DA9A296436"
KUBERNETES_REPOSITORY: Final = f"https://pkgs.k8s.io/core:/stable:/v{versions.KUBERNETES}/deb"
# https://download.docker.com/linux/ubuntu/gpg (Docker Release (CE deb))
DOCKER_KEY: Final = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"
DOCKER_REPOSITORY: Final = "https://download.docker.com/linux/ubuntu"
UBUNTU: Final = "noble"
_UBUNTU_RELEASE: Final = "ubuntu.24.04~noble"
# Which build of a version: pkgs.k8s.io built some anew.
_BUILD: Final = "1.1"
_BUILDS: Final[Mapping[str, str]] = MappingProxyType({"1.36.2": "2.1"})


def packages(version: str) -> tuple[str, ...]:
    """Return what apt installs and holds, as `name=version`.

    Args:
        version: Of Kubernetes, such as `1.36.4`.

    Raises:
        ValueError: Its minor is not the one whose tools are pinned.
    """
    if not version.startswith(f"{versions.KUBERNETES}."):
        raise ValueError(f"version={version}: packages are pinned for {versions.KUBERNETES}; see versions.py")
    exact = f"{version}-{_BUILDS.get(version, _BUILD)}"
    return (
        *(f"{name}={exact}" for name in ("kubelet", "kubeadm", "kubectl")),
        f"cri-tools={versions.CRI_TOOLS}-{_BUILD}",
        f"kubernetes-cni={versions.CNI_PLUGINS}-{_BUILD}",
        f"containerd.io={versions.CONTAINERD}-1~{_UBUNTU_RELEASE}",
    )
