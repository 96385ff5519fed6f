"""The order in which Applications come and go, as the story judges it."""

from __future__ import annotations

from typing import Any

from sandbox.applications import Application, _missing, _read
from sandbox.waves import Observer, WaveOrder


def app(name: str, wave: int, good: bool = True) -> Application:
    sync, health = ("Synced", "Healthy") if good else ("OutOfSync", "Progressing")
    return Application(name=name, wave=wave, sync=sync, health=health)


def judged(*looks: list[Application]) -> WaveOrder:
    order = WaveOrder("root")
    for look in looks:
        order.see(look)
    return order


ROOT = app("root", 0, good=False)


def test_wave_after_wave_and_back_is_in_order() -> None:
    """Those of one wave come in any order; the root, which is never done before its children, does not count."""
    order = judged(
        [ROOT, app("b", 0, good=False), app("a", 0)],
        [ROOT, app("a", 0), app("b", 0)],
        [ROOT, app("a", 0), app("b", 0), app("c", 1)],
        [ROOT, app("a", 0), app("b", 0)],
        [ROOT, app("b", 0)],
        [],
    )
    assert order.faults == []
    assert order.gone == ["c", "a", "b"]


def test_a_wave_that_comes_too_early_is_a_fault() -> None:
    """Its names say which and before which."""
    order = judged([app("a", 0, good=False)], [app("a", 0, good=False), app("c", 1)])
    assert order.faults == ["c of wave 1 came before a of wave 0 was Synced and Healthy"]


def test_one_that_was_good_before_may_compare_anew() -> None:
    """Argo CD looks at Applications again and again."""
    order = judged([app("a", 0)], [app("a", 0, good=False), app("c", 1)])
    assert order.faults == []


def test_one_whose_sync_has_ended_well_lets_the_next_wave_come() -> None:
    """Argo CD tells it to be OutOfSync until it has compared it, and its parent goes on before that."""
    synced = Application(name="a", wave=0, sync="OutOfSync", health="Healthy", operation="Succeeded")
    assert judged([synced], [synced, app("c", 1)]).faults == []
    running = Application(name="a", wave=0, sync="OutOfSync", health="Healthy", operation="Running")
    assert len(judged([running], [running, app("c", 1)]).faults) == 1


def test_a_lower_wave_that_goes_first_is_a_fault() -> None:
    """What was built upon it has nobody any more who would take it down."""
    order = judged([app("a", 0), app("c", 1)], [app("c", 1)], [])
    assert order.faults == ["a of wave 0 was gone before c of wave 1"]


def test_what_comes_again_has_to_become_good_again() -> None:
    """An Application of the same name is another one."""
    order = judged([app("a", 0)], [], [app("a", 0, good=False), app("c", 1)])
    assert len(order.faults) == 1


def _manifest(name: str, owner: str = "") -> dict[str, Any]:
    owners = [{"kind": "ApplicationSet", "name": owner}] if owner else []
    return {"metadata": {"name": name, "ownerReferences": owners}, "status": {}}


def _set(name: str, *generators: dict[str, Any]) -> dict[str, Any]:
    wave = {"argocd.argoproj.io/sync-wave": "7"}
    said = [{"type": "ErrorOccurred", "message": "no such template"}]
    return {
        "metadata": {"name": name, "annotations": wave},
        "spec": {"generators": list(generators)},
        "status": {"conditions": said},
    }


def test_generated_ones_have_the_wave_of_their_set() -> None:
    """They carry no wave of their own; another Application without one is in wave 0."""
    found = _read([_manifest("api-auth", "apis"), _manifest("other")], [_set("apis")])
    assert {one.name: one.wave for one in found} == {"api-auth": 7, "other": 0}


def test_a_set_that_has_not_made_all_is_named() -> None:
    """With what its controller says; other generators than lists make one at least."""
    apis = _set("apis", {"list": {"elements": [{}, {}]}}, {"git": {}})
    made = [_manifest(f"api-{index}", "apis") for index in range(3)]
    assert _missing(apis, made) == ""
    assert _missing(apis, made[:2]) == "ApplicationSet apis made 2 of 3 Applications no such template"


def test_the_observer_ends_with_its_block() -> None:
    """Its last look is over when the block is left."""
    looks: list[int] = []

    def look() -> list[Application]:
        looks.append(1)
        return [app("a", 0)]

    order = WaveOrder("root")
    with Observer(look, order):
        while not looks:
            pass
    seen = len(looks)
    assert seen >= 1
    assert len(looks) == seen
