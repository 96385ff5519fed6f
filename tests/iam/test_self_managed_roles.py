"""Who can read a control plane's secrets: every role against every parameter, over the policies as registered.

A secret takes two rights: SSM's to read the parameter and KMS's to decrypt it. Both are judged alone, so that neither
hides that the other one is too wide.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pytest
from pulumi_random import Provider as RandomProvider
from pulumi_tls import Provider as TlsProvider

from components.identity.controllers import Controllers, ControllersArgs
from components.identity.irsa import Irsa
from components.identity.policies.controllers import CONTROLLERS
from components.self_managed.issuer import OidcIssuer, OidcIssuerArgs
from components.self_managed.parameters import Parameters, ParametersArgs
from components.self_managed.pki import Pki, PkiArgs
from components.self_managed.roles import MachineRoles, MachineRolesArgs
from tests.captures import Capture
from tests.conftest import ACCOUNT, CaptureProgram
from tests.iam import Call, Statement, Target, allowed, many, wildcard
from tests.iam.catalog import BACKUPS, LOGS, REACH, published, size
from tests.storage import KEY, PLACE, ROLE, ROLE_POLICY

ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
POLICY: Final = "aws:iam/policy:Policy"
PARAMETER: Final = "aws:ssm/parameter:Parameter"
CONTROL_PLANE: Final = "roles-control-plane"
WORKER: Final = "roles-worker"
# Every way that SSM has to tell a parameter's value.
READS: Final = ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParameterHistory", "ssm:GetParametersByPath")
SNAPSHOT: Final = f"arn:aws:s3:::{BACKUPS}/etcd/demo/k8s-master/x.db"
Roles = Mapping[str, "Holder"]


@dataclass(frozen=True)
class Holder:
    """A role: who it is to KMS, and what its policies say."""

    identity: Mapping[str, str]
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Secret:
    """A parameter, the key that it is under, and that key's policy."""

    arn: str
    key: str
    guards: tuple[Statement, ...]


def register() -> None:
    """Register a cluster's secrets and everybody who has a role."""
    providers = pulumi.ResourceOptions(providers=[TlsProvider("tls"), RandomProvider("random")])
    issuer = OidcIssuer("issuer", OidcIssuerArgs(bucket="demo-issuer", jwks="{}", place=PLACE))
    pki = Pki("pki", PkiArgs(cluster_name="demo", nodes_digest="1"), providers)
    parameters = Parameters(
        "parameters",
        ParametersArgs(cluster_name="demo", values=pki.values, token=pki.token, issuer=issuer.url, place=PLACE),
    )
    roles = MachineRolesArgs(
        cluster_name="demo",
        control_plane_key_arn=parameters.control_plane_key_arn,
        join_key_arn=parameters.join_key_arn,
        backups_bucket=BACKUPS,
        logs_bucket=LOGS,
        place=PLACE,
    )
    MachineRoles("roles", roles)
    irsa = Irsa(issuer=issuer.url, provider_arn=issuer.provider_arn, place=PLACE)
    Controllers("identity", ControllersArgs(cluster_name="demo", identity=irsa, reach=REACH, place=PLACE))


@pytest.fixture(scope="module")
def captured(capture: CaptureProgram) -> Capture:
    return capture(register)


@pytest.fixture(scope="module")
def roles(captured: Capture) -> Roles:
    return {
        role.name: Holder(_identity(role.inputs, role.name), _statements(captured, role.urn))
        for role in captured.of_type(ROLE)
    }


@pytest.fixture(scope="module")
def secrets(captured: Capture) -> Mapping[str, Secret]:
    """Every parameter by its name."""
    found = {}
    for parameter in captured.of_type(PARAMETER):
        key = next(key for key in captured.of_type(KEY) if key.urn in parameter.property_dependencies["keyId"])
        guards = [s for s in json.loads(key.inputs["policy"])["Statement"] if s["Effect"] == "Deny"]
        name = parameter.inputs["name"]
        arn = f"arn:aws:ssm:{PLACE.region}:{ACCOUNT}:parameter{name}"
        found[name] = Secret(arn, parameter.inputs["keyId"], tuple(guards))
    return found


