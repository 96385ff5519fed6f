"""The five events that tell of a node's near end, each with its rule."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

# The same target id in every rule, as upstream has it.
TARGET_ID: Final = "KarpenterInterruptionQueueTarget"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One kind of event.

    Attributes:
        kind: Ends the rule's name.
        detail_type: Letter for letter what AWS sends; a rule that differs matches nothing and says nothing.
    """

    kind: str
    description: str
    source: str
    detail_type: str

    @property
    def pattern(self) -> str:
        """The event pattern as AWS takes it."""
        return json.dumps({"source": [self.source], "detail-type": [self.detail_type]}, separators=(",", ":"))


RULES: Final = (
    Rule(
        kind="spot-interruption",
        description="A spot instance is taken back in two minutes",
        source="aws.ec2",
        detail_type="EC2 Spot Instance Interruption Warning",
    ),
    Rule(
        kind="scheduled-change",
        description="AWS plans maintenance or retirement of an instance",
        source="aws.health",
        detail_type="AWS Health Event",
    ),
    Rule(
        kind="rebalance",
        description="A spot instance is likely to be taken back soon",
        source="aws.ec2",
        detail_type="EC2 Instance Rebalance Recommendation",
    ),
    Rule(
        kind="instance-state-change",
        description="An instance stops, ends or changes its state otherwise",
        source="aws.ec2",
        detail_type="EC2 Instance State-change Notification",
    ),
    Rule(
        kind="capacity-reservation-interruption",
        description="An instance in a capacity reservation is taken back",
        source="aws.ec2",
        detail_type="EC2 Capacity Reservation Instance Interruption Warning",
    ),
)
