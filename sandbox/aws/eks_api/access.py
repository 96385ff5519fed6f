"""Access entries and Pod Identity associations of the EKS API."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.aws.eks_api import surroundings
from sandbox.aws.eks_api.catalog import ACCESS_POLICIES
from sandbox.aws.eks_api.refusal import in_use, invalid, not_found, rejected
from sandbox.aws.eks_api.state import Record, State, arn, now
from sandbox.aws.session import ACCOUNT, PARTITION

__all__ = ["Access", "PodIdentity"]

Params = Mapping[str, Any]

PRINCIPAL = re.compile(
    rf"arn:{PARTITION}:iam::(\d{{12}}):(role|user)/([\w+=,.@/-]+)|arn:{PARTITION}:sts::(\d{{12}}):assumed-role/.+"
)
NODE_TYPES = {"EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX"}
POLICY_ARN = f"arn:{PARTITION}:eks::aws:cluster-access-policy/"


class Access:
    """Operations on access entries and the policies on them."""

    def __init__(self, state: State) -> None:
        self.state = state

    def create_access_entry(self, region: str, params: Params) -> Record:
        """Let a principal in."""
        cluster, principal = params["clusterName"], params["principalArn"]
        kind = params.get("type") or "STANDARD"
        match = PRINCIPAL.fullmatch(principal)
        if not match or ":assumed-role/" in principal or "/aws-service-role/" in principal:
            raise invalid(f"The specified principalArn is invalid: invalid principal. {principal}")
        if kind in NODE_TYPES:
            # Roles of people come from configuration and stand outside of the sandbox; those of nodes are the stack's.
            surroundings.require_role(principal, "specified principalArn", "")
        with self.state.lock:
            _require_api(self.state.get("cluster", region, cluster))
            if (cluster, principal) in self.state.kind("accessEntry", region):
                raise in_use("The specified access entry resource is already in use on this cluster.")
            if kind in NODE_TYPES and (params.get("kubernetesGroups") or params.get("username")):
                raise invalid(f"The kubernetesGroups and username can't be set for type {kind}.")
            if any(group.startswith("system:") for group in params.get("kubernetesGroups") or []):
                raise invalid("The kubernetes group name system: prefix is reserved.")
            path = f"access-entry/{cluster}/{match[2]}/{match[1]}/{match[3].rpartition('/')[2]}/{uuid.uuid4()}"
            record = {
                "clusterName": cluster,
                "principalArn": principal,
                "accessEntryArn": arn(region, path),
                "type": kind,
                "username": params.get("username") or _username(kind, match),
                "tags": dict(params.get("tags") or {}),
                "kubernetesGroups": list(
                    params.get("kubernetesGroups") or (["system:nodes"] if kind in NODE_TYPES else [])
                ),
                "createdAt": now(),
                "modifiedAt": now(),
                "policies": {},
            }
            self.state.kind("accessEntry", region)[cluster, principal] = record
        return {"accessEntry": record}

    def describe_access_entry(self, region: str, params: Params) -> Record:
        """Return an access entry."""
        return {"accessEntry": self._entry(region, params)}

    def list_access_entries(self, region: str, params: Params) -> Record:
        """Return the principals of a cluster."""
        self.state.get("cluster", region, params["clusterName"])
        return {
            "accessEntries": sorted(
                record["principalArn"] for record in self.state.of("accessEntry", region, params["clusterName"])
            )
        }

    def update_access_entry(self, region: str, params: Params) -> Record:
        """Change groups and user name."""
        record = self._entry(region, params)
        record.update(
            {name: params[name] for name in ("kubernetesGroups", "username") if params.get(name) is not None},
            modifiedAt=now(),
        )
        return {"accessEntry": record}

    def delete_access_entry(self, region: str, params: Params) -> Record:
        """Shut a principal out."""
        with self.state.lock:
            self._entry(region, params)
            del self.state.kind("accessEntry", region)[params["clusterName"], params["principalArn"]]
        return {}

    def associate_access_policy(self, region: str, params: Params) -> Record:
        """Give an access entry a policy."""
        policy, scope = params["policyArn"], params["accessScope"]
        if not policy.startswith(POLICY_ARN) or policy.removeprefix(POLICY_ARN) not in ACCESS_POLICIES:
            raise invalid(f"The policyArn parameter format is not valid: {policy} is no EKS access policy")
        if (scope.get("type") == "namespace") != bool(scope.get("namespaces")):
            raise invalid("The namespaces of an access scope belong to the type namespace, which needs at least one.")
        record = self._entry(region, params)
        if record["type"] in NODE_TYPES - {"EC2"}:
            raise rejected(f"Access policies can't be associated to access entries of type {record['type']}.")
        found = {
            "policyArn": policy,
            "accessScope": {"type": scope["type"], "namespaces": scope.get("namespaces") or []},
            "associatedAt": now(),
            "modifiedAt": now(),
        }
        record["policies"][policy] = found
        return {
            "clusterName": params["clusterName"],
            "principalArn": params["principalArn"],
            "associatedAccessPolicy": found,
        }

    def disassociate_access_policy(self, region: str, params: Params) -> Record:
        """Take a policy from an access entry."""
        if self._entry(region, params)["policies"].pop(params["policyArn"], None) is None:
            raise not_found("No associated policy found for the specified policyArn")
        return {}

    def list_associated_access_policies(self, region: str, params: Params) -> Record:
        """Return the policies of an access entry."""
        record = self._entry(region, params)
        return {
            "clusterName": params["clusterName"],
            "principalArn": params["principalArn"],
            "associatedAccessPolicies": [*record["policies"].values()],
        }

    def list_access_policies(self, region: str, params: Params) -> Record:
        """Return the access policies on offer."""
        return {"accessPolicies": [{"name": name, "arn": POLICY_ARN + name} for name in sorted(ACCESS_POLICIES)]}

    def _entry(self, region: str, params: Params) -> Record:
        _require_api(self.state.get("cluster", region, params["clusterName"]))
        return self.state.get("accessEntry", region, params["clusterName"], params["principalArn"])


class PodIdentity:
    """Operations on Pod Identity associations."""

    def __init__(self, state: State) -> None:
        self.state = state

    def create_pod_identity_association(self, region: str, params: Params) -> Record:
        """Give a service account a role."""
        cluster, place = params["clusterName"], (params["namespace"], params["serviceAccount"])
        surroundings.require_role(params["roleArn"], "role", "pods.eks.amazonaws.com")
        with self.state.lock:
            self.state.get("cluster", region, cluster)
            taken = next(
                (
                    record
                    for record in self.state.of("podIdentityAssociation", region, cluster)
                    if (record["namespace"], record["serviceAccount"]) == place
                ),
                None,
            )
            if taken:
                raise in_use(f"Association already exists: {taken['associationId']}")
            unique = f"a-{uuid.uuid4().hex[:17]}"
            record = {
                "clusterName": cluster,
                "namespace": place[0],
                "serviceAccount": place[1],
                "roleArn": params["roleArn"],
                "associationArn": arn(region, f"podidentityassociation/{cluster}/{unique}"),
                "associationId": unique,
                "tags": dict(params.get("tags") or {}),
                "createdAt": now(),
                "modifiedAt": now(),
                "disableSessionTags": bool(params.get("disableSessionTags")),
                **(
                    {"targetRoleArn": params["targetRoleArn"], "externalId": f"{region}/{ACCOUNT}/{cluster}/{unique}"}
                    if params.get("targetRoleArn")
                    else {}
                ),
                **({"policy": params["policy"]} if params.get("policy") else {}),
            }
            self.state.kind("podIdentityAssociation", region)[cluster, unique] = record
        return {"association": record}

    def describe_pod_identity_association(self, region: str, params: Params) -> Record:
        """Return an association."""
        return {
            "association": self.state.get(
                "podIdentityAssociation", region, params["clusterName"], params["associationId"]
            )
        }

    def list_pod_identity_associations(self, region: str, params: Params) -> Record:
        """Return a cluster's associations."""
        self.state.get("cluster", region, params["clusterName"])
        found = self.state.of("podIdentityAssociation", region, params["clusterName"])
        wanted = [
            record
            for record in found
            if all(params.get(name) in (None, record[name]) for name in ("namespace", "serviceAccount"))
        ]
        return {"associations": sorted(wanted, key=lambda record: str(record["associationId"]))}

    def update_pod_identity_association(self, region: str, params: Params) -> Record:
        """Change an association's role."""
        record = self.state.get("podIdentityAssociation", region, params["clusterName"], params["associationId"])
        if params.get("roleArn"):
            surroundings.require_role(params["roleArn"], "role", "pods.eks.amazonaws.com")
        names = ("roleArn", "targetRoleArn", "disableSessionTags", "policy")
        record.update({name: params[name] for name in names if params.get(name) is not None}, modifiedAt=now())
        return {"association": record}

    def delete_pod_identity_association(self, region: str, params: Params) -> Record:
        """Take a service account's role away."""
        record = self.state.get("podIdentityAssociation", region, params["clusterName"], params["associationId"])
        with self.state.lock:
            self.state.kind("podIdentityAssociation", region).pop(
                (params["clusterName"], params["associationId"]), None
            )
        return {"association": record}


def _require_api(cluster: Record) -> None:
    if cluster["status"] != "ACTIVE":
        raise rejected(f"Cluster '{cluster['name']}' is not in ACTIVE status")
    if cluster["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
        raise rejected(
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] "
            "to perform this operation."
        )


def _username(kind: str, match: re.Match[str]) -> str:
    if kind in NODE_TYPES:
        return "system:node:{{EC2PrivateDNSName}}"
    if match[2] == "role":
        return f"arn:{PARTITION}:sts::{match[1]}:assumed-role/{match[3].rpartition('/')[2]}/{{{{SessionName}}}}"
    return match[0]
