"""IRSA in the place of Pod Identity: the same workloads, roles that the cluster's own tokens open."""

from __future__ import annotations

import json
from typing import Any, Final

import pulumi
import pytest

from components.identity.controllers import Controllers, ControllersArgs
from components.identity.irsa import ANNOTATION, Irsa
from components.identity.pod_identity import PodIdentity
from components.identity.policies.controllers import CONTROLLERS, Reach
from components.identity.workload import Grant, Workload, WorkloadIdentity
from components.self_managed.issuer import OidcIssuer, OidcIssuerArgs
from tests.captures import UNKNOWN, Capture
from tests.components import Control, Mutation, changed, without
from tests.conftest import ACCOUNT, CaptureProgram
from tests.iam import Call, Target, allowed
from tests.self_managed import ISSUER
from tests.storage import BOUNDARY, PLACE, ROLE, TAGS

IDENTITY: Final = "platform:identity:IrsaRole"
ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
POLICY: Final = "aws:iam/policy:Policy"
PROVIDER: Final = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
CLAIMS: Final = ISSUER.removeprefix("https://")
PROVIDER_ARN: Final = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{CLAIMS}"
REACH: Final = Reach(secrets_prefix="demo/", hosted_zone_ids=("Z1",), chart_repositories=("charts",))
ACCOUNTS: Final = {
    f"identity-{key}": (controller.namespace, controller.service_account) for key, controller in CONTROLLERS.items()
}


def register() -> Controllers:
    issuer = OidcIssuer("issuer", OidcIssuerArgs(bucket="nodes14-issuer", jwks="{}", place=PLACE))
    return controllers(Irsa(issuer=issuer.url, provider_arn=issuer.provider_arn, place=PLACE))


def controllers(identity: WorkloadIdentity) -> Controllers:
    return Controllers("identity", ControllersArgs(cluster_name="demo", identity=identity, reach=REACH, place=PLACE))


@pytest.fixture(scope="module")
def captured(capture: CaptureProgram) -> Capture:
    return capture(register)


def roles(captured: Capture) -> dict[str, dict[str, Any]]:
    return {r.name: json.loads(r.inputs["assumeRolePolicy"]) for r in captured.of_type(ROLE)}


def call(subject: str, audience: str = "sts.amazonaws.com", issuer: str = CLAIMS, **changes: str) -> Call:
    """A pod gives its token to STS."""
    return Call(
        action=changes.get("action", "sts:AssumeRoleWithWebIdentity"),
        targets=[Target(arn="*")],
        principal=changes.get("principal", f"Federated:{PROVIDER_ARN}"),
        context={f"{issuer}:sub": subject, f"{issuer}:aud": audience},
    )


def wrong_takers(captured: Capture) -> list[str]:
    """A role is taken by its own service account with a token for STS from this issuer, and by nothing else."""
    wrong = []
    for name, trust in roles(captured).items():
        namespace, account = ACCOUNTS[name]
        own = f"system:serviceaccount:{namespace}:{account}"
        right = [
            (call(own), True),
            (call(f"system:serviceaccount:default:{account}"), False),
            (call(f"{own}-2"), False),
            (call(own, audience="https://kubernetes.default.svc.cluster.local"), False),
            (call(own, issuer="other.example.com"), False),
            (call(own, principal=f"Federated:arn:aws:iam::{ACCOUNT}:oidc-provider/other.example.com"), False),
            (call(own, principal=f"AWS:arn:aws:iam::{ACCOUNT}:root"), False),
            (call(own, action="sts:AssumeRole"), False),
        ]
        wrong += [f"{name}: {one}" for one, expected in right if allowed(trust["Statement"], one) is not expected]
    return wrong


def shared_roles(captured: Capture) -> list[str]:
    """No two service accounts share a role, and no two roles a service account."""
    texts = [json.dumps(trust, sort_keys=True) for trust in roles(captured).values()]
    return [text for text in texts if texts.count(text) > 1]


def early_arns(captured: Capture) -> list[str]:
    """Trust policies stand once the issuer's provider does, and a grant's ARN once its policies are attached."""
    (provider,) = captured.of_type(PROVIDER)
    wrong = [r.name for r in captured.of_type(ROLE) if provider.urn not in captured.needs(r)]
    for role in captured.of_type(ROLE):
        rights = {r.name for r in captured.of_type(ATTACHMENT) if r.source("role") == role.urn}
        policies = {r.name for r in captured.of_type(POLICY) if r.parent == role.parent}
        wrong += [] if rights == policies and rights else [role.name]
    return wrong


