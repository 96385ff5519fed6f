"""The provider host over the running API server."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.kubernetes.host import KubernetesHost
from sandbox.protocol import UNKNOWN
from tests.sandbox.kubernetes.conftest import Cluster, Provider, RefusedError, until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

_NAMESPACE = "kubernetes:core/v1:Namespace"
_SECRET = "kubernetes:core/v1:Secret"
_MAP = "kubernetes:core/v1:ConfigMap"
_QUOTA = "kubernetes:core/v1:ResourceQuota"
_UNKNOWN_KIND = "kubernetes:example.com/v1:Thing"


def test_nothing_acts_before_the_cluster_exists(tmp_path: Path, tools: Mapping[str, Path], cluster: Cluster) -> None:
    """Without a cluster a preview gives the inputs back, and everything else is refused."""
    host = KubernetesHost(ControlPlane(tmp_path, tools), cluster.mirror, tools)
    provider = Provider(host.serve())
    provider.configure(kubeconfig=UNKNOWN)
    inputs = {"metadata": {"name": "early"}}
    rid, outputs = provider.create(_NAMESPACE, "early", inputs, preview=True)
    assert (rid, outputs["metadata"]) == ("", {"name": "early"})
    for call in (lambda: provider.create(_NAMESPACE, "early", inputs), lambda: provider.delete(_NAMESPACE, "e", "e")):
        with pytest.raises(RefusedError, match="no cluster exists"):
            call()
    provider.configure(kubeconfig=UNKNOWN, deleteUnreachable="true")
    provider.delete(_NAMESPACE, "early", "early")
    provider.close()
    host.stop()


def test_another_server_is_refused(cluster: Cluster) -> None:
    """A kubeconfig of another server or authority is refused, also while a second provider has the right one."""
    good, text = cluster.provider(), cluster.control_plane.kubeconfig.read_text()
    access = cluster.control_plane.access
    other = cluster.provider(kubeconfig=text.replace(access.endpoint, "https://api.example.com"))
    with pytest.raises(RefusedError, match=r"names server https://api\.example\.com"):
        other.create(_MAP, "m", {"metadata": {"name": "m"}})
    other.configure(kubeconfig=text.replace(access.certificate_authority, "b3RoZXI="))
    with pytest.raises(RefusedError, match="certificate-authority-data"):
        other.create(_MAP, "m", {"metadata": {"name": "m"}}, preview=True)
    other.configure(kubeconfig="{}")
    with pytest.raises(RefusedError, match="cannot be read"):
        other.create(_MAP, "m", {"metadata": {"name": "m"}})
    assert good.create(_MAP, "m", {"metadata": {"name": "m"}})[0] == "default/m"
    good.delete(_MAP, "m", "default/m")


def test_an_exec_kubeconfig_needs_no_credentials(cluster: Cluster) -> None:
    """A kubeconfig as EKS has it, whose user runs a program, works without that program."""
    access = cluster.control_plane.access
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/gone", "args": ["eks", "get-token"]}}
    config = {
        "clusters": [
            {
                "name": "c",
                "cluster": {
                    "server": access.endpoint,
                    "certificate-authority-data": access.certificate_authority,
                },
            }
        ],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
        "users": [{"name": "u", "user": user}],
    }
    provider = cluster.provider(kubeconfig=config)
    assert provider.create(_MAP, "e", {"metadata": {"name": "e"}}, preview=True)[1]["metadata"]["name"] == "e"


def test_settings_not_emulated_are_refused(cluster: Cluster) -> None:
    """A provider setting that would change what is done is an error, not a silent pass."""
    with pytest.raises(RefusedError, match="renderYamlToDirectory"):
        cluster.provider(renderYamlToDirectory="out")


def test_a_preview_is_a_dry_run(cluster: Cluster) -> None:
    """A preview shows what the server adds and refuses, and creates nothing."""
    provider = cluster.provider()
    quota = {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": {"pods": 4}}}
    _, outputs = provider.create(_QUOTA, "q", quota, preview=True)
    assert outputs["spec"]["hard"]["pods"] == "4"
    assert "uid" not in outputs["metadata"]
    assert cluster.get("resourcequota", "q") == {}
    with pytest.raises(RefusedError, match=r"spec\.hrad"):
        provider.create(_QUOTA, "q", quota | {"spec": {"hrad": {}}}, preview=True)


def test_a_preview_allows_for_what_comes_in_the_same_run(cluster: Cluster) -> None:
    """What the server cannot judge yet (namespace, CRD, value) is shown as it was given."""
    provider = cluster.provider()
    for token, inputs in (
        (_MAP, {"metadata": {"name": "m", "namespace": "later"}}),
        (_UNKNOWN_KIND, {"metadata": {"name": "t"}, "spec": {}}),
        (_MAP, {"metadata": {"name": "m"}, "data": {"k": UNKNOWN}}),
    ):
        assert inputs.items() <= provider.create(token, "x", inputs, preview=True)[1].items()
    with pytest.raises(RefusedError, match=r"serves no Thing of example\.com/v1"):
        provider.create(_UNKNOWN_KIND, "t", {"metadata": {"name": "t"}})


def test_secrets_can_be_read_back(cluster: Cluster) -> None:
    """A secret given as text is stored, compared as text, and a change by others shows."""
    provider = cluster.provider()
    inputs = {"metadata": {"name": "s"}, "stringData": {"a": "1", "b": "2"}}
    rid, outputs = provider.create(_SECRET, "s", inputs)
    assert outputs["data"] == {"a": "MQ==", "b": "Mg=="}
    assert "managedFields" not in outputs["metadata"]
    known = provider.check(_SECRET, "s", inputs)
    assert provider.read(_SECRET, "s", rid, known) == (rid, known)
    cluster.control_plane.api.request(
        "PATCH",
        "/api/v1/namespaces/default/secrets/s",
        {"data": {"a": "Mw=="}},
        content_type="application/merge-patch+json",
    )
    assert provider.read(_SECRET, "s", rid, known)[1]["stringData"] == {"a": "3", "b": "2"}
    provider.delete(_SECRET, "s", rid)
    assert provider.read(_SECRET, "s", rid, known) == ("", {})


def test_an_object_can_be_imported(cluster: Cluster) -> None:
    """Reading without inputs gives inputs that create the same object, without what the server added."""
    _, inputs = cluster.provider().read(_NAMESPACE, "n", "kube-public", {})
    assert inputs["metadata"] == {"name": "kube-public", "labels": {"kubernetes.io/metadata.name": "kube-public"}}
    assert "status" not in inputs


def test_an_update_takes_fields_away_and_leaves_foreign_ones(cluster: Cluster) -> None:
    """An update removes what the program no longer says and keeps what others have set."""
    provider = cluster.provider()
    rid, _ = provider.create(_MAP, "u", {"metadata": {"name": "u"}, "data": {"a": "1", "b": "1"}})
    cluster.control_plane.api.request(
        "PATCH",
        "/api/v1/namespaces/default/configmaps/u",
        {"data": {"c": "1"}},
        content_type="application/merge-patch+json",
    )
    assert provider.update(_MAP, "u", rid, {"metadata": {"name": "u"}, "data": {"a": "2"}})["data"] == {
        "a": "2",
        "c": "1",
    }
    provider.delete(_MAP, "u", rid)


def test_an_existing_object_is_adopted_and_a_conflict_is_not(cluster: Cluster) -> None:
    """Creating what exists takes it over; a field that another resource owns is a conflict unless forced."""
    provider = cluster.provider()
    inputs = {"metadata": {"name": "a"}, "data": {"k": "1"}}
    rid, first = provider.create(_MAP, "a", inputs)
    assert provider.create(_MAP, "a", inputs)[1]["metadata"]["uid"] == first["metadata"]["uid"]
    rival = {"metadata": {"name": "a"}, "data": {"k": "2"}}
    with pytest.raises(RefusedError, match=r"conflict.*patchForce"):
        provider.create(_MAP, "rival", rival)
    forced = {"metadata": {"name": "a", "annotations": {"pulumi.com/patchForce": "true"}}, "data": {"k": "2"}}
    assert provider.create(_MAP, "rival", forced)[1]["data"] == {"k": "2"}
    provider.delete(_MAP, "a", rid)


def test_a_deletion_waits_and_says_what_holds_it(cluster: Cluster) -> None:
    """A finalizer keeps the deletion waiting, the error names it, and without it the object goes."""
    provider = cluster.provider()
    held = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    rid, _ = provider.create(_MAP, "held", held)
    with pytest.raises(RefusedError, match=r"still exists 1 s after.*held by .*example\.com/hold"):
        provider.delete(_MAP, "held", rid, timeout=1)
    path = "/api/v1/namespaces/default/configmaps/held"
    change = {"metadata": {"finalizers": None}}
    cluster.control_plane.api.request("PATCH", path, change, content_type="application/merge-patch+json")
    provider.delete(_MAP, "held", rid, timeout=30)
    until(lambda: cluster.get("configmap", "held") == {})
    provider.delete(_MAP, "held", rid)


def test_a_cancelled_run_stops_waiting(cluster: Cluster) -> None:
    """When the engine is told to stop, a wait for a deletion ends at once, for that run's connection only."""
    provider, other = cluster.provider(), cluster.provider()
    held = {"metadata": {"name": "cancelled", "finalizers": ["example.com/hold"]}}
    rid, _ = provider.create(_MAP, "held", held)
    timer = threading.Timer(0.5, provider.cancel)
    timer.start()
    with pytest.raises(RefusedError, match="was cancelled"):
        provider.delete(_MAP, "held", rid, timeout=30)
    timer.join()
    with pytest.raises(RefusedError, match="still exists 1 s"):
        other.delete(_MAP, "held", rid, timeout=1)
    other.update(_MAP, "held", rid, {"metadata": {"name": "cancelled", "finalizers": []}})
    until(lambda: cluster.get("configmap", "cancelled") == {})
