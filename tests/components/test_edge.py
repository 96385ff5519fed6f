"""Zone, certificates and firewalls, as registered."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import grpc
import pulumi
import pytest
from pulumi_aws import Provider

from components.edge import names
from components.edge.component import Edge, EdgeArgs
from components.identity.policies.controllers import CONTROLLERS, Reach
from components.identity.policies.scope import Scope
from components.place import Place
from tests.captures import UNKNOWN, Capture
from tests.conftest import ACCOUNT, CaptureProgram

ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"
CERTIFICATE = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
ACL = "aws:wafv2/webAcl:WebAcl"
LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
GROUP = "aws:cloudwatch/logGroup:LogGroup"
KEY = "aws:kms/key:Key"
GIVEN = "Z0123456789ABC"
TAGS = {"Project": "demo"}
REGIONAL = ("edge-certificate", "edge-firewall")
GLOBAL = ("edge-global-certificate", "edge-global-firewall")
EXAMPLE: dict[str, Any] = {
    "cluster_name": "demo",
    "domain": "demo.example.com",
    "hosted_zone_id": GIVEN,
    "delegate": True,
    "images": True,
    "firewall": True,
    "log_retention_days": 30,
    "keep_data": False,
    "protect": False,
    "place": Place(region="ap-northeast-2", partition="aws", account_id=ACCOUNT, tags=TAGS),
}
Build = Callable[..., Capture]
Control = Callable[[Capture], list[str]]
Mutation = Callable[[Capture], Capture]


# What the engine answers when a provider's function fails.
Refusal = type(
    "Refusal",
    (grpc.RpcError,),
    {
        "code": lambda self: grpc.StatusCode.UNKNOWN,
        "details": lambda self: "1 error occurred:\n\t* reading Route 53 Hosted Zone: NoSuchHostedZone\n\n",
    },
)


@pytest.fixture(scope="module")
def edge(capture: CaptureProgram) -> Build:
    """Register an edge; keyword arguments replace the example's."""

    @functools.cache
    def build(
        *,
        zone: str | Exception = "example.com",
        private: bool = False,
        region: str = "ap-northeast-2",
        preview: bool = False,
        expect: type[Exception] | None = None,
        **changes: Any,
    ) -> Capture:
        def program() -> None:
            stack = Provider("aws", region=region)
            everywhere = Provider("global", region="us-east-1")
            place = replace(EXAMPLE["place"], region=region)
            args = EdgeArgs(**{**EXAMPLE, "place": place, "global_provider": everywhere, **changes})
            Edge("edge", args, pulumi.ResourceOptions(providers=[stack]))

        def answer(asked: Any) -> dict[str, Any]:
            if isinstance(zone, Exception):
                raise zone
            return {"id": asked["zoneId"], "zoneId": asked["zoneId"], "name": zone, "privateZone": private}

        functions = {"aws:route53/getZone:getZone": answer}
        return capture(program, functions=functions, preview=preview, expect=expect)

    return build


def _region(captured: Capture, provider: str) -> Any:
    name = provider.rpartition("::")[0].rpartition("::")[2]
    return captured.one("pulumi:providers:aws", name).inputs["region"]


def wrong_region(captured: Capture) -> list[str]:
    """What serves the CDN lies in us-east-1, all else in the stack's region."""
    wanted = dict.fromkeys(GLOBAL, "us-east-1") | dict.fromkeys(REGIONAL, "ap-northeast-2")
    kept = [r for r in captured.resources if r.type in {CERTIFICATE, VALIDATION, ACL, LOGGING, GROUP, KEY}]
    of = {r.urn: wanted[r.name.removesuffix("-logs")] for r in kept}
    return [r.urn for r in kept if _region(captured, r.provider) != of[r.urn]]


