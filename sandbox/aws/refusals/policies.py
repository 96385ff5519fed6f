"""Rules of IAM: documents, names, what has to exist."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule
from sandbox.protocol import has_unknown

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
POLICY = "aws:iam/policy:Policy"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

# Characters without white space (managed and inline), of the whole text (trust).
MANAGED_SIZE = 6144
INLINE_SIZE = 10240
TRUST_SIZE = 2048
MANAGED_PER_ROLE = 10
TOO_LARGE = "Maximum policy size of 10240 bytes exceeded for the role"
NAME = re.compile(r"[\w+=,.@-]+")


@rule(ROLE, at="check")
def role_name(case: Case) -> None:
    """A role's name has at most 64 characters of a small set."""
    _name(case["name"], 64, "roleName", "CreateRole")


@rule(PROFILE, at="check")
def profile_name(case: Case) -> None:
    """An instance profile's name has at most 128 characters of a small set."""
    _name(case["name"], 128, "instanceProfileName", "CreateInstanceProfile")


@rule(POLICY, at="check")
def policy_name(case: Case) -> None:
    """A policy's name has at most 128 characters of a small set."""
    _name(case["name"], 128, "policyName", "CreatePolicy")


@rule(ROLE_POLICY, at="check")
def inline_policy_name(case: Case) -> None:
    """An inline policy's name has at most 128 characters of a small set."""
    _name(case["name"], 128, "policyName", "PutRolePolicy")


@rule(ROLE, at="check")
def trust(case: Case) -> None:
    """A trust policy is JSON, fits the quota, and every statement names who may assume the role by which action."""
    text = case["assumeRolePolicy"]
    if text is None:
        return
    document = _document(text, "CreateRole", "This policy contains invalid Json")
    if len(text) > TRUST_SIZE:
        raise error("LimitExceeded", "CreateRole", f"Cannot exceed quota for ACLSizePerRole: {TRUST_SIZE}")
    for statement in _statements(document, "CreateRole"):
        if not statement.get("Principal"):
            raise error("MalformedPolicyDocument", "CreateRole", "Missing required field Principal")
        if "Resource" in statement or "NotResource" in statement:
            raise error("MalformedPolicyDocument", "CreateRole", "Has prohibited field Resource")
        if not statement.get("Action"):
            raise error("MalformedPolicyDocument", "CreateRole", "Missing required field Action")
        wrong = [action for action in _many(statement["Action"]) if not re.fullmatch(r"sts:[\w*]+", action)]
        if wrong:
            raise error(
                "MalformedPolicyDocument", "CreateRole", "AssumeRole policy may only specify STS AssumeRole actions."
            )


@rule(POLICY, at="check")
def managed_policy(case: Case) -> None:
    """A managed policy is JSON with complete statements and fits the quota."""
    _permissions(case["policy"], MANAGED_SIZE, "CreatePolicy", "Cannot exceed quota for PolicySize: 6144")


@rule(ROLE_POLICY, at="check")
def inline_policy(case: Case) -> None:
    """An inline policy is JSON with complete statements and fits the quota."""
    role = case["role"] or "the role"
    _permissions(
        case["policy"], INLINE_SIZE, "PutRolePolicy", f"Maximum policy size of 10240 bytes exceeded for role {role}"
    )


@rule(ROLE_POLICY, at="create")
@rule(ROLE_POLICY, at="update")
def inline_total(case: Case) -> None:
    """All inline policies of a role together fit the quota."""
    names = case.call("iam", "list_role_policies", RoleName=case["role"])["PolicyNames"]
    others = [
        case.call("iam", "get_role_policy", RoleName=case["role"], PolicyName=name)
        for name in names
        if name != case["name"]
    ]
    total = sum(len(json.dumps(other["PolicyDocument"], separators=(",", ":"))) for other in others) + _size(
        case["policy"]
    )
    if total > INLINE_SIZE:
        raise error(
            "LimitExceeded", "PutRolePolicy", f"Maximum policy size of 10240 bytes exceeded for role {case['role']}"
        )


