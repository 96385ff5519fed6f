"""Clusters of the EKS API."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sandbox.aws.eks_api import cluster_rules as rules
from sandbox.aws.eks_api import cluster_updates as updates
from sandbox.aws.eks_api import surroundings
from sandbox.aws.eks_api.catalog import VERSIONS, platform_version
from sandbox.aws.eks_api.refusal import EksError, in_use, invalid, rejected
from sandbox.aws.eks_api.state import Record, State, arn, new_update, now

__all__ = ["Clusters"]

Params = Mapping[str, Any]


class Clusters:
    """Operations on clusters."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._made = 0

    def create_cluster(self, region: str, params: Params) -> Record:
        """Create a cluster with its security group and log group, and bring the real API server up."""
        rules.check_new(region, params)
        name = params["name"]
        with self.state.lock:
            if (name,) in self.state.kind("cluster", region):
                raise in_use(f"Cluster already exists with name: {name}")
            record = rules.new_record(region, params)
            self.state.kind("cluster", region)[name,] = record
            self._made += 1
            number = int(hashlib.sha256(f"{name}{self._made}".encode()).hexdigest()[:8], 16)
            config = record["resourcesVpcConfig"]
            config["clusterSecurityGroupId"] = surroundings.create_cluster_group(region, name, config["vpcId"], number)
            surroundings.create_cluster_interfaces(region, name, config)
        try:
            access = self.state.effects.cluster_created(name) if self.state.effects else None
        except Exception as error:
            self._forget(region, name)
            raise EksError("ServerException", 500, f"cluster {name} could not be created: {error}") from error
        if access:
            record.update(endpoint=access.endpoint, certificateAuthority={"data": access.certificate_authority})
        if rules.enabled_logs(record):
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
                raise rejected(
                    f"Cluster {name} cannot be deleted because deletion protection is enabled. "
                    "Disable deletion protection and try again."
                )
            if self.state.of("nodegroup", region, name):
                raise in_use("Cluster has nodegroups attached")
            if record["status"] == "UPDATING":
                raise in_use(f"Cannot delete cluster {name} because it currently has an update in progress")
            record["status"] = "DELETING"
        if self.state.effects:
            self.state.effects.cluster_deleted(name)
        self._forget(region, name)
        return {"cluster": record}

    def update_cluster_config(self, region: str, params: Params) -> Record:
        """Change one part of a cluster's configuration; the API takes one kind of change at a time."""
        with self.state.lock:
            record = self.state.get("cluster", region, params["name"])
            rules.require_active(record)
            kind = updates.kind_of(params)
            value = params.get(kind)
            if kind == "resourcesVpcConfig":
                updates.update_vpc(region, record, params[kind])
                surroundings.delete_cluster_interfaces(region, record["name"])
                surroundings.create_cluster_interfaces(region, record["name"], record["resourcesVpcConfig"])
            elif kind == "logging":
                updates.update_logging(record, params[kind])
            elif kind == "accessConfig":
                updates.update_mode(record, params[kind])
            elif kind == updates.AUTO_MODE:
                updates.update_auto_mode(record, params)
            else:
                rules.check_tier(params)
                record[kind] = value
        if rules.enabled_logs(record):
            surroundings.create_log_group(region, record["name"])
        return new_update("ConfigUpdate")

    def update_cluster_version(self, region: str, params: Params) -> Record:
        """Upgrade a cluster by one minor version."""
        with self.state.lock:
            record = self.state.get("cluster", region, params["name"])
            rules.require_active(record)
            rules.check_version(params["version"])
            old, new = VERSIONS.index(record["version"]), VERSIONS.index(params["version"])
            if new == old:
                raise invalid(f"Cluster is already at the desired configuration with version: {params['version']}")
            if new != old + 1:
                raise invalid(
                    f"Unsupported Kubernetes minor version update from {record['version']} to {params['version']}"
                )
            record.update(version=params["version"], platformVersion=platform_version(params["version"]))
        return new_update("VersionUpdate")

    def associate_encryption_config(self, region: str, params: Params) -> Record:
        """Encrypt secrets with a key; a cluster takes one once and for all."""
        with self.state.lock:
            record = self.state.get("cluster", region, params["clusterName"])
            rules.require_active(record)
            if record.get("encryptionConfig"):
                raise invalid("Encryption config already exists for the cluster.")
            rules.check_encryption(region, params["encryptionConfig"])
            record["encryptionConfig"] = params["encryptionConfig"]
        return new_update("AssociateEncryptionConfig")

    def describe_cluster_versions(self, region: str, params: Params) -> Record:
        """Return the Kubernetes versions on offer."""
        found = [
            {"clusterVersion": version, "clusterType": "eks", "defaultVersion": version == VERSIONS[-1]}
            for version in VERSIONS
        ]
        return {"clusterVersions": found[::-1]}

    def _creator_access(self, region: str, record: Record) -> None:
        config = record["accessConfig"]
        if config["authenticationMode"] == "CONFIG_MAP" or not config["bootstrapClusterCreatorAdminPermissions"]:
            return
        principal = f"arn:aws:iam::{record['arn'].split(':')[4]}:user/sandbox"
        path = f"access-entry/{record['name']}/user/{record['arn'].split(':')[4]}/sandbox/creator"
        self.state.kind("accessEntry", region)[record["name"], principal] = {
            "clusterName": record["name"],
            "principalArn": principal,
            "accessEntryArn": arn(region, path),
            "type": "STANDARD",
            "username": principal,
            "kubernetesGroups": [],
            "tags": {},
            "createdAt": now(),
            "modifiedAt": now(),
            "policies": {},
        }

    def _forget(self, region: str, name: str) -> None:
        with self.state.lock:
            record = self.state.kind("cluster", region).pop((name,))
            for kind in ("addon", "accessEntry", "podIdentityAssociation"):
                records = self.state.kind(kind, region)
                for key in [key for key in records if key[0] == name]:
                    del records[key]
        surroundings.delete_cluster_interfaces(region, name)
        surroundings.delete_cluster_group(region, record["resourcesVpcConfig"]["clusterSecurityGroupId"])
