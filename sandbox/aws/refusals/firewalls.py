"""Rules of WAF."""

from __future__ import annotations

import re
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule

ACL = "aws:wafv2/webAcl:WebAcl"
LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"

# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
MANAGED = {
    "AWSManagedRulesACFPRuleSet",
    "AWSManagedRulesATPRuleSet",
    "AWSManagedRulesAdminProtectionRuleSet",
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesAnonymousIpList",
    "AWSManagedRulesAntiDDoSRuleSet",
    "AWSManagedRulesBotControlRuleSet",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesLinuxRuleSet",
    "AWSManagedRulesPHPRuleSet",
    "AWSManagedRulesSQLiRuleSet",
    "AWSManagedRulesUnixRuleSet",
    "AWSManagedRulesWindowsRuleSet",
    "AWSManagedRulesWordPressRuleSet",
}
GROUPS = ("managedRuleGroupStatement", "ruleGroupReferenceStatement")
LOG_GROUP = re.compile(r"arn:[\w-]+:logs:(?P<region>[\w-]+):(?P<account>\d+):log-group:(?P<name>[^:]+)(:\*)?")


def _invalid(operation: str, field: str, parameter: object, reason: str) -> AwsError:
    text = f"Error reason: {reason}, field: {field}, parameter: {parameter}"
    return error("WAFInvalidParameterException", operation, text)


@rule(ACL, at="check")
def acl_scope(case: Case) -> None:
    """A web ACL for CloudFront is made in us-east-1."""
    if case["scope"] not in (None, "CLOUDFRONT", "REGIONAL"):
        raise _invalid("CreateWebACL", "SCOPE_VALUE", case["scope"], "The scope is not valid.")
    if case["scope"] == "CLOUDFRONT" and case.session.region != "us-east-1":
        reason = f"The scope is not valid in {case.session.region}: CLOUDFRONT needs us-east-1."
        raise _invalid("CreateWebACL", "SCOPE_VALUE", "CLOUDFRONT", reason)


@rule(ACL, at="check")
def acl_rules(case: Case) -> None:
    """Rules have names and priorities of their own, and groups an override in place of an action."""
    rules = [one for one in case["rules"] or () if isinstance(one, dict)]
    for name in ("name", "priority"):
        values = [one.get(name) for one in rules]
        if len({*map(str, values)}) < len(values):
            raise _invalid("CreateWebACL", "RULE", values, f"Two rules have the same {name}.")
    for one in rules:
        group = any(name in (one.get("statement") or {}) for name in GROUPS)
        wanted, other = ("overrideAction", "action") if group else ("action", "overrideAction")
        if one.get(wanted) is None or one.get(other) is not None:
            reason = f"A rule with {'a' if group else 'no'} rule group has {wanted} and no {other}."
            raise _invalid("CreateWebACL", "RULE", one.get("name"), reason)
        _managed_group((one.get("statement") or {}).get("managedRuleGroupStatement"))


def _managed_group(statement: Any) -> None:
    if isinstance(statement, dict) and statement.get("vendorName") == "AWS" and statement.get("name") not in MANAGED:
        reason = "There is no managed rule group of that name."
        raise error("WAFNonexistentItemException", "CreateWebACL", f"{reason} ({statement.get('name')})")


@rule(ACL, at="delete")
def acl_is_free(case: Case) -> None:
    """A web ACL that guards a distribution stays."""
    arn = case["arn"]
    for item in case.call("cloudfront", "list_distributions")["DistributionList"].get("Items", []):
        if arn and item.get("WebACLId") == arn:
            reason = "AWS WAF couldn't perform the operation because your resource is being used by another resource."
            raise error("WAFAssociatedItemException", "DeleteWebACL", f"{reason} (distribution {item['Id']})")


@rule(LOGGING, at="check")
def log_destination(case: Case) -> None:
    """There is one destination; a log group's name begins with aws-waf-logs-."""
    given = case["logDestinationConfigs"]
    found = [one for one in given or () if isinstance(one, str)]
    if given is not None and len(given) != 1:
        raise _invalid("PutLoggingConfiguration", "LOG_DESTINATION", found, "There has to be one destination.")
    for arn in found:
        match = LOG_GROUP.fullmatch(arn)
        name = match["name"] if match else arn.rpartition(":")[2].rpartition("/")[2]
        if arn.startswith("arn:") and not name.startswith("aws-waf-logs-"):
            reason = "The ARN isn't valid: the destination's name has to begin with aws-waf-logs-."
            raise _invalid("PutLoggingConfiguration", "LOG_DESTINATION", arn, reason)


@rule(LOGGING, at="create")
@rule(LOGGING, at="update")
def log_group_exists(case: Case) -> None:
    """The web ACL exists, and the log group in its region does too."""
    region, kind = case["resourceArn"].split(":")[3], case["resourceArn"].split(":")[5].split("/")
    scope = "CLOUDFRONT" if kind[0] == "global" else "REGIONAL"
    params = {"Name": kind[2], "Id": kind[3], "Scope": scope}
    case.session.caller.call("wafv2", region, "get_web_acl", params)
    for arn in case["logDestinationConfigs"]:
        match = LOG_GROUP.fullmatch(arn)
        if match is None:
            continue
        groups = case.call("logs", "describe_log_groups", logGroupNamePrefix=match["name"])["logGroups"]
        if match["region"] != region or match["name"] not in [one["logGroupName"] for one in groups]:
            reason = "The ARN isn't valid: there is no such log group in the web ACL's region."
            raise _invalid("PutLoggingConfiguration", "LOG_DESTINATION", arn, reason)
