"""Rules of the deliveries of logs that AWS's services write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule

SOURCE = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
DESTINATION = "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination"
DELIVERY = "aws:cloudwatch/logDelivery:LogDelivery"

FORMATS = ("json", "plain", "w3c", "raw", "parquet")


@rule(SOURCE, at="check")
def source_region(case: Case) -> None:
    """CloudFront's logs are delivered from us-east-1."""
    arn = case["resourceArn"]
    if isinstance(arn, str) and arn.split(":")[2:3] == ["cloudfront"] and case.session.region != "us-east-1":
        reason = f"Cannot access provided service in {case.session.region}: CloudFront's sources are in us-east-1."
        raise error("ValidationException", "PutDeliverySource", reason)


@rule(SOURCE, at="create")
def source_exists(case: Case) -> None:
    """The distribution exists."""
    arn = case["resourceArn"]
    if arn.split(":")[2] == "cloudfront":
        items = case.call("cloudfront", "list_distributions")["DistributionList"].get("Items", [])
        if arn not in [item["ARN"] for item in items]:
            raise error("ResourceNotFoundException", "PutDeliverySource", f"Requested resource {arn} does not exist.")


@rule(DESTINATION, at="check")
def destination_format(case: Case) -> None:
    """Logs come in one of a few forms, columns to S3 only."""
    form, arn = case["outputFormat"], (case["deliveryDestinationConfiguration"] or {}).get("destinationResourceArn")
    if form is not None and form not in FORMATS:
        reason = f"Value '{form}' at 'outputFormat' failed to satisfy constraint: Member must satisfy enum value set"
        raise error("ValidationException", "PutDeliveryDestination", f"{reason}: {list(FORMATS)}")
    if form == "parquet" and isinstance(arn, str) and arn.startswith("arn:") and ":s3:" not in arn:
        raise error("ValidationException", "PutDeliveryDestination", "Parquet goes to S3 only.")


@rule(DELIVERY, at="create")
def bucket_lets_logs_in(case: Case) -> None:
    """The bucket exists and lets the log service write.

    Where the policy does not, AWS writes into it itself if the caller may change it, and refuses otherwise; what it
    writes would be a difference to the program's policy at the next refresh. So the sandbox refuses always.
    """
    name = case["deliveryDestinationArn"].rpartition(":")[2]
    found = case.call("logs", "get_delivery_destination", name=name)["deliveryDestination"]
    arn = found["deliveryDestinationConfiguration"]["destinationResourceArn"]
    if arn.split(":")[2] != "s3":
        return
    bucket = arn.split(":")[5].partition("/")[0]
    try:
        policy = json.loads(case.call("s3", "get_bucket_policy", Bucket=bucket)["Policy"])
    except AwsError as refusal:
        if refusal.code == "NoSuchBucket":
            raise error("ResourceNotFoundException", "CreateDelivery", f"Bucket {bucket} does not exist.") from None
        policy = {}
    if not any(_lets_in(statement) for statement in _listed(policy.get("Statement"))):
        reason = (
            f"the policy of bucket {bucket} does not let delivery.logs.amazonaws.com put objects: give it a statement "
            "that does, and make the delivery after the policy"
        )
        raise error("AccessDeniedException", "CreateDelivery", reason)


def _lets_in(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    services = _listed(principal.get("Service")) if isinstance(principal, dict) else [principal]
    actions = {action.lower() for action in _listed(statement.get("Action"))}
    return (
        statement.get("Effect") == "Allow"
        and bool({"*", "delivery.logs.amazonaws.com"} & {*services})
        and bool(actions & {"s3:putobject", "s3:put*", "s3:*", "*"})
    )


def _listed(value: Any) -> list[Any]:
    return [*_items(value)]


def _items(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif value is not None:
        yield value
