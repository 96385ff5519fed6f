"""Runs as a Lambda function: writes how many addresses each subnet has left, which AWS has no metric for.

Stands alone: Lambda gets this file and nothing else, and its Python brings boto3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3


def handler(event: Mapping[str, Any], context: object) -> dict[str, int]:  # noqa: ARG001 - Lambda's signature
    """Count and write.

    Args:
        event: `namespace` and `metric` to write to, the `cluster`, and `subnets`: id by name.
        context: Not used.

    Returns:
        Free addresses by the subnet's name.

    Raises:
        LookupError: A subnet is gone. The others are written all the same.
    """
    names = {id_: name for name, id_ in event["subnets"].items()}
    # A filter leaves out what is gone; asking by id would fail for all.
    pages = (
        boto3.client("ec2")
        .get_paginator("describe_subnets")
        .paginate(Filters=[{"Name": "subnet-id", "Values": list(names)}])
    )
    free = {
        names[subnet["SubnetId"]]: int(subnet["AvailableIpAddressCount"])
        for page in pages
        for subnet in page["Subnets"]
    }
    if free:
        boto3.client("cloudwatch").put_metric_data(
            Namespace=event["namespace"],
            MetricData=[
                {
                    "MetricName": event["metric"],
                    "Dimensions": [
                        {"Name": "ClusterName", "Value": event["cluster"]},
                        {"Name": "Subnet", "Value": name},
                    ],
                    "Value": count,
                    "Unit": "Count",
                }
                for name, count in free.items()
            ],
        )
    if gone := sorted(set(event["subnets"]) - set(free)):
        raise LookupError(f"no such subnet: {', '.join(gone)}")
    return free
