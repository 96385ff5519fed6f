"""Steps of security groups: rules inside a group and rules of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.codec import tag_list, tag_map
from sandbox.aws.compare import same
from sandbox.aws.session import Scope, Session
from sandbox.aws.tags import APIS, change_tags

__all__ = [
    "adopt_default",
    "create",
    "create_rule",
    "delete_rule",
    "describe_rule",
    "inline_rules",
    "read_rule",
    "set_egress",
    "set_ingress",
]

Rule = Mapping[str, Any]


def create(session: Session, scope: Scope) -> dict[str, Any]:
    """Create a group without the rule that AWS gives every new group: egress to everywhere."""
    tags = [{"ResourceType": "security-group", "Tags": tag_list(scope["tags"])}] if scope["tags"] else None
    answer = session.call(
        "create_security_group",
        GroupName=scope["name"],
        Description=scope["description"],
        VpcId=scope["vpcId"],
        TagSpecifications=tags,
    )
    _revoke_all(session, answer["GroupId"])
    return answer


def adopt_default(session: Session, scope: Scope) -> dict[str, Any]:
    """Take over the VPC's default group and leave only the rules that the program names."""
    filters = [{"Name": "vpc-id", "Values": [scope["vpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
    group: dict[str, Any] = session.call("describe_security_groups", Filters=filters)["SecurityGroups"][0]
    _revoke_all(session, group["GroupId"])
    scope.values["id"] = group["GroupId"]
    set_ingress(session, scope)
    set_egress(session, scope)
    change_tags(session, APIS["ec2"], scope, tag_map(group.get("Tags")), scope["tags"])
    return group


def set_ingress(session: Session, scope: Scope) -> None:
    """Bring the group's ingress rules to the program's list."""
    _set(session, scope, "ingress")


def set_egress(session: Session, scope: Scope) -> None:
    """Bring the group's egress rules to the program's list."""
    _set(session, scope, "egress")


def inline_rules(session: Session, scope: Scope) -> dict[str, Any]:
    """Return the group's rules in the provider's form."""
    group = session.call("describe_security_groups", GroupIds=[scope["id"]])["SecurityGroups"][0]
    return {"ingress": _rules(group, "IpPermissions"), "egress": _rules(group, "IpPermissionsEgress")}


def create_rule(session: Session, scope: Scope) -> dict[str, Any]:
    """Add one rule to a group."""
    session.call(
        f"authorize_security_group_{scope['type']}",
        GroupId=scope["securityGroupId"],
        IpPermissions=[_permission(scope.values)],
    )
    return {}


def read_rule(session: Session, scope: Scope) -> dict[str, Any] | None:
    """Return a rule while all its sources are in the group."""
    group = session.call("describe_security_groups", GroupIds=[scope["securityGroupId"]])["SecurityGroups"][0]
    rules = _rules(group, "IpPermissions" if scope["type"] == "ingress" else "IpPermissionsEgress")
    wanted = _sources(scope)
    for rule in rules:
        alike = rule["protocol"] == _protocol(scope["protocol"]) and _ports(rule) == _ports(scope.values)
        if alike and wanted <= _flat(rule):
            return {
                **_spread(wanted),
                **{name: scope[name] for name in ("type", "securityGroupId")},
                "description": rule.get("description"),
                "protocol": rule["protocol"],
                "fromPort": int(scope["fromPort"]),
                "toPort": int(scope["toPort"]),
            }
    return None


def describe_rule(session: Session, scope: Scope) -> None:
    """Change a rule's description."""
    operation = f"update_security_group_rule_descriptions_{scope['type']}"
    session.call(operation, GroupId=scope["securityGroupId"], IpPermissions=[_permission(scope.values)])


def delete_rule(session: Session, scope: Scope) -> None:
    """Take a rule from its group."""
    try:
        session.call(
            f"revoke_security_group_{scope['type']}",
            GroupId=scope["securityGroupId"],
            IpPermissions=[_permission(scope.values)],
        )
    except AwsError as error:
        if not error.gone:
            raise


def _set(session: Session, scope: Scope, way: str) -> None:
    old, new = scope.olds.get(way) or [], scope[way] or []
    gone = [rule for rule in old if not any(same(rule, other) for other in new)]
    more = [rule for rule in new if not any(same(rule, other) for other in old)]
    for operation, rules in (("revoke", gone), ("authorize", more)):
        permissions = [_permission({**rule, "securityGroupId": scope["id"]}) for rule in rules]
        if permissions:
            session.call(f"{operation}_security_group_{way}", GroupId=scope["id"], IpPermissions=permissions)


def _revoke_all(session: Session, group_id: str) -> None:
    group = session.call("describe_security_groups", GroupIds=[group_id])["SecurityGroups"][0]
    for way, key in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
        if group.get(key):
            session.call(f"revoke_security_group_{way}", GroupId=group_id, IpPermissions=group[key])


def _permission(rule: Rule) -> dict[str, Any]:
    """Return a rule of the provider as a permission of the API."""
    text = {"Description": rule["description"]} if rule.get("description") else {}
    groups = [
        *(rule.get("securityGroups") or []),
        rule.get("sourceSecurityGroupId"),
        rule.get("self") and rule["securityGroupId"],
    ]
    permission: dict[str, Any] = {
        "IpProtocol": _protocol(rule["protocol"]),
        "IpRanges": [{"CidrIp": cidr, **text} for cidr in rule.get("cidrBlocks") or []],
        "Ipv6Ranges": [{"CidrIpv6": cidr, **text} for cidr in rule.get("ipv6CidrBlocks") or []],
        "PrefixListIds": [{"PrefixListId": name, **text} for name in rule.get("prefixListIds") or []],
        "UserIdGroupPairs": [{"GroupId": name, **text} for name in groups if name],
    }
    if permission["IpProtocol"] != "-1":
        permission |= {"FromPort": int(rule["fromPort"]), "ToPort": int(rule["toPort"])}
    return {name: value for name, value in permission.items() if value != []}


def _rules(group: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return a group's permissions as rules: one per protocol, ports and description."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    kinds = (
        ("IpRanges", "CidrIp", "cidrBlocks"),
        ("Ipv6Ranges", "CidrIpv6", "ipv6CidrBlocks"),
        ("PrefixListIds", "PrefixListId", "prefixListIds"),
    )
    for permission in group.get(key, []):
        head = (permission["IpProtocol"], permission.get("FromPort", 0), permission.get("ToPort", 0))
        for list_name, source, name in kinds:
            for entry in permission.get(list_name, []):
                _rule(found, head, entry).setdefault(name, []).append(entry[source])
        for pair in permission.get("UserIdGroupPairs", []):
            rule = _rule(found, head, pair)
            if pair["GroupId"] == group["GroupId"]:
                rule["self"] = True
            else:
                rule.setdefault("securityGroups", []).append(pair["GroupId"])
    return list(found.values())


def _rule(
    found: dict[tuple[Any, ...], dict[str, Any]], head: tuple[Any, ...], entry: Mapping[str, Any]
) -> dict[str, Any]:
    text = entry.get("Description") or ""
    rule = {
        "protocol": head[0],
        "fromPort": head[1],
        "toPort": head[2],
        "self": False,
        **({"description": text} if text else {}),
    }
    return found.setdefault((*head, text), rule)


def _protocol(name: Any) -> str:
    return "-1" if str(name) in ("-1", "all") else str(name)


def _ports(rule: Rule) -> tuple[int, int]:
    # AWS forgets the ports of a rule for all protocols.
    return (0, 0) if _protocol(rule["protocol"]) == "-1" else (int(rule["fromPort"]), int(rule["toPort"]))


def _flat(rule: Rule) -> set[str]:
    names = ("cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "securityGroups")
    return {source for name in names for source in rule.get(name, [])} | ({"self"} if rule.get("self") else set())


def _sources(scope: Scope) -> set[str]:
    # From the id, so that an imported rule is found without its inputs.
    return set(scope["source"].split("_"))


def _spread(sources: set[str]) -> dict[str, Any]:
    groups = sorted(source for source in sources if source.startswith("sg-"))
    plain = sources - set(groups) - {"self"}
    lists = {
        "prefixListIds": sorted(source for source in plain if source.startswith("pl-")),
        "ipv6CidrBlocks": sorted(source for source in plain if ":" in source),
        "cidrBlocks": sorted(source for source in plain if "." in source and ":" not in source),
    }
    found: dict[str, Any] = {name: items for name, items in lists.items() if items}
    return {**found, "self": "self" in sources, **({"sourceSecurityGroupId": groups[0]} if groups else {})}
