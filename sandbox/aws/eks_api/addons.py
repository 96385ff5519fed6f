"""Add-ons of the EKS API."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.aws.eks_api import surroundings
from sandbox.aws.eks_api.addon_settings import check_settings, settings_schema
from sandbox.aws.eks_api.catalog import ADDONS, VERSIONS, addon_versions
from sandbox.aws.eks_api.refusal import in_use, invalid, rejected
from sandbox.aws.eks_api.state import Record, State, arn, now

__all__ = ["Addons"]

Params = Mapping[str, Any]

VERSION = re.compile(r"v\d+\.\d+\.\d+-eksbuild\.\d+")


class Addons:
    """Operations on add-ons."""

    def __init__(self, state: State) -> None:
        self.state = state

    def create_addon(self, region: str, params: Params) -> Record:
        """Install an add-on into a cluster that is ready."""
        cluster, name = params["clusterName"], params["addonName"]
        with self.state.lock:
            owner = self.state.get("cluster", region, cluster)
            if owner["status"] != "ACTIVE":
                raise rejected(f"Cluster '{cluster}' is not in ACTIVE status")
            _check(params, owner["version"])
            if (cluster, name) in self.state.kind("addon", region):
                raise in_use("Addon already exists.")
            unique = uuid.uuid4()
            record = {
                "addonName": name,
                "clusterName": cluster,
                "status": "ACTIVE",
                "health": {"issues": []},
                "owner": "aws",
                "publisher": "eks",
                "addonVersion": params.get("addonVersion") or addon_versions(name, owner["version"])[0],
                "addonArn": arn(region, f"addon/{cluster}/{name}/{unique}"),
                "createdAt": now(),
                "modifiedAt": now(),
                "tags": dict(params.get("tags") or {}),
                **{
                    key: params[key]
                    for key in ("serviceAccountRoleArn", "configurationValues", "namespaceConfig")
                    if params.get(key)
                },
            }
            record["podIdentityAssociations"] = self._associate(
                region, record, params.get("podIdentityAssociations") or []
            )
            self.state.kind("addon", region)[cluster, name] = record
        return {"addon": record}

    def describe_addon(self, region: str, params: Params) -> Record:
        """Return an add-on."""
        return {"addon": self.state.get("addon", region, params["clusterName"], params["addonName"])}

    def list_addons(self, region: str, params: Params) -> Record:
        """Return the names of a cluster's add-ons."""
        self.state.get("cluster", region, params["clusterName"])
        return {
            "addons": sorted(record["addonName"] for record in self.state.of("addon", region, params["clusterName"]))
        }

    def update_addon(self, region: str, params: Params) -> Record:
        """Change an add-on's version and settings."""
        with self.state.lock:
            record = self.state.get("addon", region, params["clusterName"], params["addonName"])
            _check(params, self.state.get("cluster", region, params["clusterName"])["version"])
            for name in ("addonVersion", "configurationValues", "serviceAccountRoleArn"):
                if params.get(name) is not None:
                    record[name] = params[name]
            if params.get("podIdentityAssociations") is not None:
                self._dissociate(region, record)
                record["podIdentityAssociations"] = self._associate(region, record, params["podIdentityAssociations"])
            record["modifiedAt"] = now()
        return {
            "update": {
                "id": str(uuid.uuid4()),
                "status": "Successful",
                "type": "AddonUpdate",
                "params": [],
                "createdAt": now(),
                "errors": [],
            }
        }

    def delete_addon(self, region: str, params: Params) -> Record:
        """Remove an add-on."""
        with self.state.lock:
            record = self.state.get("addon", region, params["clusterName"], params["addonName"])
            self._dissociate(region, record)
            del self.state.kind("addon", region)[params["clusterName"], params["addonName"]]
        return {"addon": record}

    def describe_addon_versions(self, region: str, params: Params) -> Record:
        """Return the add-ons on offer with the cluster versions that each version serves."""
        name = params.get("addonName")
        if name and name not in ADDONS:
            raise invalid(f"Addon {name} specified is not supported")
        wanted = [params["kubernetesVersion"]] if params.get("kubernetesVersion") else list(VERSIONS)
        return {"addons": [_offer(addon, wanted) for addon in ADDONS if name in (None, addon)]}

    def describe_addon_configuration(self, region: str, params: Params) -> Record:
        """Return the schema of an add-on's settings."""
        schema = settings_schema(params["addonName"])
        return {
            "addonName": params["addonName"],
            "addonVersion": params["addonVersion"],
            "configurationSchema": schema,
        }

    def _associate(self, region: str, record: Record, wanted: list[Params]) -> list[str]:
        found = []
        for one in wanted:
            surroundings.require_role(one["roleArn"], "role", "pods.eks.amazonaws.com")
            unique = f"a-{uuid.uuid4().hex[:17]}"
            path = f"podidentityassociation/{record['clusterName']}/{unique}"
            self.state.kind("podIdentityAssociation", region)[record["clusterName"], unique] = {
                "clusterName": record["clusterName"],
                "namespace": "kube-system",
                "serviceAccount": one["serviceAccount"],
                "roleArn": one["roleArn"],
                "associationArn": arn(region, path),
                "associationId": unique,
                "ownerArn": record["addonArn"],
                "tags": {},
                "createdAt": now(),
                "modifiedAt": now(),
                "disableSessionTags": False,
            }
            found.append(arn(region, path))
        return found

    def _dissociate(self, region: str, record: Record) -> None:
        for path in record["podIdentityAssociations"]:
            self.state.kind("podIdentityAssociation", region).pop(
                (record["clusterName"], path.rpartition("/")[2]), None
            )


def _check(params: Params, kubernetes: str) -> None:
    name, version = params["addonName"], params.get("addonVersion")
    if name not in ADDONS:
        raise invalid(f"Addon {name} specified is not supported in {kubernetes} kubernetes version")
    if version and not VERSION.fullmatch(version):
        raise invalid(f"Addon version specified is not supported: {version}")
    if name == "kube-proxy" and version and _minor(version) > _minor(f"v{kubernetes}."):
        raise invalid(f"Addon version specified is not supported: {version} is newer than the cluster's {kubernetes}")
    if params.get("serviceAccountRoleArn"):
        # The trust policy names the cluster's own OIDC provider, so any web identity will do here.
        surroundings.require_role(params["serviceAccountRoleArn"], "service account role", "")
    if values := params.get("configurationValues"):
        check_settings(name, values)


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.lstrip("v").split(".")[:2]
    return int(major), int(minor)


def _offer(addon: str, kubernetes: list[str]) -> Record:
    served: dict[str, list[Record]] = {}
    for minor in kubernetes:
        for index, version in enumerate(addon_versions(addon, minor)):
            place = {"clusterVersion": minor, "platformVersions": ["*"], "defaultVersion": index == 0}
            served.setdefault(version, []).append(place)
    versions = [
        {"addonVersion": version, "architecture": ["amd64", "arm64"], "compatibilities": places}
        for version, places in served.items()
    ]
    return {"addonName": addon, "type": "networking", "owner": "aws", "publisher": "eks", "addonVersions": versions}
