"""What a self-managed control plane is reached and trusted by: controls P2, P6, P9, P10, D7 and I5 for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies import tokens, topology
from policies.resources import Resource, Stack
from policies.rule import Fault, rule
from policies.statements import granted, trusted

_API: Final = 6443
_AUDIENCE: Final = "sts.amazonaws.com"
_SUBJECT: Final = r"system:serviceaccount:[a-z0-9-]+:[a-z0-9.-]+"
# Objects by which whoever is asked to trust a service account's token finds the issuer's keys
# (https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig).
_DOCUMENTS: Final = frozenset({".well-known/openid-configuration", "keys.json"})
_ASKED: Final[Mapping[str, str]] = {
    "port": str(_API),
    "protocol": "TCP",
    "targetType": "instance",
    "healthCheck.protocol": "HTTPS",
    "healthCheck.path": "/readyz",
    "healthCheck.port": str(_API),
}
# Characters of a password, and bits of RSA.
_LENGTH: Final = 16
_BITS: Final = 2048
_PROOF: Final = {"client-certificate-data", "client-key-data"}


@rule("D7", "P6", "P9", types=[tokens.PARAMETER], whole=True)
def parameter_is_a_secret(parameter: Resource, stack: Stack) -> Iterator[Fault]:
    """A parameter is a SecureString under a key of this program, and its value comes from what makes it."""
    if parameter.get("type") != "SecureString":
        yield Fault("type", f"is {parameter.get('type')}", "set SecureString")
    if not parameter.given("keyId") or not stack.source(parameter, "keyId", tokens.KEY):
        yield Fault("keyId", "is no key of this program: AWS's own is for everybody in the account", "pass its ARN")
    made = parameter.sources.get("value", frozenset())
    if not parameter.given("value") or not made or not made <= stack.by_urn.keys():
        yield Fault("value", "is a value of the program's own", "take it from what makes it")
    for key in ("insecureValue", "overwrite"):
        if parameter.given(key):
            yield Fault(key, "shows the value, or takes another cluster's over", "leave it out")
    if not str(parameter.get("name") or "").startswith("/"):
        yield Fault("name", "is no path of the program's", "set it: roles name it")


@rule("P10", types=[tokens.ROLE_POLICY], whole=True)
def parameters_that_are_read_are_there(policy: Resource, stack: Stack) -> Iterator[Fault]:
    """Who reads parameters reads those of this program, each by its name."""
    known = {str(parameter.get("name")) for parameter in stack.of(tokens.PARAMETER)}
    for statement in granted(policy):
        if any(action.startswith("ssm:GetParameter") for action in statement.actions):
            for arn in statement.resources:
                if arn.partition(":parameter")[2] not in known:
                    yield Fault(statement.where, f"{arn} is none of this program", "name a parameter that is there")


@rule("P9", types=[tokens.PRIVATE_KEY, tokens.RANDOM_PASSWORD])
def key_cannot_be_guessed(key: Resource) -> Iterator[Fault]:
    """A key is of P-256 or more, of 2048 bits of RSA or more, or has sixteen characters that nobody chose."""
    if key.type == tokens.RANDOM_PASSWORD:
        if key.get("length") < _LENGTH:
            yield Fault("length", f"is {key.get('length')}", f"set {_LENGTH} or more")
    elif key.get("algorithm") == "ECDSA":
        if key.get("ecdsaCurve") not in ("P256", "P384", "P521"):
            yield Fault("ecdsaCurve", f"is {key.get('ecdsaCurve') or 'P224'}", "set P256")
    elif key.get("algorithm") != "ED25519" and (key.get("rsaBits") or 0) < _BITS:
        yield Fault("rsaBits", f"are {key.get('rsaBits') or 'left to the provider'}", f"set {_BITS} or more")


@rule("P9", types=[tokens.SELF_SIGNED], whole=True)
def authority_is_one(certificate: Resource, stack: Stack) -> Iterator[Fault]:
    """An authority of the cluster says that it is one and whose, and its key is of this program."""
    for path in ("isCaCertificate", "setSubjectKeyId"):
        if not certificate.true(path):
            yield Fault(path, "is not true", "set true")
    if "cert_signing" not in certificate.items("allowedUses"):
        yield Fault("allowedUses", "lack cert_signing", "add it")
    if not certificate.get("subject.commonName"):
        yield Fault("subject.commonName", "is missing", "set kubeadm's name of it")
    if not certificate.given("privateKeyPem") or not stack.source(certificate, "privateKeyPem", tokens.PRIVATE_KEY):
        yield Fault("privateKeyPem", "is no key of this program", "pass it")


@rule("P2", types=tokens.BALANCERS, whole=True)
def balancer_reaches_every_control_plane(balancer: Resource, stack: Stack) -> Iterator[Fault]:
    """A network load balancer has a group of its own, lies in every zone, and sends to every control plane."""
    if balancer.get("loadBalancerType") != "network" or not stack.of(tokens.INSTANCE):
        return
    if not balancer.true("enableCrossZoneLoadBalancing"):
        yield Fault("enableCrossZoneLoadBalancing", "is not true: a zone would know its own only", "set true")
    if not stack.source(balancer, "securityGroups", tokens.GROUP):
        yield Fault("securityGroups", "is none of this program, and AWS takes none later", "pass a group of its own")
    subnets = stack.source(balancer, "subnets", tokens.SUBNET)
    if len({subnet.get("availabilityZone") for subnet in subnets}) < 2:
        yield Fault("subnets", "lie in fewer than two zones", "pass one of each zone")
    for subnet in subnets:
        if topology.is_public(stack, subnet) == balancer.true("internal"):
            yield Fault("subnets", f"{subnet.name} is for the other kind of load balancer", "pass the other subnets")
    if balancer.get("ipAddressType") not in (None, "ipv4"):
        yield Fault("ipAddressType", "is not ipv4, which its groups' rules are for", "set ipv4")
    if not any(stack.users(balancer, "loadBalancerArn", type_) for type_ in tokens.LISTENERS):
        yield Fault("listeners", "there is none", "add one")


@rule("P2", types=tokens.LISTENERS, whole=True)
def listener_passes_on_to_the_api(listener: Resource, stack: Stack) -> Iterator[Fault]:
    """A network load balancer's listener passes TCP on to a target group of this program: the API proves itself."""
    if listener.get("protocol") != "TCP" or not stack.of(tokens.INSTANCE):
        return
    if not any(stack.source(listener, "loadBalancerArn", type_) for type_ in tokens.BALANCERS):
        yield Fault("loadBalancerArn", "is none of this program", "pass its ARN")
    if not any(stack.source(listener, "defaultActions", type_) for type_ in tokens.TARGET_GROUPS):
        yield Fault("defaultActions", "forward to no target group of this program", "forward to one")
    if listener.get("port") != _API:
        yield Fault("port", f"is {listener.get('port')}", f"set {_API}")
    if not all(a.get("targetGroupArn") and a.get("type") == "forward" for a in listener.items("defaultActions")):
        yield Fault("defaultActions", "do not forward", "set type and targetGroupArn")


