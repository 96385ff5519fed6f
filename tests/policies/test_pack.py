"""The pack as the engine calls it: what it is told, what it reports, and what it leaves to `up`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pulumi.runtime
import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel, proxy

from policies import pack, tokens
from policies.catalog import all_rules
from policies.resources import Options
from policies.waivers import Waiver

UNKNOWN = proxy.UNKNOWN_STRING_VALUE


@pytest.fixture
def servicer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The pack's answering part, under a configuration that the test gives it."""
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)
    before = dict(pulumi.runtime.config.CONFIG.get())
    pulumi.runtime.set_all_config({})
    yield pack._Servicer(pack.NAME, "0.0.0", list(pack.policies()), EnforcementLevel.MANDATORY)
    pulumi.runtime.set_all_config(before)


def _analyze(servicer: Any, type_: str, props: Mapping[str, Any], name: str = "one") -> list[str]:
    request = analyzer_pb2.AnalyzeRequest(
        type=type_,
        name=name,
        urn=f"urn:pulumi:dev::platform::{type_}::{name}",
        properties=json_format.ParseDict(dict(props), struct_pb2.Struct()),
    )
    return [diagnostic.policyName for diagnostic in servicer.Analyze(request, None).diagnostics]


def _analyze_stack(servicer: Any, *resources: analyzer_pb2.AnalyzerResource) -> list[tuple[str, str]]:
    response = servicer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources), None)
    return [(diagnostic.policyName, diagnostic.urn) for diagnostic in response.diagnostics]


def _configure(servicer: Any, **sections: Any) -> None:
    config = {f"platform:{key}": json.dumps(value) for key, value in sections.items()}
    servicer.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(config=config), None)


def test_every_rule_is_a_mandatory_policy() -> None:
    """No rule is advice only: what may stay is a waiver's business."""
    found = pack.policies()
    assert [policy.name for policy in found] == [rule.id for rule in all_rules()]
    assert {policy.enforcement_level for policy in found} == {EnforcementLevel.MANDATORY}


def test_message_says_what_to_set(servicer: Any) -> None:
    """Resource, property, what is wrong, what to set; the control stands in the description."""
    request = analyzer_pb2.AnalyzeRequest(type=tokens.SUBNET, name="one", urn="urn:pulumi:dev::p::t::one")
    (found,) = servicer.Analyze(request, None).diagnostics
    assert found.message.splitlines() == [
        "No subnet gives a public address to what starts in it. (N2)",
        "Subnet one: mapPublicIpOnLaunch: is not false; set false",
    ]


def test_numbers_are_whole(servicer: Any) -> None:
    """The protocol has floats only; a limit of 1.0 is 1."""
    options = {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}
    assert "metadata-needs-a-token" not in _analyze(servicer, tokens.LAUNCH_TEMPLATE, {"metadataOptions": options})
    options["httpPutResponseHopLimit"] = 2
    assert "metadata-needs-a-token" in _analyze(servicer, tokens.LAUNCH_TEMPLATE, {"metadataOptions": options})


def test_what_a_preview_does_not_know_is_left_to_up(servicer: Any) -> None:
    """A value that only `up` will know is no finding, wherever it lies; once it is known it is judged."""
    rule = "roles-are-passed-by-name"
    passing = {"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}
    assert _analyze(servicer, tokens.POLICY, {"policy": UNKNOWN}) == []
    assert rule in _analyze(servicer, tokens.POLICY, {"policy": json.dumps(passing)})
    assert _analyze(servicer, tokens.LOG_GROUP, {"retentionInDays": UNKNOWN, "kmsKeyId": UNKNOWN}) == []


def test_tier_comes_from_the_programs_configuration(servicer: Any) -> None:
    """Thirty days of logs are enough in development; production's year holds where nothing is said."""
    group = {"retentionInDays": 30, "kmsKeyId": "arn"}
    assert _analyze(servicer, tokens.LOG_GROUP, group) == ["log-group-ends-and-is-encrypted"]
    _configure(servicer, policy={"tier": "development"})
    assert _analyze(servicer, tokens.LOG_GROUP, group) == []
    _configure(servicer, policy={"tier": "production"})
    assert _analyze(servicer, tokens.LOG_GROUP, group) == ["log-group-ends-and-is-encrypted"]


def test_links_between_resources_reach_the_rules(servicer: Any) -> None:
    """What takes its value from what is known at preview, when the values are not."""
    vpc, log = "urn:pulumi:dev::p::aws:ec2/vpc:Vpc::net", "urn:pulumi:dev::p::aws:ec2/flowLog:FlowLog::log"
    resources = [
        analyzer_pb2.AnalyzerResource(type=tokens.VPC, name="net", urn=vpc),
        analyzer_pb2.AnalyzerResource(
            type=tokens.FLOW_LOG,
            name="log",
            urn=log,
            properties=json_format.ParseDict({"trafficType": "ALL", "vpcId": UNKNOWN}, struct_pb2.Struct()),
            propertyDependencies={"vpcId": analyzer_pb2.AnalyzerPropertyDependencies(urns=[vpc])},
        ),
    ]
    assert ("vpc-is-logged", vpc) in _analyze_stack(servicer, resources[0])
    assert ("vpc-is-logged", vpc) not in _analyze_stack(servicer, *resources)


@pytest.mark.parametrize(("expires", "reported"), [(date.max, False), (date(2020, 1, 1), True)])
def test_waived_finding_is_left_out(
    servicer: Any, monkeypatch: pytest.MonkeyPatch, expires: date, reported: bool
) -> None:
    """A finding that a waiver covers is not reported, until the waiver has expired."""
    waiver = Waiver(id="subnet-gives-no-public-address", resource="one", reason="", expires=expires)
    monkeypatch.setattr("policies.waivers.load", lambda: (waiver,))
    pack._valid_waivers.cache_clear()
    found = _analyze(servicer, tokens.SUBNET, {})
    pack._valid_waivers.cache_clear()
    assert (found == ["subnet-gives-no-public-address"]) is reported


def test_options_are_strict_unless_something_is_said() -> None:
    """A misspelt tier is production's; the boundary comes from the account's section."""
    assert pack.options(lambda _: None) == Options(tier="production")
    assert pack.options({"policy": {"tier": "prod"}}.get).production
    sections = {"policy": {"tier": "development", "decommission": True}, "aws": {"permissionsBoundary": "arn"}}
    assert pack.options(sections.get) == Options(tier="development", decommission=True, permissions_boundary="arn")
