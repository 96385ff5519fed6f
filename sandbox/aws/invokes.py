"""Provider functions. A function more is one entry in `INVOKES`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.codec import tag_map
from sandbox.aws.eks_api.catalog import VERSIONS
from sandbox.aws.session import ACCOUNT, PARTITION, Session
from sandbox.protocol import HostError, Properties

__all__ = ["INVOKES", "invoke"]

Function = Callable[[Session, Properties], Properties]


def invoke(token: str, session: Session, args: Properties) -> Properties:
    """Answer a function.

    Raises:
        HostError: The function is not served, or AWS refuses.
    """
    if token not in INVOKES:
        raise HostError(f"function {token} is not served; add an entry to INVOKES in sandbox/aws/invokes.py")
    return INVOKES[token](session, args)


def caller_identity(session: Session, _args: Properties) -> Properties:
    """Return who calls."""
    answer = session.of("sts").call("get_caller_identity")
    return {"id": ACCOUNT, "accountId": answer["Account"], "arn": answer["Arn"], "userId": answer["UserId"]}


def partition(_session: Session, _args: Properties) -> Properties:
    """Return the partition and its DNS suffix."""
    return {"id": PARTITION, "partition": PARTITION, "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


def region(session: Session, args: Properties) -> Properties:
    """Return the region in use."""
    name = args.get("region") or args.get("name") or session.region
    return {"id": name, "name": name, "region": name, "description": name, "endpoint": f"ec2.{name}.amazonaws.com"}


def availability_zones(session: Session, args: Properties) -> Properties:
    """Return the region's zones."""
    filters = [{"Name": one["name"], "Values": one["values"]} for one in args.get("filters") or []]
    if args.get("state"):
        filters.append({"Name": "state", "Values": [args["state"]]})
    zones = session.of("ec2").call("describe_availability_zones", Filters=filters)["AvailabilityZones"]
    left_out = {*(args.get("excludeNames") or []), *(args.get("excludeZoneIds") or [])}
    kept = sorted(
        (zone for zone in zones if not {zone["ZoneName"], zone["ZoneId"]} & left_out),
        key=lambda zone: str(zone["ZoneName"]),
    )
    names = [zone["ZoneName"] for zone in kept]
    return {
        "id": session.region,
        "names": names,
        "zoneIds": [zone["ZoneId"] for zone in kept],
        "groupNames": [session.region],
        **_echo(args),
    }


def roles(session: Session, args: Properties) -> Properties:
    """Return the roles whose name matches."""
    found = session.of("iam").call("list_roles", PathPrefix=args.get("pathPrefix") or "/", MaxItems=1000)["Roles"]
    pattern = re.compile(args.get("nameRegex") or "")
    kept = [role for role in found if pattern.search(role["RoleName"])]
    return {
        "id": session.region,
        "arns": [role["Arn"] for role in kept],
        "names": [role["RoleName"] for role in kept],
        **_echo(args),
    }


def policy_document(_session: Session, args: Properties) -> Properties:
    """Render a policy document: one value as text, several as a list."""
    document: dict[str, Any] = {"Version": args.get("version") or "2012-10-17"}
    if args.get("policyId"):
        document["Id"] = args["policyId"]
    document["Statement"] = [_statement(statement) for statement in args.get("statements") or []]
    text = json.dumps(document, indent=2)
    return {
        "id": str(abs(hash(text)) % 10**10),
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
        **_echo(args),
    }


def addon_version(session: Session, args: Properties) -> Properties:
    """Return an add-on's default or newest version."""
    name, kubernetes, newest = args["addonName"], args["kubernetesVersion"], bool(args.get("mostRecent"))
    offers = session.of("eks").call("describe_addon_versions", addonName=name, kubernetesVersion=kubernetes)["addons"]
    versions = offers[0]["addonVersions"] if offers else []
    chosen = next((one for one in versions if newest or one["compatibilities"][0]["defaultVersion"]), None)
    if chosen is None:
        raise HostError(f"empty result: no version of add-on {name} for Kubernetes {kubernetes}")
    return {
        "id": name,
        "addonName": name,
        "kubernetesVersion": kubernetes,
        "mostRecent": newest,
        "version": chosen["addonVersion"],
        "region": session.region,
    }


def ssm_parameter(session: Session, args: Properties) -> Properties:
    """Return a parameter; AWS's own parameters of the EKS images are made up, but stable."""
    name = args["name"]
    try:
        found = session.of("ssm").call("get_parameter", Name=name, WithDecryption=args.get("withDecryption", True))[
            "Parameter"
        ]
    except AwsError:
        value = _image_parameter(name)
        if value is None:
            raise
        found = {
            "Name": name,
            "Value": value,
            "Type": "String",
            "Version": 1,
            "ARN": f"arn:{PARTITION}:ssm:{session.region}::parameter{name}",
        }
    text = {"value": found["Value"], "insecureValue": found["Value"] if found["Type"] != "SecureString" else ""}
    return {
        "id": name,
        "name": name,
        "type": found["Type"],
        "version": found["Version"],
        "arn": found["ARN"],
        "region": session.region,
        "withDecryption": args.get("withDecryption", True),
        **text,
    }


