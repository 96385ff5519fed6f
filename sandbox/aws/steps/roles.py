"""Steps of IAM roles and policies."""

from __future__ import annotations

import json
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.codec import tag_list
from sandbox.aws.compare import same
from sandbox.aws.session import Scope, Session

__all__ = [
    "SERVICE_ROLE_NAMES",
    "attached",
    "create_service_linked_role",
    "default_version",
    "delete_old_versions",
    "detach_policies",
    "empty_profile",
    "new_policy_version",
    "set_client_ids",
    "set_inline_policies",
    "set_managed_policies",
    "set_profile_role",
]

# AWS derives no role name from the service's name; moto's guess is AWSServiceRoleFor<service>.
SERVICE_ROLE_NAMES = {
    "autoscaling.amazonaws.com": "AWSServiceRoleForAutoScaling",
    "eks.amazonaws.com": "AWSServiceRoleForAmazonEKS",
    "eks-fargate.amazonaws.com": "AWSServiceRoleForAmazonEKSForFargate",
    "eks-nodegroup.amazonaws.com": "AWSServiceRoleForAmazonEKSNodegroup",
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
    "spot.amazonaws.com": "AWSServiceRoleForEC2Spot",
    "spotfleet.amazonaws.com": "AWSServiceRoleForEC2SpotFleet",
}

# IAM keeps at most this many versions of a managed policy.
POLICY_VERSIONS = 5


def attached(session: Session, scope: Scope) -> dict[str, Any]:
    """Return what hangs on a role, in the provider's form."""
    arns = [
        policy["PolicyArn"]
        for policy in session.call("list_attached_role_policies", RoleName=scope["id"])["AttachedPolicies"]
    ]
    if "inlinePolicies" not in scope.inputs:
        return {"managedPolicyArns": arns}
    names = session.call("list_role_policies", RoleName=scope["id"])["PolicyNames"]
    found = [session.call("get_role_policy", RoleName=scope["id"], PolicyName=name) for name in names]
    inline = [{"name": policy["PolicyName"], "policy": policy["PolicyDocument"]} for policy in found]
    return {"managedPolicyArns": arns, "inlinePolicies": inline}


def set_managed_policies(session: Session, scope: Scope) -> None:
    """Attach and detach until the role has the program's policies."""
    old, new = set(scope.olds.get("managedPolicyArns") or []), set(scope["managedPolicyArns"] or [])
    for arn in sorted(old - new):
        session.call("detach_role_policy", RoleName=scope["id"], PolicyArn=arn)
    for arn in sorted(new - old):
        session.call("attach_role_policy", RoleName=scope["id"], PolicyArn=arn)


def set_inline_policies(session: Session, scope: Scope) -> None:
    """Write the program's inline policies and remove the others that it once wrote."""
    old = {policy["name"]: policy for policy in scope.olds.get("inlinePolicies") or []}
    new = {policy["name"]: policy for policy in scope["inlinePolicies"] or []}
    for name in sorted(old.keys() - new.keys()):
        session.call("delete_role_policy", RoleName=scope["id"], PolicyName=name)
    for name, policy in sorted(new.items()):
        if not same(old.get(name), policy):
            session.call("put_role_policy", RoleName=scope["id"], PolicyName=name, PolicyDocument=policy["policy"])


def detach_policies(session: Session, scope: Scope) -> None:
    """Remove the policies that the role itself carries, or all of them when the program forces it."""
    own = {policy["name"] for policy in scope.inputs.get("inlinePolicies") or []}
    arns = set(scope.inputs.get("managedPolicyArns") or [])
    if scope["forceDetachPolicies"]:
        own |= set(session.call("list_role_policies", RoleName=scope["id"])["PolicyNames"])
        arns |= {
            policy["PolicyArn"]
            for policy in session.call("list_attached_role_policies", RoleName=scope["id"])["AttachedPolicies"]
        }
    calls = [("delete_role_policy", "PolicyName", name) for name in sorted(own)]
    for operation, parameter, value in [*calls, *(("detach_role_policy", "PolicyArn", arn) for arn in sorted(arns))]:
        try:
            session.call(operation, RoleName=scope["id"], **{parameter: value})
        except AwsError as error:
            # Someone else took it off, or a half-made role never had it.
            if not error.gone:
                raise

    # The provider takes a role out of all instance profiles before it deletes it, whoever put it there.
    for profile in session.call("list_instance_profiles_for_role", RoleName=scope["id"])["InstanceProfiles"]:
        name = profile["InstanceProfileName"]
        session.call("remove_role_from_instance_profile", InstanceProfileName=name, RoleName=scope["id"])


