"""What Secrets registers: entries without values, and who can read them later."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from components.identity.policies.external_secrets import secrets as external_secrets
from components.identity.policies.scope import Scope
from components.place import Place
from components.secrets.component import Secrets, SecretsArgs
from tests.captures import Capture
from tests.components import Control, Mutation, changed, without
from tests.components.conftest import ALIAS, CLUSTER, KEY, TAGS
from tests.conftest import ACCOUNT, CaptureProgram
from tests.iam import Call, Target, allowed

REGION: Final = "ap-northeast-2"
SECRET: Final = "aws:secretsmanager/secret:Secret"
POLICY: Final = "aws:secretsmanager/secretPolicy:SecretPolicy"
VERSION: Final = "aws:secretsmanager/secretVersion:SecretVersion"
PREFIX: Final = "demo/"
ENTRIES: Final = {"gitops/github": "username and token", "argocd/slack": "token of notifications"}
NAMES: Final = [f"secrets-{entry}" for entry in ENTRIES]
Register = Callable[..., Capture]


@pytest.fixture(scope="session")
def secrets(capture: CaptureProgram) -> Register:
    """Register the component; keyword arguments replace the example's."""

    def register(preview: bool = False, **changes: Any) -> Capture:
        place = Place(region=REGION, partition="aws", account_id=ACCOUNT, tags=TAGS)
        example: dict[str, Any] = {
            "cluster_name": CLUSTER,
            "prefix": PREFIX,
            "entries": ENTRIES,
            "recovery_days": 30,
            "protect": True,
        }
        args = SecretsArgs(**{**example, **changes}, place=place)
        return capture(lambda: Secrets("secrets", args), preview=preview)

    return register


def valued(captured: Capture) -> list[str]:
    """Values that the program would know, and so the state."""
    inputs = {key for secret in captured.of_type(SECRET) for key in secret.inputs}
    return [version.name for version in captured.of_type(VERSION)] + sorted(inputs & {"secretString", "secretBinary"})


def shared_keys(captured: Capture) -> list[str]:
    """Secrets under another key than the stack's own for secrets, or under one that does not rotate."""
    (key,) = captured.of_type(KEY)
    (alias,) = captured.of_type(ALIAS)
    faults = [s.name for s in captured.of_type(SECRET) if s.property_dependencies.get("kmsKeyId") != (key.urn,)]
    if alias.inputs["name"] != f"alias/{CLUSTER}-secrets":
        faults.append("alias")
    return faults + ([] if key.inputs.get("enableKeyRotation") else ["rotation"])


def unrecoverable(captured: Capture) -> list[str]:
    """Secrets that are gone at once, or could be had back without the key to read them."""
    faults = [s.name for s in captured.of_type(SECRET) if s.inputs.get("recoveryWindowInDays") != 30]
    holders = [*captured.of_type(KEY), *captured.of_type(ALIAS)]
    return (
        faults
        + [r.type for r in holders if not r.retain_on_delete]
        + [r.type for r in captured.of_type(KEY) if not r.protect]
    )