def hosted_zone(session: Session, args: Properties) -> Properties:
    """Return the one zone that has the id, or the name."""
    if unserved := [name for name in ("linkedServicePrincipal", "tags", "vpcId") if args.get(name)]:
        raise HostError(f"getZone by {', '.join(unserved)} is not served; add it in sandbox/aws/invokes.py")
    calls = session.of("route53")
    wanted = str(args.get("name") or "").removesuffix(".")
    found = [
        zone
        for zone in calls.call("list_hosted_zones")["HostedZones"]
        if args.get("zoneId") in (None, zone["Id"].rpartition("/")[2])
        and (not wanted or zone["Name"].removesuffix(".") == wanted)
        and zone["Config"]["PrivateZone"] == bool(args.get("privateZone"))
    ]
    if not found:
        raise HostError("no matching Route 53 Hosted Zone found")
    if len(found) > 1:
        raise HostError("multiple Route 53 Hosted Zones matched; use additional constraints to reduce matches")
    return _zone(calls, found[0])


def _zone(calls: Session, zone: Properties) -> Properties:
    unique = zone["Id"].rpartition("/")[2]
    servers = calls.call("get_hosted_zone", Id=unique)["DelegationSet"]["NameServers"]
    tags = calls.call("list_tags_for_resource", ResourceType="hostedzone", ResourceId=unique)["ResourceTagSet"]["Tags"]
    return {
        "id": unique,
        "zoneId": unique,
        "arn": f"arn:{PARTITION}:route53:::hostedzone/{unique}",
        "name": zone["Name"].removesuffix("."),
        "callerReference": zone["CallerReference"],
        "comment": zone["Config"].get("Comment", ""),
        "enableAcceleratedRecovery": False,
        "linkedServiceDescription": "",
        "linkedServicePrincipal": "",
        "nameServers": sorted(servers),
        "primaryNameServer": servers[0],
        "privateZone": zone["Config"]["PrivateZone"],
        "resourceRecordSetCount": zone["ResourceRecordSetCount"],
        "tags": tag_map(tags),
        "vpcId": "",
    }


INVOKES: Mapping[str, Function] = {
    "aws:eks/getAddonVersion:getAddonVersion": addon_version,
    "aws:iam/getPolicyDocument:getPolicyDocument": policy_document,
    "aws:iam/getRoles:getRoles": roles,
    "aws:index/getAvailabilityZones:getAvailabilityZones": availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": caller_identity,
    "aws:index/getPartition:getPartition": partition,
    "aws:index/getRegion:getRegion": region,
    "aws:route53/getZone:getZone": hosted_zone,
    "aws:ssm/getParameter:getParameter": ssm_parameter,
}


def _echo(args: Properties) -> Properties:
    return {name: value for name, value in args.items() if not name.startswith("__")}


def _statement(given: Properties) -> Properties:
    found: Properties = {"Sid": given.get("sid"), "Effect": given.get("effect") or "Allow"}
    for name in ("actions", "notActions", "resources", "notResources"):
        found[name[0].upper() + name[1:-1]] = _one_or_many(given.get(name))
    for name in ("principals", "notPrincipals"):
        found[name[0].upper() + name[1:-1]] = _principals(given.get(name))
    for condition in given.get("conditions") or []:
        place = found.setdefault("Condition", {}).setdefault(condition["test"], {})
        place[condition["variable"]] = _one_or_many(condition["values"])
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def _principals(given: list[Properties] | None) -> Any:
    if given and any(one["type"] == "*" for one in given):
        return "*"
    return {one["type"]: _one_or_many(one["identifiers"]) for one in given or []}


def _one_or_many(values: list[str] | None) -> Any:
    return values[0] if values and len(values) == 1 else sorted(values or [], reverse=True)


def _image_parameter(name: str) -> str | None:
    match = re.fullmatch(r"/aws/service/(?:eks/optimized-ami|bottlerocket)/([\d.]+|aws-k8s-[\d.]+)/.*?([a-z_]+)", name)
    if not match or match[1].removeprefix("aws-k8s-") not in VERSIONS:
        return None
    if match[2] == "release_version":
        return f"{match[1]}.0-20261110"
    return (
        "ami-0" + format(int.from_bytes(name.rpartition("/")[0].encode(), "big") % 16**16, "016x")
        if match[2] == "image_id"
        else None
    )
