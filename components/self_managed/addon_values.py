"""Values of the charts that a self-managed cluster needs before GitOps can begin, as plain dicts."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any, Final

import versions
from components.self_managed.spec import API_PORT, ClusterSpec

CONTROL_PLANE: Final = "node-role.kubernetes.io/control-plane"
_CRITICAL: Final = "system-cluster-critical"


def calico_values(spec: ClusterSpec, registry: str | None = None) -> dict[str, Any]:
    """Return the values of chart tigera-operator v3.32.

    Every packet between nodes is wrapped (VXLAN, UDP 4789): nobody but the nodes has to know the pods' addresses, no
    route table grows with the nodes and EC2 may check sources. Felix finds the MTU by the machine's interface: 8951
    inside a VPC. The operator and its pods find the API at its Service's address, since kube-proxy comes with kubeadm
    and needs no pod network.

    Args:
        spec: The cluster.
        registry: Holds copies of the images under their publishers' paths.
    """
    pool = {
        "name": "default-ipv4-ippool",
        "cidr": str(spec.pod_cidr),
        "encapsulation": "VXLAN",
        "natOutgoing": "Enabled",
        "nodeSelector": "all()",
        "blockSize": 26,
    }
    values: dict[str, Any] = {
        "installation": {
            "enabled": True,
            "cni": {"type": "Calico"},
            "calicoNetwork": {
                "bgp": "Disabled",
                "ipPools": [pool],
                # The address that the kubelet was given, not the first that an interface has.
                "nodeAddressAutodetectionV4": {"kubernetes": "NodeInternalIP"},
            },
            **({} if registry is None else {"registry": f"{registry}/"}),
        },
        # Network policies are Kubernetes' own: Calico's further API and its flow log would be more to keep running.
        "apiServer": {"enabled": False},
        "goldmane": {"enabled": False},
        "whisker": {"enabled": False},
    }
    if registry is not None:
        values["tigeraOperator"] = {"registry": registry}
    return values


def cloud_controller_values(spec: ClusterSpec, registry: str | None = None) -> dict[str, Any]:
    """Return the values of chart aws-cloud-controller-manager 0.0.11.

    Until it has run nothing normal is scheduled, so it needs nothing that comes later: it has its node's network,
    tolerates every taint and asks the API server on its own machine, whose certificate is valid for 127.0.0.1. Routes
    are Calico's business, load balancers the load balancer controller's and tags the program's: its role may only read.
    """
    image = {} if registry is None else {"repository": f"{registry}/provider-aws/cloud-controller-manager"}
    return {
        # The chart's list is replaced, not added to.
        "args": [
            "--v=2",
            "--cloud-provider=aws",
            f"--cluster-name={spec.name}",
            "--configure-cloud-routes=false",
            "--controllers=cloud-node-controller,cloud-node-lifecycle-controller",
        ],
        "env": [
            {"name": "KUBERNETES_SERVICE_HOST", "value": "127.0.0.1"},
            {"name": "KUBERNETES_SERVICE_PORT", "value": str(API_PORT)},
        ],
        # The templates read this key, although values.yaml has none.
        "hostNetworking": True,
        "image": {"tag": versions.AWS_CLOUD_CONTROLLER_MANAGER, **image},
        "nodeSelector": {CONTROL_PLANE: ""},
        "tolerations": [{"operator": "Exists"}],
    }


def csr_approver_values(spec: ClusterSpec, vpc_cidr: IPv4Network, registry: str | None = None) -> dict[str, Any]:
    """Return the values of chart kubelet-csr-approver 1.2.

    A kubelet asks for a certificate of the addresses that the cloud controller gave its node: the private address and
    the private DNS name, which is not the node's name. So the hostname check is off, and the name has to be one that
    the VPC gives to an address, and to resolve to just the address asked for. The DNS check must stay on: without it
    the approver looks at no pattern either, and a node could ask for the name of any Service.

    One that asked before the cloud controller came is denied; the kubelet asks again as soon as its addresses change.
    What stays open: a node that somebody took over may ask for another node's name together with its address.

    Args:
        spec: The cluster.
        vpc_cidr: Where nodes have their addresses.
        registry: Holds copies of the images under their publishers' paths.
    """
    values: dict[str, Any] = {
        "providerRegex": private_dns_pattern(spec.region),
        "providerIpPrefixes": [str(vpc_cidr)],
        "allowedDnsNames": 1,
        "bypassDnsResolution": False,
        "bypassHostnameCheck": True,
        # Straight to the VPC's resolver: it must not have to wait for CoreDNS.
        "dnsPolicy": "Default",
        "replicas": 1,
        "priorityClassName": _CRITICAL,
        "tolerations": [{"key": CONTROL_PLANE, "operator": "Exists", "effect": "NoSchedule"}],
    }
    if registry is not None:
        values["image"] = {"repository": f"{registry}/postfinance/kubelet-csr-approver"}
    return values


def private_dns_pattern(region: str) -> str:
    """Return a pattern of the names that a VPC gives to addresses.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hostname-types.html
    """
    domain = "ec2" if region == "us-east-1" else rf"{region}\.compute"
    return rf"^ip(-[0-9]{{1,3}}){{4}}\.{domain}\.internal$"
