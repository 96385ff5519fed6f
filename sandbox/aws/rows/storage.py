"""Rows of EFS and ECR."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import storage

FILE_SYSTEM_ARN = "join('', ['arn:', partition, ':elasticfilesystem:', region, ':', account, ':file-system/', {id}])"
FILE_SYSTEM_POLICY = (
    "put_file_system_policy {FileSystemId: fileSystemId, Policy: policy,"
    " BypassPolicyLockoutSafetyCheck: bypassPolicyLockoutSafetyCheck}"
)
BACKUP_POLICY = (
    "put_backup_policy {FileSystemId: fileSystemId, BackupPolicy: backupPolicy.{Status: status || 'DISABLED'}}"
)
MUTABILITY = (
    "put_image_tag_mutability {repositoryName: name, imageTagMutability: imageTagMutability,"
    " imageTagMutabilityExclusionFilters: imageTagMutabilityExclusionFilters}"
)

EFS = (
    Row(
        token="aws:efs/fileSystem:FileSystem",
        service="efs",
        create="create_file_system *",
        id="FileSystemId",
        read=(
            "describe_file_systems {FileSystemId: id} -> FileSystems[0]",
            "describe_lifecycle_configuration {FileSystemId: id}",
        ),
        set={
            "lifecyclePolicies": "put_lifecycle_configuration * {FileSystemId: id}",
            "throughputMode provisionedThroughputInMibps": "update_file_system {FileSystemId: id,"
            " ThroughputMode: throughputMode, ProvisionedThroughputInMibps: provisionedThroughputInMibps}",
        },
        unset={"lifecyclePolicies": "put_lifecycle_configuration {FileSystemId: id, LifecyclePolicies: `[]`}"},
        delete=("delete_file_system {FileSystemId: id}",),
        out={
            "arn": "FileSystemArn",
            "dnsName": "join('', [id, '.efs.', region, '.amazonaws.com'])",
        },
        defaults={"throughputMode": "bursting"},
        computed=("creationToken", "encrypted", "kmsKeyId", "performanceMode", "availabilityZoneName"),
        volatile=("numberOfMountTargets", "sizeInBytes"),
        name="creationToken",
        tags="efs",
    ),
    Row(
        token="aws:efs/mountTarget:MountTarget",
        service="efs",
        create="create_mount_target *",
        id="MountTargetId",
        read=(
            "describe_mount_targets {MountTargetId: id} -> MountTargets[0]",
            "describe_mount_target_security_groups {MountTargetId: id}",
        ),
        set={
            "securityGroups": "modify_mount_target_security_groups {MountTargetId: id, SecurityGroups: securityGroups}"
        },
        delete=("delete_mount_target {MountTargetId: id}",),
        out={
            "dnsName": "join('', [FileSystemId, '.efs.', region, '.amazonaws.com'])",
            "fileSystemArn": FILE_SYSTEM_ARN.replace("{id}", "FileSystemId"),
            "mountTargetDnsName": "join('', [AvailabilityZoneName, '.', FileSystemId, '.efs.', region,"
            " '.amazonaws.com'])",
        },
        computed=("ipAddress", "ipAddressType", "ipv6Address", "securityGroups"),
        name="subnetId",
    ),
    Row(
        token="aws:efs/accessPoint:AccessPoint",
        service="efs",
        create="create_access_point *",
        id="AccessPointId",
        read=("describe_access_points {AccessPointId: id} -> AccessPoints[0]",),
        delete=("delete_access_point {AccessPointId: id}",),
        out={"arn": "AccessPointArn", "fileSystemArn": FILE_SYSTEM_ARN.replace("{id}", "FileSystemId")},
        computed=("rootDirectory",),
        tags="efs",
    ),
    Row(
        token="aws:efs/fileSystemPolicy:FileSystemPolicy",
        service="efs",
        create=FILE_SYSTEM_POLICY,
        id="{fileSystemId}",
        read=("describe_file_system_policy {FileSystemId: id}",),
        set={"policy": FILE_SYSTEM_POLICY},
        delete=("delete_file_system_policy {FileSystemId: id}",),
        out={"fileSystemId": "id"},
        local=("bypassPolicyLockoutSafetyCheck",),
    ),
    Row(
        token="aws:efs/backupPolicy:BackupPolicy",
        service="efs",
        create=BACKUP_POLICY,
        id="{fileSystemId}",
        read=("describe_backup_policy {FileSystemId: id}",),
        set={"backupPolicy": BACKUP_POLICY},
        delete=("put_backup_policy {FileSystemId: id, BackupPolicy: {Status: 'DISABLED'}}",),
        out={"fileSystemId": "id"},
    ),
)

ECR = (
    Row(
        token="aws:ecr/repository:Repository",
        service="ecr",
        create="create_repository *",
        id="{name}",
        read=("describe_repositories {repositoryNames: [id]} -> repositories[0]", storage.repository_tags),
        set={
            "imageTagMutability imageTagMutabilityExclusionFilters": MUTABILITY,
            "imageScanningConfiguration": "put_image_scanning_configuration {repositoryName: name,"
            " imageScanningConfiguration: {scanOnPush: imageScanningConfiguration.scanOnPush || `false`}}",
        },
        delete=("delete_repository {repositoryName: id, force: forceDelete}",),
        rename={"name": "repositoryName", "encryptionConfigurations": "encryptionConfiguration"},
        out={
            "arn": "repositoryArn",
            "registryId": "registryId",
            "repositoryUrl": "repositoryUri",
        },
        local=("forceDelete",),
        defaults={"imageTagMutability": "MUTABLE"},
        computed=("encryptionConfigurations", "imageScanningConfiguration"),
        auto=AutoName(limit=256),
        tags="ecr",
    ),
    Row(
        token="aws:ecr/lifecyclePolicy:LifecyclePolicy",
        service="ecr",
        create="put_lifecycle_policy {repositoryName: repository, lifecyclePolicyText: policy}",
        id="{repository}",
        read=("get_lifecycle_policy {repositoryName: id}",),
        delete=("delete_lifecycle_policy {repositoryName: id}",),
        rename={"policy": "lifecyclePolicyText", "repository": "repositoryName"},
    ),
    Row(
        token="aws:ecr/repositoryPolicy:RepositoryPolicy",
        service="ecr",
        create="set_repository_policy {repositoryName: repository, policyText: policy}",
        id="{repository}",
        read=("get_repository_policy {repositoryName: id}",),
        set={"policy": "set_repository_policy {repositoryName: repository, policyText: policy}"},
        delete=("delete_repository_policy {repositoryName: id}",),
        rename={"policy": "policyText", "repository": "repositoryName"},
    ),
)

ROWS = (*EFS, *ECR)
