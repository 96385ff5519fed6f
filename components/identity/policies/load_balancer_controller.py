"""AWS Load Balancer Controller v3.5: load balancers of Ingresses and Services.

Source: https://github.com/kubernetes-sigs/aws-load-balancer-controller/blob/11eb202c97e4/docs/install/iam_policy.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.edge.names import firewall_name
from components.identity.policies.scope import Document, Scope, Statement, allow, document

_CLUSTER: Final = "elbv2.k8s.aws/cluster"
_SERVICE: Final = "elasticloadbalancing.amazonaws.com"
_TARGETS: Final = ("targetgroup/*/*",)
_BALANCERS: Final = ("loadbalancer/net/*/*", "loadbalancer/app/*/*")
_RULES: Final = ("listener-rule/net/*/*/*", "listener-rule/app/*/*/*")
_LISTENERS: Final = ("listener/net/*/*/*", "listener/app/*/*/*", *_RULES)
_EC2_READS: Final = (
    "DescribeAccountAttributes",
    "DescribeAddresses",
    "DescribeAvailabilityZones",
    "DescribeInternetGateways",
    "DescribeVpcs",
    "DescribeVpcPeeringConnections",
    "DescribeSubnets",
    "DescribeSecurityGroups",
    "DescribeInstances",
    "DescribeNetworkInterfaces",
    "DescribeTags",
    "GetCoipPoolUsage",
    "DescribeCoipPools",
    "GetSecurityGroupsForVpc",
    "DescribeIpamPools",
    "DescribeRouteTables",
)
_ELB_READS: Final = (
    "DescribeLoadBalancers",
    "DescribeLoadBalancerAttributes",
    "DescribeListeners",
    "DescribeListenerCertificates",
    "DescribeSSLPolicies",
    "DescribeRules",
    "DescribeTargetGroups",
    "DescribeTargetGroupAttributes",
    "DescribeTargetHealth",
    "DescribeTags",
    "DescribeTrustStores",
    "DescribeListenerAttributes",
    "DescribeCapacityReservation",
)
# Everything that changes or deletes what exists; rule priorities are not among it: they are set for a whole listener.
_ELB_CHANGES: Final = (
    "ModifyLoadBalancerAttributes",
    "SetIpAddressType",
    "SetSecurityGroups",
    "SetSubnets",
    "DeleteLoadBalancer",
    "ModifyTargetGroup",
    "ModifyTargetGroupAttributes",
    "DeleteTargetGroup",
    "ModifyListenerAttributes",
    "ModifyCapacityReservation",
    "ModifyIpPools",
)


def required_values(*, firewall: bool) -> Mapping[str, Any]:
    """Return what the chart has to be told, because of what the documents say and leave out.

    With a switch on that the documents do without, every Ingress fails to reconcile. With `enableWafv2` off, the
    controller takes no notice of a class's `wafv2AclArn`, and nothing says so. Listeners and their rules are told apart
    by their tags, so the tagging has to stay on.

    Args:
        firewall: Whether a web ACL stands before the load balancers.
    """
    return {
        "enableWaf": False,
        "enableWafv2": firewall,
        "enableShield": False,
        "controllerConfig": {"featureGates": {"ListenerRulesTagging": True}},
    }


def load_balancer_controller(scope: Scope, *, firewall: bool = False) -> Mapping[str, Document]:
    """Let the controller make load balancers, and change those only that carry its cluster's tag.

    Three documents: with the conditions, one for all would be over IAM's 6,144 characters at long names.

    Args:
        scope: Whose controller.
        firewall: Whether it puts the cluster's web ACL before them.
    """
    walls = _firewall(scope) if firewall else []
    return {
        "reading": document(*_reading(scope)),
        "security-groups": document(*_security_groups(scope)),
        "load-balancers": document(*_creating(scope), *_tagging(scope), *_changing(scope), *walls),
    }


def _elb(actions: tuple[str, ...]) -> list[str]:
    return [f"elasticloadbalancing:{action}" for action in actions]


def _elb_arns(scope: Scope, *kinds: str) -> list[str]:
    return [scope.arn("elasticloadbalancing", kind) for kind in kinds]


def _requested(scope: Scope) -> dict[str, Any]:
    return {f"aws:RequestTag/{_CLUSTER}": scope.cluster_name}


def _owned(scope: Scope) -> dict[str, Any]:
    return {f"aws:ResourceTag/{_CLUSTER}": scope.cluster_name}


def _reading(scope: Scope) -> list[Statement]:
    linked = scope.iam(f"role/aws-service-role/{_SERVICE}/AWSServiceRoleForElasticLoadBalancing")
    return [
        allow(
            "AllowServiceLinkedRole",
            ["iam:CreateServiceLinkedRole"],
            linked,
            StringEquals={"iam:AWSServiceName": _SERVICE},
        ),
        allow("AllowReading", [*(f"ec2:{action}" for action in _EC2_READS), *_elb(_ELB_READS)], "*"),
        allow("AllowReadingCertificates", ["acm:ListCertificates", "acm:DescribeCertificate"], "*"),
    ]


def _security_groups(scope: Scope) -> list[Statement]:
    """Make groups of its own, and open the nodes' groups, which carry the cluster's tag, to the load balancers."""
    rules = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]
    groups = scope.ec2("security-group/*")
    return [
        allow(
            "AllowOpeningNodes",
            rules,
            groups,
            StringEquals={f"aws:ResourceTag/{scope.owner}": "owned"},
        ),
        allow("AllowGroupsInNetworks", ["ec2:CreateSecurityGroup"], scope.ec2("vpc/*")),
        allow("AllowCreatingGroups", ["ec2:CreateSecurityGroup"], groups, StringEquals=_requested(scope)),
        allow(
            "AllowTaggingNewGroups",
            ["ec2:CreateTags"],
            groups,
            StringEquals={"ec2:CreateAction": "CreateSecurityGroup"} | _requested(scope),
        ),
        allow(
            "AllowTaggingGroups",
            ["ec2:CreateTags", "ec2:DeleteTags"],
            groups,
            Null={f"aws:RequestTag/{_CLUSTER}": "true"},
            StringEquals=_owned(scope),
        ),
        allow("AllowChangingGroups", [*rules, "ec2:DeleteSecurityGroup"], groups, StringEquals=_owned(scope)),
    ]


def _creating(scope: Scope) -> list[Statement]:
    created = ("CreateLoadBalancer", "CreateTargetGroup", "CreateListener", "CreateRule")
    return [allow("AllowCreating", _elb(created), "*", StringEquals=_requested(scope))]


def _tagging(scope: Scope) -> list[Statement]:
    """Tag what is being made; later tags never bring a foreign resource into the cluster."""
    new = ["CreateTargetGroup", "CreateLoadBalancer", "CreateListener", "CreateRule"]
    every = _elb_arns(scope, *_TARGETS, *_BALANCERS, *_LISTENERS)
    return [
        allow(
            "AllowTaggingNew",
            ["elasticloadbalancing:AddTags"],
            every,
            StringEquals={"elasticloadbalancing:CreateAction": new} | _requested(scope),
        ),
        allow(
            "AllowTagging",
            _elb(("AddTags", "RemoveTags")),
            every,
            Null={f"aws:RequestTag/{_CLUSTER}": "true"},
            StringEquals=_owned(scope),
        ),
    ]


def _changing(scope: Scope) -> list[Statement]:
    listeners = ("DeleteListener", "DeleteRule", "ModifyListener", "ModifyRule")
    certificates = ("AddListenerCertificates", "RemoveListenerCertificates")
    return [
        allow("AllowChanging", _elb((*_ELB_CHANGES, *listeners, *certificates)), "*", StringEquals=_owned(scope)),
        allow(
            "AllowTargets",
            _elb(("RegisterTargets", "DeregisterTargets")),
            _elb_arns(scope, *_TARGETS),
            StringEquals=_owned(scope),
        ),
        allow("AllowOrderingRules", _elb(("SetRulePriorities",)), _elb_arns(scope, *_RULES)),
    ]


def _firewall(scope: Scope) -> list[Statement]:
    """Put the cluster's own web ACL before load balancers, and take none away: a foreign one could not be put back.

    Source: https://docs.aws.amazon.com/waf/latest/developerguide/security_iam_service-with-iam.html.
    """
    balancers = _elb_arns(scope, "loadbalancer/app/*/*")
    acl = scope.arn("wafv2", f"regional/webacl/{firewall_name(scope.cluster_name)}/*")
    verbs = ("AssociateWebACL", "GetWebACL", "GetWebACLForResource")
    return [
        allow("AllowFirewall", [f"wafv2:{verb}" for verb in verbs], [acl, *balancers]),
        allow("AllowSettingFirewall", _elb(("SetWebAcl",)), balancers),
    ]