def unbounded(captured: Capture) -> list[str]:
    """The permissions boundary and the tags reach every role."""
    bounds = [(r.inputs.get("permissionsBoundary"), r.inputs.get("tags")) for r in captured.of_type(ROLE)]
    return [str(bound) for bound in bounds if bound != (BOUNDARY, TAGS)]


_ROLE: Final = "identity-external-dns"


def _trust(old: str, new: str) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        text = captured.one(ROLE, _ROLE).inputs["assumeRolePolicy"]
        assert old in text
        return captured.changed(ROLE, _ROLE, {"assumeRolePolicy": text.replace(old, new)})

    return mutate


def _twins(captured: Capture) -> Capture:
    text = captured.one(ROLE, "identity-monitoring").inputs["assumeRolePolicy"]
    return captured.changed(ROLE, _ROLE, {"assumeRolePolicy": text})


MUTATIONS: list[tuple[Control, Mutation]] = [
    (wrong_takers, _trust(f'"{CLAIMS}:aud":"sts.amazonaws.com",', "")),
    (wrong_takers, _trust(f',"{CLAIMS}:sub":"system:serviceaccount:external-dns:external-dns"', "")),
    (wrong_takers, _trust(":external-dns:external-dns", ":*:external-dns")),
    (wrong_takers, _trust("sts:AssumeRoleWithWebIdentity", "sts:*")),
    (wrong_takers, _trust(f'{{"Federated":"{PROVIDER_ARN}"}}', '"*"')),
    (shared_roles, _twins),
    (early_arns, changed(ROLE, _ROLE, dependencies=())),
    (early_arns, without(ATTACHMENT, "identity-external-dns-records")),
    (unbounded, changed(ROLE, _ROLE, {"permissionsBoundary": None})),
    (unbounded, changed(ROLE, _ROLE, {"tags": {}})),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(captured: Capture, control: Control) -> None:
    """The identities break no control."""
    assert control(captured) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(captured: Capture, control: Control, mutation: Mutation) -> None:
    """Each control reports registrations in which one thing was changed."""
    assert control(mutation(captured)) != []


def test_every_controller_has_the_rights_that_it_has_on_eks(capture: CaptureProgram, captured: Capture) -> None:
    """Both mechanisms write the same documents; only who takes the role differs, and there is no association."""
    pods = capture(lambda: controllers(PodIdentity(cluster_name="demo", ready_cluster_name="demo", place=PLACE)))
    documents = [{r.name: r.inputs["policy"] for r in one.of_type(POLICY)} for one in (captured, pods)]
    assert documents[0] == documents[1] != {}
    assert captured.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation") == []
    assert {r.name for r in captured.of_type(IDENTITY)} == {r.name for r in captured.of_type(ROLE)}


def test_the_service_account_carries_its_role(capture: CaptureProgram) -> None:
    """A grant says what to put on the service account: the ARN of the role that trusts it."""
    made: list[Grant] = []
    workload = Workload(
        namespace="shop", service_account="api", documents={"reading": {"Statement": []}}, description="test"
    )

    def program() -> None:
        identity = Irsa(issuer=ISSUER, provider_arn=PROVIDER_ARN, place=PLACE)
        made.append(identity.grant("api", workload, pulumi.ResourceOptions()))
        pulumi.export("annotations", made[0].annotations)

    found = capture(program)
    arn = found.outputs[found.one(IDENTITY, "api").urn]["role_arn"]
    assert found.exports["annotations"] == {ANNOTATION: arn}
    assert arn.startswith(f"arn:aws:iam::{ACCOUNT}:role/api-")
    assert ANNOTATION == "eks.amazonaws.com/role-arn"


def test_grants_wait_for_their_policies(capture: CaptureProgram) -> None:
    """Whoever uses the ARN comes after every attachment."""
    from pulumi_aws.s3 import Bucket

    workload = Workload(
        namespace="shop", service_account="api", documents={"a": {"Statement": []}, "b": {}}, description="test"
    )

    def program() -> None:
        identity = Irsa(issuer=ISSUER, provider_arn=PROVIDER_ARN, place=PLACE)
        Bucket("user", bucket=identity.grant("api", workload, pulumi.ResourceOptions()).role_arn)

    found = capture(program)
    needed = found.needs(found.one("aws:s3/bucket:Bucket", "user"))
    assert {r.urn for r in found.of_type(ATTACHMENT)} <= needed


def test_a_preview_shows_trust_whole(capture: CaptureProgram) -> None:
    """Who may take a role is known before anything exists, and its ARN is not."""
    previewed = capture(register, preview=True)
    assert wrong_takers(previewed) == []
    shown = previewed.outputs[previewed.one(IDENTITY, _ROLE).urn]
    assert shown["role_arn"] == UNKNOWN
