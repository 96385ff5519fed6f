"""Calls somebody when a control plane that AWS does not run needs it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_aws.cloudwatch import MetricAlarm

from components.observability.names import alarm as alarm_name
from components.place import Place
from components.self_managed import alarms


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineAlarmsArgs:
    """What the alarms need to know.

    Attributes:
        topic_arn: Who hears of them; in the same region.
    """

    cluster_name: str
    topic_arn: pulumi.Input[str]
    place: Place


class MachineAlarms(pulumi.ComponentResource):
    """Alarms on etcd's snapshots and on certificates.

    They go off when nobody writes the metrics, so also until the first control plane is up and after the last has gone.
    """

    def __init__(self, name: str, args: MachineAlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the alarms."""
        super().__init__("platform:self_managed:MachineAlarms", name, None, opts)
        for alarm in alarms.plan(args.cluster_name):
            MetricAlarm(
                f"{name}-{alarm.key}",
                name=alarm_name(args.cluster_name, alarm.key),
                **alarm.inputs,
                alarm_actions=[args.topic_arn],
                ok_actions=[args.topic_arn],
                tags=dict(args.place.tags),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})
