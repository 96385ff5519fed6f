"""What is watched of control planes that AWS does not run: rows that a preview shows whole.

The control planes write both metrics themselves (boot/machine.py), so that silence is no good sign: a period without
data counts as one beyond the threshold.
"""

from __future__ import annotations

from typing import Final

from components.observability.alarms import Alarm
from components.self_managed.names import CERTIFICATE_DAYS, METRICS_NAMESPACE, SNAPSHOT_AGE

# Snapshots are taken every 15 minutes; two may fail before somebody is called.
_OLDEST_SNAPSHOT_SECONDS: Final = 2700
# kubeadm's certificates hold a year, and the machines renew them every month.
_FEWEST_DAYS: Final = 90


def plan(cluster_name: str) -> list[Alarm]:
    """Return every alarm, keys unique."""
    dimensions = {"ClusterName": cluster_name}
    return [
        Alarm(
            key="etcd-snapshot-age",
            reason="The last snapshot of etcd is older than 45 minutes, or no control plane reports its age.",
            runbook="etcd-snapshots",
            namespace=METRICS_NAMESPACE,
            metric=SNAPSHOT_AGE,
            dimensions=dimensions,
            # With three control planes the one that is worst off.
            statistic="Maximum",
            period=900,
            periods=2,
            threshold=_OLDEST_SNAPSHOT_SECONDS,
            missing="breaching",
        ),
        Alarm(
            key="control-plane-certificates",
            reason="A control plane's certificate has less than 90 days left, or none reports them.",
            runbook="control-plane-certificates",
            namespace=METRICS_NAMESPACE,
            metric=CERTIFICATE_DAYS,
            dimensions=dimensions,
            statistic="Minimum",
            period=3600,
            periods=3,
            threshold=_FEWEST_DAYS,
            comparison="LessThanThreshold",
            missing="breaching",
        ),
    ]
