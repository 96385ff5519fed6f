"""What nobody knows before the first bill: how much is used in a month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final, get_type_hints


@dataclass(frozen=True, kw_only=True, slots=True)
class Assumptions:
    """Amounts of one month; each field is annotated with what it is.

    GB are those AWS counts. Shares and the discount lie between 0 and 1.
    """

    traffic_gb: Annotated[Decimal, "GB that nodes exchange with AWS and the internet, through NAT or endpoints"] = (
        Decimal(100)
    )
    egress_gb: Annotated[Decimal, "GB that leave for the internet, by load balancers or NAT"] = Decimal(50)
    crossing_gb: Annotated[Decimal, "GB that pods in different zones send each other"] = Decimal(100)
    load_balancers: Annotated[Decimal, "internet-facing load balancers that the tree's Ingresses make"] = Decimal(1)
    lcus: Annotated[Decimal, "capacity units that each load balancer uses, on average"] = Decimal(1)
    control_plane_log_gb: Annotated[Decimal, "GB of control-plane logs"] = Decimal(10)
    flow_log_gb: Annotated[Decimal, "GB of flow logs"] = Decimal(5)
    firewall_log_gb: Annotated[Decimal, "GB of logs of each web ACL"] = Decimal(1)
    function_log_gb: Annotated[Decimal, "GB of logs of the function that counts free addresses"] = Decimal("0.1")
    karpenter_share: Annotated[Decimal, "share of Karpenter's limits that is used, on average"] = Decimal("0.3")
    spot_share: Annotated[Decimal, "share of Karpenter's nodes that is on spot"] = Decimal("0.7")
    spot_discount: Annotated[Decimal, "what spot saves; no source says it for Seoul or Tokyo"] = Decimal("0.4")
    volume_gb: Annotated[Decimal, "GB of volumes that pods ask for"] = Decimal(50)
    file_system_gb: Annotated[Decimal, "GB in the EFS file system"] = Decimal(10)
    logs_bucket_gb: Annotated[Decimal, "GB in the logs bucket"] = Decimal(5)
    backups_bucket_gb: Annotated[Decimal, "GB in the backups bucket"] = Decimal(5)
    images_bucket_gb: Annotated[Decimal, "GB in the images bucket"] = Decimal(5)
    repositories_gb: Annotated[Decimal, "GB of images in ECR"] = Decimal(10)
    backup_factor: Annotated[Decimal, "GB that backups keep for each GB backed up"] = Decimal("1.5")
    cdn_gb: Annotated[Decimal, "GB that CloudFront sends to viewers"] = Decimal(50)
    requests_million: Annotated[Decimal, "million HTTPS requests to each of CloudFront and the load balancers"] = (
        Decimal(1)
    )
    users: Annotated[Decimal, "users who log in to Argo CD"] = Decimal(20)
    secret_reads_per_hour: Annotated[Decimal, "reads of each secret in an hour by external-secrets"] = Decimal(1)
    key_requests_10k: Annotated[Decimal, "times 10,000 requests to all keys"] = Decimal(10)
    alarm_mails: Annotated[Decimal, "alarm e-mails"] = Decimal(100)
    queue_requests_million: Annotated[Decimal, "million requests to Karpenter's queue"] = Decimal("0.2")

    def __post_init__(self) -> None:
        """Refuse less than nothing, shares above 1 and a discount that leaves nothing."""
        for name in self.__slots__:
            most = Decimal("0.99") if name == "spot_discount" else Decimal(1) if name.endswith("_share") else None
            value = getattr(self, name)
            if not value.is_finite() or value < 0 or (most is not None and value > most):
                raise ValueError(f"{name}={value}: not {f'from 0 to {most}' if most else 'a number from 0 on'}")


MEANINGS: Final[Mapping[str, str]] = {
    name: str(hint.__metadata__[0]) for name, hint in get_type_hints(Assumptions, include_extras=True).items()
}
