"""Rows of SNS, and of CloudWatch's alarms and dashboards."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import topics

# One metric, or several and what is computed of them.
METRIC = (
    "{Metric: {Namespace: metric.namespace, MetricName: metric.metricName, Dimensions: metric.dimensions},"
    " Period: metric.period, Stat: metric.stat, Unit: metric.unit}"
)
QUERIES = (
    "metricQueries[].{Id: id, AccountId: accountId, Expression: expression, Label: label, Period: period,"
    f" ReturnData: returnData || `false`, MetricStat: metric && {METRIC}}}"
)
TOLD_METRIC = (
    "{namespace: Metric.Namespace, metricName: Metric.MetricName, dimensions: Metric.Dimensions,"
    " period: Period, stat: Stat, unit: Unit}"
)
TOLD_QUERIES = (
    "Metrics[].{id: Id, accountId: AccountId, expression: Expression, label: Label, period: Period,"
    f" returnData: ReturnData, metric: MetricStat.{TOLD_METRIC}}}"
)
PUT_ALARM = "put_metric_alarm * {Metrics: queries}"
ALARM_SETTINGS = (
    "actionsEnabled alarmActions alarmDescription comparisonOperator datapointsToAlarm dimensions"
    " evaluateLowSampleCountPercentiles evaluationPeriods extendedStatistic insufficientDataActions metricName"
    " metricQueries namespace okActions period statistic threshold thresholdMetricId treatMissingData unit"
)
PUT_DASHBOARD = "put_dashboard {DashboardName: dashboardName, DashboardBody: dashboardBody}"

ROWS = (
    Row(
        token="aws:sns/topic:Topic",
        service="sns",
        create="create_topic {Name: name, Attributes: fifoTopic && {FifoTopic: 'true'} || `{}`}",
        id="TopicArn",
        read=(
            "get_topic_attributes {TopicArn: id} -> Attributes",
            "list_tags_for_resource {ResourceArn: id}",
        ),
        set={" ".join(topics.TOPIC): topics.set_topic},
        delete=("delete_topic {TopicArn: id}",),
        rename=topics.TOPIC,
        out={
            "arn": "TopicArn",
            "name": "reverse(split(TopicArn, ':'))[0]",
            "owner": "Owner",
            "fifoTopic": "FifoTopic || 'false'",
            "contentBasedDeduplication": "ContentBasedDeduplication || 'false'",
        },
        defaults={"contentBasedDeduplication": False, "fifoTopic": False},
        computed=("fifoThroughputScope", "policy", "signatureVersion", "tracingConfig"),
        volatile=("policy",),
        name="name",
        auto=AutoName(limit=256),
        tags="sns",
    ),
    Row(
        token="aws:sns/topicPolicy:TopicPolicy",
        service="sns",
        create="set_topic_attributes {TopicArn: arn, AttributeName: 'Policy', AttributeValue: policy}",
        id="{arn}",
        read=("get_topic_attributes {TopicArn: arn} -> Attributes",),
        set={"policy": "set_topic_attributes {TopicArn: arn, AttributeName: 'Policy', AttributeValue: policy}"},
        delete=(topics.restore_policy,),
        out={"arn": "TopicArn"},
    ),
    Row(
        token="aws:sns/topicSubscription:TopicSubscription",
        service="sns",
        create="subscribe {TopicArn: topic, Protocol: protocol, Endpoint: endpoint, ReturnSubscriptionArn: `true`}",
        id="SubscriptionArn",
        read=("get_subscription_attributes {SubscriptionArn: id} -> Attributes",),
        set={" ".join(topics.SUBSCRIPTION): topics.set_subscription},
        delete=(topics.unsubscribe,),
        rename=topics.SUBSCRIPTION,
        out={"arn": "SubscriptionArn", "ownerId": "Owner", "topic": "TopicArn"},
        local=("confirmationTimeoutInMinutes", "endpointAutoConfirms"),
        defaults={"confirmationTimeoutInMinutes": 1, "endpointAutoConfirms": False, "rawMessageDelivery": False},
        computed=("filterPolicyScope",),
    ),
    Row(
        token="aws:cloudwatch/metricAlarm:MetricAlarm",
        service="cloudwatch",
        create=PUT_ALARM,
        id="{name}",
        derive={"queries": QUERIES},
        read=(
            "describe_alarms {AlarmNames: [name], AlarmTypes: ['MetricAlarm']} -> MetricAlarms[0]",
            "list_tags_for_resource {ResourceARN: join('', [prefix, 'alarm:', name])}",
        ),
        set={ALARM_SETTINGS: PUT_ALARM},
        delete=("delete_alarms {AlarmNames: [name]}",),
        rename={"name": "AlarmName"},
        out={
            "arn": "AlarmArn",
            "metricQueries": TOLD_QUERIES,
            "treatMissingData": "TreatMissingData || 'missing'",
        },
        defaults={"actionsEnabled": True, "treatMissingData": "missing"},
        computed=("evaluateLowSampleCountPercentiles",),
        auto=AutoName(limit=255),
        tags="cloudwatch",
    ),
    Row(
        token="aws:cloudwatch/dashboard:Dashboard",
        service="cloudwatch",
        create=PUT_DASHBOARD,
        id="{dashboardName}",
        read=("get_dashboard {DashboardName: dashboardName}",),
        set={"dashboardBody": PUT_DASHBOARD},
        delete=("delete_dashboards {DashboardNames: [dashboardName]}",),
    ),
)