@rule("P2", types=tokens.TARGET_GROUPS, whole=True)
def api_is_asked_whether_it_is_ready(group: Resource, stack: Stack) -> Iterator[Fault]:
    """Who gets the API's connections answers /readyz by HTTPS; AWS's own question is whether the port is open."""
    if not stack.of(tokens.INSTANCE):
        return
    for key, wanted in _ASKED.items():
        if str(group.get(key)) != wanted:
            yield Fault(key, f"is not {wanted}", f"set {wanted}")
    if group.get("preserveClientIp") not in (False, "false"):
        yield Fault("preserveClientIp", "is not false: no control plane would reach itself", "set false")
    if not any(stack.users(group, "defaultActions", type_) for type_ in tokens.LISTENERS):
        yield Fault("listeners", "there is none", "add one")


@rule("P2", types=tokens.TARGET_GROUPS, whole=True)
def targets_are_the_control_planes(group: Resource, stack: Stack) -> Iterator[Fault]:
    """Every control plane gets the API's connections, at its port, and no other machine does."""
    if not stack.of(tokens.INSTANCE):
        return
    targets = [one for type_ in tokens.TARGETS for one in stack.users(group, "targetGroupArn", type_)]
    found = sorted(machine.name for one in targets for machine in stack.source(one, "targetId", tokens.INSTANCE))
    planes = sorted(plane.name for plane in topology.control_planes(stack))
    if found != planes:
        yield Fault("targets", f"are {', '.join(found) or 'none'}", f"attach {', '.join(planes)}")
    for one in targets:
        if one.get("port") not in (None, _API):
            yield Fault("targets", f"{one.name} is asked at {one.get('port')}", "leave the port out")


