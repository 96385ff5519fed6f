"""The health check for CRDs, run as Argo CD runs it: Lua with the object as `obj`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lupa
import pytest

SCRIPT = Path(__file__).parents[2] / "components" / "argocd" / "crd_health.lua"
ACCEPTED = {"type": "NamesAccepted", "status": "True"}


def health(crd: dict[str, Any]) -> str:
    runtime = lupa.LuaRuntime(unpack_returned_tuples=True)
    runtime.globals().obj = runtime.table_from(crd, recursive=True)
    return str(runtime.execute(SCRIPT.read_text(encoding="utf-8"))["status"])


@pytest.mark.parametrize(
    ("crd", "expected"),
    [
        ({"metadata": {}}, "Healthy"),
        ({"metadata": {}, "status": {}}, "Healthy"),
        ({"metadata": {}, "status": {"conditions": [ACCEPTED]}}, "Healthy"),
        ({"metadata": {}, "status": {"conditions": [{"type": "NamesAccepted", "status": "False"}]}}, "Degraded"),
        (
            {"metadata": {}, "status": {"conditions": [ACCEPTED, {"type": "NonStructuralSchema", "status": "True"}]}},
            "Degraded",
        ),
        ({"metadata": {"deletionTimestamp": "2026-11-21T00:00:00Z"}}, "Progressing"),
    ],
)
def test_crd_is_healthy_unless_something_is_wrong(crd: dict[str, Any], expected: str) -> None:
    """A CRD that is only just applied holds nothing up; a refused or a leaving one does."""
    assert health(crd) == expected
