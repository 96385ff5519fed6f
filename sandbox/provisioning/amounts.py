"""How much pods ask for and nodes offer: millicores, bytes and a number of pods."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.protocol import HostError

_QUANTITY: Final = re.compile(r"([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)([numkMGTPE]|[KMGTPE]i)?")
_UNITS: Final = {
    "": 1.0,
    **{unit: 1000.0**power for power, unit in enumerate("num", start=-3)},
    **{unit: 1000.0**power for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": 1024.0**power for power, unit in enumerate("KMGTPE", start=1)},
}


class AmountError(HostError):
    """The text is not a quantity of Kubernetes'."""


def number(quantity: object) -> float:
    """Return a quantity (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/) as a number.

    Raises:
        AmountError: It is none.
    """
    match = _QUANTITY.fullmatch(str(quantity))
    if match is None:
        raise AmountError(f"{quantity!r} is not a quantity")
    return float(match[1]) * _UNITS[match[2] or ""]


@dataclass(frozen=True, kw_only=True)
class Amount:
    """CPU in millicores, memory in bytes, and pods."""

    cpu: int = 0
    memory: int = 0
    pods: int = 0

    @classmethod
    def of(cls, quantities: Mapping[str, Any]) -> Amount:
        """Read what a manifest says under `requests`, `allocatable`, …."""
        return cls(
            cpu=round(number(quantities.get("cpu", 0)) * 1000),
            memory=round(number(quantities.get("memory", 0))),
            pods=round(number(quantities.get("pods", 0))),
        )

    def __add__(self, other: Amount) -> Amount:
        return Amount(cpu=self.cpu + other.cpu, memory=self.memory + other.memory, pods=self.pods + other.pods)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(cpu=self.cpu - other.cpu, memory=self.memory - other.memory, pods=self.pods - other.pods)

    def within(self, other: Amount) -> bool:
        """Say whether nothing of it is more than in the other."""
        return self.cpu <= other.cpu and self.memory <= other.memory and self.pods <= other.pods

    def quantities(self) -> dict[str, str]:
        """Return it as a manifest has it."""
        return {"cpu": f"{self.cpu}m", "memory": f"{self.memory // 1024**2}Mi", "pods": str(self.pods)}


def most(amounts: Iterable[Amount]) -> Amount:
    """Return the most of each."""
    found = list(amounts)
    return Amount(
        cpu=max((one.cpu for one in found), default=0),
        memory=max((one.memory for one in found), default=0),
        pods=max((one.pods for one in found), default=0),
    )


def requests(spec: Mapping[str, Any]) -> Amount:
    """Return what a pod's spec asks for, as the scheduler counts it, and the one pod that it is.

    Init containers run one after the other, beside those before them that never end (sidecars).
    """
    running = sum((_requests(one) for one in spec.get("containers") or []), Amount())
    sidecars, starting = Amount(), Amount()
    for one in spec.get("initContainers") or []:
        if one.get("restartPolicy") == "Always":
            sidecars += _requests(one)
            starting = most((starting, sidecars))
        else:
            starting = most((starting, sidecars + _requests(one)))
    return most((running + sidecars, starting)) + Amount.of(spec.get("overhead") or {}) + Amount(pods=1)


def _requests(container: Mapping[str, Any]) -> Amount:
    resources = container.get("resources") or {}
    asked = Amount.of({**(resources.get("limits") or {}), **(resources.get("requests") or {})})
    return Amount(cpu=asked.cpu, memory=asked.memory)
