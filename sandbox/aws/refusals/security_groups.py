"""Rules of security groups: names, descriptions, rules, and what holds a group."""

from __future__ import annotations

import re
from typing import Any

from sandbox.aws.refusals.registry import Case, error, rule

GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
MOVED_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html and API_IpRange.html
TEXT = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")
SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")


@rule(GROUP, at="check")
def group_name(case: Case) -> None:
    """A security group's name and description are short and plain; names do not begin like ids."""
    for name, parameter in (("name", "GroupName"), ("description", "GroupDescription")):
        text = case[name]
        if isinstance(text, str) and (not TEXT.fullmatch(text) or (name == "name" and text.startswith("sg-"))):
            reason = (
                f"Value ({text}) for parameter {parameter} is invalid. Character sets beyond ASCII are not supported."
            )
            raise error("InvalidParameterValue", "CreateSecurityGroup", reason)


@rule(GROUP, DEFAULT_GROUP, at="check")
def inline_descriptions(case: Case) -> None:
    """Descriptions of the rules inside a group are plain too."""
    for way in ("ingress", "egress"):
        for one in case.inputs.get(way) or []:
            if isinstance(one, dict):
                _plain(one.get("description"))


@rule(MOVED_RULE, at="check")
def moved_rule(case: Case) -> None:
    """A rule's description is plain."""
    _plain(case["description"])


@rule(INGRESS, EGRESS, at="check")
def single_rule(case: Case) -> None:
    """A rule has one source, ports in order unless it is for all protocols, and a plain description."""
    _plain(case["description"])
    if len([name for name in SOURCES if case.inputs.get(name) is not None]) != 1:
        reason = "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId"
        raise error("MissingParameter", "AuthorizeSecurityGroupRules", reason)
    low, high = case["fromPort"], case["toPort"]
    given = [case.inputs.get(name) is not None for name in ("fromPort", "toPort")]
    protocol = case["ipProtocol"]
    if protocol is None:
        return
    if str(protocol) in ("-1", "all"):
        if any(given):
            reason = (
                "A rule for all protocols takes no ports: AWS forgets them, and the provider sees a change for ever."
            )
            raise error("InvalidParameterCombination", "AuthorizeSecurityGroupRules", reason)
    elif protocol != "icmpv6" and not all(given):
        reason = "Invalid value for portRange. Must specify both from and to ports with TCP/UDP."
        raise error("InvalidParameterValue", "AuthorizeSecurityGroupRules", reason)
    elif protocol in ("tcp", "udp", "6", "17") and None not in (low, high) and not 0 <= int(low) <= int(high) <= 65535:
        reason = f"Invalid TCP/UDP port range ({low}:{high})"
        raise error("InvalidParameterValue", "AuthorizeSecurityGroupRules", reason)


@rule(GROUP, at="delete")
def group_is_free(case: Case) -> None:
    """A security group on a network interface, or named by another group's rule, stays."""
    interfaces = case.call("ec2", "describe_network_interfaces", Filters=_by("group-id", case.id))["NetworkInterfaces"]
    groups = case.call("ec2", "describe_security_groups", Filters=_by("vpc-id", str(case["vpcId"])))["SecurityGroups"]
    if interfaces or any(_mentions(group, case.id) for group in groups if group["GroupId"] != case.id):
        raise error("DependencyViolation", "DeleteSecurityGroup", f"resource {case.id} has a dependent object")


def _plain(text: Any) -> None:
    # The set of a rule's description is that of a group's without the ampersand.
    if isinstance(text, str) and (not TEXT.fullmatch(text) or "&" in text):
        reason = (
            "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set: "
            " a-zA-Z0-9. _-:/()#,@[]+=;{}!$*"
        )
        raise error("InvalidParameterValue", "AuthorizeSecurityGroupRules", reason)


def _by(name: str, value: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]}]


def _mentions(group: dict[str, Any], other: str) -> bool:
    permissions = [*group.get("IpPermissions", []), *group.get("IpPermissionsEgress", [])]
    return any(
        pair.get("GroupId") == other for permission in permissions for pair in permission.get("UserIdGroupPairs", [])
    )
