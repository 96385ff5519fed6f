"""Argo CD's health check for Applications, run as Argo CD runs it but without Argo CD."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51

_SCRIPT = Path(__file__).parents[2] / "components" / "argocd" / "health.lua"

# A child as Argo CD 3.5 leaves it after a good sync, reduced to what the check may look at.
_CHILD = """
metadata: {name: karpenter, namespace: argocd}
spec:
  project: platform
  source: &source
    repoURL: public.ecr.aws/karpenter
    chart: karpenter
    targetRevision: 1.14.1
    helm: {skipCrds: true, valuesObject: {replicas: 2, settings: {clusterName: example}}}
  destination: &destination {server: https://kubernetes.default.svc, namespace: kube-system}
status:
  health: {status: Healthy}
  sync:
    status: Synced
    comparedTo: {source: *source, destination: *destination}
  operationState:
    phase: Succeeded
    message: successfully synced (all tasks run)
    operation: {sync: {source: *source}}
    syncResult: {revision: 1.14.1, source: *source}
"""


def _child() -> dict[str, Any]:
    # Through JSON, which undoes the sharing of YAML's anchors: a change of the spec must not reach the status.
    child: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(_CHILD)))
    return child


def _health(application: Mapping[str, Any]) -> tuple[str, str]:
    """Evaluate the script in Argo CD's Lua, which is 5.1, with what it opens there: the base and table libraries."""
    lua = lua51.LuaRuntime(register_eval=False, register_builtins=False)
    lua.execute("string, io, math, debug, coroutine = nil")
    lua.globals().obj = _table(lua, application)
    answer = lua.execute(_SCRIPT.read_text(encoding="utf-8"))
    return answer["status"], answer["message"]


def _table(lua: lua51.LuaRuntime, value: Any) -> Any:
    if isinstance(value, Mapping):
        return lua.table_from({key: _table(lua, item) for key, item in value.items()})
    if isinstance(value, list):
        return lua.table_from([_table(lua, item) for item in value])
    return value


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change that sets the value at a dotted path, making what is missing on the way; None removes it."""

    def change(application: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for parent in parents:
            application = application.setdefault(parent, {})
        application.pop(last, None)
        if value is not None:
            application[last] = value

    return change


def _condition(type_: str) -> Callable[[dict[str, Any]], None]:
    return _set("status.conditions", [{"type": type_, "message": "the reason"}])


def _both_sources(application: dict[str, Any]) -> None:
    """Turn the child into one with several sources, as Argo CD reports those."""
    source = application["spec"].pop("source")
    sources = [source, {"repoURL": "https://git.example.com/platform.git", "targetRevision": "main", "ref": "values"}]
    application["spec"]["sources"] = sources
    application["status"]["sync"]["comparedTo"]["sources"] = copy.deepcopy(sources)
    application["status"]["operationState"]["syncResult"]["sources"] = copy.deepcopy(sources)
    # A Go struct is never left out, only empty.
    application["status"]["sync"]["comparedTo"]["source"] = {"repoURL": ""}
    application["status"]["operationState"]["syncResult"]["source"] = {"repoURL": ""}


def _set_source(index: int, key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change of one of several sources in the spec; None takes the key out."""
    return lambda application: _set(key, value)(application["spec"]["sources"][index])


def _old_results(application: dict[str, Any]) -> None:
    """Make the last sync one of an older version of the first source."""
    application["status"]["operationState"]["syncResult"]["sources"][0]["targetRevision"] = "1.13.0"


_NEW_VERSION = _set("spec.source.targetRevision", "1.15.0")
_NEW_REPLICAS = _set("spec.source.helm.valuesObject.replicas", 3)
_FAILED = _set("status.operationState.phase", "Failed")
_OUT_OF_SYNC = _set("status.sync.status", "OutOfSync")
_NO_OPERATION = _set("status.operationState", None)
_NO_RESULT = _set("status.operationState.syncResult", None)


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        pytest.param("Healthy", [], id="synced and healthy"),
        pytest.param("Healthy", [_OUT_OF_SYNC], id="drifts after a good sync"),
        pytest.param("Healthy", [_NO_OPERATION], id="adopted, nothing left to sync"),
        pytest.param("Healthy", [_both_sources], id="several sources"),
        pytest.param("Healthy", [_set("spec.source.helm.fileParameters", [])], id="empty list that the status drops"),
        pytest.param("Healthy", [_set("spec.source.kustomize", {"images": []})], id="empty map that the status drops"),
        pytest.param("Healthy", [_set("spec.source.helm.passCredentials", False)], id="false that the status drops"),
        pytest.param("Healthy", [_set("spec.syncPolicy", {"automated": {}})], id="a change that is no source"),
        pytest.param("Progressing", [_set("status", None)], id="just created"),
        pytest.param("Progressing", [_set("status", {})], id="empty status"),
        pytest.param("Progressing", [_set("status.health", None)], id="no health yet"),
        pytest.param("Progressing", [_set("status.health", {})], id="empty health"),
        pytest.param("Progressing", [_OUT_OF_SYNC, _NO_OPERATION], id="healthy before its first sync"),
        pytest.param("Progressing", [_NEW_VERSION], id="new version not compared"),
        pytest.param("Progressing", [_NEW_REPLICAS], id="new value not compared"),
        pytest.param("Progressing", [_set("spec.source.helm.skipCrds", None)], id="removed field not compared"),
        pytest.param("Progressing", [_set("spec.destination.namespace", "other")], id="new destination not compared"),
        pytest.param("Progressing", [_both_sources, _set("spec.sources", [{"repoURL": "x"}])], id="new list"),
        pytest.param(
            "Progressing", [_both_sources, _set_source(0, "targetRevision", "1.15.0")], id="one of several new"
        ),
        pytest.param(
            "Progressing", [_both_sources, _set_source(0, "helm", None)], id="one of several loses its values"
        ),
        pytest.param("Degraded", [_both_sources, _FAILED, _OUT_OF_SYNC], id="several sources, half applied"),
        pytest.param("Progressing", [_both_sources, _OUT_OF_SYNC, _old_results], id="several sources, old sync"),
        pytest.param("Healthy", [_both_sources, _OUT_OF_SYNC], id="several sources, drifts after a good sync"),
        pytest.param("Progressing", [_set("spec.sources", [{"repoURL": "x"}])], id="one source to several"),
        pytest.param("Progressing", [_set("operation", {"sync": {}})], id="sync requested"),
        pytest.param("Progressing", [_set("status.operationState.phase", "Running")], id="syncing"),
        pytest.param("Progressing", [_set("status.operationState.phase", "Terminating")], id="sync ends early"),
        pytest.param("Progressing", [_set("status.sync.status", "Unknown")], id="cannot be compared for now"),
        pytest.param("Progressing", [_set("status.health.status", "Progressing")], id="resources still start"),
        pytest.param("Progressing", [_set("metadata.deletionTimestamp", "2026-11-20T00:00:00Z")], id="being deleted"),
        pytest.param("Suspended", [_set("status.health.status", "Suspended")], id="paused"),
        pytest.param("Missing", [_set("status.health.status", "Missing")], id="all resources missing"),
        pytest.param("Degraded", [_set("status.health.status", "Degraded")], id="a resource is broken"),
        pytest.param("Degraded", [_FAILED, _OUT_OF_SYNC], id="sync failed for good"),
        pytest.param("Degraded", [_FAILED], id="synced, but a hook failed"),
        pytest.param("Degraded", [_set("status.operationState.phase", "Error")], id="sync could not run"),
        pytest.param("Degraded", [_FAILED, _NO_RESULT], id="failed before it knew its source"),
        pytest.param("Degraded", [_condition("ComparisonError")], id="cannot be rendered"),
        pytest.param("Degraded", [_condition("InvalidSpecError")], id="refused by its project"),
        pytest.param("Healthy", [_condition("OrphanedResourceWarning")], id="a mere warning"),
    ],
)
def test_health_of_child(expected: str, changes: list[Callable[[dict[str, Any]], None]]) -> None:
    """A child is Healthy only when what is asked for now is synced and healthy."""
    child = _child()
    for change in changes:
        change(child)
    assert _health(child)[0] == expected


