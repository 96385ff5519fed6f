"""A bare program: as many trivial resources of the same SDK as the configuration says, and nothing else."""

from __future__ import annotations

import pulumi
from pulumi_aws import Provider
from pulumi_aws.sqs import Queue

config = pulumi.Config("bare")
provider = Provider("aws", region="ap-northeast-2")
for number in range(config.require_int("resources")):
    Queue(f"queue-{number}", opts=pulumi.ResourceOptions(provider=provider))
