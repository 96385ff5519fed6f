"""The controller's six policies, as upstream's CloudFormation template of the pinned release has them.

Cut or widen a statement only together with the contract in tests/components/karpenter_contract.json; what an isolated
network takes out is named below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from components.karpenter.policy import Document, Scope, Statement, document

_NODEPOOL: Final = "karpenter.sh/nodepool"
_NODECLASS: Final = "karpenter.k8s.aws/ec2nodeclass"
_EKS_NAME: Final = "eks:eks-cluster-name"
_REGION_TAG: Final = "topology.kubernetes.io/region"
_LAUNCH: Final = ["ec2:RunInstances", "ec2:CreateFleet"]
_CREATED: Final = (
    "fleet/*",
    "instance/*",
    "volume/*",
    "network-interface/*",
    "launch-template/*",
    "spot-instances-request/*",
)
_USED: Final = ("security-group/*", "subnet/*", "capacity-reservation/*", "placement-group/*")
# IAM and the price list have no endpoint in a VPC. Told so (`settings.isolatedVPC`), and given the nodes' instance
# profile (`spec.instanceProfile`), the controller neither makes, changes, collects nor deletes profiles and asks for no
# prices: https://github.com/aws/karpenter-provider-aws/blob/v1.14.1/pkg/controllers/nodeclass/controller.go and
# https://github.com/aws/karpenter-provider-aws/blob/v1.14.1/pkg/providers/pricing/pricing.go.
NOT_WHEN_ISOLATED: Final = frozenset(
    {
        "AllowScopedInstanceProfileCreationActions",
        "AllowScopedInstanceProfileTagActions",
        "AllowScopedInstanceProfileActions",
        "AllowPricingReadActions",
    }
)


def controller_policies(scope: Scope, *, isolated: bool = False) -> Mapping[str, Document]:
    """Make the controller's six policies, by kind; without what it does not use in an isolated network."""
    left_out = NOT_WHEN_ISOLATED if isolated else frozenset()
    makers: Mapping[str, Callable[[Scope], list[Statement]]] = {
        "NodeLifecycle": _node_lifecycle,
        "IAMIntegration": _iam_integration,
        "EKSIntegration": _eks_integration,
        "Interruption": _interruption,
        "ZonalShift": _zonal_shift,
        "ResourceDiscovery": _resource_discovery,
    }
    return {
        kind: document(*(statement for statement in make(scope) if statement["Sid"] not in left_out))
        for kind, make in makers.items()
    }


def _allow(sid: str, actions: list[str] | str, resources: list[str] | str, **conditions: dict[str, Any]) -> Statement:
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return statement | ({"Condition": conditions} if conditions else {})


def _owned(scope: Scope) -> dict[str, Any]:
    return {f"aws:ResourceTag/{scope.owner}": "owned"}


def _requested(scope: Scope) -> dict[str, Any]:
    return {f"aws:RequestTag/{scope.owner}": "owned", f"aws:RequestTag/{_EKS_NAME}": scope.cluster_name}


def _node_lifecycle(scope: Scope) -> list[Statement]:
    """Launch, tag and end instances: only with the cluster's tags, only what carries the cluster's tags."""
    return [*_launching(scope), *_tagging(scope), _deleting(scope)]


def _launching(scope: Scope) -> list[Statement]:
    used = [scope.ec2("image/*", ""), scope.ec2("snapshot/*", ""), *(scope.ec2(resource) for resource in _USED)]
    return [
        _allow("AllowScopedEC2InstanceAccessActions", _LAUNCH, used),
        _allow(
            "AllowScopedEC2LaunchTemplateAccessActions",
            _LAUNCH,
            scope.ec2("launch-template/*"),
            StringEquals=_owned(scope),
            StringLike={f"aws:ResourceTag/{_NODEPOOL}": "*"},
        ),
        _allow(
            "AllowScopedEC2InstanceActionsWithTags",
            [*_LAUNCH, "ec2:CreateLaunchTemplate"],
            [scope.ec2(resource) for resource in _CREATED],
            StringEquals=_requested(scope),
            StringLike={f"aws:RequestTag/{_NODEPOOL}": "*"},
        ),
    ]


