"""Steps of SNS, whose API sets one attribute per call."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sandbox.aws.calls import AwsError
from sandbox.aws.compare import same
from sandbox.aws.session import Scope, Session

__all__ = ["SUBSCRIPTION", "TOPIC", "restore_policy", "set_subscription", "set_topic", "unsubscribe"]

FEEDBACK = {"application": "Application", "firehose": "Firehose", "http": "HTTP", "lambda": "Lambda", "sqs": "SQS"}
TOPIC: Mapping[str, str] = {
    "archivePolicy": "ArchivePolicy",
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "fifoThroughputScope": "FifoThroughputScope",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
    **{f"{name}FailureFeedbackRoleArn": f"{kind}FailureFeedbackRoleArn" for name, kind in FEEDBACK.items()},
    **{f"{name}SuccessFeedbackRoleArn": f"{kind}SuccessFeedbackRoleArn" for name, kind in FEEDBACK.items()},
    **{f"{name}SuccessFeedbackSampleRate": f"{kind}SuccessFeedbackSampleRate" for name, kind in FEEDBACK.items()},
}
# The scope first: it says how the policy is meant.
SUBSCRIPTION: Mapping[str, str] = {
    "filterPolicyScope": "FilterPolicyScope",
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
    "replayPolicy": "ReplayPolicy",
    "subscriptionRoleArn": "SubscriptionRoleArn",
}


def set_topic(session: Session, scope: Scope) -> None:
    """Set the attributes of a topic that changed; what was taken away becomes empty."""
    for attribute, value in _changes(scope, TOPIC).items():
        session.call("set_topic_attributes", TopicArn=scope["id"], AttributeName=attribute, AttributeValue=value)


def set_subscription(session: Session, scope: Scope) -> None:
    """Set the attributes of a subscription that changed."""
    for attribute, value in _changes(scope, SUBSCRIPTION).items():
        session.call(
            "set_subscription_attributes", SubscriptionArn=scope["id"], AttributeName=attribute, AttributeValue=value
        )


def restore_policy(session: Session, scope: Scope) -> None:
    """Give a topic the policy that the provider leaves behind: the account itself may use it."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in ("GetTopicAttributes", "SetTopicAttributes", "Subscribe", "Publish")],
        "Resource": scope["arn"],
        "Condition": {"StringEquals": {"AWS:SourceOwner": scope["account"]}},
    }
    text = json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})
    session.call("set_topic_attributes", TopicArn=scope["id"], AttributeName="Policy", AttributeValue=text)


def unsubscribe(session: Session, scope: Scope) -> None:
    """End a subscription.

    One that nobody confirmed cannot be ended: the provider forgets it, and SNS drops it with the topic or by itself.
    """
    try:
        session.call("unsubscribe", SubscriptionArn=scope["id"])
    except AwsError as error:
        if "pending confirmation" not in str(error):
            raise


def _changes(scope: Scope, attributes: Mapping[str, str]) -> dict[str, str]:
    return {
        attribute: _text(scope[name])
        for name, attribute in attributes.items()
        if not same(scope.olds.get(name), scope.inputs.get(name)) and (scope.olds or scope.inputs.get(name))
    }


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