@rule(ROLE, at="check")
def role_quotas(case: Case) -> None:
    """The policies that a role carries itself fit the quotas too."""
    inline = [one.get("policy") for one in case.inputs.get("inlinePolicies") or [] if isinstance(one, dict)]
    known = [text for text in inline if isinstance(text, str) and not has_unknown(text)]
    for text in known:
        _permissions(text, INLINE_SIZE, "PutRolePolicy", TOO_LARGE)
    if sum(map(_size, known)) > INLINE_SIZE:
        raise error("LimitExceeded", "PutRolePolicy", TOO_LARGE)
    if len(case["managedPolicyArns"] or []) > MANAGED_PER_ROLE:
        reason = f"Cannot exceed quota for PoliciesPerRole: {MANAGED_PER_ROLE}"
        raise error("LimitExceeded", "AttachRolePolicy", reason)


@rule(ROLE, at="create")
@rule(ROLE, at="update")
def boundary_exists(case: Case) -> None:
    """A permissions boundary is a policy that exists."""
    arn = case["permissionsBoundary"]
    if not arn:
        return
    try:
        case.call("iam", "get_policy", PolicyArn=arn)
    except AwsError as failure:
        if failure.gone:
            raise error(
                "NoSuchEntity", "CreateRole", f"Scope ARN: {arn} does not exist or is not attachable."
            ) from None
        raise


@rule(POLICY, at="delete")
def policy_is_free(case: Case) -> None:
    """A policy that is attached stays."""
    try:
        count = case.call("iam", "get_policy", PolicyArn=case.id)["Policy"]["AttachmentCount"]
    except AwsError as failure:
        if failure.gone:
            return
        raise
    if count:
        raise error("DeleteConflict", "DeletePolicy", "Cannot delete a policy attached to entities.")


@rule(ATTACHMENT, at="create")
def attachment_quota(case: Case) -> None:
    """A role has at most ten managed policies."""
    found = case.call("iam", "list_attached_role_policies", RoleName=case["role"])["AttachedPolicies"]
    if len(found) >= MANAGED_PER_ROLE and case["policyArn"] not in [policy["PolicyArn"] for policy in found]:
        reason = f"Cannot exceed quota for PoliciesPerRole: {MANAGED_PER_ROLE}"
        raise error("LimitExceeded", "AttachRolePolicy", reason)


def _name(name: Any, limit: int, member: str, operation: str) -> None:
    if not isinstance(name, str):
        return
    if len(name) > limit or not name:
        reason = f"Member must have length less than or equal to {limit}"
    elif not NAME.fullmatch(name):
        reason = "Member must satisfy regular expression pattern: [\\w+=,.@-]+"
    else:
        return
    message = f"1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: {reason}"
    raise error("ValidationError", operation, message)


def _permissions(text: Any, limit: int, operation: str, too_large: str) -> None:
    if text is None:
        return
    document = _document(text, operation, "Syntax errors in policy.")
    if _size(text) > limit:
        raise error("LimitExceeded", operation, too_large)
    for statement in _statements(document, operation):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise error("MalformedPolicyDocument", operation, "Policy document should not specify a principal.")
        if not (statement.get("Action") or statement.get("NotAction")):
            raise error("MalformedPolicyDocument", operation, "Policy statement must contain actions.")
        if not (statement.get("Resource") or statement.get("NotResource")):
            raise error("MalformedPolicyDocument", operation, "Policy statement must contain resources.")


def _document(text: str, operation: str, message: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("Version") not in (None, "2012-10-17", "2008-10-17"):
        raise error("MalformedPolicyDocument", operation, message)
    return document


def _statements(document: Mapping[str, Any], operation: str) -> list[Mapping[str, Any]]:
    statements = _many(document.get("Statement"))
    if not statements:
        raise error("MalformedPolicyDocument", operation, "Missing required field Statement")
    for statement in statements:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise error("MalformedPolicyDocument", operation, "Invalid effect or missing required field Effect")
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if len(sids) != len(set(sids)):
        raise error("MalformedPolicyDocument", operation, "Statement IDs (SID) in a single policy must be unique.")
    return statements


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _size(text: str) -> int:
    # IAM does not count white space.
    return len(re.sub(r"\s", "", text))
