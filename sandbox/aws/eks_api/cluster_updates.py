"""What `UpdateClusterConfig` takes: one kind of change in a call, and none that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.eks_api import surroundings
from sandbox.aws.eks_api.cluster_rules import (
    ANYWHERE,
    check_endpoints,
    check_log_types,
    check_subnets,
    enabled_logs,
    logging_record,
)
from sandbox.aws.eks_api.refusal import invalid
from sandbox.aws.eks_api.state import Record

__all__ = ["AUTO_MODE", "kind_of", "update_auto_mode", "update_logging", "update_mode", "update_vpc"]

Params = Mapping[str, Any]

# Modes go one way only.
MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
# The three parts of Auto Mode count as one kind.
AUTO_MODE = "autoMode"
AUTO_MODE_PARTS = ("computeConfig", "kubernetesNetworkConfig", "storageConfig")
# https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateClusterConfig.html
VPC_KINDS = (
    {"endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs"},
    {"subnetIds"},
    {"securityGroupIds"},
    {"controlPlaneEgressMode"},
)


def kind_of(params: Params) -> str:
    """Return the one kind of change that a request asks for.

    Raises:
        EksError: It asks for none, or for several.
    """
    given = {name for name, value in params.items() if value is not None} - {"name", "clientRequestToken"}
    kinds = {AUTO_MODE if name in AUTO_MODE_PARTS else name for name in given}
    vpc = {name for name, value in (params.get("resourcesVpcConfig") or {}).items() if value is not None}
    if not kinds or (kinds == {"resourcesVpcConfig"} and not vpc):
        raise invalid("The type for cluster update was not provided.")
    if len(kinds) > 1 or len([names for names in VPC_KINDS if names & vpc]) > 1:
        raise invalid("Only one type of update can be allowed.")
    return kinds.pop()


def update_vpc(region: str, record: Record, value: Params) -> None:
    """Change how the control plane sits in the VPC."""
    old = record["resourcesVpcConfig"]
    config = {**old, **{name: item for name, item in value.items() if item is not None}}
    if "subnetIds" in value:
        _check_move(region, old, config)
    if old.get("controlPlaneEgressMode") == "CUSTOMER_ROUTED" != config["controlPlaneEgressMode"]:
        raise invalid("Unsupported update of controlPlaneEgressMode from CUSTOMER_ROUTED")
    check_subnets(region, config)
    check_endpoints(config)
    config["publicAccessCidrs"] = (
        (config.get("publicAccessCidrs") or ANYWHERE) if config["endpointPublicAccess"] else []
    )
    if all(_alike(old.get(name), config[name]) for name in config):
        private, public = (str(config[f"endpoint{side}Access"]).lower() for side in ("Private", "Public"))
        raise invalid(
            f"Cluster is already at the desired configuration with endpointPrivateAccess: {private} , "
            f"endpointPublicAccess: {public}, "
            f"and Public Endpoint Restrictions: [{', '.join(config['publicAccessCidrs'])}]"
        )
    record["resourcesVpcConfig"] = config


def update_logging(record: Record, value: Params) -> None:
    """Change which logs the control plane writes."""
    check_log_types(value)
    new = logging_record(value)
    if set(enabled_logs({"logging": new})) == set(enabled_logs(record)):
        raise invalid("No changes needed for the logging config provided")
    record["logging"] = new


def update_mode(record: Record, value: Params) -> None:
    """Change the authentication mode, which goes one way only."""
    old, new = record["accessConfig"]["authenticationMode"], value.get("authenticationMode")
    if new and MODES.index(new) < MODES.index(old):
        raise invalid(f"Unsupported authentication mode update from {old} to {new}")
    record["accessConfig"] = {**record["accessConfig"], "authenticationMode": new or old}


def update_auto_mode(record: Record, params: Params) -> None:
    """Change the parts of Auto Mode, which are on or off together."""
    on = [
        bool((params.get("computeConfig") or {}).get("enabled")),
        bool(((params.get("kubernetesNetworkConfig") or {}).get("elasticLoadBalancing") or {}).get("enabled")),
        bool(((params.get("storageConfig") or {}).get("blockStorage") or {}).get("enabled")),
    ]
    if len(set(on)) > 1:
        raise invalid(
            "For EKS Auto Mode, please ensure that all required configs, including computeConfig, "
            "kubernetesNetworkConfig, and blockStorage are all either fully enabled or fully disabled."
        )
    for name in AUTO_MODE_PARTS:
        if params.get(name):
            record[name] = {**(record.get(name) or {}), **params[name]}


def _check_move(region: str, old: Params, new: Params) -> None:
    """Refuse subnets of another VPC or of zones other than those of the cluster's creation."""
    vpc_id, zones = surroundings.zones(region, new["subnetIds"])
    if vpc_id != old["vpcId"]:
        raise invalid(f"Provided subnets must belong to the VPC of the cluster: {old['vpcId']}")
    before = surroundings.zones(region, old["subnetIds"])[1]
    if zones != before:
        raise invalid(
            f"Provided subnets belong to the AZs '{','.join(zones)}'. "
            f"But they should belong to the exact set of AZs '{','.join(before)}' in which subnets were provided "
            "during cluster creation."
        )


def _alike(old: Any, new: Any) -> bool:
    return sorted(old or []) == sorted(new) if isinstance(new, list) else bool(old == new)
