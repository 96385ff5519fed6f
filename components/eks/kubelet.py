"""What the kubelet of every node is told: how many pods, what stays reserved, when it evicts, who may ask it.

Base nodes get all of it as user data. For Karpenter's nodes the part that Karpenter reckons with stands in the
EC2NodeClass as well, or it would plan pods onto memory that the kubelet keeps.
"""

from __future__ import annotations

from typing import Any, Final

_ADDRESSES_PER_PREFIX: Final = 16
# The VPC CNI and kube-proxy take the node's own address.
_HOST_NETWORK_PODS: Final = 2
# Share of each vCPU that is reserved: 6 % of the first, 1 % of the second,
# 0.5 % of the third and fourth, and 0.25 % of the rest.
_CPU_SHARES: Final = (0.06, 0.01, 0.005, 0.005)
_CPU_SHARE_OF_THE_REST: Final = 0.0025

SYSTEM_RESERVED: Final = {"cpu": 200, "memory": 200}
EVICTION_HARD_MEMORY: Final = 0.05


def reserved_memory_mib(max_pods: int) -> int:
    """Return what the kubelet and the container runtime keep for themselves, by AWS's formula.

    The image applies it to the pods that a type has single addresses for: 17 on a t3.medium, whatever `maxPods` says.
    So the number has to be stated
    (https://github.com/awslabs/amazon-eks-ami/blob/main/nodeadm/internal/kubelet/config.go).
    """
    return 255 + 11 * max_pods


def reserved_cpu_millicores(vcpus: int) -> int:
    """Return the CPU that is kept, by AWS's formula; the image applies it by itself, for it knows its type."""
    first = sum(_CPU_SHARES[:vcpus])
    return round(1000 * (first + _CPU_SHARE_OF_THE_REST * max(0, vcpus - len(_CPU_SHARES))))


def pods_with_addresses(*, interfaces: int, addresses: int, pod_range: bool) -> int:
    """Return how many pods get an address when the VPC CNI hands out /28 prefixes.

    Args:
        interfaces: Network interfaces of the instance type.
        addresses: IPv4 addresses per interface; the first is the interface's own.
        pod_range: Whether pods have subnets of their own; then the first interface serves the node alone
            (https://docs.aws.amazon.com/eks/latest/userguide/cni-custom-network.html).
    """
    serving = interfaces - 1 if pod_range else interfaces
    return serving * (addresses - 1) * _ADDRESSES_PER_PREFIX + _HOST_NETWORK_PODS


def advised_pods(vcpus: int) -> int:
    """Return the most pods that AWS advises for a node.

    Source: https://docs.aws.amazon.com/eks/latest/userguide/choosing-instance-type.html#determine-max-pods.
    """
    return 250 if vcpus > 30 else 110


def scheduling(max_pods: int) -> dict[str, Any]:
    """Return what decides how much of a node pods can use: KubeletConfiguration and EC2NodeClass name it alike.

    CPU is left to the image, whose formula Karpenter knows. A soft threshold needs its grace period, and one hard
    threshold drops the kubelet's defaults of the others, so all stand here.
    """
    return {
        "maxPods": max_pods,
        "kubeReserved": {"memory": f"{reserved_memory_mib(max_pods)}Mi"},
        "systemReserved": {"cpu": f"{SYSTEM_RESERVED['cpu']}m", "memory": f"{SYSTEM_RESERVED['memory']}Mi"},
        "evictionHard": {
            "memory.available": f"{EVICTION_HARD_MEMORY:.0%}",
            "nodefs.available": "10%",
            "nodefs.inodesFree": "5%",
            "imagefs.available": "15%",
        },
        "evictionSoft": {"memory.available": "10%", "nodefs.available": "15%"},
        "evictionSoftGracePeriod": {"memory.available": "1m30s", "nodefs.available": "1m30s"},
        "imageGCHighThresholdPercent": 85,
        "imageGCLowThresholdPercent": 80,
    }


def configuration(max_pods: int) -> dict[str, Any]:
    """Return the KubeletConfiguration; what is not named keeps the image's value.

    Anonymous requests, authorization, the read-only port, kernel defaults and the serving certificate are the image's
    own values as well; they are stated so that an image which changed them would not change the nodes. The kubelet
    proves itself by IAM and has no client certificate, so `rotateCertificates` has nothing to rotate.
    """
    return {
        **scheduling(max_pods),
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}},
        "authorization": {"mode": "Webhook"},
        "readOnlyPort": 0,
        "protectKernelDefaults": True,
        "seccompDefault": True,
        "serverTLSBootstrap": True,
        "eventRecordQPS": 50,
    }
