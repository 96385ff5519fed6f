"""external-dns: the records of named hosted zones, or of a domain.

Source: https://github.com/kubernetes-sigs/external-dns/blob/994f908d4abd/docs/tutorials/aws.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from components.identity.policies.scope import Document, Scope, Statement, allow, document

_NAMES: Final = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
_TYPES: Final = "route53:ChangeResourceRecordSetsRecordTypes"
# ForAllValues holds for a call without the key too, so the key has to be there.
_ONLY_ADDRESSES: Final[Mapping[str, Any]] = {
    "ForAllValues:StringEquals": {_TYPES: ["A", "AAAA", "CNAME", "TXT"]},
    "Null": {_TYPES: "false"},
}


def external_dns(scope: Scope, zone_ids: Sequence[str]) -> Document:
    """Let external-dns write addresses and its own TXT marks; a zone's delegation and mail stay out of its reach.

    Zones are named, so tags of zones need not be read (`--aws-zone-tags` stays unused).

    Args:
        scope: Whose controller.
        zone_ids: Hosted zones; at least one.
    """
    zones = [f"arn:{scope.partition}:route53:::hostedzone/{zone_id}" for zone_id in zone_ids]
    return document(
        allow(
            "AllowChangingRecords",
            ["route53:ChangeResourceRecordSets"],
            zones,
            **_ONLY_ADDRESSES,
        ),
        allow("AllowReadingRecords", ["route53:ListResourceRecordSets"], zones),
        _list_zones(),
    )


def external_dns_below(scope: Scope, domain: str, zone_id: str | None = None) -> Document:
    """Let external-dns write addresses and its own TXT marks for a domain and all below it, and for no other name.

    A zone that comes with the stack has no id yet when the document is written. Reading knows no condition on names, so
    then the records of the account's other zones can be read. A mark for the domain's own name would lie beside the
    domain unless external-dns is told to put marks below (`--txt-prefix`).

    Args:
        scope: Whose controller.
        domain: In lower case and without a dot at its end, as Route 53 compares names
            (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-rrset-conditions.html).
        zone_id: Where the names lie; none if it is not known.
    """
    zones = [f"arn:{scope.partition}:route53:::hostedzone/{zone_id or '*'}"]
    named = {
        "ForAllValues:StringEquals": _ONLY_ADDRESSES["ForAllValues:StringEquals"],
        "ForAllValues:StringLike": {_NAMES: [domain, f"*.{domain}"]},
        "Null": {**_ONLY_ADDRESSES["Null"], _NAMES: "false"},
    }
    return document(
        allow("AllowChangingRecordsBelow", ["route53:ChangeResourceRecordSets"], zones, **named),
        allow("AllowReadingRecords", ["route53:ListResourceRecordSets"], zones),
        _list_zones(),
    )


def _list_zones() -> Statement:
    # Takes no resource; without it no zone is found.
    return allow("AllowListingZones", ["route53:ListHostedZones"], "*")
