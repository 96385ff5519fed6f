"""Captured programs as the adapter to checkov takes them, and one program that does everything wrong."""

from __future__ import annotations

import json
from typing import Any

from components.place import Place
from policies.checkov.plan import Plan, plan
from tests.captures import Capture
from tests.conftest import ACCOUNT
from tests.policies import resources

ANYWHERE = "0.0.0.0/0"


def plan_of(captured: Capture) -> Plan:
    """Write what a program registered as a Terraform plan."""
    return plan(resources(captured))


def closed() -> None:
    """Register what neither stack has at present: a network without a way out, and nodes that live in it."""
    from components.identity.pod_identity import PodIdentity
    from components.karpenter.component import Karpenter, KarpenterArgs
    from components.network.component import Network, NetworkArgs

    place = Place(
        region="ap-northeast-2",
        partition="aws",
        account_id=ACCOUNT,
        permissions_boundary=None,
        tags={"project": "demo"},
    )
    network = NetworkArgs(
        cluster_name="demo",
        cidr="10.0.0.0/16",
        pod_cidr="100.64.0.0/16",
        zones={"ap-northeast-2a": 0, "ap-northeast-2b": 1, "ap-northeast-2c": 2},
        nat="none",
        private_endpoints=True,
        flow_log_retention_days=365,
        place=place,
    )
    Network("network", network)
    identity = PodIdentity(cluster_name="demo", ready_cluster_name="demo", place=place)
    args = KarpenterArgs(cluster_name="demo", eks_cluster_name="demo", identity=identity, isolated=True, place=place)
    Karpenter("karpenter", args)


def careless() -> None:
    """Register what an account should never see."""
    from pulumi_aws import ebs, eks, iam, kms
    from pulumi_aws.ec2.launch_template import LaunchTemplate
    from pulumi_aws.ec2.security_group import SecurityGroup
    from pulumi_aws.ec2.subnet import Subnet
    from pulumi_aws.ec2.vpc import Vpc

    vpc = Vpc("vpc", cidr_block="10.0.0.0/16")
    subnet = Subnet("subnet", vpc_id=vpc.id, cidr_block="10.0.0.0/24", map_public_ip_on_launch=True)
    SecurityGroup(
        "open",
        vpc_id=vpc.id,
        ingress=[{"cidr_blocks": [ANYWHERE], "from_port": 22, "to_port": 22, "protocol": "tcp"}],
    )
    ebs.Volume("plain", availability_zone="ap-northeast-2a", size=8)
    LaunchTemplate("old-metadata", metadata_options={"http_endpoint": "enabled", "http_tokens": "optional"})
    kms.Key("unrotated", deletion_window_in_days=7)
    role = iam.Role("trusting", assume_role_policy=_document("sts:AssumeRole", Principal={"AWS": "*"}))
    iam.RolePolicy("almighty", role=role.id, policy=_document("*", Resource="*"))
    eks.Cluster(
        "public",
        role_arn=role.arn,
        vpc_config={"subnet_ids": [subnet.id], "endpoint_public_access": True, "public_access_cidrs": [ANYWHERE]},
    )


# What checkov has to say about it, by logical name. The checks: https://www.checkov.io/5.Policy%20Index/terraform.html
CARELESS = {
    "vpc": {"CKV2_AWS_11", "CKV2_AWS_12"},  # flow log; default security group
    "subnet": {"CKV_AWS_130"},  # public addresses
    "open": {"CKV_AWS_24"},  # SSH from anywhere
    "plain": {"CKV_AWS_3"},  # unencrypted
    "old-metadata": {"CKV_AWS_79"},  # version 1 of the metadata service
    "unrotated": {"CKV_AWS_7"},  # key rotation
    "trusting": {"CKV_AWS_60"},  # anybody may assume it
    "almighty": {"CKV_AWS_62", "CKV_AWS_63"},  # every action on everything
    "public": {"CKV_AWS_37", "CKV_AWS_38", "CKV_AWS_39", "CKV_AWS_58"},  # logs; endpoint twice; secrets
}


def _document(action: str, **statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **statement}]})
