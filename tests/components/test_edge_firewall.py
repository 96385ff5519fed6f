"""Web ACLs and their logs, as registered (controls N11 and N12)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi_aws import Provider

from components.edge.firewall import Firewall, FirewallArgs
from components.edge.rules import firewall_rules
from components.place import Place
from sandbox.aws.schema import fields, is_list, item, schema
from tests.captures import UNKNOWN, Capture
from tests.conftest import ACCOUNT, CaptureProgram

ACL = "aws:wafv2/webAcl:WebAcl"
LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
GROUP = "aws:cloudwatch/logGroup:LogGroup"
KEY = "aws:kms/key:Key"
REGIONAL = FirewallArgs(
    firewall="demo",
    scope="REGIONAL",
    log_retention_days=30,
    place=Place(region="ap-northeast-2", partition="aws", account_id=ACCOUNT, tags={"Project": "demo"}),
)
GLOBAL = replace(
    REGIONAL, firewall="demo-global", scope="CLOUDFRONT", place=replace(REGIONAL.place, region="us-east-1")
)
Control = Callable[[Capture], list[str]]
Mutation = Callable[[Capture], Capture]


def program() -> None:
    """Register a firewall before load balancers and one before the CDN."""
    for name, args in (("firewall", REGIONAL), ("global-firewall", GLOBAL)):
        provider = Provider(f"{name}-provider", region=args.place.region)
        Firewall(name, args, pulumi.ResourceOptions(providers=[provider]))


@pytest.fixture(scope="module")
def firewalls(capture: CaptureProgram) -> Capture:
    return capture(program)


def open_firewalls(captured: Capture) -> list[str]:
    """Each firewall blocks by AWS's groups and by rate, and every rule is seen in metrics and samples."""
    wrong = []
    for acl, scope in zip(captured.of_type(ACL), ("REGIONAL", "CLOUDFRONT"), strict=True):
        rules = acl.inputs["rules"]
        groups = [r["statement"].get("managedRuleGroupStatement", {}) for r in rules]
        rates = [r for r in rules if "rateBasedStatement" in r["statement"]]
        checks = {
            "scope": acl.inputs["scope"] == scope,
            "reputation": any(g.get("name") == "AWSManagedRulesAmazonIpReputationList" for g in groups),
            "common": any(g.get("name") == "AWSManagedRulesCommonRuleSet" for g in groups),
            "known bad": any(g.get("name") == "AWSManagedRulesKnownBadInputsRuleSet" for g in groups),
            "groups block": all(r["overrideAction"] == {"none": {}} for r in rules if "overrideAction" in r),
            "rate": [r["action"] for r in rates] == [{"block": {}}],
            "by address": [r["statement"]["rateBasedStatement"]["aggregateKeyType"] for r in rates] == ["IP"],
            "order": len({r["priority"] for r in rules}) == len(rules),
            "seen": all(
                r["visibilityConfig"]["cloudwatchMetricsEnabled"] and r["visibilityConfig"]["sampledRequestsEnabled"]
                for r in rules
            ),
        }
        wrong += [f"{acl.name}: {name}" for name, holds in checks.items() if not holds]
    return wrong


def unlogged_firewalls(captured: Capture) -> list[str]:
    """Each firewall logs to an encrypted group of a name that WAF takes, without who sent the request."""
    wrong = []
    for acl in captured.of_type(ACL):
        logging, group = captured.one(LOGGING, acl.name), captured.one(GROUP, f"{acl.name}-logs")
        redacted = {field["singleHeader"]["name"] for field in logging.inputs.get("redactedFields", [])}
        checks = {
            "of this one": logging.source("resourceArn") == acl.urn,
            "to its group": logging.source("logDestinationConfigs") == group.urn,
            "name": group.inputs["name"].startswith("aws-waf-logs-"),
            "encrypted": group.source("kmsKeyId") == captured.one(KEY, group.name).urn,
            "retention": group.inputs.get("retentionInDays") == 30,
            "redacted": redacted == {"authorization", "cookie"},
        }
        wrong += [f"{acl.name}: {name}" for name, holds in checks.items() if not holds]
    return wrong


def keys_of_other_regions(captured: Capture) -> list[str]:
    """The key of a log group lets in the log service of the group's own region, for that group."""
    wrong = []
    for group, region in zip(captured.of_type(GROUP), ("ap-northeast-2", "us-east-1"), strict=True):
        text = captured.one(KEY, group.name).inputs["policy"]
        arn = f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{group.inputs['name']}"
        wrong += [] if f"logs.{region}.amazonaws.com" in text and arn in text else [group.urn]
    return wrong


