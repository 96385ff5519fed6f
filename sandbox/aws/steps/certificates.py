"""Steps of ACM."""

from __future__ import annotations

from typing import Any

from sandbox.aws.domain_gaps import unvalidated
from sandbox.aws.refusals.registry import error
from sandbox.aws.session import Scope, Session
from sandbox.protocol import HostError

__all__ = ["await_validation", "read_certificate", "read_validation"]

# How long the provider waits for a certificate before it gives up.
TIMEOUT = "1h15m0s"


def read_certificate(session: Session, scope: Scope) -> dict[str, Any]:
    """Return a certificate under the names of the provider's properties."""
    found = session.call("describe_certificate", CertificateArn=scope["id"])["Certificate"]
    tags = session.call("list_tags_for_certificate", CertificateArn=scope["id"])["Tags"]
    options = found.get("DomainValidationOptions", ())
    given = scope.inputs.get("subjectAlternativeNames") or ()
    # ACM counts the certificate's own domain among them, and the provider takes both ways of saying it for one.
    others = [name for name in found["SubjectAlternativeNames"] if name != found["DomainName"] or name in given]
    return {
        "arn": scope["id"],
        "domainName": found["DomainName"],
        "domainValidationOptions": [
            {
                "domainName": one["DomainName"],
                "resourceRecordName": one["ResourceRecord"]["Name"],
                "resourceRecordType": one["ResourceRecord"]["Type"],
                "resourceRecordValue": one["ResourceRecord"]["Value"],
            }
            for one in options
        ],
        "keyAlgorithm": found["KeyAlgorithm"],
        "options": found.get("Options"),
        "notAfter": found.get("NotAfter"),
        "notBefore": found.get("NotBefore"),
        "pendingRenewal": False,
        "renewalEligibility": found.get("RenewalEligibility"),
        "status": found["Status"],
        "subjectAlternativeNames": others or None,
        "type": found["Type"],
        "validationMethod": options[0]["ValidationMethod"] if options else "NONE",
        "Tags": tags,
    }


def await_validation(session: Session, scope: Scope) -> dict[str, Any]:
    """See that the certificate is issued; nothing is waited for, since here nothing comes later."""
    arn = scope["certificateArn"]
    found = session.call("describe_certificate", CertificateArn=arn)["Certificate"]
    if found["Type"] != "AMAZON_ISSUED":
        raise HostError(f"ACM Certificate ({arn}) has type {found['Type']}, no validation necessary")
    _compare_names(found, scope["validationRecordFqdns"])
    if found["Status"] != "ISSUED":
        raise error(
            "timeout",
            "DescribeCertificate",
            f"waiting for ACM Certificate ({arn}) to be issued: timeout while waiting for state to become 'ISSUED' "
            f"(last state: '{found['Status']}', timeout: {TIMEOUT}). {'; '.join(unvalidated(arn))}",
        )
    return {"Id": _issued(found)}


def read_validation(session: Session, scope: Scope) -> dict[str, Any] | None:
    """Return the certificate's ARN once it is issued."""
    if not scope["certificateArn"]:
        raise HostError("aws:acm/certificateValidation:CertificateValidation cannot be imported")
    found = session.call("describe_certificate", CertificateArn=scope["certificateArn"])["Certificate"]
    return {"certificateArn": scope["certificateArn"]} if found["Status"] == "ISSUED" else None


def _issued(found: dict[str, Any]) -> str:
    return f"{found['IssuedAt']:%Y-%m-%d %H:%M:%S} +0000 UTC"


def _compare_names(found: dict[str, Any], given: Any) -> None:
    """Refuse names that leave out a record that ACM asks for, as the provider does before it waits."""
    if not given:
        return
    told = {name.removesuffix(".") for name in given}
    for one in found["DomainValidationOptions"]:
        if (name := one["ResourceRecord"]["Name"].removesuffix(".")) not in told:
            raise HostError(f"missing {one['DomainName']} DNS validation record: {name}")