def unproved(captured: Capture) -> list[str]:
    """Each certificate is asked for by DNS, proved by one record from itself in our zone, and waited for."""
    wrong = []
    for certificate in captured.of_type(CERTIFICATE):
        record = captured.one(RECORD, certificate.name)
        issued = captured.one(VALIDATION, certificate.name)
        checks = {
            "method": certificate.inputs.get("validationMethod") == "DNS",
            "record": {record.source(key) for key in ("name", "type", "records")} == {certificate.urn},
            "zone": record.source("zoneId") == captured.one(ZONE, "edge-zone").urn,
            "overwrite": record.inputs.get("allowOverwrite") is True,
            "awaited": issued.source("certificateArn") == certificate.urn,
            "after its record": issued.source("validationRecordFqdns") == record.urn,
            "after the delegation": captured.one(RECORD, "edge-delegation").urn in captured.needs(issued),
        }
        wrong += [f"{certificate.name}: {name}" for name, holds in checks.items() if not holds]
    return wrong


def uncovered_names(captured: Capture) -> list[str]:
    """Load balancers speak for the domain and all names below, the CDN for its own name only."""
    covered = {
        r.name: [r.inputs["domainName"], *r.inputs.get("subjectAlternativeNames", [])]
        for r in captured.of_type(CERTIFICATE)
    }
    wanted = {
        "edge-certificate": ["demo.example.com", "*.demo.example.com"],
        "edge-global-certificate": ["images.demo.example.com"],
    }
    return [name for name in wanted.keys() | covered.keys() if covered.get(name) != wanted.get(name)]


def undelegated(captured: Capture) -> list[str]:
    """The given zone points to ours, by the name servers that ours has."""
    zone, record = captured.one(ZONE, "edge-zone"), captured.one(RECORD, "edge-delegation")
    checks = {
        "name": zone.inputs["name"] == record.inputs["name"] == "demo.example.com",
        "type": record.inputs["type"] == "NS",
        "place": record.inputs["zoneId"] == GIVEN,
        "servers": record.source("records") == zone.urn,
        # Whoever has delegated the name elsewhere is not overruled.
        "others": "allowOverwrite" not in record.inputs,
    }
    return [name for name, holds in checks.items() if not holds]


def untagged(captured: Capture) -> list[str]:
    """What can carry tags carries ours."""
    taggable = {ZONE, CERTIFICATE, ACL, GROUP, KEY}
    return [r.urn for r in captured.resources if r.type in taggable and r.inputs.get("tags") != TAGS]


def _changed(type_: str, name: str, inputs: dict[str, Any] | None = None, **fields: Any) -> Mutation:
    return lambda captured: captured.changed(type_, name, inputs, **fields)


def _from(type_: str, name: str, key: str, source: str) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        deps = captured.one(type_, name).property_dependencies
        return captured.changed(type_, name, property_dependencies={**deps, key: (source,)})

    return mutate


def _elsewhere(captured: Capture) -> Capture:
    regional = captured.one(CERTIFICATE, "edge-certificate").provider
    return captured.changed(CERTIFICATE, "edge-global-certificate", provider=regional)


def _without_delegation(captured: Capture) -> Capture:
    delegation = captured.one(RECORD, "edge-delegation").urn
    issued = captured.one(VALIDATION, "edge-certificate")
    return captured.changed(
        VALIDATION, issued.name, dependencies=tuple(urn for urn in issued.dependencies if urn != delegation)
    )


