"""What the pack says of the machines' roles and of the issuer: nothing but what waivers are there for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from components.self_managed.issuer import OidcIssuer, OidcIssuerArgs
from components.self_managed.roles import MachineRoles, MachineRolesArgs
from components.storage.bucket import PrivateBucket, PrivateBucketArgs
from policies.resources import Options, Resource
from tests.components import Mutation, changed
from tests.conftest import ACCOUNT, CaptureProgram
from tests.policies import resources, violations
from tests.storage import BOUNDARY, PLACE

KEY: Final = f"arn:aws:kms:ap-northeast-2:{ACCOUNT}:key/1"
ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
# Each has its reason in policies/waivers.yaml as soon as a stack registers it.
MEANT: Final = {
    # Everybody has to read the two documents, also who has no right to a key of ours.
    ("bucket-is-closed", "issuer"),
    ("bucket-is-encrypted-by-our-key", "issuer"),
    ("bucket-lets-nobody-unnamed-in", "issuer"),
    # Session Manager's calls take no resource.
    ("writes-are-bounded", "roles-control-plane-sessions"),
    ("writes-are-bounded", "roles-worker-sessions"),
}
# Of what is registered elsewhere: pods' roles, and the parameters that machines read.
ELSEWHERE: Final = {"issuer-is-for-sts-alone", "parameters-that-are-read-are-there"}
WEAKER: Final[list[tuple[str, Mutation]]] = [
    (
        "node-role-is-minimal",
        changed(
            ATTACHMENT, "roles-worker-images", {"policyArn": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"}
        ),
    ),
    (
        "node-role-is-minimal",
        changed(ATTACHMENT, "roles-worker-images", {"policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    ),
]


def register() -> None:
    logs = PrivateBucket("logs", PrivateBucketArgs(bucket="demo-logs", expire_days=365, keep=True, place=PLACE))
    logs.attach_policy()
    OidcIssuer(
        "issuer",
        OidcIssuerArgs(bucket="demo-issuer", jwks="{}", log_bucket=logs.bucket, keep=True, protect=True, place=PLACE),
    )
    roles = MachineRolesArgs(
        cluster_name="demo",
        control_plane_key_arn=KEY,
        join_key_arn=KEY,
        backups_bucket="demo-backups",
        logs_bucket="demo-logs",
        place=PLACE,
    )
    MachineRoles("roles", roles)


def judged(found: list[Resource]) -> set[tuple[str, str]]:
    """What the rules find, by rule and logical name, but on the logs bucket, which others judge."""
    all_found = violations(found, Options(permissions_boundary=BOUNDARY))
    judged_here = (v for v in all_found if v.rule.id not in ELSEWHERE)
    return {(v.rule.id, v.resource.name) for v in judged_here if v.resource.name != "logs"}


def test_rules_find_only_what_is_meant(capture: CaptureProgram) -> None:
    """Five findings are the design itself; everything else of the pack holds, in production too."""
    assert judged(resources(capture(register))) == MEANT


@pytest.mark.parametrize(
    ("rule", "mutation"), WEAKER, ids=[f"{rule}-{number}" for number, (rule, _) in enumerate(WEAKER)]
)
def test_a_policy_of_aws_too_many_is_found(capture: CaptureProgram, rule: str, mutation: Mutation) -> None:
    """AWS's own policy for Session Manager, which reads every parameter, is refused on machines."""
    assert (rule, "roles-worker") in judged(resources(mutation(capture(register))))


def test_a_machine_without_images_is_found(capture: CaptureProgram) -> None:
    """A role that cannot pull from the account's registry is too little, and said as well."""
    found = resources(capture(register))
    fewer = [r for r in found if (r.type, r.name) != (ATTACHMENT, "roles-worker-images")]
    assert ("node-role-is-minimal", "roles-worker") in judged(fewer)


def test_with_a_cluster_of_eks_nodes_are_judged_as_before(capture: CaptureProgram) -> None:
    """Beside EKS a node's role has AWS's three policies and an entry, or is found."""
    found = resources(capture(register))
    cluster = replace(found[-1], type="aws:eks/cluster:Cluster", name="cluster", urn="urn:cluster", props={})
    rules = {rule for rule, name in judged([*found, cluster]) if name == "roles-worker"}
    assert {"node-role-is-minimal", "node-role-has-an-entry"} <= rules
