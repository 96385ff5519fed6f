"""The load balancer that a group's Ingresses ask for, and what speaks against it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.operators.load_balancers.placing import Place
from sandbox.kubernetes.operators.load_balancers.reading import Group, Member, RefusedError, notes, parsed
from sandbox.kubernetes.row import Surroundings

__all__ = ["Listener", "Model", "Target", "build"]

_SCHEMES: Final = ("internet-facing", "internal")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9]")
_USE_ANNOTATION: Final = "use-annotation"


@dataclass(frozen=True)
class Target:
    """A target group: a port of a Service, as one Ingress has it."""

    name: str
    kind: str
    port: int
    protocol: str


@dataclass
class Listener:
    """A port of the load balancer.

    Attributes:
        certificates: ARNs that the Ingresses name; empty with HTTPS where they are to be found by name.
        hosts: For which certificates are to be found.
    """

    protocol: str
    certificates: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


@dataclass
class Model:
    """What is to be there.

    Attributes:
        lacking: What keeps single members from being served, by their name. The load balancer is made nevertheless.
        rules: Host, path and the targets with their weights.
    """

    name: str
    scheme: str
    attributes: dict[str, str]
    tags: dict[str, str]
    policy: str
    redirect: int | None
    firewall: str
    named_subnets: list[str]
    cidrs: list[str]
    listeners: dict[int, Listener]
    targets: dict[str, Target]
    rules: list[tuple[str, str, dict[str, int]]]
    lacking: dict[str, str]

    @property
    def digest(self) -> str:
        """Changes with anything that is asked for."""
        return hashlib.sha256(json.dumps(self, default=_plain, sort_keys=True).encode()).hexdigest()


def build(around: Surroundings, where: Place, group: Group, members: Sequence[Member]) -> Model:
    """Return what a group's members ask for together. Raise `RefusedError` where that is nothing that could be made."""
    scheme = _one(members, "scheme", "scheme") or str(where.values.get("defaultScheme") or "internal")
    if scheme not in _SCHEMES:
        raise RefusedError(f"unknown scheme: {scheme}")
    listeners = _listeners(members)
    redirect = _one(members, "ssl-redirect", "sslRedirectPort")
    if redirect and (int(redirect) not in listeners or listeners[int(redirect)].protocol != "HTTPS"):
        raise RefusedError(f"listener does not exist for SSLRedirect port: {redirect}")
    subnets = _one(members, "subnets", None)
    model = Model(
        name=_name(where.cluster, group, scheme, _one(members, "load-balancer-name", "loadBalancerName")),
        scheme=scheme,
        attributes=_attributes(members),
        tags=_tags(members, where),
        policy=_one(members, "ssl-policy", "sslPolicy") or "ELBSecurityPolicy-2016-08",
        redirect=int(redirect) if redirect else None,
        firewall=str(_one(members, "wafv2-acl-arn", "wafv2AclArn") or ""),
        named_subnets=_split(subnets),
        cidrs=_split(_one(members, "inbound-cidrs", "inboundCIDRs")) or ["0.0.0.0/0"],
        listeners=listeners,
        targets={},
        rules=[],
        lacking={},
    )
    for member in members:
        _route(around, where, group, member, model)
    return model


def _listeners(members: Sequence[Member]) -> dict[int, Listener]:
    found: dict[int, Listener] = {}
    for member in members:
        certificates = _split(member.said("certificate-arn", "certificateArn"))
        text = notes(member.ingress).get("listen-ports")
        default = [{"HTTPS": 443}] if certificates else [{"HTTP": 80}]
        entries = parsed(text, "listen-ports configuration") if text is not None else default
        if not (isinstance(entries, list) and entries and all(isinstance(one, dict) for one in entries)):
            raise RefusedError(f"empty listen-ports configuration: `{text}`")
        for protocol, port in (pair for entry in entries for pair in entry.items()):
            if protocol not in ("HTTP", "HTTPS") or not 1 <= int(port) <= 65535:
                raise RefusedError(f"listen protocol must be within [HTTP, HTTPS]: {protocol} {port}")
            listener = found.setdefault(int(port), Listener(protocol))
            if listener.protocol != protocol:
                raise RefusedError(f"conflicting protocol, {port}: {listener.protocol} | {protocol}")
            if protocol == "HTTPS":
                listener.certificates = sorted({*listener.certificates, *certificates})
                listener.hosts |= _hosts(member.ingress)
    return found


def _hosts(ingress: Manifest) -> set[str]:
    spec = ingress["spec"]
    named = {one["host"] for one in spec.get("rules") or [] if one.get("host")}
    return named | {host for one in spec.get("tls") or [] for host in one.get("hosts") or []}


def _route(around: Surroundings, where: Place, group: Group, member: Member, model: Model) -> None:
    spec = member.ingress["spec"]
    routes = [
        (str(rule.get("host", "")), str(path.get("path") or "/"), path["backend"])
        for rule in spec.get("rules") or []
        for path in (rule.get("http") or {}).get("paths") or []
    ]
    if "defaultBackend" in spec:
        routes.append(("", "/", spec["defaultBackend"]))
    for host, path, backend in routes:
        if "service" not in backend:
            raise RefusedError('missing required "service" field')
        weights = {}
        for service, port, weight in _services(member, backend["service"], model):
            target = _target(around, where, group, member, (service, port), model)
            if target is not None:
                model.targets[target.name] = target
                weights[target.name] = weight
        model.rules.append((host, path, weights))


