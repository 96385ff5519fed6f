"""Where alarms go: a topic of one region with a key of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws.sns import Topic, TopicPolicy, TopicSubscription

from components.encryption.key import DataKey, DataKeyArgs
from components.observability import policy
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmTopicArgs:
    """What the topic needs to know.

    Attributes:
        topic: Physical name, and the alias of the key.
        emails: Who hears of it. Each gets a message to confirm, and nothing before that.
        budgets: Whether AWS Budgets may publish too.
        place: The region is the topic's own; alarms of another cannot publish to it.
    """

    topic: str
    emails: Sequence[str]
    budgets: bool
    place: Place


class AlarmTopic(pulumi.ComponentResource):
    """An encrypted topic that CloudWatch's alarms of this account and region may publish to.

    Attributes:
        arn: Known once those who publish may do so.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: AlarmTopicArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the topic, its key and who hears of it."""
        super().__init__("platform:observability:AlarmTopic", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        where = args.place.where
        key = DataKey(
            name,
            DataKeyArgs(
                alias=args.topic,
                description=f"Encrypts what is published to {args.topic}",
                statements=policy.topic_key_statements(**where, budgets=args.budgets),
                place=args.place,
            ),
            child,
        )
        topic = Topic(name, name=args.topic, kms_master_key_id=key.arn, tags=dict(args.place.tags), opts=child)
        permission = TopicPolicy(
            name,
            arn=topic.arn,
            policy=policy.render(policy.topic_policy(args.topic, **where, budgets=args.budgets)),
            opts=child,
        )
        for email in args.emails:
            TopicSubscription(f"{name}-{email}", topic=topic.arn, protocol="email", endpoint=email, opts=child)
        self.arn = permission.arn
        self.register_outputs({"arn": self.arn})
