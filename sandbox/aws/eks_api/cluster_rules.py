"""What EKS asks of a cluster, and the record that it makes of one."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from sandbox.aws.eks_api import surroundings
from sandbox.aws.eks_api.catalog import LOG_TYPES, VERSIONS, platform_version
from sandbox.aws.eks_api.refusal import in_use, invalid, rejected
from sandbox.aws.eks_api.state import Record, arn, now

__all__ = [
    "check_encryption",
    "check_endpoints",
    "check_log_types",
    "check_new",
    "check_subnets",
    "check_tier",
    "check_version",
    "enabled_logs",
    "logging_record",
    "new_record",
    "require_active",
]

Params = Mapping[str, Any]

NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
VPC_DEFAULTS = {"endpointPublicAccess": True, "endpointPrivateAccess": False}
ANYWHERE = ["0.0.0.0/0"]
PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
# https://docs.aws.amazon.com/eks/latest/userguide/eks-provisioned-control-plane-getting-started.html
TIERS = ("standard", "tier-xl", "tier-2xl", "tier-4xl", "tier-8xl")


def new_record(region: str, params: Params) -> Record:
    """Return the record of a cluster that is being created."""
    config = dict(params["resourcesVpcConfig"])
    vpc_id, _ = surroundings.zones(region, config["subnetIds"])
    config = {**VPC_DEFAULTS, "securityGroupIds": [], **config, "vpcId": vpc_id}
    config["publicAccessCidrs"] = (
        (config.get("publicAccessCidrs") or ANYWHERE) if config["endpointPublicAccess"] else []
    )
    version = params.get("version") or VERSIONS[-1]
    digest = hashlib.sha256(params["name"].encode()).hexdigest()[:32].upper()
    mode = params.get("accessConfig") or {}
    network = params.get("kubernetesNetworkConfig") or {}
    return {
        "name": params["name"],
        "arn": arn(region, f"cluster/{params['name']}"),
        "createdAt": now(),
        "version": version,
        "platformVersion": platform_version(version),
        "endpoint": f"https://{digest}.gr7.{region}.eks.amazonaws.com",
        "certificateAuthority": {"data": ""},
        "roleArn": params["roleArn"],
        "resourcesVpcConfig": config,
        "kubernetesNetworkConfig": {
            "ipFamily": "ipv4",
            "serviceIpv4Cidr": "172.20.0.0/16",
            "elasticLoadBalancing": {"enabled": False},
            **network,
        },
        "logging": logging_record(params.get("logging") or {}),
        "identity": {"oidc": {"issuer": f"https://oidc.eks.{region}.amazonaws.com/id/{digest}"}},
        "status": "CREATING",
        "tags": dict(params.get("tags") or {}),
        "encryptionConfig": params.get("encryptionConfig") or [],
        "accessConfig": {
            "authenticationMode": mode.get("authenticationMode") or "CONFIG_MAP",
            "bootstrapClusterCreatorAdminPermissions": mode.get("bootstrapClusterCreatorAdminPermissions", True),
        },
        "upgradePolicy": params.get("upgradePolicy") or {"supportType": "EXTENDED"},
        "deletionProtection": bool(params.get("deletionProtection")),
        "health": {"issues": []},
        "controlPlaneScalingConfig": params.get("controlPlaneScalingConfig") or {"tier": TIERS[0]},
        **{
            name: params[name]
            for name in (
                "zonalShiftConfig",
                "remoteNetworkConfig",
                "computeConfig",
                "storageConfig",
                "kubeApiServerConfig",
                "kubeSchedulerConfig",
                "kubeControllerManagerConfig",
            )
            if params.get(name)
        },
    }


def check_new(region: str, params: Params) -> None:
    """Refuse a cluster that EKS would not create."""
    if not NAME.fullmatch(params["name"]):
        raise invalid(
            "The cluster name should match the pattern ^[0-9A-Za-z][A-Za-z0-9\\-_]* and have at most 100 characters"
        )
    check_version(params.get("version") or VERSIONS[-1])
    surroundings.require_role(params["roleArn"], "role ARN", "eks.amazonaws.com")
    config = params["resourcesVpcConfig"]
    check_subnets(region, config)
    check_endpoints({**VPC_DEFAULTS, **config})
    check_log_types(params.get("logging") or {})
    check_tier(params)
    check_encryption(region, params.get("encryptionConfig") or [])
    cidr = (params.get("kubernetesNetworkConfig") or {}).get("serviceIpv4Cidr")
    if cidr and not _service_range(cidr):
        raise invalid(f"The specified serviceIpv4Cidr is invalid: {cidr} is no private range between /24 and /12.")


def check_subnets(region: str, config: Params) -> None:
    """Refuse subnets in fewer than two zones and security groups of another VPC."""
    vpc_id, zones = surroundings.zones(region, config.get("subnetIds") or [])
    if len(zones) < 2:
        raise invalid("Subnets specified must be in at least two different AZs")
    surroundings.require_security_groups(region, vpc_id, config.get("securityGroupIds") or [])


def check_endpoints(config: Params) -> None:
    """Refuse a cluster that nobody could reach, and ranges that are none."""
    if not config["endpointPublicAccess"] and not config["endpointPrivateAccess"]:
        raise invalid("Private and public endpoint access cannot be false")
    for cidr in config.get("publicAccessCidrs") or []:
        try:
            network = ipaddress.ip_network(cidr)
        except ValueError:
            raise invalid(f"The following CIDRs are invalid in publicAccessCidrs: [{cidr}]") from None
        if isinstance(network, ipaddress.IPv4Network) and any(map(network.subnet_of, PRIVATE)):
            raise invalid(f"The following CIDRs are not allowed in publicAccessCidrs: [{cidr}]")


def check_version(version: str) -> None:
    """Refuse a Kubernetes version that EKS does not offer."""
    if version not in VERSIONS:
        raise invalid(f"unsupported Kubernetes version: {version}")


def check_encryption(region: str, configs: list[Params]) -> None:
    """Refuse encryption by a key that cannot be used, or of anything but secrets."""
    for config in configs:
        if config.get("resources") != ["secrets"]:
            raise invalid("Invalid resources in encryptionConfig. Valid resources: [secrets]")
        surroundings.require_key(region, config["provider"]["keyArn"])


def check_log_types(logging: Params) -> None:
    """Refuse kinds of logs that the control plane does not write."""
    wrong = {kind for setup in logging.get("clusterLogging") or [] for kind in setup["types"]} - {*LOG_TYPES}
    if wrong:
        raise invalid(f"Invalid log types: {sorted(wrong)}. Valid types: {list(LOG_TYPES)}")


def logging_record(logging: Params) -> Record:
    """Return the logging part of a record: which kinds are on and which are off."""
    on = [kind for setup in logging.get("clusterLogging") or [] if setup.get("enabled") for kind in setup["types"]]
    off = [kind for kind in LOG_TYPES if kind not in on]
    found = [{"types": on, "enabled": True}] if on else []
    return {"clusterLogging": [*found, *([{"types": off, "enabled": False}] if off else [])]}


def enabled_logs(record: Record) -> list[str]:
    """Return the kinds of logs that are on."""
    return [kind for setup in record["logging"]["clusterLogging"] if setup["enabled"] for kind in setup["types"]]


def check_tier(params: Params) -> None:
    """Refuse a control plane of a size that EKS does not offer."""
    tier = (params.get("controlPlaneScalingConfig") or {}).get("tier")
    if tier and tier not in TIERS:
        raise invalid(f"Invalid control plane tier {tier}. Valid tiers: {list(TIERS)}")


def require_active(record: Record) -> None:
    """Refuse to work on a cluster that is not ready."""
    if record["status"] == "UPDATING":
        raise in_use(f"Cluster '{record['name']}' currently has an update in progress")
    if record["status"] != "ACTIVE":
        raise rejected(f"Cluster '{record['name']}' is not in ACTIVE status")


def _service_range(cidr: str) -> bool:
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError:
        return False
    return network.is_private and 12 <= network.prefixlen <= 24
