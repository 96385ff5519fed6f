"""AWS WAF before load balancers or the CDN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pulumi

from components.edge.rules import firewall_rules, visibility
from components.observability.log_group import EncryptedLogGroup, EncryptedLogGroupArgs
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class FirewallArgs:
    """What the firewall needs to know.

    Attributes:
        firewall: Name of the web ACL: letters, digits, hyphens and underscores.
        scope: `CLOUDFRONT` needs a provider of us-east-1.
        log_retention_days: One of the periods that CloudWatch Logs offers.
        place: Its region is the provider's.
    """

    firewall: str
    scope: Literal["REGIONAL", "CLOUDFRONT"]
    log_retention_days: int
    place: Place


class Firewall(pulumi.ComponentResource):
    """A web ACL that lets through what its rules do not refuse, and logs every request.

    WAF itself lets its log service write to the log group, by a resource policy of CloudWatch Logs.

    Attributes:
        arn: Of the web ACL, known once it logs.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the web ACL and its logs."""
        super().__init__("platform:edge:Firewall", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        acl = _Waf(
            "aws:wafv2/webAcl:WebAcl",
            name,
            {
                "name": args.firewall,
                "scope": args.scope,
                "defaultAction": {"allow": {}},
                "rules": firewall_rules(),
                "visibilityConfig": visibility(args.firewall),
                "tags": dict(args.place.tags),
                "arn": None,
            },
            child,
        )
        logs = EncryptedLogGroup(
            f"{name}-logs",
            EncryptedLogGroupArgs(
                # WAF takes no name that begins otherwise.
                log_group=f"aws-waf-logs-{args.firewall}",
                alias=f"{args.firewall}/firewall",
                retention_days=args.log_retention_days,
                place=args.place,
            ),
            child,
        )
        logging = _Waf(
            "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
            name,
            {
                "resourceArn": acl.arn,
                "logDestinationConfigs": [logs.arn],
                # Whoever reads the logs is not to become who sent the request.
                "redactedFields": [{"singleHeader": {"name": header}} for header in ("authorization", "cookie")],
            },
            child,
        )
        self.arn = pulumi.Output.all(acl.arn, logging.id).apply(lambda known: str(known[0]))
        self.register_outputs({"arn": self.arn})


class _Waf(pulumi.CustomResource):
    """A resource of WAF, without the SDK's classes: their module takes 0.6 seconds to import, in every run."""

    arn: pulumi.Output[str]

    def __init__(self, type_: str, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(type_, name, dict(inputs), opts)