def _identity(inputs: Mapping[str, Any], name: str) -> dict[str, str]:
    """What KMS knows of a session of the role: its ARN, and for a pod who has vouched for it."""
    known = {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/{inputs.get('name', name)}"}
    (trust,) = json.loads(inputs["assumeRolePolicy"])["Statement"]
    provider = trust["Principal"].get("Federated")
    return {**known, "aws:FederatedProvider": provider} if provider else known


def _statements(captured: Capture, role: str) -> tuple[Statement, ...]:
    documents = [r.inputs["policy"] for r in captured.of_type(ROLE_POLICY) if r.source("role") == role]
    found = [statement for text in documents for statement in json.loads(text)["Statement"]]
    for attachment in (a for a in captured.of_type(ATTACHMENT) if a.source("role") == role):
        own = [p for p in captured.of_type(POLICY) if p.urn in attachment.property_dependencies.get("policyArn", ())]
        name = str(attachment.inputs["policyArn"]).rpartition("/")[2]
        found += json.loads(own[0].inputs["policy"])["Statement"] if own else published(name)
    return tuple(found)


def wanted(role: str, parameter: str) -> bool:
    """Whether the role is to have the parameter."""
    return role == CONTROL_PLANE or (role == WORKER and parameter == "/kubernetes/demo/join/token")


def too_many_readers(roles: Roles, secrets: Mapping[str, Secret]) -> Iterator[str]:
    """Who may read a parameter although it should not, or may not although it has to."""
    for role, holder in roles.items():
        for name, secret in secrets.items():
            calls = {action: Call(action=action, targets=[Target(arn=secret.arn)]) for action in READS}
            may = {action for action, call in calls.items() if allowed(holder.statements, call)}
            if may != (set(READS[:2]) if wanted(role, name) else set()):
                yield f"{role}: {name} by {sorted(may)}"
        for path in ("/kubernetes", "/kubernetes/demo", "/kubernetes/demo/control-plane"):
            arn = f"arn:aws:ssm:{PLACE.region}:{ACCOUNT}:parameter{path}"
            if allowed(holder.statements, Call(action="ssm:GetParametersByPath", targets=[Target(arn=arn)])):
                yield f"{role}: all below {path}"


def too_many_decrypters(roles: Roles, secrets: Mapping[str, Secret]) -> Iterator[str]:
    """Who could decrypt a parameter that somebody else has read, through SSM or directly, or cannot but has to."""
    for role, holder in roles.items():
        for name, secret in secrets.items():
            via = {"kms:ViaService": f"ssm.{PLACE.region}.amazonaws.com"}
            context = {**holder.identity, "kms:EncryptionContext:PARAMETER_ARN": secret.arn}
            for how, more in (("SSM", via), ("itself", {})):
                call = Call(action="kms:Decrypt", targets=[Target(arn=secret.key)], context={**context, **more})
                if allowed([*holder.statements, *secret.guards], call) != (wanted(role, name) and how == "SSM"):
                    yield f"{role}: {name} decrypted by {how}"


def too_many_restorers(roles: Roles, _: Mapping[str, Secret]) -> Iterator[str]:
    """Who may read etcd's snapshots, in which every secret of the cluster lies."""
    for role, holder in roles.items():
        call = Call(action="s3:GetObject", targets=[Target(arn=SNAPSHOT)])
        if allowed(holder.statements, call) != (role == CONTROL_PLANE):
            yield f"{role}: {SNAPSHOT}"


def patterns_of_parameters(roles: Roles, secrets: Mapping[str, Secret]) -> Iterator[str]:
    """Which right to read parameters is on a pattern instead of named ones."""
    exact = {secret.arn for secret in secrets.values()}
    for role, holder in roles.items():
        for statement in holder.statements:
            actions = many(statement.get("Action", []))
            reads = [action for action in actions if any(wildcard(action.lower(), read.lower()) for read in READS)]
            if statement["Effect"] == "Allow" and reads and not set(many(statement["Resource"])) <= exact:
                yield f"{role}: {reads} on {statement['Resource']}"


Control = Callable[[Roles, Mapping[str, Secret]], Iterator[str]]


def allow(actions: str | list[str], resources: str | list[str], **conditions: Any) -> Statement:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": conditions} if conditions else statement


_VIA: Final = {"StringEquals": {"kms:ViaService": f"ssm.{PLACE.region}.amazonaws.com"}}
_BELOW: Final = f"arn:aws:ssm:{PLACE.region}:{ACCOUNT}:parameter/kubernetes/demo"
# What somebody might add to a role one day, and the control that sees it.
WIDENED: Final[list[tuple[Control, Statement]]] = [
    (too_many_readers, allow("ssm:*", "*")),
    (too_many_readers, allow("ssm:Get*", f"{_BELOW}/*")),
    (too_many_readers, allow("ssm:GetParameter", f"{_BELOW}/control-plane/ca-key")),
    (too_many_readers, allow("ssm:GetParameterHistory", f"{_BELOW}/control-plane/*")),
    (too_many_readers, allow("ssm:GetParametersByPath", f"{_BELOW}/control-plane")),
    (too_many_readers, allow(["ssm:GetParameters"], f"{_BELOW}/*/sa-key")),
    (patterns_of_parameters, allow("ssm:GetParameters", f"{_BELOW}/join/*")),
    (patterns_of_parameters, allow("ssm:*", "*", StringEquals={"aws:ResourceTag/project": "demo"})),
    (too_many_restorers, allow("s3:GetObject", f"arn:aws:s3:::{BACKUPS}/*")),
    (too_many_restorers, allow("s3:*", "*")),
]
OTHERS: Final = (WORKER, "identity-external-secrets", "identity-argocd-backup")
CONTROLS: Final = (too_many_readers, too_many_decrypters, too_many_restorers, patterns_of_parameters)


def widened(roles: Roles, role: str, *statements: Statement) -> Roles:
    old = roles[role]
    return {**roles, role: Holder(old.identity, (*old.statements, *statements))}


def test_every_role_and_parameter_is_judged(roles: Roles, secrets: Mapping[str, Secret]) -> None:
    """Both machines and every controller that has rights, against ten parameters under two keys."""
    controllers = {name.removeprefix("identity-") for name in roles if name.startswith("identity-")}
    assert roles.keys() == {CONTROL_PLANE, WORKER} | {f"identity-{name}" for name in controllers}
    assert controllers == {name for name in controllers if name in CONTROLLERS}
    assert len(controllers) >= 6
    assert len(secrets) == 10
    assert len({secret.key for secret in secrets.values()}) == 2


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(roles: Roles, secrets: Mapping[str, Secret], control: Control) -> None:
    """Control planes have every secret, workers the join token, and service accounts nothing."""
    assert list(control(roles, secrets)) == []


@pytest.mark.parametrize("role", OTHERS)
@pytest.mark.parametrize(
    ("control", "statement"),
    WIDENED,
    ids=[f"{control.__name__}-{number}" for number, (control, _) in enumerate(WIDENED)],
)
def test_a_wider_role_is_caught(
    roles: Roles, secrets: Mapping[str, Secret], role: str, control: Control, statement: Statement
) -> None:
    """Any statement that would let a worker or a service account read a secret is seen."""
    assert list(control(widened(roles, role, statement), secrets))


@pytest.mark.parametrize("role", OTHERS)
def test_keys_stay_shut_however_wide_a_role_is(roles: Roles, secrets: Mapping[str, Secret], role: str) -> None:
    """With every right of KMS neither a worker nor a service account decrypts what only control planes may have."""
    wide = widened(roles, role, allow("kms:*", "*"))
    opened = [found for found in too_many_decrypters(wide, secrets) if "/control-plane/" in found]
    assert opened == []
    unguarded = {name: Secret(secret.arn, secret.key, ()) for name, secret in secrets.items()}
    assert len([f for f in too_many_decrypters(wide, unguarded) if "/control-plane/" in f]) == 18


def test_another_role_with_rights_to_the_key_is_caught(roles: Roles, secrets: Mapping[str, Secret]) -> None:
    """A key's policy cannot know every role to come; the evaluation over all roles does."""
    stranger = Holder({"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/new"}, (allow("kms:Decrypt", "*", **_VIA),))
    assert len(list(too_many_decrypters({**roles, "new": stranger}, secrets))) == 10


@pytest.mark.parametrize("lost", ["secrets", "key", "token"])
def test_a_machine_that_cannot_read_what_it_needs_is_caught(
    roles: Roles, secrets: Mapping[str, Secret], lost: str
) -> None:
    """A right too few is seen before a machine waits for it in vain."""
    role, sid = {
        "secrets": (CONTROL_PLANE, "AllowReadingControlPlaneParameters"),
        "key": (CONTROL_PLANE, "AllowDecryptingControlPlaneParameters"),
        "token": (WORKER, "AllowReadingJoinParameters"),
    }[lost]
    rest = tuple(s for s in roles[role].statements if s.get("Sid") != sid)
    assert len(rest) == len(roles[role].statements) - 1
    fewer = {**roles, role: Holder(roles[role].identity, rest)}
    control = too_many_decrypters if lost == "key" else too_many_readers
    assert list(control(fewer, secrets))


def test_inline_policies_fit_together(capture: CaptureProgram) -> None:
    """All policies of a machine's role are within IAM's 10,240 characters at the longest names."""
    found = capture(_longest)
    for role in found.of_type(ROLE):
        texts = [r.inputs["policy"] for r in found.of_type(ROLE_POLICY) if r.source("role") == role.urn]
        total = sum(size(json.loads(text)) for text in texts)
        print(f"{role.name}: {total} of 10240 characters")
        assert 0 < total <= 10_240


def _longest() -> None:
    key = f"arn:aws:kms:{PLACE.region}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
    args = MachineRolesArgs(
        cluster_name="n" * 100,
        control_plane_key_arn=key,
        join_key_arn=key,
        backups_bucket="b" * 63,
        logs_bucket="l" * 63,
        place=PLACE,
    )
    MachineRoles("roles", args)
