"""What the programs register is what tests/iam decides case by case, in the hands of whom it is for.

The pack's rules notice a statement that is wide open. That each condition and each resource of the others is needed,
tests/iam shows of the documents that the planners make; here is shown that no other document reaches AWS.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from components.identity.policies.controllers import Reach
from components.identity.policies.scope import Scope
from policies import tokens
from policies.resources import Resource, Stack
from rules.regions import PARTITION_OF_REGION
from tests.iam.catalog import (
    BACKUPS,
    CONTROL_PLANE_KEY,
    ISSUER_BUCKET,
    JOIN_KEY,
    LOGS,
    identity_documents,
    trust_documents,
)
from tests.policies import PROGRAMS, Program
from tests.policies.mutations import systematic
from tests.whole_stacks import stack_sections

Programs = Callable[[str], Program]
HOLDING = (tokens.POLICY, tokens.ROLE_POLICY)
# Who takes these is told by the role's name: EC2 may take both, and what each may do differs.
MACHINES = {f"machine-roles-{role}": role for role in ("control-plane", "worker")}


def _text(document: Any) -> str:
    return json.dumps(document, sort_keys=True)


def _known(name: str, stack: Stack) -> tuple[Mapping[str, str], Mapping[str, set[str]]]:
    """Return whose each trust document is, and the statements of each of them, for the program's cluster."""
    own = _own_names(name, stack)
    variant = PROGRAMS[name]
    sections = stack_sections(variant.stack, variant.changes)
    aws, identity, storage, edge = (sections[key] for key in ("aws", "identity", "storage", "edge"))
    scope = Scope(
        cluster_name=sections["cluster"]["name"],
        region=aws["region"],
        partition=PARTITION_OF_REGION[aws["region"]],
        account_id=aws["accountId"],
    )
    reach = Reach(
        secrets_prefix=identity["secretsPrefix"],
        hosted_zone_ids=tuple(identity.get("hostedZoneIds", ())),
        chart_repositories=tuple(identity.get("chartRepositories", ())),
        backups_bucket=storage["buckets"]["backups"],
        domain=edge.get("domain"),
        domain_zone_id=None if edge["delegate"] else edge["hostedZoneId"],
        firewall=edge["firewall"],
    )
    rights: dict[str, set[str]] = {}
    for document, content in identity_documents(scope, reach, storage["repositories"]).items():
        rights.setdefault(document.partition("/")[0], set()).update(own(_text(one)) for one in content["Statement"])
    # A controller's rights are the same, however its pods prove who they are.
    trusts = {own(_text(trust)): whose.removesuffix(" by IRSA") for whose, trust in trust_documents(scope).items()}
    return trusts, rights


def _own_names(name: str, stack: Stack) -> Callable[[str], str]:
    """Return what puts the program's keys and buckets where the catalog's documents have theirs."""
    buckets = stack_sections(PROGRAMS[name].stack, PROGRAMS[name].changes)["storage"]["buckets"]
    keys = {one.name: str(one.get("keyId")) for one in stack.of(tokens.PARAMETER)}
    names = {BACKUPS: buckets["backups"], LOGS: buckets["logs"]}
    if keys:
        names[ISSUER_BUCKET] = buckets["issuer"]
        names |= {CONTROL_PLANE_KEY: keys["parameters-ca-key"], JOIN_KEY: keys["parameters-token"]}
    return lambda text: functools.reduce(lambda done, pair: done.replace(*pair), names.items(), text)


def strays(name: str, resources: Sequence[Resource], program: Program) -> Iterator[str]:
    """Yield roles that nobody of the catalog is to have, and statements that their holder is not to have."""
    stack = Stack(resources, program.options)
    owners, rights = _known(name, stack)
    whose = {role.urn: owners.get(_text(role.document("assumeRolePolicy"))) for role in stack.of(tokens.ROLE)}
    whose |= {
        role.urn: MACHINES.get(role.name, "nodes") for role in stack.of(tokens.ROLE) if whose[role.urn] == "nodes"
    }
    yield from (f"{urn} may be taken by somebody else" for urn, owner in whose.items() if owner is None)
    for policy in stack.of(*HOLDING):
        links = [policy] if policy.type == tokens.ROLE_POLICY else stack.users(policy, "policyArn", tokens.ATTACHMENT)
        for role in [role for link in links for role in stack.source(link, "role", tokens.ROLE)]:
            allowed = rights.get(whose[role.urn] or "", set())
            if {_text(statement) for statement in policy.document("policy")["Statement"]} - allowed:
                yield f"{policy.name} lets {role.name} do what is not its"


@pytest.mark.parametrize("name", PROGRAMS)
def test_documents_are_those_of_the_catalog(programs: Programs, name: str) -> None:
    """Every role is one's, and every statement that it gets is of a document that tests/iam decides on."""
    program = programs(name)
    assert list(strays(name, program.resources, program)) == []


def test_some_program_has_every_document_of_the_catalog() -> None:
    """No controller's rights are left out because no stack asks for them."""
    variants = [stack_sections(variant.stack, variant.changes) for variant in PROGRAMS.values()]
    identities = [sections["identity"] for sections in variants]
    assert any(identity.get("hostedZoneIds") and identity.get("chartRepositories") for identity in identities)
    assert any(sections["storage"]["pushers"] for sections in variants)


@pytest.mark.parametrize(("name", "least"), [("bounded", 150), ("quorum", 100)])
def test_every_wider_document_is_noticed(programs: Programs, name: str, least: int) -> None:
    """Action, resource, principal, condition: no statement of a policy or role may be wider than in the catalog."""
    program = programs(name)
    mutations = [m for m in systematic(name, program, (*HOLDING, tokens.ROLE)) if " of statement " in m.path]
    assert len(mutations) > least
    assert [m.id for m in mutations if not list(strays(name, m.resources, program))] == []


@pytest.mark.parametrize("purpose", ["snapshots", "audit", "metrics", "cloud-controller", "secrets"])
def test_no_worker_gets_a_control_planes_document(programs: Programs, purpose: str) -> None:
    """EC2 may take both roles: what only control planes may do is noticed in the other one's hands."""
    program = programs("quorum")
    (control_plane, worker) = (f"machine-roles-{role}-{purpose}" for role in ("control-plane", "worker"))
    (policy,) = (r for r in program.resources if (r.type, r.name) == (tokens.ROLE_POLICY, control_plane))
    (role,) = (r for r in program.resources if (r.type, r.name) == (tokens.ROLE, "machine-roles-worker"))
    given = replace(policy, name=worker, urn="urn:given", sources={**policy.sources, "role": frozenset({role.urn})})
    assert list(strays("quorum", [*program.resources, given], program)) == [
        f"{worker} lets machine-roles-worker do what is not its"
    ]


def test_a_policy_in_other_hands_is_noticed(programs: Programs) -> None:
    """What external-secrets may read, the monitoring agents may not."""
    program = programs("prod")
    (role,) = (r for r in program.resources if (r.type, r.name) == (tokens.ROLE, "identity-monitoring"))

    def handed_over(resource: Resource) -> Resource:
        if (resource.type, resource.name) != (tokens.ATTACHMENT, "identity-external-secrets-secrets"):
            return resource
        return replace(resource, sources={**resource.sources, "role": frozenset({role.urn})})

    assert list(strays("prod", [handed_over(resource) for resource in program.resources], program))
