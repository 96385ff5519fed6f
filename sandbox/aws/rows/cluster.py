"""Rows of EKS."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import node_groups

LOGGING = "{clusterLogging: [{types: enabledClusterLogTypes || `[]`, enabled: `true`}]}"

ROWS = (
    Row(
        token="aws:eks/cluster:Cluster",
        service="eks",
        create="create_cluster * {logging: " + LOGGING + "}",
        id="{name}",
        read=("describe_cluster {name: name} -> cluster",),
        set={
            "version": "update_cluster_version {name: name, version: version}",
            "vpcConfig": "update_cluster_config {name: name, resourcesVpcConfig: vpcConfig.{subnetIds: subnetIds, securityGroupIds: securityGroupIds,"
            " endpointPublicAccess: endpointPublicAccess, endpointPrivateAccess: endpointPrivateAccess, publicAccessCidrs: publicAccessCidrs}}",
            "enabledClusterLogTypes": "update_cluster_config {name: name, logging: " + LOGGING + "}",
            "accessConfig": "update_cluster_config {name: name, accessConfig: {authenticationMode: accessConfig.authenticationMode}}",
            "upgradePolicy": "update_cluster_config {name: name, upgradePolicy: upgradePolicy}",
            "zonalShiftConfig": "update_cluster_config {name: name, zonalShiftConfig: zonalShiftConfig}",
            "deletionProtection": "update_cluster_config {name: name, deletionProtection: deletionProtection}",
            "encryptionConfig": "associate_encryption_config"
            " {clusterName: name, encryptionConfig: [{resources: encryptionConfig.resources, provider: encryptionConfig.provider}]}",
        },
        delete=("delete_cluster {name: name}",),
        rename={"vpcConfig": "resourcesVpcConfig"},
        out={
            "certificateAuthority": "certificateAuthority",
            "clusterId": "id",
            "enabledClusterLogTypes": "logging.clusterLogging[?enabled].types[]",
            "identities": "[{oidcs: [{issuer: identity.oidc.issuer}]}]",
            "defaultAddonsToRemoves": "`null`",
            "createdAt": "createdAt",
        },
        local=("forceUpdateVersion", "defaultAddonsToRemoves"),
        defaults={"bootstrapSelfManagedAddons": True},
        computed=(
            "accessConfig", "deletionProtection", "kubernetesNetworkConfig", "upgradePolicy", "version", "accessConfig.authenticationMode",
            "accessConfig.bootstrapClusterCreatorAdminPermissions", "kubernetesNetworkConfig.elasticLoadBalancing", "kubernetesNetworkConfig.ipFamily",
            "kubernetesNetworkConfig.serviceIpv4Cidr", "vpcConfig.clusterSecurityGroupId", "vpcConfig.endpointPrivateAccess",
            "vpcConfig.endpointPublicAccess", "vpcConfig.publicAccessCidrs", "vpcConfig.securityGroupIds", "vpcConfig.vpcId",
        ),  # fmt: skip
        auto=AutoName(limit=100),
        tags="eks",
    ),
    Row(
        token="aws:eks/nodeGroup:NodeGroup",
        service="eks",
        create="create_nodegroup *",
        id="{clusterName}:{nodeGroupName}",
        read=("describe_nodegroup {clusterName: clusterName, nodegroupName: nodeGroupName} -> nodegroup",),
        set={
            "version releaseVersion launchTemplate": "update_nodegroup_version {clusterName: clusterName, nodegroupName: nodeGroupName,"
            " version: version, releaseVersion: releaseVersion, launchTemplate: launchTemplate, force: forceUpdateVersion}",
            "labels taints scalingConfig updateConfig nodeRepairConfig": node_groups.update_config,
        },
        delete=("delete_nodegroup {clusterName: clusterName, nodegroupName: nodeGroupName}",),
        rename={
            "nodeGroupName": "nodegroupName",
            "nodeRoleArn": "nodeRole",
            "subnetIds": "subnets",
            "remoteAccess.sourceSecurityGroupIds": "sourceSecurityGroups",
            "resources.autoscalingGroups": "autoScalingGroups",
            "resources.remoteAccessSecurityGroupId": "remoteAccessSecurityGroup",
        },
        out={"arn": "nodegroupArn"},
        local=("forceUpdateVersion",),
        computed=("amiType", "capacityType", "diskSize", "instanceTypes", "releaseVersion", "version", "updateConfig", "nodeRepairConfig", "launchTemplate.id", "launchTemplate.name"),
        ordered=("instanceTypes",),
        auto=AutoName(input="nodeGroupName", limit=63),
        tags="eks",
    ),
    Row(
        token="aws:eks/addon:Addon",
        service="eks",
        create="create_addon * {resolveConflicts: resolveConflictsOnCreate}",
        id="{clusterName}:{addonName}",
        read=("describe_addon {clusterName: clusterName, addonName: addonName} -> addon",),
        set={
            "addonVersion configurationValues serviceAccountRoleArn podIdentityAssociations": "update_addon {clusterName: clusterName,"
            " addonName: addonName, addonVersion: addonVersion, configurationValues: configurationValues, resolveConflicts: resolveConflictsOnUpdate,"
            " serviceAccountRoleArn: serviceAccountRoleArn, podIdentityAssociations: podIdentityAssociations}",
        },
        delete=("delete_addon {clusterName: clusterName, addonName: addonName, preserve: preserve}",),
        out={"arn": "addonArn"},
        local=("preserve", "resolveConflictsOnUpdate", "resolveConflictsOnCreate"),
        computed=("addonVersion", "namespaceConfig"),
        tags="eks",
    ),
    Row(
        token="aws:eks/accessEntry:AccessEntry",
        service="eks",
        create="create_access_entry *",
        id="{clusterName}:{principalArn}",
        read=("describe_access_entry {clusterName: clusterName, principalArn: principalArn} -> accessEntry",),
        set={
            "kubernetesGroups userName": "update_access_entry"
            " {clusterName: clusterName, principalArn: principalArn, kubernetesGroups: kubernetesGroups || `[]`, username: userName}",
        },
        delete=("delete_access_entry {clusterName: clusterName, principalArn: principalArn}",),
        defaults={"type": "STANDARD"},
        computed=("userName", "kubernetesGroups"),
        tags="eks",
    ),
    Row(
        token="aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        service="eks",
        create="associate_access_policy *",
        id="{clusterName}#{principalArn}#{policyArn}",
        read=(
            "list_associated_access_policies {clusterName: clusterName, principalArn: principalArn}"
            " -> associatedAccessPolicies[?policyArn==$policyArn] | [0]",
        ),
        delete=("disassociate_access_policy {clusterName: clusterName, principalArn: principalArn, policyArn: policyArn}",),
        out={"clusterName": "clusterName", "principalArn": "principalArn"},
    ),
    Row(
        token="aws:eks/podIdentityAssociation:PodIdentityAssociation",
        service="eks",
        create="create_pod_identity_association *",
        id="association.associationId",
        read=("describe_pod_identity_association {clusterName: clusterName, associationId: id} -> association",),
        set={
            "roleArn targetRoleArn disableSessionTags policy": "update_pod_identity_association {clusterName: clusterName, associationId: id,"
            " roleArn: roleArn, targetRoleArn: targetRoleArn, disableSessionTags: disableSessionTags, policy: policy}",
        },
        delete=("delete_pod_identity_association {clusterName: clusterName, associationId: id}",),
        # Read finds the association by its cluster, so an import id is <cluster>,<association>.
        derive={"arn": "associationArn"},
        computed=("disableSessionTags",),
        tags="eks",
    ),
)
