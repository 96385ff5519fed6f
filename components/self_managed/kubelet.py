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


# How long a machine that goes down waits for its pods. logind has to grant it, or the kubelet does not wait at all;
# Ubuntu's unattended-upgrades grants 30 in a file that counts more than the kubelet's own, so that another has to take
# its place (https://github.com/kubernetes/kubernetes/issues/102818).
SHUTDOWN_SECONDS: Final = 60
LOGIND: Final = "/etc/systemd/logind.conf.d/unattended-upgrades-logind-maxdelay.conf"

# Who signs in to registries for the kubelet: a program of that name in the folder that it is told.
IMAGE_CREDENTIALS: Final = "/etc/platform/image-credentials.yaml"
IMAGE_CREDENTIALS_PROGRAM: Final = "ecr-credentials"


def image_credentials() -> Mapping[str, Any]:
    """Return the CredentialProviderConfig: kubelets have no way of their own into ECR since Kubernetes 1.27."""
    provider = {
        "name": IMAGE_CREDENTIALS_PROGRAM,
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "matchImages": ["*.dkr.ecr.*.amazonaws.com", "*.dkr.ecr.*.amazonaws.com.cn"],
        # A password of ECR holds twelve hours.
        "defaultCacheDuration": "6h0m0s",
    }
    return {"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig", "providers": [provider]}


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
        "shutdownGracePeriod": f"{SHUTDOWN_SECONDS}s",
        "shutdownGracePeriodCriticalPods": "20s",
    }
