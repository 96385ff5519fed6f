"""The controllers' rounds go on, whatever a server answers."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.parsers import ResponseParserError

from sandbox.kubernetes import controllers
from sandbox.kubernetes.api import Api, ApiError
from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.kubernetes.controllers import Controllers, Row, Verdict


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
    assert plane.second.wait(30)
    loop.stop()


def test_rows_that_ask_much_have_their_turn_in_some_rounds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """All are looked at in the first round, and one of every third round not in the next two."""
    looked: list[tuple[int, str]] = []
    monkeypatch.setattr(controllers, "_region", lambda api: "eu-west-1")
    rows = [
        Row(api_version="v1", kind=kind, controller="x", judge=lambda *_: Verdict(), every=every)
        for kind, every in (("Often", 1), ("Seldom", 3))
    ]
    plane = Controllers(cast(ControlPlane, None), "http://127.0.0.1:1", rows)
    for number in range(4):
        monkeypatch.setattr(controllers, "_look", lambda _, row, number=number: looked.append((number, row.kind)))
        plane.reconcile(cast(Api, None), number)
    assert [number for number, kind in looked if kind == "Seldom"] == [0, 3]
    assert len(looked) == 6


def test_a_round_ends_between_two_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops the sandbox does not wait for a whole round with a server that has gone."""
    monkeypatch.setattr(controllers, "_region", lambda api: "eu-west-1")
    done: list[str] = []

    def first(_: object) -> None:
        done.append("first")
        plane.stop()

    works = (first, lambda _: done.append("second"))
    plane = Controllers(cast(ControlPlane, None), "http://127.0.0.1:1", (), works)
    plane.reconcile(cast(Api, None))
    assert done == ["first"]
