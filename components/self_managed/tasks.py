"""What a control plane does again and again, as systemd's services and timers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from components.self_managed import control_plane
from components.self_managed.names import AUDIT_PREFIX

LIBRARY: Final = "/usr/local/lib/platform"
_UNITS: Final = "/etc/systemd/system"
_EVERY_FIVE_MINUTES: Final = ("OnActiveSec=5min", "OnUnitInactiveSec=5min")


class Task(NamedTuple):
    """Something to do at certain times.

    Attributes:
        command: Below the folder of the scripts.
        when: Lines of its timer.
        minutes: After which it is given up.
    """

    command: str
    when: tuple[str, ...]
    minutes: int = 10


def tasks(*, cluster: str, node: str, logs_bucket: str) -> Mapping[str, Task]:
    """Return each control plane's tasks, by the name of their units without `platform-`."""
    records = f"{control_plane.AUDIT_FOLDER} {logs_bucket} {AUDIT_PREFIX}/{cluster}/{node}"
    return {
        "join-token": Task("machine join-token", ("OnActiveSec=1min", "OnUnitInactiveSec=1min")),
        "etcd-snapshot": Task("etcd-snapshot", ("OnActiveSec=2min", "OnCalendar=*:0/15", "RandomizedDelaySec=30")),
        "audit": Task(f"machine audit {records}", _EVERY_FIVE_MINUTES),
        "metrics": Task("machine metrics", _EVERY_FIVE_MINUTES),
        # Control planes do it at different hours: the API of each stops for a moment.
        "certificates": Task(
            "certificates", ("OnCalendar=monthly", "RandomizedDelaySec=24h", "Persistent=true"), minutes=60
        ),
    }


def timers(tasks: Mapping[str, Task]) -> tuple[str, ...]:
    """Return the names of the timers to enable."""
    return tuple(f"platform-{name}.timer" for name in tasks)


def units(tasks: Mapping[str, Task]) -> Mapping[str, str]:
    """Return the units' text by path."""
    files = {}
    for name, task in tasks.items():
        unit = f"{_UNITS}/platform-{name}"
        files[f"{unit}.service"] = (
            f"[Unit]\nDescription=Task {name} of the control plane\n\n"
            f"[Service]\nType=oneshot\nExecStart={LIBRARY}/{task.command}\nTimeoutStartSec={task.minutes}min\n"
        )
        when = "\n".join(task.when)
        files[f"{unit}.timer"] = (
            f"[Unit]\nDescription=When to do {name}\n\n[Timer]\n{when}\n\n[Install]\nWantedBy=timers.target\n"
        )
    return files
