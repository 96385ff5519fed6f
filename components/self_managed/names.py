"""Physical names that several parts of the self-managed cluster have to agree on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from components.karpenter.names import ROLE_LIMIT, fit

_PKI: Final = "/etc/kubernetes/pki"

# Where each secret of a control plane lies on it, by the last word of its parameter's name. Only the authorities and
# the pair that signs service accounts: kubeadm makes every leaf, and takes an existing one without looking whether it
# still fits. sa.pub is no secret, but kubeadm makes none when sa.key is there.
CONTROL_PLANE_FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ca-crt": f"{_PKI}/ca.crt",
        "ca-key": f"{_PKI}/ca.key",
        "sa-key": f"{_PKI}/sa.key",
        "sa-pub": f"{_PKI}/sa.pub",
        "front-proxy-ca-crt": f"{_PKI}/front-proxy-ca.crt",
        "front-proxy-ca-key": f"{_PKI}/front-proxy-ca.key",
        "etcd-ca-crt": f"{_PKI}/etcd/ca.crt",
        "etcd-ca-key": f"{_PKI}/etcd/ca.key",
    }
)
ENCRYPTION_KEY: Final = "encryption-key"
JOIN_TOKEN: Final = "token"
# Of the logical names of what gives a control plane its etcd volume, behind the machine's.
ETCD_SUFFIX: Final = "-etcd"

# Below these the control planes write: snapshots of etcd into the bucket of backups, audit logs into that of logs.
SNAPSHOTS_PREFIX: Final = "etcd"
AUDIT_PREFIX: Final = "audit"
# What the control planes count about themselves; no service of AWS writes there.
METRICS_NAMESPACE: Final = "Platform/ControlPlane"
SNAPSHOT_AGE: Final = "SnapshotAgeSeconds"
CERTIFICATE_DAYS: Final = "CertificateDaysLeft"


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineNames:
    """Names of what the machines' roles read and are."""

    control_plane_role: str
    worker_role: str
    control_plane_prefix: str
    join_prefix: str

    def control_plane_parameter(self, key: str) -> str:
        """Name of the parameter with a control plane's secret."""
        return f"{self.control_plane_prefix}{key}"

    @property
    def control_plane_parameters(self) -> tuple[str, ...]:
        """Names of all parameters that only control planes may read."""
        return tuple(self.control_plane_parameter(key) for key in (*CONTROL_PLANE_FILES, ENCRYPTION_KEY))

    @property
    def join_token_parameter(self) -> str:
        """Name of the parameter with the token that every machine joins by."""
        return f"{self.join_prefix}{JOIN_TOKEN}"


def plan_names(cluster_name: str) -> MachineNames:
    """Name everything after the cluster."""
    return MachineNames(
        control_plane_role=fit(cluster_name, ROLE_LIMIT, after="-control-plane"),
        worker_role=fit(cluster_name, ROLE_LIMIT, after="-worker"),
        control_plane_prefix=f"/kubernetes/{cluster_name}/control-plane/",
        join_prefix=f"/kubernetes/{cluster_name}/join/",
    )
