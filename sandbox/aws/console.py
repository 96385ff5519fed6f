"""What instances print on their consoles, and EC2's answer to who asks for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.responses.general import General

__all__ = ["CONSOLE", "CONSOLE_GAPS", "Console"]

# EC2 keeps the newest 64 KB.
_LIMIT = 64 * 1024


class Console:
    """Lines by instance. One per process, as moto's backends are."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}
        self._started: dict[str, float] = {}
        self._lock = threading.Lock()

    def say(self, instance: str, line: str) -> None:
        """Print a line; the one that was printed last is not printed again."""
        with self._lock:
            lines = self._lines.setdefault(instance, [])
            started = self._started.setdefault(instance, time.monotonic())
            if not lines or lines[-1].partition("] ")[2] != line:
                lines.append(f"[{time.monotonic() - started:12.6f}] {line}")

    def text(self, instance: str) -> str:
        """Return what an instance printed, the newest 64 KB of it."""
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines.get(instance, ()))[-_LIMIT:]

    def reset(self) -> None:
        """Forget all."""
        with self._lock:
            self._lines.clear()
            self._started.clear()


CONSOLE = Console()


def _get_console_output(response: Any) -> ActionResult:
    instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))  # noqa: SLF001 - moto's own way
    output = Base64EncodedString.from_raw_string(CONSOLE.text(instance.id))
    return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), "Output": output})


# moto answers with the same lines of 2006 for every instance.
CONSOLE_GAPS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (General, "get_console_output", _get_console_output),
)
