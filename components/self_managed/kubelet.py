"""The kubelets' configuration: one for the cluster, which kubeadm keeps in it and each machine takes when it joins.

What differs from node to node is an argument (see `kubeadm`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

TLS_MIN_VERSION: Final = "VersionTLS12"
# Forward secrecy and authenticated encryption only; those of TLS 1.3 cannot be chosen. The cluster's own certificates
# are ECDSA; the others are for a certificate that somebody brings.
TLS_CIPHER_SUITES: Final = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)

# What a machine's kernel must be set to before kubeadm runs: pods' packets pass, and the rest is what the kubelet
# compares, and ends if one differs, since it may not set them itself (protectKernelDefaults;
# k8s.io/component-helpers/node/util/sysctl).
KERNEL_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "net.ipv4.ip_forward": "1",
        "vm.overcommit_memory": "1",
        "vm.panic_on_oom": "0",
        "kernel.panic": "10",
        "kernel.panic_on_oops": "1",
        "kernel.keys.root_maxkeys": "1000000",
        "kernel.keys.root_maxbytes": "25000000",
    }
)


def kubelet_configuration() -> Mapping[str, Any]:
    """Return the KubeletConfiguration.

    Reservations are for the smallest machine that makes sense, with 2 GiB: 484 MiB of it are kept from pods.
    Serving certificates come from the cluster's authority, once an approver has let them (serverTLSBootstrap).
    """
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "systemd",
        "rotateCertificates": True,
        "serverTLSBootstrap": True,
        "tlsMinVersion": TLS_MIN_VERSION,
        "tlsCipherSuites": list(TLS_CIPHER_SUITES),
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}},
        "authorization": {"mode": "Webhook"},
        "readOnlyPort": 0,
        "streamingConnectionIdleTimeout": "30m0s",
        "protectKernelDefaults": True,
        "makeIPTablesUtilChains": True,
        "seccompDefault": True,
        "podPidsLimit": 4096,
        "kubeReserved": {"cpu": "100m", "memory": "256Mi", "ephemeral-storage": "1Gi"},
        "systemReserved": {"cpu": "50m", "memory": "128Mi", "ephemeral-storage": "1Gi"},
        # All of them: one that is named replaces the whole set of defaults.
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "10%",
            "nodefs.inodesFree": "5%",
            "imagefs.available": "15%",
            "imagefs.inodesFree": "5%",
        },
        "containerLogMaxSize": "10Mi",
        "containerLogMaxFiles": 5,
        # A node starts with ten images to pull, and a slow one is not to hold the network up.
        "serializeImagePulls": False,
        "maxParallelImagePulls": 5,
        "shutdownGracePeriod": "60s",
        "shutdownGracePeriodCriticalPods": "20s",
    }