def _compared_with_spec(application: dict[str, Any]) -> None:
    application["status"]["sync"]["comparedTo"]["source"] = copy.deepcopy(application["spec"]["source"])


def test_old_success_does_not_count_for_a_new_source() -> None:
    """A new source that is compared but not yet synced does not profit from the last sync's success."""
    child = _child()
    _NEW_VERSION(child)
    _compared_with_spec(child)
    _OUT_OF_SYNC(child)
    assert _health(child)[0] == "Progressing"


def test_old_failure_does_not_count_for_a_new_source() -> None:
    """A sync that failed with the old source leaves the new one its chance."""
    child = _child()
    _NEW_VERSION(child)
    _compared_with_spec(child)
    _OUT_OF_SYNC(child)
    _FAILED(child)
    assert _health(child)[0] == "Progressing"


def test_new_source_that_changes_nothing_is_healthy() -> None:
    """A new source that renders what is there already needs no sync to be Healthy."""
    child = _child()
    _NEW_VERSION(child)
    _compared_with_spec(child)
    assert _health(child)[0] == "Healthy"


def test_message_tells_why() -> None:
    """While a child retries, the parent shows the error of the last attempt."""
    child = _child()
    child["status"]["operationState"].update(phase="Running", message="no such kind. Retrying attempt #1 at 9:41AM.")
    assert _health(child) == ("Progressing", "no such kind. Retrying attempt #1 at 9:41AM.")
