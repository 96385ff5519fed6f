"""The hosted zone that a stack is given."""

from __future__ import annotations

import pulumi
from pulumi_aws.route53 import get_zone

from components.edge import names


def check_zone(domain: str, hosted_zone_id: str, *, delegate: bool, opts: pulumi.InvokeOptions) -> None:
    """Look the zone up: what is wrong with it ends the run in one line, before certificates wait for it in vain.

    Args:
        domain: What is to lie in the zone, or below it.
        hosted_zone_id: The zone.
        delegate: Whether the domain is to get a zone of its own.
        opts: Says which provider asks.

    Raises:
        pulumi.RunError: There is no such zone, or the domain cannot lie in it.
    """
    try:
        zone = get_zone(zone_id=hosted_zone_id, opts=opts)
    except Exception as error:
        # The engine's error has no type of its own, and one without its last line says nothing.
        cause = str(error).strip().splitlines()[-1].lstrip("\t* ")
        raise pulumi.RunError(f"hosted zone {hosted_zone_id} cannot be read: {cause}") from error
    fault = names.zone_fault(domain, zone.name, private=bool(zone.private_zone), delegate=delegate)
    if fault is not None:
        raise pulumi.RunError(f"hosted zone {hosted_zone_id}: {fault}")
