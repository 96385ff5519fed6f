"""The provider `tls`: real keys, requests and certificates, in the forms of the Terraform provider of that name.

https://registry.terraform.io/providers/hashicorp/tls/latest/docs
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from sandbox.made_once_host import Kind, MadeOnceHost
from sandbox.protocol import HostError, Properties
from sandbox.tls_certificates import USES, make_request, self_signed, signed_by
from sandbox.tls_keys import CURVES, make_key

__all__ = ["TlsHost"]

_NAMES = ("dnsNames", "ipAddresses", "subject", "uris")


def _check_key(inputs: Properties) -> None:
    if inputs.get("algorithm") not in (None, "RSA", "ECDSA", "ED25519"):
        raise HostError(f"algorithm must be one of RSA, ECDSA, ED25519, got: {inputs['algorithm']}")
    if inputs.get("ecdsaCurve") not in (None, *CURVES):
        raise HostError(f"ecdsa_curve must be one of {', '.join(CURVES)}, got: {inputs['ecdsaCurve']}")


def _check_certificate(inputs: Properties) -> None:
    if unknown := [use for use in inputs.get("allowedUses") or () if isinstance(use, str) and use not in USES]:
        raise HostError(f"allowed_uses has no {', '.join(unknown)}")
    for name in ("validityPeriodHours", "earlyRenewalHours"):
        if inputs.get(name, 0) < 0:
            raise HostError(f"{name} must be at least 0, got: {inputs[name]}")


def _ready_for_renewal(state: Properties) -> bool:
    """Say whether a certificate is within its early renewal, as the provider does at every refresh and plan."""
    if not isinstance(state.get("validityEndTime"), str):
        return False
    end = datetime.fromisoformat(state["validityEndTime"])
    return datetime.now(UTC) >= end - timedelta(hours=state.get("earlyRenewalHours") or 0)


class TlsHost(MadeOnceHost):
    """Serves the package `tls`."""

    package = "tls"
    version = "5.6.2"
    kinds: ClassVar[Mapping[str, Kind]] = {
        "tls:index/privateKey:PrivateKey": Kind(
            make=make_key,
            required=("algorithm",),
            defaults={"ecdsaCurve": "P224", "rsaBits": 2048},
            check=_check_key,
        ),
        "tls:index/certRequest:CertRequest": Kind(make=make_request, required=("privateKeyPem",), optional=_NAMES),
        "tls:index/selfSignedCert:SelfSignedCert": Kind(
            make=self_signed,
            required=("allowedUses", "privateKeyPem", "validityPeriodHours"),
            optional=(*_NAMES, "maxPathLength"),
            defaults={
                "earlyRenewalHours": 0,
                "isCaCertificate": False,
                "setAuthorityKeyId": False,
                "setSubjectKeyId": False,
            },
            moves=("earlyRenewalHours",),
            check=_check_certificate,
            due=_ready_for_renewal,
            due_output="readyForRenewal",
        ),
        "tls:index/locallySignedCert:LocallySignedCert": Kind(
            make=signed_by,
            required=("allowedUses", "caCertPem", "caPrivateKeyPem", "certRequestPem", "validityPeriodHours"),
            optional=("maxPathLength",),
            defaults={"earlyRenewalHours": 0, "isCaCertificate": False, "setSubjectKeyId": False},
            moves=("earlyRenewalHours",),
            check=_check_certificate,
            due=_ready_for_renewal,
            due_output="readyForRenewal",
        ),
    }
