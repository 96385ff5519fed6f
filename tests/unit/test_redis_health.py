"""The health check for Redis, run as Argo CD runs it: Lua with the object as `obj`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lupa
import pytest

SCRIPT = Path(__file__).parents[2] / "components" / "argocd" / "redis_health.lua"


@pytest.mark.parametrize(
    ("redis", "expected"),
    [
        pytest.param({"metadata": {}}, ("Healthy", ""), id="an operator that writes no status"),
        pytest.param({"metadata": {}, "status": {}}, ("Healthy", ""), id="an empty status"),
        pytest.param(
            {"metadata": {}, "status": {"state": "Initializing", "reason": "Redis is initializing"}},
            ("Progressing", "Redis is initializing"),
            id="its pod starts",
        ),
        pytest.param({"metadata": {}, "status": {"state": "Failed"}}, ("Progressing", "Failed"), id="no reason"),
        pytest.param({"metadata": {}, "status": {"state": "Ready"}}, ("Healthy", ""), id="ready"),
        pytest.param(
            {"metadata": {"deletionTimestamp": "2026-11-21T00:00:00Z"}, "status": {"state": "Ready"}},
            ("Progressing", "is being deleted"),
            id="being deleted",
        ),
    ],
)
def test_redis_is_healthy_when_its_pod_is_ready(redis: dict[str, Any], expected: tuple[str, str]) -> None:
    """What follows a Redis waits for its pod, but not for a status that may never come."""
    runtime = lupa.LuaRuntime(unpack_returned_tuples=True)
    runtime.globals().obj = runtime.table_from(redis, recursive=True)
    answer = runtime.execute(SCRIPT.read_text(encoding="utf-8"))
    assert (answer["status"], answer["message"]) == expected