def set_profile_role(session: Session, scope: Scope) -> None:
    """Put the program's role into an instance profile, which holds one, in place of the former."""
    empty_profile(session, scope)
    if scope["role"]:
        session.call("add_role_to_instance_profile", InstanceProfileName=scope["id"], RoleName=scope["role"])


def empty_profile(session: Session, scope: Scope) -> None:
    """Take the role out of an instance profile."""
    found = session.call("get_instance_profile", InstanceProfileName=scope["id"])["InstanceProfile"]
    for role in found["Roles"]:
        session.call("remove_role_from_instance_profile", InstanceProfileName=scope["id"], RoleName=role["RoleName"])


def default_version(session: Session, scope: Scope) -> dict[str, Any]:
    """Return the document of a managed policy's default version."""
    version = session.call("get_policy", PolicyArn=scope["id"])["Policy"]["DefaultVersionId"]
    found = session.call("get_policy_version", PolicyArn=scope["id"], VersionId=version)["PolicyVersion"]
    return {"PolicyDocument": found["Document"]}


def new_policy_version(session: Session, scope: Scope) -> None:
    """Write a new default version, dropping the oldest when IAM's limit is reached."""
    versions = session.call("list_policy_versions", PolicyArn=scope["id"])["Versions"]
    if len(versions) >= POLICY_VERSIONS:
        oldest = min(
            (version for version in versions if not version["IsDefaultVersion"]),
            key=lambda version: version["CreateDate"],
        )
        session.call("delete_policy_version", PolicyArn=scope["id"], VersionId=oldest["VersionId"])
    session.call("create_policy_version", PolicyArn=scope["id"], PolicyDocument=scope["policy"], SetAsDefault=True)


def delete_old_versions(session: Session, scope: Scope) -> None:
    """Delete all versions but the default one, which goes with the policy."""
    for version in session.call("list_policy_versions", PolicyArn=scope["id"])["Versions"]:
        if not version["IsDefaultVersion"]:
            session.call("delete_policy_version", PolicyArn=scope["id"], VersionId=version["VersionId"])


def create_service_linked_role(session: Session, scope: Scope) -> dict[str, Any]:
    """Create a service's role under the name that AWS gives it."""
    service = str(scope["awsServiceName"])
    suffix = f"_{scope['customSuffix']}" if scope["customSuffix"] else ""
    name = SERVICE_ROLE_NAMES.get(service, f"AWSServiceRoleFor{service.partition('.')[0].capitalize()}") + suffix
    try:
        session.call("get_role", RoleName=name)
    except AwsError as error:
        if not error.gone:
            raise
    else:
        reason = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise AwsError("InvalidInput", "CreateServiceLinkedRole", reason)
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return session.call(
        "create_role",
        RoleName=name,
        Path=f"/aws-service-role/{service}/",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        Description=scope["description"],
        Tags=tag_list(scope["tags"]),
    )


def set_client_ids(session: Session, scope: Scope) -> None:
    """Add and remove audiences of an OIDC provider."""
    old, new = set(scope.olds.get("clientIdLists") or []), set(scope["clientIdLists"] or [])
    for name in sorted(old - new):
        session.call(
            "remove_client_id_from_open_id_connect_provider", OpenIDConnectProviderArn=scope["id"], ClientID=name
        )
    for name in sorted(new - old):
        session.call("add_client_id_to_open_id_connect_provider", OpenIDConnectProviderArn=scope["id"], ClientID=name)
