"""Rows of EKS."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import eks

LOGGING = "{clusterLogging: [{types: enabledClusterLogTypes || `[]`, enabled: `true`}]}"

ROWS = (
    Row(
        token="aws:eks/cluster:Cluster",
        service="eks",
        create="create_cluster * {logging: " + LOGGING + "}",
        id="{name}",
        read=("describe_cluster {name} -> cluster",),
        set={
            "version": "update_cluster_version {name, version}",
            "accessConfig": "update_cluster_config {name, accessConfig: accessConfig.{authenticationMode}}",
            # The API wants the three parts of Auto Mode in one call, and each other part in a call of its own.
            "computeConfig kubernetesNetworkConfig storageConfig": "update_cluster_config {name, computeConfig,"
            " kubernetesNetworkConfig: kubernetesNetworkConfig.{elasticLoadBalancing}, storageConfig}",
            "encryptionConfig": "associate_encryption_config"
            " {clusterName: name, encryptionConfig: [encryptionConfig.{resources, provider}]}",
            "enabledClusterLogTypes": "update_cluster_config {name, logging: " + LOGGING + "}",
            "upgradePolicy": "update_cluster_config {name, upgradePolicy}",
            "vpcConfig": eks.update_vpc_config,
            "zonalShiftConfig": "update_cluster_config {name, zonalShiftConfig}",
            "deletionProtection": "update_cluster_config {name, deletionProtection}",
            "controlPlaneScalingConfig": "update_cluster_config {name, controlPlaneScalingConfig}",
            "remoteNetworkConfig": "update_cluster_config {name, remoteNetworkConfig}",
        },
        # https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/eks/cluster.go: ForceNew.
        fixed=(
            "accessConfig.bootstrapClusterCreatorAdminPermissions",
            "kubernetesNetworkConfig.ipFamily",
            "kubernetesNetworkConfig.serviceIpv4Cidr",
        ),
        kept=("encryptionConfig",),
        delete=("delete_cluster {name}",),
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
            "accessConfig",
            "computeConfig",
            "controlPlaneScalingConfig",
            "deletionProtection",
            "kubernetesNetworkConfig",
            "storageConfig",
            "upgradePolicy",
            "version",
            "accessConfig.authenticationMode",
            "accessConfig.bootstrapClusterCreatorAdminPermissions",
            "kubernetesNetworkConfig.elasticLoadBalancing",
            "kubernetesNetworkConfig.ipFamily",
            "kubernetesNetworkConfig.serviceIpv4Cidr",
            "vpcConfig.clusterSecurityGroupId",
            "vpcConfig.endpointPrivateAccess",
            "vpcConfig.endpointPublicAccess",
            "vpcConfig.publicAccessCidrs",
            "vpcConfig.securityGroupIds",
            "vpcConfig.vpcId",
        ),
        auto=AutoName(limit=100),
        tags="eks",
    ),
    Row(
        token="aws:eks/nodeGroup:NodeGroup",
        service="eks",
        create="create_nodegroup *",
        id="{clusterName}:{nodeGroupName}",
        read=("describe_nodegroup {clusterName, nodegroupName: nodeGroupName} -> nodegroup",),
        set={
            "version releaseVersion launchTemplate": "update_nodegroup_version"
            " {clusterName, nodegroupName: nodeGroupName, version, releaseVersion, launchTemplate,"
            " force: forceUpdateVersion}",
            "labels taints scalingConfig updateConfig nodeRepairConfig": eks.update_config,
        },
        delete=("delete_nodegroup {clusterName, nodegroupName: nodeGroupName}",),
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
        computed=(
            "amiType",
            "capacityType",
            "diskSize",
            "instanceTypes",
            "releaseVersion",
            "version",
            "updateConfig",
            "nodeRepairConfig",
            "launchTemplate.id",
            "launchTemplate.name",
        ),
        ordered=("instanceTypes",),
        auto=AutoName(input="nodeGroupName", limit=63),
        tags="eks",
    ),
    Row(
        token="aws:eks/addon:Addon",
        service="eks",
        create="create_addon * {resolveConflicts: resolveConflictsOnCreate}",
        id="{clusterName}:{addonName}",
        read=("describe_addon {clusterName, addonName} -> addon", eks.addon_associations),
        set={
            "addonVersion configurationValues serviceAccountRoleArn podIdentityAssociations": "update_addon"
            " {clusterName, addonName, addonVersion, configurationValues, resolveConflicts: resolveConflictsOnUpdate,"
            " serviceAccountRoleArn, podIdentityAssociations}",
        },
        delete=("delete_addon {clusterName, addonName, preserve}",),
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
        read=("describe_access_entry {clusterName, principalArn} -> accessEntry",),
        set={
            "kubernetesGroups userName": "update_access_entry"
            " {clusterName, principalArn, kubernetesGroups: kubernetesGroups || `[]`, username: userName}",
        },
        delete=("delete_access_entry {clusterName, principalArn}",),
        defaults={"type": "STANDARD"},
        derive={"arn": "accessEntryArn"},
        computed=("userName", "kubernetesGroups"),
        tags="eks",
    ),
    Row(
        token="aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        service="eks",
        create="associate_access_policy *",
        id="{clusterName}#{principalArn}#{policyArn}",
        read=(
            "list_associated_access_policies {clusterName, principalArn}"
            " -> associatedAccessPolicies[?policyArn==$policyArn] | [0]",
        ),
        delete=("disassociate_access_policy {clusterName, principalArn, policyArn}",),
        out={"clusterName": "clusterName", "principalArn": "principalArn"},
    ),
    Row(
        token="aws:eks/podIdentityAssociation:PodIdentityAssociation",
        service="eks",
        create="create_pod_identity_association *",
        id="association.associationId",
        read=(eks.find_association,),
        set={
            "roleArn targetRoleArn disableSessionTags policy": "update_pod_identity_association"
            " {clusterName, associationId: id, roleArn, targetRoleArn, disableSessionTags, policy}",
        },
        delete=("delete_pod_identity_association {clusterName, associationId: id}",),
        derive={"arn": "associationArn"},
        computed=("disableSessionTags",),
        tags="eks",
    ),
)