def _changed(type_: str, name: str, inputs: dict[str, Any] | None = None, **fields: Any) -> Mutation:
    return lambda captured: captured.changed(type_, name, inputs, **fields)


def _from(type_: str, name: str, key: str, source: str) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        deps = captured.one(type_, name).property_dependencies
        return captured.changed(type_, name, property_dependencies={**deps, key: (source,)})

    return mutate


def _rules(change: Callable[[list[dict[str, Any]]], object]) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        rules = json.loads(json.dumps(captured.one(ACL, "global-firewall").inputs["rules"]))
        change(rules)
        return captured.changed(ACL, "global-firewall", {"rules": rules})

    return mutate


def _key_of_the_stack(captured: Capture) -> Capture:
    text = captured.one(KEY, "firewall-logs").inputs["policy"]
    return captured.changed(KEY, "global-firewall-logs", {"policy": text})


MUTATIONS: list[tuple[Control, Mutation]] = [
    (open_firewalls, _rules(lambda rules: rules.pop(0))),
    (open_firewalls, _rules(lambda rules: rules.pop(1))),
    (open_firewalls, _rules(lambda rules: rules.pop(2))),
    (open_firewalls, _rules(lambda rules: rules.pop(3))),
    (open_firewalls, _rules(lambda rules: rules[0].update(action={"count": {}}))),
    (open_firewalls, _rules(lambda rules: rules[1].update(overrideAction={"count": {}}))),
    (open_firewalls, _rules(lambda rules: rules[2].update(priority=0))),
    (open_firewalls, _rules(lambda rules: rules[2]["visibilityConfig"].update(sampledRequestsEnabled=False))),
    (open_firewalls, _changed(ACL, "global-firewall", {"scope": "REGIONAL"})),
    (unlogged_firewalls, _changed(LOGGING, "firewall", {"redactedFields": []})),
    (unlogged_firewalls, _changed(GROUP, "firewall-logs", {"name": "firewall"})),
    (unlogged_firewalls, _from(GROUP, "firewall-logs", "kmsKeyId", "another")),
    (unlogged_firewalls, _from(LOGGING, "firewall", "resourceArn", "another")),
    (keys_of_other_regions, _key_of_the_stack),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(firewalls: Capture, control: Control) -> None:
    """The firewalls break no control."""
    assert control(firewalls) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(firewalls: Capture, control: Control, mutation: Mutation) -> None:
    """Each control reports registrations in which one thing was changed."""
    assert control(mutation(firewalls)) != []


def test_arn_is_known_once_requests_are_logged(capture: CaptureProgram, firewalls: Capture) -> None:
    """Nothing stands behind a firewall that does not log yet."""
    for captured, known in ((firewalls, True), (capture(program, preview=True), False)):
        outputs = captured.outputs[captured.one("platform:edge:Firewall", "firewall").urn]
        assert (outputs["arn"] != UNKNOWN) is known


def test_bodies_of_applications_pass_and_the_rest_of_the_group_blocks() -> None:
    """The one rule that Argo CD's own requests would break is counted, no other."""
    groups = [r["statement"].get("managedRuleGroupStatement", {}) for r in firewall_rules()]
    counted = [o["name"] for group in groups for o in group.get("ruleActionOverrides", [])]
    assert counted == ["SizeRestrictions_BODY"]


def strange_keys(kinds: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[str]:
    """Names that the provider does not know, at any depth."""
    found = [key for key in inputs if key not in kinds]
    for key in inputs.keys() & kinds.keys():
        kind, value = kinds[key], inputs[key]
        values, kind = (value, item(kind)) if is_list(kind) else ([value], kind)
        inner = fields(kind)
        found += [] if inner is None else [k for one in values for k in strange_keys(inner, one)]
    return found


@pytest.mark.parametrize("type_", [ACL, LOGGING])
def test_what_the_sdk_does_not_check_has_its_names(firewalls: Capture, type_: str) -> None:
    """Inputs that are written without the SDK's classes bear the names that those would give them."""
    kinds = schema(type_).inputs
    assert [key for r in firewalls.of_type(type_) for key in strange_keys(kinds, r.inputs)] == []
    assert strange_keys(kinds, {"name_": "x"}) == ["name_"]


def test_a_wrong_name_is_found_at_any_depth() -> None:
    """The check sees into lists of objects."""
    rules = [{"name": "x", "statement": {"rateBasedStatement": {"limits": 1}}}]
    assert strange_keys(schema(ACL).inputs, {"rules": rules}) == ["limits"]
