"""Clusters of the EKS API."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from sandbox.aws.eks_api import surroundings
from sandbox.aws.eks_api.catalog import LOG_TYPES, VERSIONS, platform_version
from sandbox.aws.eks_api.refusal import EksRefusal, in_use, invalid, rejected
from sandbox.aws.eks_api.state import Record, State, arn, new_update, now

__all__ = ["Clusters"]

Params = Mapping[str, Any]

NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
VPC_DEFAULTS = {"endpointPublicAccess": True, "endpointPrivateAccess": False}
ANYWHERE = ["0.0.0.0/0"]
# Modes go one way only.
MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")


class Clusters:
    """Operations on clusters."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._made = 0

    def create_cluster(self, region: str, params: Params) -> Record:
        """Create a cluster with its security group and log group, and bring the real API server up."""
        _check_new(region, params)
        name = params["name"]
        with self.state.lock:
            if (name,) in self.state.kind("cluster", region):
                raise in_use(f"Cluster already exists with name: {name}")
            record = _record(region, params)
            self.state.kind("cluster", region)[name,] = record
            self._made += 1
            number = int(hashlib.sha256(f"{name}{self._made}".encode()).hexdigest()[:8], 16)
            config = record["resourcesVpcConfig"]
            config["clusterSecurityGroupId"] = surroundings.create_cluster_group(region, name, config["vpcId"], number)
        try:
            access = self.state.effects.cluster_created(name) if self.state.effects else None
        except Exception as error:
            self._forget(region, name)
            raise EksRefusal("ServerException", 500, f"cluster {name} could not be created: {error}") from error
        if access:
            record.update(endpoint=access.endpoint, certificateAuthority={"data": access.certificate_authority})
        if _log_types(record):
            surroundings.create_log_group(region, name)
        self._creator_access(region, record)
        record["status"] = "ACTIVE"
        return {"cluster": record}

    def describe_cluster(self, region: str, params: Params) -> Record:
        """Return a cluster."""
        return {"cluster": self.state.get("cluster", region, params["name"])}

    def list_clusters(self, region: str, params: Params) -> Record:
        """Return the clusters' names."""
        return {"clusters": sorted(key[0] for key in self.state.kind("cluster", region))}

    def delete_cluster(self, region: str, params: Params) -> Record:
        """Delete a cluster and all it holds but its log group, which AWS leaves as well."""
        name = params["name"]
        with self.state.lock:
            record = self.state.get("cluster", region, name)
            if record["deletionProtection"]:
                raise rejected(f"Cluster {name} cannot be deleted because deletion protection is enabled. Disable deletion protection and try again.")
            if self.state.of("nodegroup", region, name):
                raise in_use("Cluster has nodegroups attached")
            record["status"] = "DELETING"
        if self.state.effects:
            self.state.effects.cluster_deleted(name)
        self._forget(region, name)
        return {"cluster": record}

    def update_cluster_config(self, region: str, params: Params) -> Record:
        """Change one part of a cluster's configuration."""
        with self.state.lock:
            record = self.state.get("cluster", region, params["name"])
            _active(record)
            for name, value in params.items():
                if name == "resourcesVpcConfig":
                    _update_vpc(region, record, value)
                elif name == "logging":
                    _check_log_types(value)
                    record["logging"] = _logging(value)
                elif name == "accessConfig":
                    _update_mode(record, value)
                elif name not in ("name", "clientRequestToken"):
                    record[name] = value
        if _log_types(record):
            surroundings.create_log_group(region, record["name"])
        return new_update("ConfigUpdate")

    def update_cluster_version(self, region: str, params: Params) -> Record:
        """Upgrade a cluster by one minor version."""
        with self.state.lock:
            record = self.state.get("cluster", region, params["name"])
            _active(record)
            _check_version(params["version"])
            old, new = VERSIONS.index(record["version"]), VERSIONS.index(params["version"])
            if new == old:
                raise invalid(f"Cluster is already at the desired configuration with version: {params['version']}")
            if new != old + 1:
                raise invalid(f"Unsupported Kubernetes minor version update from {record['version']} to {params['version']}")
            record.update(version=params["version"], platformVersion=platform_version(params["version"]))
        return new_update("VersionUpdate")

    def associate_encryption_config(self, region: str, params: Params) -> Record:
        """Encrypt secrets with a key; a cluster takes one once and for all."""
        with self.state.lock:
            record = self.state.get("cluster", region, params["clusterName"])
            if record.get("encryptionConfig"):
                raise invalid("Encryption config already exists for the cluster.")
            _check_encryption(region, params["encryptionConfig"])
            record["encryptionConfig"] = params["encryptionConfig"]
        return new_update("AssociateEncryptionConfig")

    def describe_cluster_versions(self, region: str, params: Params) -> Record:
        """Return the Kubernetes versions on offer."""
        found = [{"clusterVersion": version, "clusterType": "eks", "defaultVersion": version == VERSIONS[-1]} for version in VERSIONS]
        return {"clusterVersions": found[::-1]}

    def _creator_access(self, region: str, record: Record) -> None:
        config = record["accessConfig"]
        if config["authenticationMode"] == "CONFIG_MAP" or not config["bootstrapClusterCreatorAdminPermissions"]:
            return
        principal = f"arn:aws:iam::{record['arn'].split(':')[4]}:user/sandbox"
        path = f"access-entry/{record['name']}/user/{record['arn'].split(':')[4]}/sandbox/creator"
        self.state.kind("accessEntry", region)[record["name"], principal] = {
            "clusterName": record["name"], "principalArn": principal, "accessEntryArn": arn(region, path), "type": "STANDARD", "username": principal,
            "kubernetesGroups": [], "tags": {}, "createdAt": now(), "modifiedAt": now(), "policies": {},
        }  # fmt: skip

    def _forget(self, region: str, name: str) -> None:
        with self.state.lock:
            record = self.state.kind("cluster", region).pop((name,))
            for kind in ("addon", "accessEntry", "podIdentityAssociation"):
                records = self.state.kind(kind, region)
                for key in [key for key in records if key[0] == name]:
                    del records[key]
        surroundings.delete_cluster_group(region, record["resourcesVpcConfig"]["clusterSecurityGroupId"])


