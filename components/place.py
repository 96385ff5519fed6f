"""Where the resources of a stack go, and what all of them carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One account and region, with the limits and labels of everything that is made there.

    Attributes:
        partition: Such as `aws` or `aws-cn`; the first word of every ARN.
        permissions_boundary: ARN of the policy that bounds every role, or none.
        tags: Put on everything that can carry tags.
    """

    region: str
    partition: str
    account_id: str
    permissions_boundary: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def where(self) -> dict[str, str]:
        """The three words of an ARN, as the planners of documents take them."""
        return {"region": self.region, "partition": self.partition, "account_id": self.account_id}