@rule("P2", types=[tokens.VPC], whole=True)
def api_has_a_name_inside(vpc: Resource, stack: Stack) -> Iterator[Fault]:
    """The API's name stands in a zone that the VPC alone sees, and leads to its one machine or internal balancer."""
    planes = topology.control_planes(stack)
    if not planes:
        return
    records = [r for zone in stack.users(vpc, "vpcs", tokens.ZONE) for r in stack.users(zone, "zoneId", tokens.RECORD)]
    if len(records) != 1:
        yield Fault("private zone", f"holds {len(records)} names", "add the API's record")
    for record in records:
        if len(planes) == 1:
            leads = record.items("records") == [planes[0].get("privateIp")] and bool(planes[0].get("privateIp"))
        else:
            behind = [one for type_ in tokens.BALANCERS for one in stack.source(record, "aliases", type_)]
            leads = bool(record.items("aliases")) and any(one.true("internal") for one in behind)
        if record.get("type") != "A" or not leads:
            yield Fault("private zone", f"{record.name} does not lead to the control planes", "point it at them")


@rule("P2", types=[tokens.KUBERNETES_PROVIDER], whole=True)
def kubeconfig_trusts_one_authority(provider: Resource, stack: Stack) -> Iterator[Fault]:
    """The kubeconfig of a self-managed cluster knows its authority and name and proves itself by a certificate."""
    if stack.of(tokens.CLUSTER):
        return
    text = provider.get("kubeconfig")
    parsed: Any = json.loads(text) if isinstance(text, str) and text.startswith("{") else {}
    clusters = [one["cluster"] for one in parsed.get("clusters", [])]
    if not clusters or any(c.get("insecure-skip-tls-verify") or not c.get("tls-server-name") for c in clusters):
        yield Fault("kubeconfig", "does not say whom to believe", "set tls-server-name and no insecure-skip-tls-verify")
    if not all(c.get("certificate-authority-data") and str(c["server"]).startswith("https://") for c in clusters):
        yield Fault("kubeconfig", "knows no authority", "set certificate-authority-data and an https server")
    for user in parsed.get("users", []):
        for key in sorted(user["user"].keys() - _PROOF):
            yield Fault("kubeconfig", f"has {key}", "use the administrator's certificate")


@rule("I5", "P10", types=[tokens.OIDC_PROVIDER], whole=True)
def issuer_is_for_sts_alone(provider: Resource, stack: Stack) -> Iterator[Fault]:
    """AWS takes a token of the cluster's issuer only if it is meant for STS, and finds both documents of the issuer."""
    if provider.items("clientIdLists") != [_AUDIENCE]:
        yield Fault("clientIdLists", f"are {provider.get('clientIdLists')}", f"set [{_AUDIENCE}]")
    url = str(provider.get("url"))
    if not url.startswith("https://"):
        yield Fault("url", f"{url} is not read over HTTPS", "set the issuer's URL")
    bucket = url.removeprefix("https://").partition(".")[0]
    published = {o.get("key") for o in stack.of(tokens.BUCKET_OBJECT) if o.get("bucket") == bucket}
    for key in sorted(_DOCUMENTS - published):
        yield Fault("url", f"has no {key}", "put it into the issuer's bucket")
    if not stack.users(provider, "assumeRolePolicy", tokens.ROLE):
        yield Fault("url", "is no role's", "let roles trust it, or take it out")


@rule("I5", "P10", types=[tokens.ROLE], whole=True)
def web_identity_is_of_our_issuer(role: Resource, stack: Stack) -> Iterator[Fault]:
    """A pod's role trusts this program's issuer alone, for STS and one service account."""
    for statement in trusted(role):
        if "Federated" not in statement.principals:
            continue
        providers = stack.source(role, "assumeRolePolicy", tokens.OIDC_PROVIDER)
        if len(providers) != 1 or set(statement.principals) != {"Federated"}:
            yield Fault(statement.where, "trusts others than this program's issuer", "name its provider alone")
        if statement.actions != ("sts:AssumeRoleWithWebIdentity",):
            yield Fault(statement.where, "is not AssumeRoleWithWebIdentity", "allow it alone")
        for provider in providers:
            host = str(provider.get("url")).removeprefix("https://").lower()
            given = statement.keys("StringEquals")
            arns = statement.principals["Federated"]
            if not all(arn.lower().endswith(f":oidc-provider/{host}") for arn in arns):
                yield Fault(statement.where, "names another issuer", "name the provider's ARN")
            if given.get(f"{host}:aud") != (_AUDIENCE,):
                yield Fault(statement.where, "takes tokens for others", f"bind {host}:aud to {_AUDIENCE}")
            subjects = given.get(f"{host}:sub", ())
            if len(subjects) != 1 or not re.fullmatch(_SUBJECT, subjects[0]):
                yield Fault(statement.where, "is for more than one service account", f"bind {host}:sub to it")
