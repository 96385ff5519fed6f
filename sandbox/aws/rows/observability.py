"""Rows of CloudWatch Logs."""

from sandbox.aws.row import AutoName, Row

ROWS = (
    Row(
        token="aws:cloudwatch/logGroup:LogGroup",
        service="logs",
        create="create_log_group *",
        id="{name}",
        read=(
            "describe_log_groups {logGroupNamePrefix: name} -> logGroups[?logGroupName==$name] | [0]",
            "list_tags_for_resource {resourceArn: join('', [prefix, 'log-group:', name])}",
        ),
        set={
            "retentionInDays": "put_retention_policy {logGroupName: name, retentionInDays: retentionInDays}",
            "kmsKeyId": "associate_kms_key {logGroupName: name, kmsKeyId: kmsKeyId}",
        },
        unset={
            "retentionInDays": "delete_retention_policy {logGroupName: name}",
            "kmsKeyId": "disassociate_kms_key {logGroupName: name}",
        },
        delete=("if !skipDestroy: delete_log_group {logGroupName: name}",),
        rename={"name": "logGroupName"},
        out={
            "arn": "logGroupArn || split(arn, ':*')[0]",
            "retentionInDays": "retentionInDays || `0`",
            "logGroupClass": "logGroupClass || 'STANDARD'",
        },
        local=("skipDestroy",),
        defaults={"logGroupClass": "STANDARD", "retentionInDays": 0, "skipDestroy": False},
        auto=AutoName(limit=512),
        tags="logs",
    ),
)
