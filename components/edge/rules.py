"""What AWS WAF refuses, in the form in which the provider takes it.

Rule groups: https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html.
"""

from __future__ import annotations

from typing import Any, Final

Rule = dict[str, Any]

# Requests of one address in five minutes. A browser on Argo CD's pages sends some hundred.
RATE_LIMIT: Final = 2000
_WINDOW_SECONDS: Final = 300
# Rules of a group that are only counted.
_MANAGED: Final[dict[str, tuple[str, ...]]] = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    # Argo CD is sent whole Applications, and the rule refuses bodies over 8 KiB.
    "AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",),
}


def firewall_rules() -> list[Rule]:
    """Return the rules in order: who asks too often is told so before anything is inspected."""
    rate = {
        "name": "RateLimit",
        "action": {"block": {}},
        "statement": {
            "rateBasedStatement": {
                "aggregateKeyType": "IP",
                "limit": RATE_LIMIT,
                "evaluationWindowSec": _WINDOW_SECONDS,
            }
        },
    }
    managed = [_managed(name, counted) for name, counted in _MANAGED.items()]
    return [
        {**rule, "priority": priority, "visibilityConfig": visibility(rule["name"])}
        for priority, rule in enumerate([rate, *managed])
    ]


def visibility(metric: str) -> Rule:
    """Return a metric of CloudWatch, and samples of requests of the last three hours."""
    return {"metricName": metric, "cloudwatchMetricsEnabled": True, "sampledRequestsEnabled": True}


def _managed(name: str, counted: tuple[str, ...]) -> Rule:
    group: Rule = {"vendorName": "AWS", "name": name}
    if counted:
        group["ruleActionOverrides"] = [{"name": rule, "actionToUse": {"count": {}}} for rule in counted]
    # The groups' own actions hold: most of their rules block.
    return {"name": name, "overrideAction": {"none": {}}, "statement": {"managedRuleGroupStatement": group}}