def _services(member: Member, service: Mapping[str, Any], model: Model) -> list[tuple[str, Any, int]]:
    """Return the Services behind a backend with their ports and weights."""
    port = service.get("port") or {}
    if port.get("name") != _USE_ANNOTATION:
        return [(service["name"], port.get("name") or port.get("number"), 1)]
    key = f"actions.{service['name']}"
    text = notes(member.ingress).get(key)
    if text is None:
        # The real one answers 503 then, and calls the Ingress done.
        model.lacking[member.name] = f"missing {key} configuration"
        return []
    action = parsed(text, key)
    if str(action.get("Type", action.get("type"))).lower() != "forward":
        return []
    config = action.get("ForwardConfig") or action.get("forwardConfig") or {}
    groups = config.get("TargetGroups") or config.get("targetGroups") or []
    lowered = [{name.lower(): value for name, value in one.items()} for one in groups]
    return [(one["servicename"], one["serviceport"], int(one.get("weight", 1))) for one in lowered]


def _target(
    around: Surroundings, where: Place, group: Group, member: Member, backend: tuple[str, Any], model: Model
) -> Target | None:
    (name, port), namespace = backend, member.ingress["metadata"]["namespace"]
    service = around.get("v1", "Service", namespace, name)
    if service is None:
        # The real one answers 503 then, and calls the Ingress done.
        model.lacking[member.name] = f'services "{name}" not found'
        return None
    wanted = {str(port), int(port)} if str(port).isdigit() else {port}
    found = next((one for one in service["spec"].get("ports") or [] if {one.get("name"), one["port"]} & wanted), None)
    if found is None:
        raise RefusedError(f"ingress: {member.name}: unable to find port {port} on service {namespace}/{name}")
    said = {**notes(service), **notes(member.ingress)}
    default = str(where.values.get("defaultTargetType") or "instance")
    kind = str(member.params.get("targetType") or said.get("target-type") or default)
    if kind not in ("instance", "ip"):
        raise RefusedError(f"unknown targetType: {kind}")
    number = found.get("nodePort", 0) if kind == "instance" else found.get("targetPort", found["port"])
    if not number:
        raise RefusedError(
            f"ingress: {member.name}: TargetGroup port is empty. When using Instance targets, your service must be of "
            "type 'NodePort' or 'LoadBalancer'"
        )
    number = number if isinstance(number, int) else 1
    protocol = said.get("backend-protocol", "HTTP").upper()
    if protocol not in ("HTTP", "HTTPS"):
        raise RefusedError(f"backend protocol must be within [HTTP, HTTPS]: {protocol}")
    version = said.get("backend-protocol-version", "HTTP1")
    parts = [where.cluster, group.text, namespace, member.ingress["metadata"]["name"], service["metadata"]["uid"]]
    digest = _digest([*parts, str(port), str(number), kind, protocol, version])
    return Target(f"k8s-{_PLAIN.sub('', namespace)[:8]}-{_PLAIN.sub('', name)[:8]}-{digest}", kind, number, protocol)


def _name(cluster: str, group: Group, scheme: str, explicit: Any) -> str:
    if explicit:
        if len(str(explicit)) > 32:
            raise RefusedError("load balancer name cannot be longer than 32 characters")
        return str(explicit)
    digest = _digest([cluster, group.text, scheme])
    if not group.namespace:
        return f"k8s-{_PLAIN.sub('', group.name)[:17]}-{digest}"
    return f"k8s-{_PLAIN.sub('', group.namespace)[:8]}-{_PLAIN.sub('', group.name)[:8]}-{digest}"


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:10]


def _one(members: Sequence[Member], key: str, field_name: str | None) -> Any:
    """Return what members say alike. Raise `RefusedError` where they do not."""
    said = [value for member in members if (value := member.said(key, field_name)) is not None]
    if any(value != said[0] for value in said):
        raise RefusedError(f"conflicting {key}: {said}")
    return said[0] if said else None


def _attributes(members: Sequence[Member]) -> dict[str, str]:
    return _pairs(members, "load-balancer-attributes", "loadBalancerAttributes")


def _tags(members: Sequence[Member], where: Place) -> dict[str, str]:
    given: Mapping[str, Any] = where.values.get("defaultTags") or {}
    return {**{key: str(value) for key, value in given.items()}, **_pairs(members, "tags", "tags")}


def _pairs(members: Sequence[Member], key: str, field_name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for member in members:
        own = dict[str, str](part.partition("=")[::2] for part in _split(notes(member.ingress).get(key)))
        own |= {str(one["key"]): str(one["value"]) for one in member.params.get(field_name) or []}
        for name, value in own.items():
            if found.setdefault(name, value) != value:
                raise RefusedError(f"conflicting {key} {name}: {found[name]} | {value}")
    return found


def _split(value: Any) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value or []
    return [str(one).strip() for one in parts if str(one).strip()]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else vars(value)
