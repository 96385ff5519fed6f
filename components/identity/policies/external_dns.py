"""external-dns: the records of named hosted zones.

Source: https://github.com/kubernetes-sigs/external-dns/blob/994f908d4abd/docs/tutorials/aws.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from components.identity.policies.scope import Document, Scope, allow, document

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
        # Takes no resource; without it no zone is found.
        allow("AllowListingZones", ["route53:ListHostedZones"], "*"),
    )
