"""What moto's Route 53 and ACM lack or answer wrongly: name servers, rules of records, validation by DNS."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from moto.acm.models import CertBundle, acm_backends
from moto.acm.responses import AWSCertificateManagerResponse
from moto.core.utils import utcnow
from moto.route53.exceptions import HostedZoneNotEmpty, Route53ClientError
from moto.route53.models import DelegationSet, HostedZoneIdentifier, Route53Backend

from sandbox.aws.dns import REGISTERED, inside, look_up, plain, public_zones

__all__ = ["DOMAIN_GAPS", "unvalidated"]

_DELEGATION = DelegationSet.__init__
_DESCRIBE = CertBundle.describe
_IDENTIFY = HostedZoneIdentifier.generate
_REQUEST = AWSCertificateManagerResponse.request_certificate

_SETS = itertools.count(1)
# Types that a zone is made with.
_OWN = ("NS", "SOA")


# Route 53 ----------------------------------------------------------------------------------------------------------


def _name_servers(delegation: Any, caller_reference: str, name_servers: Any, delegation_set_id: Any) -> None:
    """Give each zone four name servers of its own; moto gives all the same, so that any delegation would do."""
    number = next(_SETS)
    endings = ("com", "net", "org", "co.uk")
    own = [f"ns-{number + 512 * at}.awsdns-{number % 64:02}.{ending}" for at, ending in enumerate(endings)]
    _DELEGATION(delegation, caller_reference, name_servers or own, delegation_set_id)


def _zone_id(zone: Any, existing_ids: Any = None, tags: Any = None) -> str:
    """Begin ids with a Z, as AWS does: that much programs check."""
    return f"Z{_IDENTIFY(zone, existing_ids, tags)[1:]}"


def _delete_zone(backend: Any, id_: str) -> Any:
    zone = backend.get_hosted_zone(id_)
    apex = plain(zone.name)
    # moto lets a zone go that still delegates.
    if any(one.type not in _OWN or plain(one.name) != apex for one in zone.rrsets):
        raise HostedZoneNotEmpty
    return backend.zones.pop(zone.resource_id, None)


def _change_records(backend: Any, zoneid: str, change_list: list[dict[str, Any]]) -> None:
    """Change records: all or none, by Route 53's rules. moto's own remembers what was deleted, and refuses it."""
    zone = backend.get_hosted_zone(zoneid)
    if faults := [fault for change in change_list if (fault := _fault(zone, change))]:
        raise Route53ClientError("InvalidChangeBatch", f"[{', '.join(faults)}]")
    for change in change_list:
        wanted = change["ResourceRecordSet"]
        name = plain(wanted["Name"]) + "."
        values = [one["Value"] for one in wanted.get("ResourceRecords") or ()]
        record = {**wanted, "Name": name, "ResourceRecords": values}
        if change["Action"] == "DELETE":
            zone.delete_rrset(record)
        else:
            zone.upsert_rrset(record)


def _fault(zone: Any, change: Mapping[str, Any]) -> str:
    """Return why Route 53 refuses a change; empty when it does not."""
    wanted, action = change["ResourceRecordSet"], change["Action"]
    name, kind, apex = plain(wanted["Name"]), wanted["Type"], plain(zone.name)
    said = f"resource record set [name='{name}.', type='{kind}']"
    there = [one for one in zone.rrsets if plain(one.name) == name]
    same = next((one for one in there if one.type == kind), None)
    if not inside(name, apex):
        return f"RRSet with DNS name {name}. is not permitted in zone {apex}."
    if action == "DELETE":
        if same is None:
            return f"Tried to delete {said} but it was not found"
        if name == apex and kind in _OWN:
            return f"A HostedZone must contain exactly one SOA record and at least one NS record at its apex: {said}"
        return "" if _content(same) == _wanted(wanted) else f"Tried to delete {said} but the values do not match"
    if same is not None and action == "CREATE":
        return f"Tried to create {said} but it already exists"
    return _misfit(name, kind, apex, [str(one.type) for one in there])


def _misfit(name: str, kind: str, apex: str, there: list[str]) -> str:
    if kind == "CNAME" and name == apex:
        return f"RRSet of type CNAME with DNS name {name}. is not permitted at apex in zone {apex}."
    others = [one for one in there if one != kind]
    if others and "CNAME" in (kind, *others):
        return (
            f"RRSet of type {kind} with DNS name {name}. is not permitted as it conflicts with other records "
            f"with the same DNS name in zone {apex}."
        )
    return ""


def _content(record: Any) -> tuple[Any, ...]:
    ttl = None if record.ttl is None else int(record.ttl)
    return (ttl, sorted(record.records or ()), (record.alias_target or {}).get("DNSName"))


def _wanted(record: Mapping[str, Any]) -> tuple[Any, ...]:
    ttl = record.get("TTL")
    values = sorted(one["Value"] for one in record.get("ResourceRecords") or ())
    return (None if ttl is None else int(ttl), values, (record.get("AliasTarget") or {}).get("DNSName"))


# ACM ---------------------------------------------------------------------------------------------------------------


def _digest(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:32]


def _validation(account: str, domain: str) -> dict[str, str]:
    """Return the record that proves a domain. A domain and its wildcard have the same, in every region."""
    bare = domain.removeprefix("*.")
    name = f"_{_digest('name', account, bare)}.{bare}."
    return {"Name": name, "Type": "CNAME", "Value": f"_{_digest('value', account, bare)}.sandbox.acm-validations.aws."}


def _proof_lacks(account: str, domain: str) -> str:
    """Return what keeps ACM from finding a domain's record; empty when it finds it."""
    record = _validation(account, domain)
    answer = look_up(record["Name"], "CNAME", public_zones(), REGISTERED)
    if answer.missing:
        return f"{domain}: {answer.missing}"
    if plain(record["Value"]) not in answer.values:
        return f"{domain}: {plain(record['Name'])} points to {', '.join(answer.values)}, not to {record['Value']}"
    return ""


