"""What policies allow and how large they are: controls I1, I2, I3, I4, I7, I8 in part, I10."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule
from policies.statements import IDENTITY_POLICIES, RESOURCE_POLICIES, Statement, granted, statements

_HOLDERS: Final = (*IDENTITY_POLICIES, tokens.ROLE)
_TOO_MUCH: Final = ("AdministratorAccess", "IAMFullAccess", "PowerUserAccess", "AdministratorAccess-Amplify")
# Verbs that only read. BatchGet and the like end in them too.
_READS: Final = re.compile(r"(Batch)?(Get|List|Describe|Check|Lookup|Search|View|Receive|Simulate)[A-Z*]")
# Taking one of these on any resource is taking every right of the account
# (https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/).
_ESCALATING: Final = (
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:PassRole",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "sts:AssumeRole",
)
# What these return is what others have hidden.
_REVEALING: Final = (
    "s3:GetObject",
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "rds:CopyDBSnapshot",
    "ec2:ModifySnapshotAttribute",
)
# Figures: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html. White space does not count.
_MANAGED: Final = 6144
_INLINE: Final = 10240
_TRUST: Final = 2048
_ROLE_NAME: Final = 64


@rule("I1", types=_HOLDERS)
def policy_allows_no_everything(holder: Resource) -> Iterator[Fault]:
    """No policy allows every action, of AWS or of a service, or all but a few."""
    for statement in granted(holder):
        for action in statement.actions:
            if action == "*" or action.endswith(":*"):
                yield Fault(statement.where, f"allows {action}", "name the actions")
        for key in statement.inverted:
            yield Fault(statement.where, f"uses {key}", "name what is allowed")


@rule("I1", types=[tokens.ATTACHMENT, tokens.ROLE])
def nobody_is_made_an_administrator(resource: Resource) -> Iterator[Fault]:
    """No role gets one of AWS's policies for administrators."""
    many = resource.type == tokens.ROLE
    path = "managedPolicyArns" if many else "policyArn"
    for arn in resource.items(path) if many else [resource.get(path)]:
        if str(arn).rpartition("/")[2] in _TOO_MUCH:
            yield Fault(path, f"{arn} is an administrator's", "attach what is needed")


@rule("I1", types=[tokens.USER, tokens.ACCESS_KEY, tokens.LOGIN_PROFILE, tokens.USER_POLICY, tokens.IAM_GROUP])
def nobody_is_a_user(resource: Resource) -> Iterator[Fault]:
    """There are no IAM users, groups or access keys: everybody and everything takes a role."""
    yield Fault("type", f"{resource.type} is for IAM users", "make a role")


@rule("I1", types=["pulumi:providers:aws"])
def provider_holds_no_credential(provider: Resource) -> Iterator[Fault]:
    """The AWS provider takes its credentials from where it runs and knows the one account that it may touch."""
    for key in ("accessKey", "secretKey", "token"):
        if provider.props.get(key):
            yield Fault(key, "is a credential in the program", "leave it to the environment")
    if not provider.props.get("allowedAccountIds"):
        yield Fault("allowedAccountIds", "is missing", "name the account")


@rule("I1", types=[tokens.ROLE, *RESOURCE_POLICIES])
def nobody_may_do_everything_with_it(resource: Resource) -> Iterator[Fault]:
    """Who is let into a role, a key or what has a policy may do named things; the account itself manages its keys."""
    if resource.type == tokens.ROLE:
        loose = {a for s in statements(resource, "assumeRolePolicy") if s.allow for a in s.actions} - _TRUST_ACTIONS
        if loose:
            yield Fault("assumeRolePolicy", f"allows {', '.join(sorted(loose))}", "allow taking the role only")
        return
    for statement in statements(resource, "policy"):
        account = all(re.fullmatch(_ACCOUNT, name) for names in statement.principals.values() for name in names)
        for action in statement.actions if statement.allow else ():
            if action == "*" or (action.endswith(":*") and not account):
                yield Fault(statement.where, f"allows {action}", "name the actions")


