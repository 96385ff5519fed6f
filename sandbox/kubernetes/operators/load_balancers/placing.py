"""Where a load balancer goes: the cluster's VPC, and subnets of it that are tagged for the load balancer's kind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.kubernetes.operators.load_balancers.reading import RefusedError
from sandbox.kubernetes.row import Surroundings

__all__ = ["Place", "place", "subnets"]

_ROLES: Final = {"internet-facing": "kubernetes.io/role/elb", "internal": "kubernetes.io/role/internal-elb"}
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets
_ADDRESSES: Final = 8
_ZONES: Final = 2


@dataclass(frozen=True)
class Place:
    """The cluster as the controller was told.

    Attributes:
        values: Of the controller's chart.
    """

    cluster: str
    vpc: str
    region: str
    values: Mapping[str, Any]


def place(around: Surroundings) -> Place:
    """Return what the controller was told by its chart. Raise `RefusedError` for what it could not find out."""
    text = (around.deployment["metadata"].get("annotations") or {}).get("sandbox/received-values") or "{}"
    values = json.loads(text)
    missing = sorted({"clusterName", "region", "vpcId"} - {key for key, value in values.items() if value})
    if missing:
        # The VPC and the region could come from the instance metadata, which pods here do not reach.
        raise RefusedError(f"the controller does not start without the chart's values {', '.join(missing)}")
    return Place(str(values["clusterName"]), str(values["vpcId"]), str(values["region"]), values)


def subnets(ec2: Any, where: Place, scheme: str, named: Iterable[str]) -> list[str]:
    """Return the ids of a load balancer's subnets: those named, by id or name, or one in each zone by their tags.

    Raises:
        RefusedError: There are too few.
    """
    wanted = list(named)
    inside = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [where.vpc]}])["Subnets"]
    if wanted:
        chosen = [one for one in inside if {one["SubnetId"], _tags(one).get("Name")} & {*wanted}]
        if len(chosen) != len(wanted):
            raise RefusedError(
                f"couldn't find all subnets, want: {wanted}, found: {[one['SubnetId'] for one in chosen]}"
            )
    else:
        chosen = _discovered(ec2, where, scheme, inside)
    if len(chosen) < _ZONES:
        raise RefusedError(
            f"couldn't auto-discover subnets: subnets count less than minimal required count: {len(chosen)} < {_ZONES}"
        )
    if len({one["AvailabilityZone"] for one in chosen}) != len(chosen):
        raise RefusedError("multiple subnets in same Availability Zone")
    return sorted(str(one["SubnetId"]) for one in chosen)


def _discovered(ec2: Any, where: Place, scheme: str, inside: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    own = f"kubernetes.io/cluster/{where.cluster}"
    candidates = [one for one in inside if _tags(one).get(_ROLES[scheme]) in ("", "1")]
    if not candidates:
        public = _public(ec2, where.vpc)
        candidates = [one for one in inside if public(one["SubnetId"]) == (scheme == "internet-facing")]
    eligible = []
    for one in candidates:
        clusters = [key for key in _tags(one) if key.startswith("kubernetes.io/cluster/")]
        if (not clusters or own in clusters) and one.get("AvailableIpAddressCount", _ADDRESSES) >= _ADDRESSES:
            eligible.append(one)
    if not eligible:
        raise RefusedError(
            "couldn't auto-discover subnets: unable to resolve at least one subnet. "
            f"Evaluated {len(candidates)} subnets of {where.vpc} for {_ROLES[scheme]}"
        )
    by_zone: dict[str, Mapping[str, Any]] = {}
    for one in sorted(eligible, key=lambda each: (own not in _tags(each), each["SubnetId"])):
        by_zone.setdefault(one["AvailabilityZone"], one)
    return list(by_zone.values())


def _public(ec2: Any, vpc: str) -> Any:
    """Return a function that says whether a subnet's packets may go to an internet gateway."""
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    by_subnet = {link.get("SubnetId"): table for table in tables for link in table["Associations"]}
    main: Mapping[str, Any] = next(
        (table for table in tables if any(link.get("Main") for link in table["Associations"])), {"Routes": []}
    )

    def public(subnet: str) -> bool:
        routes = by_subnet.get(subnet, main)["Routes"]
        return any(str(route.get("GatewayId", "")).startswith("igw") for route in routes)

    return public


def _tags(thing: Mapping[str, Any]) -> dict[str, str]:
    return {str(one["Key"]): str(one["Value"]) for one in thing.get("Tags") or []}
