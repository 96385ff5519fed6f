"""Quantities, and what a pod asks for as the scheduler counts it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.provisioning.amounts import Amount, AmountError, number, requests

_MIB = 1024**2


@pytest.mark.parametrize(
    ("text", "value"),
    [("100m", 0.1), ("2", 2), ("1.5", 1.5), ("1Gi", 1024**3), ("3k", 3000), ("500Ki", 512000), ("1e3", 1000)],
)
def test_quantities(text: str, value: float) -> None:
    """Units of a thousand, of 1024 and fractions mean what Kubernetes means."""
    assert number(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "1Gib", "much", "-1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    """A value that the API server would not take is not guessed at."""
    with pytest.raises(AmountError):
        number(text)


def _container(cpu: str, memory: str = "0", **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [_container("100m"), _container("200m")]}, 300),
        ({"containers": [_container("100m")], "initContainers": [_container("500m"), _container("400m")]}, 500),
        ({"containers": [_container("100m")], "initContainers": [_container("50m", restartPolicy="Always")]}, 150),
        (
            {
                "containers": [_container("100m")],
                "initContainers": [_container("50m", restartPolicy="Always"), _container("200m")],
            },
            250,
        ),
        ({"containers": [{"resources": {"limits": {"cpu": "1"}}}]}, 1000),
        ({"containers": [_container("100m")], "overhead": {"cpu": "50m"}}, 150),
    ],
    ids=["sum", "start", "sidecar", "start beside sidecar", "limit", "overhead"],
)
def test_what_a_pod_asks_for(spec: dict[str, Any], cpu: int) -> None:
    """Containers add up, starting ones count by the largest, sidecars with both, a limit stands for its request."""
    assert requests(spec) == Amount(cpu=cpu, pods=1)


def test_amounts_fit_only_when_each_part_does() -> None:
    """Too many pods are too many, however little they ask for."""
    room = Amount(cpu=100, memory=_MIB, pods=1)
    assert Amount(cpu=100, memory=_MIB, pods=1).within(room)
    assert not Amount(cpu=101, pods=1).within(room)
    assert not Amount(memory=_MIB + 1, pods=1).within(room)
    assert not Amount(pods=2).within(room)
