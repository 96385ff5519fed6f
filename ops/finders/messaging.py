"""Rows of logs, events and queues."""

from __future__ import annotations

from ops.finders.row import Call, Finder, Repeatable

MESSAGING: dict[str, Finder | Repeatable] = {
    "aws:cloudwatch/logGroup:LogGroup": Finder(
        service="logs",
        look=Call("describe_log_groups", "{logGroupNamePrefix: name}", "logGroups"),
        more={
            "tags": Call(
                "list_tags_for_resource",
                "{resourceArn: join(':', ['arn', partition, 'logs', region, account, 'log-group', it.logGroupName])}",
                "tags",
            )
        },
        match={"logGroupName": "name"},
        tags="tags",
        unique=True,
        id="it.logGroupName",
        named_by="name",
    ),
    "aws:cloudwatch/eventRule:EventRule": Repeatable("putting a rule twice is putting it once"),
    "aws:cloudwatch/eventTarget:EventTarget": Repeatable("putting a target twice is putting it once"),
    "aws:sqs/queue:Queue": Finder(
        service="sqs",
        look=Call("get_queue_url", "{QueueName: name}"),
        more={"Tags": Call("list_queue_tags", "{QueueUrl: it.QueueUrl}", "Tags")},
        tags="Tags",
        unique=True,
        id="it.QueueUrl",
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Repeatable("setting the policy twice is setting it once"),
}
