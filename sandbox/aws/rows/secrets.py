"""Rows of Secrets Manager."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import storage

POLICY = "put_resource_policy {SecretId: secretArn, ResourcePolicy: policy, BlockPublicPolicy: blockPublicPolicy}"

ROWS = (
    Row(
        token="aws:secretsmanager/secret:Secret",
        service="secretsmanager",
        create="create_secret {Name: name, Description: description, KmsKeyId: kmsKeyId}",
        id="ARN",
        read=(
            # One whose deletion waits is gone for the provider.
            "describe_secret {SecretId: id} -> [@][?!DeletedDate] | [0]",
            "get_resource_policy {SecretId: id} -> {policy: ResourcePolicy}",
        ),
        set={
            "description kmsKeyId": "update_secret {SecretId: id, Description: description || '', KmsKeyId: kmsKeyId}",
            "policy": "put_resource_policy {SecretId: id, ResourcePolicy: policy}",
        },
        unset={"policy": "delete_resource_policy {SecretId: id}"},
        delete=(storage.delete_secret,),
        out={"arn": "ARN", "replicas": "`null`"},
        local=("forceOverwriteReplicaSecret", "recoveryWindowInDays"),
        defaults={"forceOverwriteReplicaSecret": False, "recoveryWindowInDays": 30},
        volatile=("policy",),
        name="name",
        auto=AutoName(limit=512),
        tags="secretsmanager",
    ),
    Row(
        token="aws:secretsmanager/secretVersion:SecretVersion",
        service="secretsmanager",
        create="put_secret_value {SecretId: secretId, SecretString: secretString, SecretBinary: secretBinary,"
        " VersionStages: versionStages}",
        id="join('|', [ARN, VersionId])",
        derive={"secretOf": "id && split(id, '|')[0]", "versionOf": "id && split(id, '|')[1]"},
        read=(storage.secret_value,),
        # The current version stays while its secret does: the API takes AWSCURRENT off no version.
        delete=(),
        out={"arn": "ARN", "secretArn": "ARN", "secretId": "secretId || ARN", "hasSecretStringWo": "`null`"},
        computed=("versionStages",),
    ),
    Row(
        token="aws:secretsmanager/secretPolicy:SecretPolicy",
        service="secretsmanager",
        create=POLICY,
        id="{secretArn}",
        read=("get_resource_policy {SecretId: id} -> ResourcePolicy && {policy: ResourcePolicy, secretArn: ARN}",),
        set={"policy": POLICY},
        delete=("delete_resource_policy {SecretId: id}",),
        local=("blockPublicPolicy",),
    ),
)
