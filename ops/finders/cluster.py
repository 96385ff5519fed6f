"""Rows of EKS."""

from __future__ import annotations

from ops.finders.row import Call, Finder, Repeatable

CLUSTER: dict[str, Finder | Repeatable] = {
    "aws:eks/cluster:Cluster": Finder(
        service="eks",
        look=Call("describe_cluster", "{name: name}", "cluster"),
        tags="tags",
        unique=True,
        id="name",
        ready=Call("cluster_active", "{name: name}"),
    ),
    "aws:eks/nodeGroup:NodeGroup": Finder(
        service="eks",
        look=Call("describe_nodegroup", "{clusterName: clusterName, nodegroupName: nodeGroupName}", "nodegroup"),
        tags="tags",
        unique=True,
        id="join(':', [clusterName, nodeGroupName])",
        ready=Call("nodegroup_active", "{clusterName: clusterName, nodegroupName: nodeGroupName}"),
    ),
    "aws:eks/addon:Addon": Finder(
        service="eks",
        look=Call("describe_addon", "{clusterName: clusterName, addonName: addonName}", "addon"),
        tags="tags",
        unique=True,
        id="join(':', [clusterName, addonName])",
        ready=Call("addon_active", "{clusterName: clusterName, addonName: addonName}"),
    ),
    "aws:eks/accessEntry:AccessEntry": Finder(
        service="eks",
        look=Call("describe_access_entry", "{clusterName: clusterName, principalArn: principalArn}", "accessEntry"),
        tags="tags",
        unique=True,
        id="join(':', [clusterName, principalArn])",
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Finder(
        service="eks",
        look=Call(
            "list_associated_access_policies",
            "{clusterName: clusterName, principalArn: principalArn}",
            "associatedAccessPolicies",
        ),
        match={"policyArn": "policyArn"},
        id="join('#', [clusterName, principalArn, it.policyArn])",
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Finder(
        service="eks",
        look=Call(
            "list_pod_identity_associations",
            "{clusterName: clusterName, namespace: namespace, serviceAccount: serviceAccount}",
            "associations",
        ),
        more={
            "tags": Call(
                "describe_pod_identity_association",
                "{clusterName: clusterName, associationId: it.associationId}",
                "association.tags",
            )
        },
        tags="tags",
        unique=True,
        id="it.associationId",
        outputs="{associationId: it.associationId}",
    ),
}
