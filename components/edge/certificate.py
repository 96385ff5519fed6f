"""A certificate of ACM, proved by a record and waited for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws.acm import Certificate, CertificateOptionsArgs, CertificateValidation
from pulumi_aws.route53 import Record

from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class ProvedCertificateArgs:
    """What the certificate needs to know.

    Attributes:
        domain: First name; at most 64 characters.
        wildcard: Whether it holds for all names one label below, too. Both are proved by the same record.
        zone_id: Where the record goes.
        after: What makes the zone's records visible to the world.
    """

    domain: str
    wildcard: bool
    zone_id: pulumi.Input[str]
    after: Sequence[pulumi.Resource] = ()
    place: Place


class ProvedCertificate(pulumi.ComponentResource):
    """A certificate in its provider's region, which ACM renews by itself for as long as its record stands.

    No CAA record is written: without one in the zone or above it every authority may issue, ACM's among them. Who has
    one must allow `amazon.com`.

    Attributes:
        arn: Known once ACM has issued it.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: ProvedCertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register certificate, record and the wait for it."""
        super().__init__("platform:edge:ProvedCertificate", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        certificate = Certificate(
            name,
            domain_name=args.domain,
            subject_alternative_names=[f"*.{args.domain}"] if args.wildcard else None,
            validation_method="DNS",
            # Browsers refuse what stands in no public log.
            options=CertificateOptionsArgs(certificate_transparency_logging_preference="ENABLED"),
            tags=dict(args.place.tags),
            opts=child,
        )
        # One for all names: how many there are has to be known at preview, which knows none of their values.
        proof = certificate.domain_validation_options[0]
        record = Record(
            name,
            zone_id=args.zone_id,
            name=proof.resource_record_name,
            type=proof.resource_record_type,
            records=[proof.resource_record_value],
            ttl=300,
            # An account proves a name by the same record in every certificate and region.
            allow_overwrite=True,
            opts=child,
        )
        issued = CertificateValidation(
            name,
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        self.arn = issued.certificate_arn
        self.register_outputs({"arn": self.arn})
