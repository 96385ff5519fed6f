"""Rules of further address ranges of VPCs and of reservations in subnets."""

from __future__ import annotations

import ipaddress
from typing import Any

from sandbox.aws.refusals.registry import Case, error, rule

ASSOCIATION = "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"
VPC = "aws:ec2/vpc:Vpc"

Network = ipaddress.IPv4Network

TEN = Network("10.0.0.0/8")
# https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html, "IPv4 CIDR block association restrictions".
PRIVATE = (TEN, Network("172.16.0.0/12"), Network("192.168.0.0/16"))
RESERVED = (Network("198.19.0.0/16"), Network("169.254.0.0/16"), Network("127.0.0.0/8"), Network("224.0.0.0/3"))
LOWEST = (Network("10.0.0.0/15"), Network("10.0.0.0/16"))
DEFAULT_RANGE = Network("172.31.0.0/16")


@rule(VPC, at="check")
def vpc_range(case: Case) -> None:
    """A VPC's range is between /16 and /28."""
    if case["cidrBlock"] is not None:
        _range(case["cidrBlock"], "CreateVpc")


@rule(ASSOCIATION, at="check")
def own_range(case: Case) -> None:
    """A further range is named by the program and has the size that a VPC's ranges have."""
    if case.inputs.get("cidrBlock") is None:
        raise error("MissingParameter", "AssociateVpcCidrBlock", "The request must contain the parameter CidrBlock")
    if case["cidrBlock"] is not None:
        _range(case["cidrBlock"], "AssociateVpcCidrBlock")


@rule(ASSOCIATION, at="create")
def allowed_range(case: Case) -> None:
    """A further range overlaps none of the VPC's, and AWS allows it beside the first one."""
    new = Network(case["cidrBlock"])
    vpc = case.call("ec2", "describe_vpcs", VpcIds=[case["vpcId"]])["Vpcs"][0]
    ranges = [Network(text) for text in _ranges(vpc)]
    for old in ranges:
        if new.overlaps(old):
            reason = f"The CIDR '{new}' conflicts with the CIDR '{old}' of VPC {vpc['VpcId']}."
            raise error("InvalidVpc.Range", "AssociateVpcCidrBlock", reason)
    if _restricted(Network(vpc["CidrBlock"]), ranges, new):
        reason = (
            f"The CIDR '{new}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, "
            "or use a publicly-routable CIDR. For additional restrictions, "
            "see https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"
        )
        raise error("InvalidVpc.Range", "AssociateVpcCidrBlock", reason)


@rule(ASSOCIATION, at="delete")
def range_is_free(case: Case) -> None:
    """A range with a subnet in it stays."""
    filters = [{"Name": "vpc-id", "Values": [case["vpcId"]]}]
    subnets = case.call("ec2", "describe_subnets", Filters=filters)["Subnets"]
    block = Network(case["cidrBlock"])
    if any(Network(subnet["CidrBlock"]).subnet_of(block) for subnet in subnets):
        reason = f"The vpc {case['vpcId']} currently has a subnet within CIDR block {block}"
        raise error("InvalidCidrBlock.InUse", "DisassociateVpcCidrBlock", reason)


def _range(text: str, operation: str) -> None:
    try:
        network = Network(text)
    except ValueError:
        reason = f"Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        raise error("InvalidParameterValue", operation, reason) from None
    if not 16 <= network.prefixlen <= 28:
        raise error("InvalidVpc.Range", operation, f"The CIDR '{text}' is invalid.")


def _restricted(first: Network, ranges: list[Network], new: Network) -> bool:
    if any(new.overlaps(reserved) for reserved in RESERVED):
        return True
    home = next((block for block in PRIVATE if first.subnet_of(block)), None)
    if any(new.overlaps(block) for block in PRIVATE if block != home):
        return True
    if home == TEN and new.subnet_of(LOWEST[1]):
        # Once a range of 10.0.0.0/15 is there, 10.0.0.0/16 is closed to others.
        return any(old.subnet_of(LOWEST[0]) for old in ranges)
    return home == PRIVATE[1] and new.overlaps(DEFAULT_RANGE)


def _ranges(vpc: dict[str, Any]) -> list[str]:
    return [
        one["CidrBlock"] for one in vpc["CidrBlockAssociationSet"] if one["CidrBlockState"]["State"] == "associated"
    ]