_ACCOUNT: Final = r"arn:aws[a-z-]*:iam::\d{12}:root"
_TRUST_ACTIONS: Final = frozenset(
    {"sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"}
)


@rule("I1", types=[tokens.POLICY], whole=True)
def policy_is_attached(policy: Resource, stack: Stack) -> Iterator[Fault]:
    """A policy is some role's: one that nobody has would be attached some day by somebody who does not read it."""
    if not stack.users(policy, "policyArn", tokens.ATTACHMENT):
        yield Fault("attachments", "there is none", "attach it or take it out")


@rule("I1", types=[tokens.ATTACHMENT, tokens.ROLE_POLICY], whole=True)
def policy_and_role_are_known(resource: Resource, stack: Stack) -> Iterator[Fault]:
    """A policy that a role gets is AWS's or the program's, and so is the role: nobody else's change reaches it."""
    if not stack.source(resource, "role", tokens.ROLE):
        yield Fault("role", "is no role of this program", "pass its name")
    if resource.type == tokens.ROLE_POLICY or ":iam::aws:policy/" in str(resource.get("policyArn")):
        return
    if not stack.source(resource, "policyArn", tokens.POLICY):
        yield Fault("policyArn", "is neither AWS's nor of this program", "pass the policy's ARN")


@rule("I2", types=_HOLDERS)
def writes_are_bounded(holder: Resource) -> Iterator[Fault]:
    """What may change every resource of a kind does so under a condition."""
    for statement in granted(holder):
        writes = [action for action in statement.actions if not _READS.match(action.partition(":")[2])]
        changes = [action for action in writes if not _refers_only(statement, action)]
        if changes and not statement.conditions and _anywhere(statement):
            yield Fault(statement.where, "writes anywhere without a condition", "name resources or add a condition")


# Launching an instance refers to images, subnets and the like, making a group to its VPC, and changes none of them;
# what is made is another statement's (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html).
_LAUNCH: Final = ("image/", "snapshot/", "security-group/", "subnet/", "capacity-reservation/", "placement-group/")
_REFERRED: Final[Mapping[str, tuple[str, ...]]] = {
    "ec2:RunInstances": _LAUNCH,
    "ec2:CreateFleet": _LAUNCH,
    "ec2:CreateSecurityGroup": ("vpc/",),
}


def _refers_only(statement: Statement, action: str) -> bool:
    """Whether the action changes none of the statement's resources."""
    kinds = _REFERRED.get(action, ())
    return all(arn.split(":", 5)[-1].startswith(kinds) for arn in statement.resources)


@rule("I3", types=_HOLDERS)
def rights_do_not_grow(holder: Resource) -> Iterator[Fault]:
    """No policy lets its holder take further rights or read what others hide, anywhere in the account."""
    for statement in granted(holder):
        for action in (*_ESCALATING, *_REVEALING):
            if _allows(statement, action) and _anywhere(statement):
                yield Fault(statement.where, f"allows {action} anywhere", "name the resources")


@rule("I4", types=_HOLDERS)
def roles_are_passed_by_name(holder: Resource) -> Iterator[Fault]:
    """Who passes a role passes named roles, to a named service."""
    for statement in granted(holder):
        if not _allows(statement, "iam:PassRole"):
            continue
        loose = [arn for arn in statement.resources if "*" in arn or "?" in arn]
        if loose:
            yield Fault(statement.where, f"passes {', '.join(loose)}", "name the roles")
        if "iam:passedtoservice" not in statement.keys("StringEquals"):
            yield Fault(statement.where, "passes roles to any service", "add the condition iam:PassedToService")


