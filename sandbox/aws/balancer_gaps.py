"""What moto's load balancing lacks or answers wrongly: names, network interfaces, health, what holds a group.

Each function stands in for a method of moto's under the same name; what moto does rightly is left to moto's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup

from sandbox.aws.effects import BalancerEffects

__all__ = ["BALANCER_GAPS", "HEALTH", "HOSTED_ZONES", "attach_balancers", "hosted_zone"]

_CREATE = ELBv2Backend.create_load_balancer
_DELETE_LISTENER = ELBv2Backend.delete_listener
_DELETE = ELBv2Backend.delete_load_balancer
_HEALTH_FOR = FakeTargetGroup.health_for
_MODIFY_LISTENER = ELBv2Backend.modify_listener
_MODIFY_GROUP = ELBv2Backend.modify_target_group

# Where `modify_target_group` gets the matcher's codes, after the ARN.
_CODES = 7

# (target group ARN, target id) → state, such as `unhealthy`; what is not here is healthy while its instance runs.
HEALTH: dict[tuple[str, str], str] = {}

# Zones to which aliases of network load balancers point: https://docs.aws.amazon.com/general/latest/gr/elb.html
HOSTED_ZONES: Mapping[str, str] = {
    "ap-northeast-1": "Z31USIVHYNEOWT",
    "ap-northeast-2": "ZIBE1TIR4HY56",
    "eu-central-1": "Z3F0SRJ5LGBH90",
    "eu-west-1": "Z2IFOLAFXWLO4F",
    "us-east-1": "Z26RNL4JYFTOTI",
    "us-east-2": "ZLMOA37VPKANP",
    "us-west-2": "Z18D5FSROUN65G",
}

_EFFECTS: dict[str, BalancerEffects] = {}


def attach_balancers(effects: BalancerEffects | None) -> None:
    """Have someone told of load balancers from now on; nobody, when there is nobody."""
    _EFFECTS.clear()
    if effects is not None:
        _EFFECTS["told"] = effects


def hosted_zone(region: str) -> str:
    """Return the zone of network load balancers; made up, but stable, where the table lacks the region."""
    return HOSTED_ZONES.get(region) or f"Z{hashlib.sha256(region.encode()).hexdigest()[:13].upper()}"


def _create_balancer(backend: Any, name: str, security_groups: Any, *args: Any, **kw: Any) -> Any:
    balancer = _CREATE(backend, name, security_groups, *args, **kw)
    unique = balancer.arn.rpartition("/")[2]
    kind = "net" if balancer.type == "network" else "app"
    if balancer.type == "network":
        balancer.canonical_hosted_zone_id = hosted_zone(backend.region_name)
        balancer.dns_name = f"{name}-{unique}.elb.{backend.region_name}.amazonaws.com"
        if "told" in _EFFECTS:
            balancer.dns_name = _EFFECTS["told"].balancer_created(name, balancer.scheme)
    for subnet in balancer.subnets:
        text = f"ELB {kind}/{name}/{unique}"
        backend.ec2_backend.create_network_interface(
            subnet, "", group_ids=balancer.security_groups or [], description=text
        )
    return balancer


def _delete_balancer(backend: Any, arn: str) -> None:
    balancer = backend.load_balancers.get(arn)
    _DELETE(backend, arn)
    if balancer is None:
        return
    kind = "net" if balancer.type == "network" else "app"
    text = f"ELB {kind}/{balancer.name}/{arn.rpartition('/')[2]}"
    for interface in [one for one in backend.ec2_backend.enis.values() if one.description == text]:
        interface.delete()
    for group in backend.target_groups.values():
        group.load_balancer_arns = [one for one in group.load_balancer_arns if one != arn]
    if balancer.type == "network" and "told" in _EFFECTS:
        _EFFECTS["told"].balancer_deleted(balancer.name)


def _delete_listener(backend: Any, listener_arn: str) -> Any:
    found = _DELETE_LISTENER(backend, listener_arn)
    for group in backend.target_groups.values():
        # moto goes on saying that the group is in use.
        if found.load_balancer_arn in group.load_balancer_arns:
            group.load_balancer_arns.remove(found.load_balancer_arn)
    return found


def _modify_listener(backend: Any, arn: str, port: Any = None, protocol: Any = None, *args: Any, **kw: Any) -> Any:
    """Moto knows no listeners of network load balancers here but TCP."""
    plain = protocol if protocol in ("HTTP", "HTTPS", "TCP") else None
    listener = _MODIFY_LISTENER(backend, arn, port, plain, *args, **kw)
    listener.protocol = protocol or listener.protocol
    return listener


def _modify_group(backend: Any, arn: str, *args: Any, **kw: Any) -> Any:
    group = _MODIFY_GROUP(backend, arn, *args, **kw)
    codes = args[_CODES] if len(args) > _CODES else kw.get("http_codes")
    if codes and group.health_check_protocol in ("HTTP", "HTTPS"):
        # moto looks at the protocol of the traffic.
        group.matcher = {"HttpCode": codes}
    return group


def _health_for(group: Any, target: dict[str, Any], ec2_backend: Any) -> Any:
    found = _HEALTH_FOR(group, target, ec2_backend)
    state = HEALTH.get((group.arn, target["Id"]))
    if state and found.status == "healthy":
        reason = ("Target.FailedHealthChecks", "Health checks failed") if state == "unhealthy" else (None, None)
        return FakeHealthStatus(found.instance_id, found.port, found.health_check_port, state, *reason)
    return found


BALANCER_GAPS: tuple[tuple[type, str, Callable[..., Any]], ...] = (
    (ELBv2Backend, "create_load_balancer", _create_balancer),
    (ELBv2Backend, "delete_listener", _delete_listener),
    (ELBv2Backend, "delete_load_balancer", _delete_balancer),
    (ELBv2Backend, "modify_listener", _modify_listener),
    (ELBv2Backend, "modify_target_group", _modify_group),
    (FakeTargetGroup, "health_for", _health_for),
)
