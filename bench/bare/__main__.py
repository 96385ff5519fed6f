"""A bare program: as many trivial resources as the configuration says, and nothing else.

It imports the SDK packages that the platform imports, when asked to: whoever uses them pays for that.
"""

from __future__ import annotations

import importlib

import pulumi
from pulumi_aws import Provider
from pulumi_aws.sqs import Queue

_SDKS = {
    "pulumi_aws": ("cloudwatch", "ec2", "eks", "iam", "kms", "sqs"),
    "pulumi_kubernetes": ("apiextensions", "helm.v3", "meta.v1"),
    "pulumi_eks": (),
}

config = pulumi.Config("bare")
if config.get_bool("sdks"):
    for package, modules in _SDKS.items():
        importlib.import_module(package)
        for module in modules:
            # A package loads when an attribute of it is first asked for.
            hasattr(importlib.import_module(f"{package}.{module}"), "outputs")
provider = Provider("aws", region="ap-northeast-2")
for number in range(config.require_int("resources")):
    Queue(f"queue-{number}", opts=pulumi.ResourceOptions(provider=provider))
