"""Helm releases: the real Helm, charts from the mirror only."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox.kubernetes.releases import TOKEN
from sandbox.protocol import UNKNOWN, Properties
from tests.sandbox.kubernetes.conftest import Cluster, RefusedError, group, until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

_VALUES = {"settings": {"clusterName": "demo"}, "replicas": 1, "podAnnotations": {"secret": "hidden-value"}}


def _inputs(cluster: Cluster, **changes: Any) -> Properties:
    given: Properties = {
        "chart": "karpenter",
        "repositoryOpts": {"repo": cluster.mirror.url},
        "version": "1.14.1",
        "name": "karpenter",
        "namespace": "releases",
        "createNamespace": True,
        "skipCrds": True,
        "values": _VALUES,
        "compat": "true",
    }
    return given | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": {"settings": {}}}, "missing property 'clusterName'"),
        ({"values": _VALUES | {"webhook": {}}}, "'webhook' not allowed"),
        ({"version": "9.9.9"}, "not found"),
        (
            {"repositoryOpts": {"repo": "https://charts.example.com"}},
            r"charts\.example\.com is not served here; the mirror",
        ),
        ({"chart": "oci://registry.example.com/karpenter", "repositoryOpts": {}}, "is not served here"),
        ({"postrender": "sed"}, r"postrender; add them to sandbox/kubernetes/releases\.py"),
        ({"repositoryOpts": {"repo": "x", "password": "y"}}, "password"),
    ],
)
def test_a_preview_refuses_what_helm_would(cluster: Cluster, changes: dict[str, Any], message: str) -> None:
    """A wrong key, version, repository or feature fails at preview already."""
    with pytest.raises(RefusedError, match=message):
        cluster.provider().create(TOKEN, "r", _inputs(cluster, **changes), preview=True)


def test_a_preview_with_unknown_values_passes(cluster: Cluster) -> None:
    """While a value is not known yet the preview says nothing against it."""
    inputs = _inputs(cluster, values={"settings": {"clusterName": UNKNOWN}})
    assert cluster.provider().create(TOKEN, "r", inputs, preview=True)[1]["values"] == inputs["values"]


def test_a_release_comes_changes_and_goes(cluster: Cluster) -> None:
    """A release is installed with its pods running, upgraded in place, seen when it drifts, and uninstalled."""
    provider = cluster.provider()
    inputs = _inputs(cluster)
    rid, outputs = provider.create(TOKEN, "r", inputs)
    assert rid == "releases/karpenter"
    assert outputs["status"] == {
        "name": "karpenter",
        "namespace": "releases",
        "revision": 1,
        "status": "deployed",
        "chart": "karpenter",
        "version": "1.14.1",
        "appVersion": "1.14.1",
    }
    assert cluster.get("deployment", "karpenter", "releases")["status"]["availableReplicas"] == 1
    assert provider.read(TOKEN, "r", rid, inputs) == (rid, inputs)
    changed = _inputs(cluster, values=_VALUES | {"replicas": 2})
    assert provider.update(TOKEN, "r", rid, changed)["status"]["revision"] == 2
    assert provider.read(TOKEN, "r", rid, inputs)[1]["values"]["replicas"] == 2
    folder = cluster.control_plane.kubeconfig.parent
    files = [file for part in ("helm", "logs") for file in (folder / part).rglob("*") if file.is_file()]
    assert not [file for file in files if b"hidden-value" in file.read_bytes()]
    provider.delete(TOKEN, "r", rid)
    assert cluster.get("deployment", "karpenter", "releases") == {}
    assert provider.read(TOKEN, "r", rid, inputs) == ("", {})
    provider.delete(TOKEN, "r", rid)


def test_a_release_that_never_works_fails_in_time(cluster: Cluster) -> None:
    """A release whose pods find no node fails after its timeout, in Helm's words; with skipAwait it does not wait."""
    provider = cluster.provider()
    stuck = _inputs(cluster, name="stuck-karpenter", timeout=2, values=_VALUES | {"nodeSelector": {"role": "none"}})
    with pytest.raises(RefusedError, match="helm upgrade"):
        provider.create(TOKEN, "r", stuck)
    _, outputs = provider.create(TOKEN, "r", stuck | {"skipAwait": True})
    assert outputs["status"]["status"] == "deployed"
    provider.delete(TOKEN, "r", "releases/stuck-karpenter")


def test_a_release_beside_a_node_group_waits_for_its_nodes(cluster: Cluster) -> None:
    """Its pods are there and pending until a node comes that takes them; then the release is done."""
    provider = cluster.provider()
    values = _VALUES | {"nodeSelector": {"role": "late"}}
    inputs = _inputs(cluster, name="early-karpenter", timeout=60, values=values)
    with ThreadPoolExecutor(1) as beside:
        release = beside.submit(provider.create, TOKEN, "r", inputs)
        until(lambda: cluster.get("deployment", "early-karpenter", "releases").get("status", {}).get("replicas"))
        # Longer than the scheduler and the nodes of the other group need.
        time.sleep(3)
        assert not release.done()
        assert not cluster.get("deployment", "early-karpenter", "releases")["status"].get("availableReplicas")
        cluster.control_plane.node_group_created(group(name="late", labels={"role": "late"}, desired=1))
        _, outputs = release.result()
    assert outputs["status"]["status"] == "deployed"
    provider.delete(TOKEN, "r", "releases/early-karpenter")
    cluster.control_plane.node_group_deleted("demo", "late")


def test_a_release_goes_while_its_nodes_do(cluster: Cluster) -> None:
    """Neither waits for the other for ever: pods leave a node that is drained, wherever they would go then."""
    provider = cluster.provider()
    cluster.control_plane.node_group_created(group(name="going", labels={"role": "going"}, desired=1))
    inputs = _inputs(cluster, name="going-karpenter", values=_VALUES | {"nodeSelector": {"role": "going"}})
    provider.create(TOKEN, "r", inputs)
    with ThreadPoolExecutor(2) as beside:
        nodes = beside.submit(cluster.control_plane.node_group_deleted, "demo", "going")
        release = beside.submit(provider.delete, TOKEN, "r", "releases/going-karpenter")
        assert (nodes.result(60), release.result(60)) == (None, None)
    assert cluster.get("deployment", "going-karpenter", "releases") == {}


def test_a_cancelled_release_can_be_taken_up_again(cluster: Cluster) -> None:
    """Cancelling ends Helm early, and the next run brings the release to its end without hand-work."""
    provider, again = cluster.provider(), cluster.provider()
    stuck = _inputs(cluster, name="late-karpenter", values=_VALUES | {"nodeSelector": {"role": "none"}})
    timer = threading.Timer(2, provider.cancel)
    timer.start()
    with pytest.raises(RefusedError, match="helm upgrade: cancelled"):
        provider.create(TOKEN, "r", stuck)
    timer.join()
    assert again.create(TOKEN, "r", stuck | {"values": _VALUES})[1]["status"]["status"] == "deployed"
    again.delete(TOKEN, "r", "releases/late-karpenter")
