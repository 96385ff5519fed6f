"""Steps of Route 53."""

from __future__ import annotations

import time
from typing import Any

from sandbox.aws.dns import inside, plain
from sandbox.aws.session import Scope, Session
from sandbox.protocol import Properties

__all__ = [
    "create_record",
    "create_zone",
    "delete_record",
    "empty_zone",
    "read_record",
    "read_zone",
    "set_vpcs",
    "update_record",
]


def create_zone(session: Session, scope: Scope) -> dict[str, Any]:
    """Make a zone and tag it: a private one when the program names VPCs, else a public one."""
    params: dict[str, Any] = {"Name": scope["name"], "CallerReference": f"{scope['name']} {time.time_ns()}"}
    vpcs = [_vpc(session, one) for one in scope["vpcs"] or ()]
    if vpcs:
        params |= {"VPC": vpcs[0], "HostedZoneConfig": {"PrivateZone": True}}
    if scope["comment"]:
        params["HostedZoneConfig"] = {**params.get("HostedZoneConfig", {}), "Comment": scope["comment"]}
    found = session.call("create_hosted_zone", **params)["HostedZone"]
    unique = found["Id"].rpartition("/")[2]
    for vpc in vpcs[1:]:
        session.call("associate_vpc_with_hosted_zone", HostedZoneId=unique, VPC=vpc)
    if scope["tags"]:
        tags = {"ResourceType": "hostedzone", "ResourceId": unique, "AddTags": scope["tagList"]}
        session.call("change_tags_for_resource", **tags)
    return {"Id": unique}


def read_zone(session: Session, scope: Scope) -> dict[str, Any]:
    """Return a zone under the names of the provider's properties."""
    answer = session.call("get_hosted_zone", Id=scope["id"])
    tags = session.call("list_tags_for_resource", ResourceType="hostedzone", ResourceId=scope["id"])
    vpcs = [{"vpcId": one["VPCId"], "vpcRegion": one["VPCRegion"]} for one in answer.get("VPCs") or ()]
    servers = _name_servers(session, scope["id"]) if vpcs else answer["DelegationSet"]["NameServers"]
    return {
        "arn": f"arn:aws:route53:::hostedzone/{scope['id']}",
        "comment": answer["HostedZone"].get("Config", {}).get("Comment") or "",
        "name": answer["HostedZone"]["Name"].removesuffix("."),
        "nameServers": sorted(servers),
        "primaryNameServer": servers[0],
        "vpcs": vpcs or None,
        "zoneId": scope["id"],
        "Tags": tags["ResourceTagSet"]["Tags"],
    }


def set_vpcs(session: Session, scope: Scope) -> None:
    """Bring the VPCs of a private zone to the program's list: new ones first, since a private zone has at least one."""
    old = [_vpc(session, one) for one in scope.olds.get("vpcs") or ()]
    new = [_vpc(session, one) for one in scope["vpcs"] or ()]
    for vpc in [one for one in new if one not in old]:
        session.call("associate_vpc_with_hosted_zone", HostedZoneId=scope["id"], VPC=vpc)
    for vpc in [one for one in old if one not in new]:
        session.call("disassociate_vpc_from_hosted_zone", HostedZoneId=scope["id"], VPC=vpc)


def empty_zone(session: Session, scope: Scope) -> None:
    """Delete what others put into a zone, when the program allows that."""
    if not scope["forceDestroy"]:
        return
    apex = plain(session.call("get_hosted_zone", Id=scope["id"])["HostedZone"]["Name"])
    for record in session.call("list_resource_record_sets", HostedZoneId=scope["id"])["ResourceRecordSets"]:
        if plain(record["Name"]) != apex or record["Type"] not in ("NS", "SOA"):
            _change(session, scope["id"], "DELETE", record)