def public(captured: Capture) -> list[str]:
    """Secrets that someone of another account could be let to, or someone of this one is let to beside IAM."""
    policies = {policy.source("secretArn"): policy for policy in captured.of_type(POLICY)}
    faults = []
    for secret in captured.of_type(SECRET):
        policy = policies.get(secret.urn)
        if policy is None or not policy.inputs.get("blockPublicPolicy"):
            faults.append(secret.name)
            continue
        own = json.loads(policy.inputs["policy"])["Statement"]
        later = [*own, {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]
        target = Target(arn=f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{secret.inputs['name']}-AbCdEf")
        for account, statements, expected in [
            ("999999999999", later, False),
            (ACCOUNT, own, False),
            (ACCOUNT, later, True),
        ]:
            context = {"aws:PrincipalAccount": account}
            call = Call(action="secretsmanager:GetSecretValue", targets=[target], principal="AWS:x", context=context)
            if allowed(statements, call) != expected:
                faults.append(f"{secret.name}: {account}")
    return faults


def unreadable(captured: Capture) -> list[str]:
    """Secrets that external-secrets could not read with its own rights: the secret's, and the key's by delegation."""
    scope = Scope(cluster_name=CLUSTER, region=REGION, partition="aws", account_id=ACCOUNT)
    rights = external_secrets(scope, PREFIX)["Statement"]
    (key,) = captured.of_type(KEY)
    delegated = json.loads(key.inputs["policy"])["Statement"]
    key_target = Target(arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1")
    faults = []
    for secret in captured.of_type(SECRET):
        arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{secret.inputs['name']}-AbCdEf"
        context = {
            "kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com",
            "kms:EncryptionContext:SecretARN": arn,
        }
        root = f"AWS:arn:aws:iam::{ACCOUNT}:root"
        decrypt = Call(action="kms:Decrypt", targets=[key_target], principal=root, context=context)
        read = Call(action="secretsmanager:GetSecretValue", targets=[Target(arn=arn)])
        if not (allowed(rights, read) and allowed(rights, decrypt) and allowed(delegated, decrypt)):
            faults.append(secret.name)
    return faults


def misnamed(captured: Capture) -> list[str]:
    """Entries without a secret of the name, description and tags that the tree and people look for."""
    found = {s.inputs["name"]: (s.inputs.get("description"), s.inputs.get("tags")) for s in captured.of_type(SECRET)}
    wanted = {f"{PREFIX}{entry}": (description, TAGS) for entry, description in ENTRIES.items()}
    return [] if found == wanted else [str(found)]


def _policy(*statements: dict[str, Any]) -> Mutation:
    return changed(POLICY, NAMES[0], {"policy": json.dumps({"Statement": statements})})


CASES: Final[list[tuple[Control, Mutation]]] = [
    (valued, changed(SECRET, NAMES[0], {"secretString": "x"})),
    (shared_keys, changed(SECRET, NAMES[0], property_dependencies={})),
    (shared_keys, changed(KEY, "secrets", {"enableKeyRotation": None})),
    (shared_keys, changed(ALIAS, "secrets", {"name": "alias/other"})),
    (unrecoverable, changed(SECRET, NAMES[1], {"recoveryWindowInDays": 0})),
    (unrecoverable, changed(KEY, "secrets", retain_on_delete=False)),
    (unrecoverable, changed(ALIAS, "secrets", retain_on_delete=False)),
    (unrecoverable, changed(KEY, "secrets", protect=False)),
    (public, without(POLICY, NAMES[1])),
    (public, changed(POLICY, NAMES[0], {"blockPublicPolicy": False})),
    (public, _policy()),
    (public, _policy({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})),
    (public, _policy({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"})),
    (unreadable, changed(SECRET, NAMES[0], {"name": "other/gitops/github"})),
    (unreadable, changed(KEY, "secrets", {"policy": json.dumps({"Statement": []})})),
    (misnamed, without(SECRET, NAMES[0])),
    (misnamed, changed(SECRET, NAMES[0], {"tags": None})),
    (misnamed, changed(SECRET, NAMES[0], {"description": None})),
]
CONTROLS: Final = list(dict.fromkeys(control for control, _ in CASES))


@pytest.mark.parametrize("control", CONTROLS)
def test_control_holds(secrets: Register, control: Control) -> None:
    """What the component registers breaks no control."""
    assert control(secrets()) == []


@pytest.mark.parametrize(("control", "mutation"), CASES, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(secrets: Register, control: Control, mutation: Mutation) -> None:
    """Each control reports a stack in which one thing was changed."""
    assert control(mutation(secrets())) != []


def test_without_a_recovery_window_nothing_is_left(secrets: Register) -> None:
    """A destroy takes key and secrets along: no name stays taken."""
    captured = secrets(recovery_days=0, protect=False)
    assert {s.inputs["recoveryWindowInDays"] for s in captured.of_type(SECRET)} == {0}
    assert [r.urn for r in captured.resources if r.retain_on_delete or r.protect] == []


def test_an_entry_more_renames_none(secrets: Register) -> None:
    """URNs come from the entries' names, not from their places."""
    more = {"a/first": "new", **ENTRIES}
    assert set(secrets().urns) < set(secrets(entries=more).urns)


def test_everything_is_known_at_preview(secrets: Register) -> None:
    """A preview shows names and documents whole."""
    previewed = secrets(preview=True)
    assert misnamed(previewed) == []
    assert all(isinstance(json.loads(p.inputs["policy"]), dict) for p in previewed.of_type(POLICY))


def test_outputs_name_each_entry(secrets: Register) -> None:
    """What ExternalSecrets and other components refer to."""
    captured = secrets()
    (outputs,) = [out for urn, out in captured.outputs.items() if urn.endswith("platform:secrets:Secrets::secrets")]
    assert outputs["names"] == {entry: f"{PREFIX}{entry}" for entry in ENTRIES}
    assert set(outputs["arns"]) == set(ENTRIES)