def _tagging(scope: Scope) -> list[Statement]:
    creating = {"ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]}
    return [
        _allow(
            "AllowScopedResourceCreationTagging",
            "ec2:CreateTags",
            [scope.ec2(resource) for resource in _CREATED],
            StringEquals=_requested(scope) | creating,
            StringLike={f"aws:RequestTag/{_NODEPOOL}": "*"},
        ),
        _allow(
            "AllowScopedResourceTagging",
            "ec2:CreateTags",
            scope.ec2("instance/*"),
            **{
                "StringEquals": _owned(scope),
                "StringLike": {f"aws:ResourceTag/{_NODEPOOL}": "*"},
                "StringEqualsIfExists": {f"aws:RequestTag/{_EKS_NAME}": scope.cluster_name},
                "ForAllValues:StringEquals": {"aws:TagKeys": [_EKS_NAME, "karpenter.sh/nodeclaim", "Name"]},
            },
        ),
    ]


def _deleting(scope: Scope) -> Statement:
    return _allow(
        "AllowScopedDeletion",
        ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"],
        [scope.ec2("instance/*"), scope.ec2("launch-template/*")],
        StringEquals=_owned(scope),
        StringLike={f"aws:ResourceTag/{_NODEPOOL}": "*"},
    )


def _iam_integration(scope: Scope) -> list[Statement]:
    """Pass the node role to EC2, and keep instance profiles for it: only with the cluster's tags."""
    profiles = scope.iam("instance-profile/*")
    owned = _owned(scope) | {f"aws:ResourceTag/{_REGION_TAG}": scope.region}
    requested = _requested(scope) | {f"aws:RequestTag/{_REGION_TAG}": scope.region}
    request_has_class = {f"aws:RequestTag/{_NODECLASS}": "*"}
    resource_has_class = {f"aws:ResourceTag/{_NODECLASS}": "*"}
    return [
        _allow(
            "AllowPassingInstanceRole",
            "iam:PassRole",
            scope.node_role_arn,
            StringEquals={"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]},
        ),
        _allow(
            "AllowScopedInstanceProfileCreationActions",
            "iam:CreateInstanceProfile",
            profiles,
            StringEquals=requested,
            StringLike=request_has_class,
        ),
        _allow(
            "AllowScopedInstanceProfileTagActions",
            "iam:TagInstanceProfile",
            profiles,
            StringEquals=owned | requested,
            StringLike=resource_has_class | request_has_class,
        ),
        _allow(
            "AllowScopedInstanceProfileActions",
            ["iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:DeleteInstanceProfile"],
            profiles,
            StringEquals=owned,
            StringLike=resource_has_class,
        ),
    ]


def _eks_integration(scope: Scope) -> list[Statement]:
    return [_allow("AllowAPIServerEndpointDiscovery", "eks:DescribeCluster", scope.cluster_arn)]


def _interruption(scope: Scope) -> list[Statement]:
    actions = ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
    return [_allow("AllowInterruptionQueueActions", actions, scope.queue_arn)]


def _zonal_shift(scope: Scope) -> list[Statement]:
    of_cluster = {"arc-zonal-shift:ResourceIdentifier": scope.cluster_arn}
    return [_allow("AllowZonalShiftStatusReadOnly", "arc-zonal-shift:GetManagedResource", "*", StringEquals=of_cluster)]


def _resource_discovery(scope: Scope) -> list[Statement]:
    """Read what there is to launch, and at what price."""
    described = (
        "CapacityReservations",
        "Images",
        "Instances",
        "InstanceStatus",
        "InstanceTypeOfferings",
        "InstanceTypes",
        "LaunchTemplates",
        "PlacementGroups",
        "SecurityGroups",
        "SpotPriceHistory",
        "Subnets",
    )
    parameters = f"arn:{scope.partition}:ssm:{scope.region}::parameter/aws/service/*"
    return [
        _allow(
            "AllowRegionalReadActions",
            [f"ec2:Describe{kind}" for kind in described],
            "*",
            StringEquals={"aws:RequestedRegion": scope.region},
        ),
        _allow("AllowSSMReadActions", "ssm:GetParameter", parameters),
        _allow("AllowPricingReadActions", "pricing:GetProducts", "*"),
        _allow("AllowUnscopedInstanceProfileListAction", "iam:ListInstanceProfiles", "*"),
        _allow("AllowInstanceProfileReadActions", "iam:GetInstanceProfile", scope.iam("instance-profile/*")),
    ]
