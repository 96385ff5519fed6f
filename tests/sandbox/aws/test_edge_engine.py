"""A domain's certificates, firewall and distribution under the real engine, through providers of two regions."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import automation

from sandbox.aws import AwsEmulator, AwsHost
from sandbox.tools import load_tools
from tests.sandbox.aws.examples.edge import OPTIMIZED, managed, visibility
from tests.sandbox.aws.test_engine import CHECKOUT, _stack
from tests.sandbox.aws.world import REGION, Effects

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DOMAIN = "dev.example.com"
IMAGES = f"images.{DOMAIN}"


def program(settings: dict[str, Any]) -> Callable[[], None]:
    """Return a program with a delegated zone, certificates in two regions and a distribution behind a firewall."""

    def run() -> None:
        import pulumi_aws as aws

        near = pulumi.ResourceOptions(provider=aws.Provider("near", region=REGION))
        far = pulumi.ResourceOptions(provider=aws.Provider("far", region="us-east-1"))
        ask = pulumi.InvokeOptions(provider=near.provider)
        parent = aws.route53.get_zone(zone_id=settings["zone"], opts=ask)
        zone = aws.route53.Zone("zone", name=DOMAIN, force_destroy=True, opts=near)
        after: list[pulumi.Resource] = []
        if settings["delegated"]:
            servers = zone.name_servers
            delegation = aws.route53.Record(
                "ns", zone_id=parent.zone_id, name=DOMAIN, type="NS", ttl=300, records=servers, opts=near
            )
            after.append(delegation)
        arns = {}
        for name, opts, names in (("near", near, [DOMAIN, f"*.{DOMAIN}"]), ("far", far, [IMAGES])):
            made = aws.acm.Certificate(
                name,
                domain_name=names[0],
                subject_alternative_names=names[1:],
                validation_method="DNS",
                opts=opts,
            )
            proof = made.domain_validation_options[0]
            record = aws.route53.Record(
                name,
                zone_id=zone.zone_id,
                name=proof.resource_record_name,
                type=proof.resource_record_type,
                records=[proof.resource_record_value],
                ttl=300,
                opts=near,
            )
            awaited = aws.acm.CertificateValidation(
                name,
                certificate_arn=made.arn,
                validation_record_fqdns=[record.fqdn],
                opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=after)),
            )
            arns[name] = awaited.certificate_arn
        for name, opts, scope in (("regional", near, "REGIONAL"), ("global", far, "CLOUDFRONT")):
            arns[name] = aws.wafv2.WebAcl(
                name,
                scope=scope,
                default_action={"allow": {}},
                rules=[snake(managed("AWSManagedRulesCommonRuleSet", 1))],
                visibility_config=snake(visibility("acl")),
                opts=opts,
            ).arn
        shown = distribution(aws, near, arns)
        aws.route53.Record(
            "alias",
            zone_id=zone.zone_id,
            name=IMAGES,
            type="A",
            aliases=[{"name": shown.domain_name, "zone_id": shown.hosted_zone_id, "evaluate_target_health": False}],
            opts=near,
        )
        pulumi.export("status", shown.status)

    return run


def distribution(aws: Any, opts: pulumi.ResourceOptions, arns: dict[str, Any]) -> Any:
    return aws.cloudfront.Distribution(
        "images",
        enabled=True,
        aliases=[IMAGES],
        web_acl_id=arns["global"],
        origins=[
            {
                "origin_id": "web",
                "domain_name": "www.example.com",
                "custom_origin_config": {
                    "http_port": 80,
                    "https_port": 443,
                    "origin_protocol_policy": "https-only",
                    "origin_ssl_protocols": ["TLSv1.2"],
                },
            }
        ],
        default_cache_behavior={
            "target_origin_id": "web",
            "viewer_protocol_policy": "redirect-to-https",
            "allowed_methods": ["GET", "HEAD"],
            "cached_methods": ["GET", "HEAD"],
            "cache_policy_id": OPTIMIZED,
        },
        restrictions={"geo_restriction": {"restriction_type": "none"}},
        viewer_certificate={"acm_certificate_arn": arns["far"], "ssl_support_method": "sni-only"},
        opts=opts,
    )


def snake(value: Any) -> Any:
    """Return a property's value under the names that the SDK's dictionaries have."""
    if isinstance(value, dict):
        return {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): snake(v) for name, v in value.items()}
    return value


@dataclass
class Play:
    stack: automation.Stack
    emulator: AwsEmulator
    settings: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    engine = load_tools(CHECKOUT)["pulumi"]
    monkeypatch.setenv("PATH", f"{engine.parent}{os.pathsep}{os.environ['PATH']}")
    emulator = AwsEmulator(tmp_path / "aws")
    host = AwsHost(emulator.start(), Effects())
    settings = {"zone": emulator.add_zone("example.com"), "delegated": True}
    yield Play(_stack(tmp_path, host.serve(), program(settings)), emulator, settings)
    host.stop()
    emulator.stop()
    gc.collect()


def test_a_domain_comes_stays_and_goes(play: Play) -> None:
    """Two regions, one zone that was there before: no difference afterwards, and nothing is left in either."""
    before = play.emulator.inventory()
    play.stack.preview()
    assert play.emulator.inventory() == before
    up = play.stack.up()
    assert up.outputs["status"].value == "Deployed"
    found = play.emulator.inventory()["acm"]["certificates"]
    assert {name.partition("/")[0] for name in found} == {REGION, "us-east-1"}
    count = sum((up.summary.resource_changes or {}).values())
    assert play.stack.refresh().summary.resource_changes == {"same": count}
    assert play.stack.up().summary.resource_changes == {"same": count}
    play.stack.destroy()
    assert play.emulator.inventory() == before


def test_without_the_delegation_nothing_is_proved(play: Play) -> None:
    """The run ends with what the parent zone lacks, in place of the provider's silence of an hour and a quarter."""
    play.settings["delegated"] = False
    with pytest.raises(automation.CommandError, match=r"its parent has to delegate dev\.example\.com to ns-"):
        play.stack.up()
