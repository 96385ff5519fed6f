"""In which order Applications come and go, as it is observed: wave after wave, and back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from sandbox.applications import Application
from sandbox.kubernetes.api import ApiError
from sandbox.kubernetes.control_plane import ClusterError

_POLL_SECONDS: Final = 0.5


class WaveOrder:
    """Judges what it is shown, one look after the other.

    Args:
        root: The Application whose children the others are; it has no place in their order.

    Attributes:
        faults: What was against the order, in words.
        gone: Names of Applications in the order in which they were seen to be gone.
    """

    def __init__(self, root: str) -> None:
        self.faults: list[str] = []
        self.gone: list[str] = []
        self._root = root
        self._present: dict[str, int] = {}
        self._good: set[str] = set()

    def see(self, found: Iterable[Application]) -> None:
        """Take in what is there now."""
        now = {one.name: one for one in found if one.name != self._root}
        # A look may miss the moment in which one was good; later it may compare anew.
        self._good |= {one.name for one in now.values() if one.through}
        for name in sorted(now.keys() - self._present.keys()):
            early = [other for other in now.values() if other.wave < now[name].wave and other.name not in self._good]
            self.faults += [
                f"{name} of wave {now[name].wave} came before {other.name} of wave {other.wave} was Synced and Healthy"
                for other in early
            ]
        gone = sorted(self._present.keys() - now.keys(), key=lambda name: -self._present[name])
        for name in gone:
            left = [other for other in now.values() if other.wave > self._present[name]]
            self.faults += [
                f"{name} of wave {self._present[name]} was gone before {other.name} of wave {other.wave}"
                for other in left
            ]
        self.gone += gone
        self._good -= set(gone)
        self._present = {one.name: one.wave for one in now.values()}


class Observer:
    """Looks at the Applications again and again, from their first to their last, in a thread of its own.

    Args:
        look: Returns the Applications. While there is no cluster it raises.
        order: Is shown them.
    """

    def __init__(self, look: Callable[[], list[Application]], order: WaveOrder) -> None:
        self._look = look
        self._order = order
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="waves", daemon=True)

    def __enter__(self) -> Observer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            # No cluster, no kind Application yet, or no longer.
            with suppress(ApiError, ClusterError):
                self._order.see(self._look())
            self._ended.wait(max(0.0, _POLL_SECONDS - (time.monotonic() - began)))
