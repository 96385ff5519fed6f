"""What moto's SNS lacks or answers wrongly: subscriptions that wait for their confirmation, and topic attributes.

Each function stands in for a method of moto's under the same name; what moto does rightly is left to moto's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.sns.exceptions import InvalidParameterValue, SNSInvalidParameter
from moto.sns.models import SNSBackend
from moto.sns.responses import SNSResponse

__all__ = ["ALARM_GAPS", "TOPIC_ATTRIBUTES"]

# Protocols whose endpoint has to agree first.
ASKED = ("email", "email-json", "http", "https")
FEEDBACK = ("Application", "Firehose", "HTTP", "Lambda", "SQS")
# Those that moto answers without being asked are not here.
TOPIC_ATTRIBUTES = (
    "ArchivePolicy",
    "FifoThroughputScope",
    "SignatureVersion",
    "TracingConfig",
    *(f"{kind}FailureFeedbackRoleArn" for kind in FEEDBACK),
    *(f"{kind}SuccessFeedbackRoleArn" for kind in FEEDBACK),
    *(f"{kind}SuccessFeedbackSampleRate" for kind in FEEDBACK),
)
_CREATE_TOPIC = SNSBackend.create_topic
_GET_ATTRIBUTES: Any = SNSResponse.get_topic_attributes
_LIST: Any = SNSResponse.list_subscriptions_by_topic
_SUBSCRIBE = SNSBackend.subscribe
_SUBSCRIBE_CALL: Any = SNSResponse.subscribe
_UNSUBSCRIBE = SNSBackend.unsubscribe


def _create_topic(
    backend: Any, name: str, attributes: dict[str, str] | None = None, tags: dict[str, str] | None = None
) -> Any:
    topic = _CREATE_TOPIC(backend, name, attributes, tags)
    # AWS hands out the topic that is there, but only to somebody who describes it rightly.
    if topic._tags != (tags or {}):  # noqa: SLF001 - moto has no other way to them
        raise InvalidParameterValue("Invalid parameter: Tags Reason: Topic already exists with different tags")
    return topic


def _get_attributes(response: Any) -> Any:
    answer = _GET_ATTRIBUTES(response)
    attributes: dict[str, Any] = answer.result["Attributes"]
    topic = response.backend.get_topic(attributes["TopicArn"])
    held = ((name, getattr(topic, camelcase_to_underscores(name), None)) for name in TOPIC_ATTRIBUTES)
    attributes.update({name: value for name, value in held if value})
    return answer


def _subscribe(backend: Any, topic_arn: str, endpoint: str, protocol: str) -> Any:
    before = set(backend.subscriptions)
    made = _SUBSCRIBE(backend, topic_arn, endpoint, protocol)
    if made.arn not in before and protocol in ASKED:
        made.attributes.update(PendingConfirmation=True, ConfirmationWasAuthenticated=False)
    return made


def _subscribe_call(response: Any) -> Any:
    answer = _SUBSCRIBE_CALL(response)
    made = response.backend.subscriptions[answer.result["SubscriptionArn"]]
    asked = str(response._get_param("ReturnSubscriptionArn")).lower() == "true"  # noqa: SLF001 - moto's own way
    if made.attributes["PendingConfirmation"] and not asked:
        return ActionResult({"SubscriptionArn": "pending confirmation"})
    return answer


def _unsubscribe(backend: Any, subscription_arn: str) -> None:
    held = backend.subscriptions.get(subscription_arn)
    if held is not None and held.attributes["PendingConfirmation"]:
        raise SNSInvalidParameter(
            "Invalid parameter: SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation"
        )
    _UNSUBSCRIBE(backend, subscription_arn)


def _list_subscriptions(response: Any) -> Any:
    answer = _LIST(response)
    answer.result["Subscriptions"] = [
        {
            "SubscriptionArn": "PendingConfirmation" if one.attributes["PendingConfirmation"] else one.arn,
            "Owner": one.owner,
            "Protocol": one.protocol,
            "Endpoint": one.endpoint,
            "TopicArn": one.topic_arn,
        }
        for one in answer.result["Subscriptions"]
    ]
    return answer


ALARM_GAPS: tuple[tuple[type, str, Callable[..., Any]], ...] = (
    (SNSBackend, "create_topic", _create_topic),
    (SNSBackend, "subscribe", _subscribe),
    (SNSBackend, "unsubscribe", _unsubscribe),
    (SNSResponse, "get_topic_attributes", _get_attributes),
    (SNSResponse, "list_subscriptions_by_topic", _list_subscriptions),
    (SNSResponse, "subscribe", _subscribe_call),
)