def create_record(session: Session, scope: Scope) -> dict[str, Any]:
    """Make a record; over one that is there already only when the program allows that."""
    inputs = scope.inputs
    _change(session, inputs["zoneId"], "UPSERT" if inputs.get("allowOverwrite") else "CREATE", _set_of(session, inputs))
    return {"Id": f"{inputs['zoneId']}_{plain(inputs['name'])}_{inputs['type']}"}


def update_record(session: Session, scope: Scope) -> None:
    """Write the record anew."""
    _change(session, scope.inputs["zoneId"], "UPSERT", _set_of(session, scope.inputs))


def read_record(session: Session, scope: Scope) -> dict[str, Any] | None:
    """Return a record under the names of the provider's properties, by its id alone."""
    zone, _, rest = scope["id"].partition("_")
    name, _, kind = rest.rpartition("_")
    found = _found(session, zone, name, kind)
    if found is None:
        return None
    alias = found.get("AliasTarget")
    # The provider does not tell `x.` from `x`.
    given = scope.inputs.get("name")
    return {
        "aliases": [
            {
                "evaluateTargetHealth": alias["EvaluateTargetHealth"],
                "name": plain(alias["DNSName"]),
                "zoneId": alias["HostedZoneId"],
            }
        ]
        if alias
        else None,
        "fqdn": plain(found["Name"]),
        "name": given if isinstance(given, str) and plain(given) == name else name,
        "records": [one["Value"] for one in found.get("ResourceRecords", ())] or None,
        "ttl": found.get("TTL"),
        "type": kind,
        "zoneId": zone,
    }


def delete_record(session: Session, scope: Scope) -> None:
    """Delete a record as it is now."""
    zone, _, rest = scope["id"].partition("_")
    name, _, kind = rest.rpartition("_")
    found = _found(session, zone, name, kind)
    if found is not None:
        _change(session, zone, "DELETE", found)


def _vpc(session: Session, given: dict[str, Any]) -> dict[str, Any]:
    return {"VPCId": given["vpcId"], "VPCRegion": given.get("vpcRegion") or session.region}


def _name_servers(session: Session, zone: str) -> list[str]:
    """Return the name servers of a private zone, which has no delegation set, from its own record."""
    for record in session.call("list_resource_record_sets", HostedZoneId=zone)["ResourceRecordSets"]:
        if record["Type"] == "NS":
            return [plain(one["Value"]) for one in record["ResourceRecords"]]
    return []


def _found(session: Session, zone: str, name: str, kind: str) -> dict[str, Any] | None:
    full = _full_name(session, zone, name)
    params = {"HostedZoneId": zone, "StartRecordName": full, "StartRecordType": kind, "MaxItems": "1"}
    for one in session.call("list_resource_record_sets", **params)["ResourceRecordSets"]:
        if (plain(one["Name"]), one["Type"]) == (full, kind):
            return dict(one)
    return None


def _full_name(session: Session, zone: str, name: str) -> str:
    """Return a record's whole name: as the provider does it, a name that is not below the zone's is put before it."""
    apex = plain(session.call("get_hosted_zone", Id=zone)["HostedZone"]["Name"])
    name = plain(name)
    return name if inside(name, apex) or not name or name.endswith(apex) else f"{name}.{apex}"


def _set_of(session: Session, inputs: Any) -> dict[str, Any]:
    found: Properties = {"Name": _full_name(session, inputs["zoneId"], inputs["name"]), "Type": inputs["type"]}
    for alias in inputs.get("aliases") or ():
        target = {"HostedZoneId": alias["zoneId"], "DNSName": alias["name"]}
        return {**found, "AliasTarget": {**target, "EvaluateTargetHealth": alias["evaluateTargetHealth"]}}
    return {**found, "TTL": inputs.get("ttl"), "ResourceRecords": [{"Value": one} for one in inputs["records"]]}


def _change(session: Session, zone: str, action: str, record: dict[str, Any]) -> None:
    changes = [{"Action": action, "ResourceRecordSet": record}]
    session.call("change_resource_record_sets", HostedZoneId=zone, ChangeBatch={"Changes": changes})
