"""The controllers' rounds go on, whatever a server answers."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.parsers import ResponseParserError

from sandbox.kubernetes import controllers
from sandbox.kubernetes.api import ApiError
from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.kubernetes.controllers import Controllers


class Failing:
    """A control plane whose first round ends with an error."""

    cluster = object()

    def __init__(self, error: Exception) -> None:
        self.errors, self.second = [error], threading.Event()

    @property
    def api(self) -> Any:
        if self.errors:
            raise self.errors.pop()
        self.second.set()
        raise ApiError(503, "Unavailable")


@pytest.mark.parametrize(
    "error",
    [ResponseParserError("a page for people"), EndpointConnectionError(endpoint_url="http://127.0.0.1:1")],
    ids=["moto trips", "nobody listens"],
)
def test_a_round_that_fails_is_followed_by_another(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that ended would leave every Karpenter object unready for good."""
    monkeypatch.setattr(controllers, "_POLL_SECONDS", 0.01)
    plane = Failing(error)
    loop = Controllers(cast(ControlPlane, plane), "http://127.0.0.1:1", ())
    loop.start()
    assert plane.second.wait(5)
    loop.stop()
