"""Rows of SQS and EventBridge."""

from sandbox.aws.row import AutoName, Row

# SQS's API takes and gives every setting as text in one map.
QUEUE = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
ATTRIBUTES = "{" + ", ".join(f"{attribute}: {name}" for name, attribute in QUEUE.items()) + "}"
# A standard queue has no FifoQueue at all; the API refuses `false`.
NEW_ATTRIBUTES = ATTRIBUTES[:-1] + ", FifoQueue: fifoQueue && 'true' || `null`}"

TARGET = (
    "{Id: targetId, Arn: arn, RoleArn: roleArn, Input: input, InputPath: inputPath, "
    "DeadLetterConfig: deadLetterConfig.{Arn: arn},"
    " SqsParameters: sqsTarget.{MessageGroupId: messageGroupId}}"
)
PUT_TARGET = "put_targets {Rule: rule, EventBusName: eventBusName, Targets: [" + TARGET + "]}"

ROWS = (
    Row(
        token="aws:sqs/queue:Queue",
        service="sqs",
        create="create_queue {QueueName: name, Attributes: " + NEW_ATTRIBUTES + "}",
        id="QueueUrl",
        read=(
            "get_queue_attributes {QueueUrl: id, AttributeNames: ['All']} -> Attributes",
            "list_queue_tags {QueueUrl: id}",
        ),
        set={" ".join(QUEUE): "set_queue_attributes {QueueUrl: id, Attributes: " + ATTRIBUTES + "}"},
        unset={
            "policy": "set_queue_attributes {QueueUrl: id, Attributes: {Policy: ''}}",
            "redrivePolicy": "set_queue_attributes {QueueUrl: id, Attributes: {RedrivePolicy: ''}}",
            "kmsMasterKeyId": "set_queue_attributes {QueueUrl: id, Attributes: {KmsMasterKeyId: ''}}",
        },
        delete=("delete_queue {QueueUrl: id}",),
        rename=QUEUE,
        out={
            "name": "reverse(split(QueueArn, ':'))[0]",
            "arn": "QueueArn",
            "url": "id",
            "fifoQueue": "FifoQueue || 'false'",
        },
        defaults={
            "contentBasedDeduplication": False,
            "delaySeconds": 0,
            "fifoQueue": False,
            "maxMessageSize": 262144,
            "messageRetentionSeconds": 345600,
            "receiveWaitTimeSeconds": 0,
            "visibilityTimeoutSeconds": 30,
        },
        computed=(
            "deduplicationScope",
            "fifoThroughputLimit",
            "kmsDataKeyReusePeriodSeconds",
            "sqsManagedSseEnabled",
            "policy",
            "redriveAllowPolicy",
        ),
        volatile=("policy",),
        name="name",
        auto=AutoName(limit=80),
        tags="sqs",
    ),
    Row(
        token="aws:sqs/queuePolicy:QueuePolicy",
        service="sqs",
        create="set_queue_attributes {QueueUrl: queueUrl, Attributes: {Policy: policy}}",
        id="{queueUrl}",
        read=("get_queue_attributes {QueueUrl: queueUrl, AttributeNames: ['Policy']} -> Attributes",),
        set={"policy": "set_queue_attributes {QueueUrl: queueUrl, Attributes: {Policy: policy}}"},
        delete=("set_queue_attributes {QueueUrl: queueUrl, Attributes: {Policy: ''}}",),
        out={"queueUrl": "queueUrl"},
    ),
    Row(
        token="aws:cloudwatch/eventRule:EventRule",
        service="events",
        create="put_rule * {State: wanted}",
        id="{name}",
        derive={"wanted": "state || isEnabled == `false` && 'DISABLED' || 'ENABLED'"},
        read=(
            "describe_rule {Name: name, EventBusName: eventBusName}",
            "list_tags_for_resource {ResourceARN: join('', [prefix, 'rule/', name])}",
        ),
        set={"description eventPattern scheduleExpression roleArn state isEnabled": "put_rule * {State: wanted}"},
        delete=("delete_rule {Name: name, EventBusName: eventBusName, Force: forceDestroy}",),
        out={"isEnabled": "State == 'ENABLED'"},
        local=("forceDestroy",),
        defaults={"eventBusName": "default", "forceDestroy": False},
        computed=("isEnabled", "state"),
        auto=AutoName(limit=64),
        tags="events",
    ),
    Row(
        token="aws:cloudwatch/eventTarget:EventTarget",
        service="events",
        create=PUT_TARGET,
        id="{eventBusName}/{rule}/{targetId}",
        read=("list_targets_by_rule {Rule: rule, EventBusName: eventBusName} -> Targets[?Id==$targetId] | [0]",),
        set={"arn roleArn input inputPath deadLetterConfig sqsTarget": PUT_TARGET},
        delete=("remove_targets {Rule: rule, EventBusName: eventBusName, Ids: [targetId], Force: forceDestroy}",),
        rename={"sqsTarget": "SqsParameters"},
        out={"rule": "rule", "eventBusName": "eventBusName", "targetId": "targetId"},
        local=("forceDestroy",),
        defaults={"eventBusName": "default", "forceDestroy": False},
        auto=AutoName(input="targetId", limit=64),
    ),
)
