"""What EKS looks at and brings about in other services: roles, subnets, security groups, log groups, keys.

Runs inside moto's process, so it asks moto's backends directly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends

from sandbox.aws.eks_api.refusal import invalid
from sandbox.aws.session import ACCOUNT, PARTITION

__all__ = [
    "create_cluster_group",
    "create_cluster_interfaces",
    "create_log_group",
    "delete_cluster_group",
    "delete_cluster_interfaces",
    "instance_type_of",
    "instance_types",
    "require_key",
    "require_role",
    "require_security_groups",
    "template",
    "zones",
]

MotoError = ServiceException
Subnets = Sequence[str]
# The control plane takes two to four.
MAX_INTERFACES = 4


def require_role(arn: str, what: str, service: str) -> None:
    """Refuse a role that does not exist or that the service may not assume."""
    role = next((role for role in iam_backends[ACCOUNT][PARTITION].roles.values() if role.arn == arn), None)
    if role is None:
        raise invalid(f"The {what} {arn} is invalid: the role does not exist.")
    if service not in str(role.assume_role_policy_document):
        raise invalid(f"The {what} {arn} is invalid: its trust policy does not allow {service} to assume it.")


def zones(region: str, subnet_ids: Subnets) -> tuple[str, list[str]]:
    """Return the VPC and the zones of subnets.

    Raises:
        EksError: A subnet does not exist, or they lie in several VPCs.
    """
    found = []
    for subnet_id in subnet_ids:
        try:
            found.append(ec2_backends[ACCOUNT][region].get_subnet(subnet_id))
        except MotoError:
            raise invalid(f"The subnet ID '{subnet_id}' does not exist") from None
    vpcs = {subnet.vpc_id for subnet in found}
    if len(vpcs) != 1:
        raise invalid("Subnets specified must all belong to the same VPC." if vpcs else "Subnets are required.")
    return vpcs.pop(), sorted({str(subnet.availability_zone) for subnet in found})


def require_security_groups(region: str, vpc_id: str, group_ids: Sequence[str]) -> None:
    """Refuse security groups that do not exist in the VPC."""
    for group_id in group_ids:
        group = ec2_backends[ACCOUNT][region].get_security_group_from_id(group_id)
        if group is None:
            raise invalid(f"The security group ID '{group_id}' does not exist")
        if group.vpc_id != vpc_id:
            raise invalid(
                f"Security group(s) [{group_id}] are not in the same VPC as the subnets. "
                f"Please specify a security group from {vpc_id}."
            )


def require_key(region: str, arn: str) -> None:
    """Refuse an encryption key that does not exist or cannot be used."""
    key = kms_backends[ACCOUNT][region].keys.get(arn.rpartition("/")[2])
    if key is None or key.arn != arn:
        raise invalid(f"The keyArn in encryptionConfig provider is invalid: {arn} does not exist.")
    if key.key_state != "Enabled":
        raise invalid(f"The keyArn in encryptionConfig provider is invalid: {arn} is {key.key_state}.")


def create_cluster_group(region: str, cluster: str, vpc_id: str, number: int) -> str:
    """Create the security group that EKS makes for a cluster and return its id."""
    name = f"eks-cluster-sg-{cluster}-{number}"
    tags = {"Name": name, f"kubernetes.io/cluster/{cluster}": "owned", "aws:eks:cluster-name": cluster}
    text = (
        "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, "
        "as well as any managed workloads."
    )
    group = ec2_backends[ACCOUNT][region].create_security_group(name, text, vpc_id=vpc_id, tags=tags)
    ec2_backends[ACCOUNT][region].authorize_security_group_ingress(
        group.id, "-1", "", "", [], source_groups=[{"GroupId": group.id}]
    )
    return str(group.id)


def create_cluster_interfaces(region: str, cluster: str, config: Mapping[str, Any]) -> None:
    """Put the control plane's network interfaces into its subnets, where they hold subnets and groups in use."""
    backend = ec2_backends[ACCOUNT][region]
    groups = [config["clusterSecurityGroupId"], *config["securityGroupIds"]]
    for subnet_id in config["subnetIds"][:MAX_INTERFACES]:
        subnet = backend.get_subnet(subnet_id)
        # Without an address moto takes a free one of the subnet.
        backend.create_network_interface(subnet, "", group_ids=groups, description=f"Amazon EKS {cluster}")


def delete_cluster_interfaces(region: str, cluster: str) -> None:
    """Remove the control plane's network interfaces."""
    backend = ec2_backends[ACCOUNT][region]
    for unique in [eni.id for eni in backend.enis.values() if eni.description == f"Amazon EKS {cluster}"]:
        backend.delete_network_interface(unique)


def delete_cluster_group(region: str, group_id: str) -> None:
    """Delete a cluster's security group, if it is still there."""
    try:
        ec2_backends[ACCOUNT][region].delete_security_group(group_id=group_id)
    except MotoError:
        return


def create_log_group(region: str, cluster: str) -> None:
    """Create the cluster's log group, as the control plane does when it finds none: without a retention."""
    name = f"/aws/eks/{cluster}/cluster"
    if name not in logs_backends[ACCOUNT][region].groups:
        logs_backends[ACCOUNT][region].create_log_group(name, {})


def template(region: str, wanted: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return a node group's launch template resolved to id, name and version, and the version's data."""
    backend = ec2_backends[ACCOUNT][region]
    found = backend.launch_templates.get(
        wanted.get("id") or backend.launch_template_name_to_ids.get(str(wanted.get("name")), "")
    )
    if found is None:
        raise invalid(f"Launch template details can't be null or are wrong: {dict(wanted)} does not exist.")
    number = str(wanted.get("version") or "$Default")
    number = {"$Default": str(found.default_version_number), "$Latest": str(found.latest_version_number)}.get(
        number, number
    )
    version = next((version for version in found.versions if str(version.number) == number), None)
    if version is None:
        raise invalid(f"Launch template version {number} of {found.id} does not exist.")
    return {"id": found.id, "name": found.name, "version": number}, dict(version.data)


def instance_types(region: str) -> set[str]:
    """Return the instance types that a region offers."""
    return {str(kind.name) for kind in ec2_backends[ACCOUNT][region].describe_instance_types()}


def instance_type_of(types: Sequence[str], data: Mapping[str, Any]) -> str:
    """Return the instance type that a node group's nodes get."""
    return types[0] if types else str(data.get("InstanceType") or "t3.medium")