@rule("I7", types=[tokens.POLICY, tokens.ROLE])
def policy_fits(resource: Resource) -> Iterator[Fault]:
    """Managed policies, trust policies and role names keep to IAM's quotas."""
    path, most = ("policy", _MANAGED) if resource.type == tokens.POLICY else ("assumeRolePolicy", _TRUST)
    size = _size(resource.get(path))
    if size > most:
        yield Fault(path, f"has {size} characters of {most}", "split or shorten it")
    if resource.type == tokens.ROLE:
        name = resource.get("name") or f"{resource.name}-1234567"
        if len(name) > _ROLE_NAME:
            yield Fault("name", f"has {len(name)} characters of {_ROLE_NAME}", "shorten it")


@rule("I7", types=[tokens.ROLE], whole=True)
def inline_policies_fit(role: Resource, stack: Stack) -> Iterator[Fault]:
    """All inline policies of a role together keep to IAM's quota."""
    own = [_size(policy.get("policy")) for policy in role.items("inlinePolicies")]
    size = sum(own) + sum(_size(p.get("policy")) for p in stack.users(role, "role", tokens.ROLE_POLICY))
    if size > _INLINE:
        yield Fault("inline policies", f"have {size} characters of {_INLINE}", "make one a managed policy")


@rule("I10", types=["pulumi:providers:aws"], whole=True)
def arns_lie_in_one_partition(provider: Resource, stack: Stack) -> Iterator[Fault]:
    """Every ARN of the program lies in its region's partition: none is written for aws and used in another."""
    own = partition(str(provider.get("region")))
    for resource in stack.resources:
        if resource.type.startswith("aws:"):
            found = set(re.findall(r"\barn:(aws[a-z-]*):", json.dumps(_plain(resource.props))))
            for other in sorted(found - {own}):
                yield Fault("region", f"lies in {own}, an ARN of {resource.name} in {other}", f"write arn:{own}:")


def partition(region: str) -> str:
    """Return the partition in which the region lies."""
    for prefix, found in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(prefix):
            return found
    return "aws"


_CLOSED: Final = tuple(type_ for type_ in RESOURCE_POLICIES if type_ != tokens.BUCKET_POLICY)


@rule("D5", "D6", "D7", "I1", "I11", "S2", types=[tokens.ROLE, *_CLOSED])
def nobody_means_everybody(resource: Resource) -> Iterator[Fault]:
    """No role, key, queue, topic, secret, repository or vault lets everybody in."""
    yield from _everybody(resource, "assumeRolePolicy" if resource.type == tokens.ROLE else "policy")


@rule("D4", "I1", types=[tokens.BUCKET_POLICY])
def bucket_lets_nobody_unnamed_in(policy: Resource) -> Iterator[Fault]:
    """No bucket lets everybody in; one whose objects are for everybody is named in the waivers."""
    yield from _everybody(policy, "policy")


def _everybody(resource: Resource, path: str) -> Iterator[Fault]:
    for statement in statements(resource, path):
        if statement.allow and (statement.inverted or any("*" in names for names in statement.principals.values())):
            yield Fault(statement.where, "lets everybody in", "name who may")
        if statement.allow and not statement.principals:
            yield Fault(statement.where, "names nobody", "name who may")


def _anywhere(statement: Statement) -> bool:
    """Whether it reaches resources of any name; a condition on the resource's own tags narrows it."""
    if any(key.startswith("aws:resourcetag/") for key in statement.condition_keys):
        return False
    # Of an ARN, the name is what follows the account; role/*, secret:* and loadbalancer/net/*/* are any name.
    names = [arn.split(":", 5)[5] if arn.count(":") >= 5 else arn for arn in statement.resources]
    return any(re.fullmatch(r"([a-z-]+[:/])?((net|app)/)?\*(/\*)*", name) for name in names)


def _allows(statement: Statement, action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in statement.actions)


def _size(document: Any) -> int:
    text = document if isinstance(document, str) else json.dumps(document or "")
    return len(re.sub(r"\s", "", text))


def _plain(value: Any) -> Any:
    """Return mappings and lists of any kind as those that JSON knows."""
    if hasattr(value, "items"):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else str(value)