MUTATIONS: list[tuple[Control, Mutation]] = [
    (wrong_region, _elsewhere),
    (unproved, _changed(CERTIFICATE, "edge-certificate", {"validationMethod": "EMAIL"})),
    (unproved, _changed(RECORD, "edge-global-certificate", {"allowOverwrite": None})),
    (unproved, _from(VALIDATION, "edge-certificate", "certificateArn", "another")),
    (unproved, _from(VALIDATION, "edge-certificate", "validationRecordFqdns", "another")),
    (unproved, _from(RECORD, "edge-certificate", "records", "another")),
    (unproved, _without_delegation),
    (uncovered_names, _changed(CERTIFICATE, "edge-certificate", {"subjectAlternativeNames": None})),
    (uncovered_names, _changed(CERTIFICATE, "edge-global-certificate", {"domainName": "*.demo.example.com"})),
    (undelegated, _from(RECORD, "edge-delegation", "records", "another")),
    (undelegated, _changed(RECORD, "edge-delegation", {"zoneId": "Z9"})),
    (undelegated, _changed(RECORD, "edge-delegation", {"allowOverwrite": True})),
    (untagged, _changed(ACL, "edge-firewall", {"tags": None})),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(edge: Build, control: Control) -> None:
    """The edge breaks no control."""
    assert control(edge()) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(edge: Build, control: Control, mutation: Mutation) -> None:
    """Each control reports registrations in which one thing was changed."""
    assert control(mutation(edge())) != []


def test_first_preview_shows_every_resource(edge: Build) -> None:
    """No number of resources hangs on what only AWS knows: a preview has the same URNs as the run."""
    preview = edge(preview=True)
    assert preview.urns == edge().urns
    assert preview.one(RECORD, "edge-certificate").inputs["name"] == UNKNOWN


def test_records_go_into_the_given_zone_when_nothing_is_delegated(edge: Build) -> None:
    """Without delegation no zone is made and no name servers are shown; proofs lie in the zone that was given."""
    captured = edge(delegate=False)
    outputs = captured.outputs[captured.one("platform:edge:Edge", "edge").urn]
    assert captured.of_type(ZONE) == []
    assert {r.inputs["zoneId"] for r in captured.of_type(RECORD)} == {GIVEN}
    assert (outputs["zone_id"], outputs["name_servers"]) == (GIVEN, [])


def test_zone_is_looked_up_by_the_stacks_provider_before_anything_is_made(edge: Build) -> None:
    """A zone that cannot hold the domain ends the run with one line, and nothing of the edge has been registered."""
    captured = edge(zone="example.org", expect=pulumi.RunError)
    assert str(captured.error) == (
        f"hosted zone {GIVEN}: the zone example.org does not hold demo.example.com; "
        "take the zone of demo.example.com or of a domain above it"
    )
    assert captured.calls == [("aws:route53/getZone:getZone", {"zoneId": GIVEN})]
    assert {r.type for r in captured.resources} <= {"pulumi:providers:aws", "platform:edge:Edge"}


def test_private_zone_ends_the_run_too(edge: Build) -> None:
    """What the lookup says of the zone is asked: in a private one certificates would wait for ever."""
    captured = edge(private=True, expect=pulumi.RunError)
    assert str(captured.error).startswith(f"hosted zone {GIVEN}: the zone example.com is private")
    assert captured.of_type(CERTIFICATE) == []


def test_zone_that_is_not_there_is_said_in_one_line(edge: Build) -> None:
    """What AWS answers reaches the user without a traceback."""
    captured = edge(zone=Refusal(), expect=pulumi.RunError)
    assert str(captured.error) == f"hosted zone {GIVEN} cannot be read: reading Route 53 Hosted Zone: NoSuchHostedZone"


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("protect", [True, False])
def test_made_zone_is_kept_and_protected_as_asked(edge: Build, keep: bool, protect: bool) -> None:
    """A kept zone stays with its delegation and its records; any other goes with them."""
    captured = edge(keep_data=keep, protect=protect)
    zone, delegation = captured.one(ZONE, "edge-zone"), captured.one(RECORD, "edge-delegation")
    assert (zone.retain_on_delete, delegation.retain_on_delete) == (keep, keep)
    assert (zone.protect, delegation.protect) == (protect, protect)
    assert zone.inputs["forceDestroy"] is not keep
    # The delegation that a former destroy left is taken over; nobody else's is.
    assert delegation.inputs.get("allowOverwrite", False) is keep
    others = [r for r in captured.resources if r.urn not in {zone.urn, delegation.urn}]
    assert not any(r.retain_on_delete or r.protect for r in others)


def test_nothing_lies_in_us_east_1_without_images(edge: Build) -> None:
    """The CDN's certificate and firewall are made for a CDN only."""
    captured = edge(images=False)
    assert [r.name for r in captured.resources if "global" in r.name and r.type != "pulumi:providers:aws"] == []
    outputs = captured.outputs[captured.one("platform:edge:Edge", "edge").urn]
    assert outputs.get("global_certificate_arn") is None
    assert outputs["web_acl_arn"].endswith("/webacl/demo/" + outputs["web_acl_arn"].rpartition("/")[2])


def test_firewall_is_a_choice(edge: Build) -> None:
    """Without a firewall there is no web ACL, no log group and no ARN to hand over."""
    captured = edge(firewall=False)
    assert captured.of_type(ACL) + captured.of_type(GROUP) == []
    assert captured.outputs[captured.one("platform:edge:Edge", "edge").urn].get("web_acl_arn") is None


def test_stack_in_us_east_1_has_no_name_twice(edge: Build) -> None:
    """There both firewalls lie side by side."""
    captured = edge(region="us-east-1")
    for type_ in (ACL, GROUP, "aws:kms/alias:Alias"):
        physical = [r.inputs["name"] for r in captured.of_type(type_)]
        assert len(set(physical)) == len(physical) == 2


def test_outputs_wait_for_what_they_promise(edge: Build) -> None:
    """A certificate is shown once issued."""
    captured = edge(preview=True)
    outputs = captured.outputs[captured.one("platform:edge:Edge", "edge").urn]
    assert {outputs[key] for key in ("zone_id", "certificate_arn", "global_web_acl_arn")} == {UNKNOWN}


@pytest.mark.parametrize(
    ("domain", "zone", "private", "delegate", "fault"),
    [
        ("demo.example.com", "example.com.", False, True, None),
        ("demo.example.com", "Example.com", False, False, None),
        ("a.b.example.com", "example.com", False, True, None),
        ("example.com", "example.com", False, False, None),
        ("example.com", "example.com", False, True, "nothing to delegate"),
        ("badexample.com", "example.com", False, False, "does not hold"),
        ("example.com", "demo.example.com", False, False, "does not hold"),
        ("demo.example.com", "example.com", True, False, "private"),
    ],
)
def test_zone_must_hold_the_domain(domain: str, zone: str, private: bool, delegate: bool, fault: str | None) -> None:
    """The domain's own zone or one above it will do, if the world sees it."""
    found = names.zone_fault(domain, zone, private=private, delegate=delegate)
    assert (found is None) if fault is None else (fault in str(found))


@pytest.mark.parametrize(("zone_id", "zone"), [(None, "*"), (GIVEN, GIVEN)])
def test_external_dns_writes_names_of_the_domain_only(zone_id: str | None, zone: str) -> None:
    """Beside the zones that it is given whole it reaches the domain's names, in the domain's zone if that is known."""
    scope = Scope(cluster_name="demo", region="ap-northeast-2", partition="aws", account_id=ACCOUNT)
    documents = CONTROLLERS["external-dns"].documents
    reach = Reach(secrets_prefix="demo/", domain="demo.example.com", domain_zone_id=zone_id)
    found = documents(scope, reach)
    change, read, _ = found["domain"]["Statement"]
    assert set(found) == {"domain"}
    assert change["Resource"] == read["Resource"] == [f"arn:aws:route53:::hostedzone/{zone}"]
    assert "demo.example.com" in json.dumps(change["Condition"])
    assert set(documents(scope, replace(reach, hosted_zone_ids=("Z9",)))) == {"records", "domain"}
    assert documents(scope, Reach(secrets_prefix="demo/")) == {}