def unvalidated(arn: str) -> list[str]:
    """Return what keeps a certificate from being issued, domain by domain."""
    region, account = arn.split(":")[3:5]
    bundle = acm_backends[account][region].get_certificate(arn)
    return [] if bundle.status == "ISSUED" else _lacks(bundle)


def _domains(bundle: Any) -> list[str]:
    return list(dict.fromkeys([str(bundle.common_name), *sorted(bundle.sans)]))


def _lacks(bundle: Any) -> list[str]:
    account = bundle.arn.split(":")[4]
    return [lack for domain in _domains(bundle) if (lack := _proof_lacks(account, domain))]


def _check(bundle: Any) -> None:
    """Issue a certificate once DNS proves all its domains. moto issues it after a minute, whatever DNS says."""
    if (bundle.type, bundle.status) == ("AMAZON_ISSUED", "PENDING_VALIDATION") and not _lacks(bundle):
        bundle.status, bundle.issued_at = "ISSUED", utcnow()


def _describe(bundle: Any) -> dict[str, Any]:
    answer = _DESCRIBE(bundle)
    found = answer["Certificate"]
    if bundle.type != "AMAZON_ISSUED":
        return answer
    account, issued = bundle.arn.split(":")[4], bundle.status == "ISSUED"
    found["SubjectAlternativeNames"] = _domains(bundle)
    found["DomainValidationOptions"] = [
        {
            "DomainName": domain,
            "ValidationDomain": domain,
            "ValidationStatus": "SUCCESS" if issued else bundle.status,
            "ValidationMethod": "DNS",
            "ResourceRecord": _validation(account, domain),
        }
        for domain in _domains(bundle)
    ]
    found["KeyAlgorithm"] = getattr(bundle, "key_algorithm", found["KeyAlgorithm"])
    if issued:
        found |= {"IssuedAt": bundle.issued_at.timestamp(), "RenewalEligibility": "ELIGIBLE"}
    else:
        # Nothing is signed yet.
        for name in ("IssuedAt", "NotAfter", "NotBefore", "Serial"):
            found.pop(name, None)
    return answer


def _request(response: Any) -> Any:
    answer: Any = _REQUEST(response)
    bundle = response.acm_backend.get_certificate(answer.result["CertificateArn"])
    get = response._get_param  # noqa: SLF001 - moto's own way for its responses, inherited by none of ours
    bundle.key_algorithm = get("KeyAlgorithm") or "RSA_2048"
    return answer


DOMAIN_GAPS: tuple[tuple[type, str, Callable[..., Any]], ...] = (
    (DelegationSet, "__init__", _name_servers),
    (HostedZoneIdentifier, "generate", _zone_id),
    (Route53Backend, "delete_hosted_zone", _delete_zone),
    (Route53Backend, "change_resource_record_sets", _change_records),
    (CertBundle, "check", _check),
    (CertBundle, "describe", _describe),
    (AWSCertificateManagerResponse, "request_certificate", _request),
)