def _record(region: str, params: Params) -> Record:
    config = dict(params["resourcesVpcConfig"])
    vpc_id, _ = surroundings.zones(region, config["subnetIds"])
    config = {**VPC_DEFAULTS, "securityGroupIds": [], **config, "vpcId": vpc_id}
    config["publicAccessCidrs"] = (config.get("publicAccessCidrs") or ANYWHERE) if config["endpointPublicAccess"] else []
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
            "ipFamily": "ipv4", "serviceIpv4Cidr": "172.20.0.0/16", "elasticLoadBalancing": {"enabled": False}, **network,
        },
        "logging": _logging(params.get("logging") or {}),
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
        **{name: params[name] for name in ("zonalShiftConfig", "remoteNetworkConfig", "computeConfig", "storageConfig", "controlPlaneScalingConfig",
                                           "kubeApiServerConfig", "kubeSchedulerConfig", "kubeControllerManagerConfig") if params.get(name)},
    }  # fmt: skip


def _check_new(region: str, params: Params) -> None:
    if not NAME.fullmatch(params["name"]):
        raise invalid("The cluster name should match the pattern ^[0-9A-Za-z][A-Za-z0-9\\-_]* and have at most 100 characters")
    _check_version(params.get("version") or VERSIONS[-1])
    surroundings.require_role(params["roleArn"], "role ARN", "eks.amazonaws.com")
    config = params["resourcesVpcConfig"]
    _check_subnets(region, config)
    _check_endpoints({**VPC_DEFAULTS, **config})
    _check_log_types(params.get("logging") or {})
    _check_encryption(region, params.get("encryptionConfig") or [])
    cidr = (params.get("kubernetesNetworkConfig") or {}).get("serviceIpv4Cidr")
    if cidr and not _service_range(cidr):
        raise invalid(f"The specified serviceIpv4Cidr is invalid: {cidr} is no private range between /24 and /12.")


def _check_subnets(region: str, config: Params) -> None:
    vpc_id, zones = surroundings.zones(region, config.get("subnetIds") or [])
    if len(zones) < 2:
        raise invalid("Subnets specified must be in at least two different AZs")
    surroundings.require_security_groups(region, vpc_id, config.get("securityGroupIds") or [])


def _check_endpoints(config: Params) -> None:
    if not config["endpointPublicAccess"] and not config["endpointPrivateAccess"]:
        raise invalid("Private and public endpoint access cannot be false")


def _check_version(version: str) -> None:
    if version not in VERSIONS:
        raise invalid(f"unsupported Kubernetes version: {version}")


def _check_encryption(region: str, configs: list[Params]) -> None:
    for config in configs:
        if config.get("resources") != ["secrets"]:
            raise invalid("Invalid resources in encryptionConfig. Valid resources: [secrets]")
        surroundings.require_key(region, config["provider"]["keyArn"])


def _check_log_types(logging: Params) -> None:
    wrong = {kind for setup in logging.get("clusterLogging") or [] for kind in setup["types"]} - {*LOG_TYPES}
    if wrong:
        raise invalid(f"Invalid log types: {sorted(wrong)}. Valid types: {list(LOG_TYPES)}")


def _logging(logging: Params) -> Record:
    on = [kind for setup in logging.get("clusterLogging") or [] if setup.get("enabled") for kind in setup["types"]]
    off = [kind for kind in LOG_TYPES if kind not in on]
    found = [{"types": on, "enabled": True}] if on else []
    return {"clusterLogging": [*found, *([{"types": off, "enabled": False}] if off else [])]}


def _log_types(record: Record) -> list[str]:
    return [kind for setup in record["logging"]["clusterLogging"] if setup["enabled"] for kind in setup["types"]]


def _update_vpc(region: str, record: Record, value: Params) -> None:
    config = {**record["resourcesVpcConfig"], **value}
    _check_subnets(region, config)
    _check_endpoints(config)
    config["publicAccessCidrs"] = (config.get("publicAccessCidrs") or ANYWHERE) if config["endpointPublicAccess"] else []
    record["resourcesVpcConfig"] = config


def _update_mode(record: Record, value: Params) -> None:
    old, new = record["accessConfig"]["authenticationMode"], value.get("authenticationMode")
    if new and MODES.index(new) < MODES.index(old):
        raise invalid(f"Unsupported authentication mode update from {old} to {new}")
    record["accessConfig"] = {**record["accessConfig"], "authenticationMode": new or old}


def _active(record: Record) -> None:
    if record["status"] != "ACTIVE":
        raise rejected(f"Cluster '{record['name']}' is not in ACTIVE status")


def _service_range(cidr: str) -> bool:
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError:
        return False
    return network.is_private and 12 <= network.prefixlen <= 24
