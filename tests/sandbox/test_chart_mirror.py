"""Stand-in charts: what Helm makes of them, and what it refuses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import crds
from sandbox.certificates import Authority
from sandbox.chart_mirror import CHARTS, ChartError, ChartMirror, pack, schema
from sandbox.tools import load_tools

Objects = dict[tuple[str, str], dict[str, Any]]


def test_a_schema_closes_every_map_but_the_open_ones() -> None:
    """Known keys pass, unknown ones do not; below an open map every key is free; a dot may be part of a key."""
    made = schema(["a", "a.b", "c", "d.x\\.y"], ["c"], ["a.b"])
    properties = made["properties"]
    assert made["additionalProperties"] is False
    assert made["required"] == ["a"]
    assert properties["a"]["required"] == ["b"]
    assert properties["a"]["additionalProperties"] is False
    assert properties["c"]["additionalProperties"] is True
    assert list(properties["d"]["properties"]) == ["x.y"]
    assert "global" in properties


@pytest.mark.parametrize(
    "folder", sorted(file.parent for file in CHARTS.glob("*/chart.yaml")), ids=lambda path: path.name
)
def test_a_chart_reads_only_keys_that_the_real_one_knows(folder: Path) -> None:
    """Every value path that a stand-in's data names is one of the real chart's keys."""
    keys = json.loads((folder / "keys.json").read_text())
    chart = yaml.safe_load((folder / "chart.yaml").read_text())
    paths = [path for workload in chart.get("workloads", []) for path in _paths(workload)]
    paths += [chart["namespace"]] if "namespace" in chart else []
    paths += [chart["crds"][name] for name in ("install", "annotations") if name in chart.get("crds", {})]
    assert set(paths) <= {*keys["keys"], *keys["open"], *_NEVER_READ}


def _paths(workload: Mapping[str, Any]) -> Iterator[str]:
    """Yield each value path that a workload's data names."""
    for places in (workload["placement"], workload.get("containerFields", {})):
        yield from (path for paths in places.values() for path in paths)
    yield from workload.get("environment", {}).values()
    for sidecar in workload.get("sidecars", []):
        yield from (path for field, paths in sidecar.items() if field != "container" for path in paths)
    yield from (workload[name] for name in ("replicas", "resources", "enabledBy", "disabledBy") if name in workload)
    yield from (workload["budget"][name] for name in ("values", "enabledBy") if name in workload.get("budget", {}))
    if "claim" in workload:
        yield from (f"{workload['claim']}.{name}" for name in ("enabled", "existingClaim", "accessModes", "size"))
    if "subchart" in workload:
        yield from (f"{workload['subchart']}.{name}" for name in ("nameOverride", "namespaceOverride"))
    account = workload["account"]
    yield from [account["key"]] if "key" in account else []
    yield from [f"{account['values']}.create"] if "values" in account else []


# Of the high-availability Redis, whose accounts the facts do not list by key.
_NEVER_READ = {"redis-ha.haproxy.serviceAccount.create"}


def test_crds_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    """A chart whose CRDs nobody provides says which ones it wants."""
    with pytest.raises(ChartError, match="karpenter"):
        pack(CHARTS / "karpenter", CHARTS / "standin", {})
    with pytest.raises(ChartError, match="holds no CRD"):
        pack(CHARTS / "karpenter", CHARTS / "standin", {"karpenter": tmp_path})


class Helm:
    """The real Helm over a running mirror."""

    def __init__(self, program: Path, mirror: ChartMirror, home: Path) -> None:
        self._program, self._mirror = program, mirror
        homes = {f"HELM_{part}_HOME": str(home) for part in ("CACHE", "CONFIG", "DATA")}
        self._rendered: dict[str, Objects] = {}
        self._environment = homes | {"SSL_CERT_FILE": str(mirror.certificate.authority), "HOME": str(home)}

    def template(self, chart: str, version: str, values: Mapping[str, Any], *words: str, name: str = "test") -> Objects:
        """Render and return the objects by kind and name. Raise `CalledProcessError` on a refusal."""
        key = json.dumps([chart, version, values, words, name])
        if key not in self._rendered:
            self._rendered[key] = self._template(chart, version, values, words, name)
        return self._rendered[key]

    def _template(
        self, chart: str, version: str, values: Mapping[str, Any], words: tuple[str, ...], name: str
    ) -> Objects:
        command = [str(self._program), "template", name, chart, f"--repo={self._mirror.url}", f"--version={version}"]
        command += ["--namespace=ns", "--values=-", *words]
        given = json.dumps(values)
        done = subprocess.run(command, input=given, env=self._environment, capture_output=True, text=True, check=True)
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        documents = [found for found in yaml.load_all(done.stdout, Loader=loader) if found]
        return {(found["kind"], found["metadata"]["name"]): found for found in documents}

    def refusal(self, chart: str, version: str, values: Mapping[str, Any]) -> str:
        """Return what Helm says against these values."""
        with pytest.raises(subprocess.CalledProcessError) as refused:
            self.template(chart, version, values)
        return str(refused.value.stderr)


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Helm]:
    tools = load_tools(Path(__file__).parents[2])
    folder = tmp_path_factory.mktemp("mirror")
    certificate = Authority(folder / "certificates").issue("charts")
    mirror = ChartMirror(folder / "charts", certificate, crds.folders(tools))
    mirror.start()
    yield Helm(tools["helm"], mirror, folder / "home")
    mirror.stop()


_KARPENTER = {"settings": {"clusterName": "demo"}}


@pytest.mark.cluster
def test_karpenter_keeps_off_its_own_nodes_and_apart(helm: Helm) -> None:
    """Two replicas on different hosts, on no node that Karpenter made, spread over zones."""
    made = helm.template("karpenter", "1.14.1", _KARPENTER, "--skip-crds", name="karpenter")
    deployment = made["Deployment", "karpenter"]["spec"]
    pod = deployment["template"]["spec"]
    selector = {"matchLabels": {"app.kubernetes.io/name": "karpenter", "app.kubernetes.io/instance": "karpenter"}}
    apart = pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert deployment["replicas"] == 2
    assert apart == [{"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}]
    terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms == [{"matchExpressions": [{"key": "karpenter.sh/nodepool", "operator": "DoesNotExist"}]}]
    assert pod["topologySpreadConstraints"][0]["labelSelector"] == selector
    assert pod["tolerations"] == [{"key": "CriticalAddonsOnly", "operator": "Exists"}]
    assert ("ServiceAccount", "karpenter") in made


@pytest.mark.cluster
def test_values_reach_the_workload_and_its_annotation(helm: Helm) -> None:
    """Replicas, resources and placement come from the values, which an annotation repeats."""
    resources = {"requests": {"cpu": "250m", "memory": "256Mi"}}
    values = _KARPENTER | {"replicas": 1, "controller": {"resources": resources}, "nodeSelector": {"role": "base"}}
    made = helm.template("karpenter", "1.14.1", values)
    deployment = made["Deployment", "test-karpenter"]["spec"]
    assert deployment["replicas"] == 1
    assert deployment["template"]["spec"]["containers"][0]["resources"] == resources
    assert deployment["template"]["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux", "role": "base"}
    received = json.loads(made["Deployment", "test-karpenter"]["metadata"]["annotations"]["sandbox/received-values"])
    assert received["settings"] == {"clusterName": "demo"}


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("chart", "version", "values", "message"),
    [
        ("karpenter", "1.14.1", {"settings": {"clusterNam": "demo"}}, "clusterNam"),
        ("karpenter", "1.14.1", {}, "settings"),
        ("karpenter", "1.14.1", _KARPENTER | {"resources": {}}, "'resources' not allowed"),
        ("karpenter", "1.13.0", _KARPENTER, "not found"),
        ("karpenter-crd", "1.14.1", {"webhook": {}}, "'webhook' not allowed"),
        ("argo-cd", "10.1.1", {"applicationSet": {"replicaCount": 2}}, "'replicaCount' not allowed"),
        ("nginx", "1.0.0", {}, "not found"),
    ],
)
def test_helm_refuses_what_the_real_chart_does_not_know(
    helm: Helm, chart: str, version: str, values: dict[str, Any], message: str
) -> None:
    """An unknown chart, version or key, a missing required key and a key that no template reads fail."""
    assert message in helm.refusal(chart, version, values)


@pytest.mark.cluster
def test_crds_lie_where_the_real_charts_have_them(helm: Helm) -> None:
    """Karpenter's CRDs can be skipped; those of the CRD chart and of Argo CD are templates with annotations."""
    pools = ("CustomResourceDefinition", "nodepools.karpenter.sh")
    assert pools not in helm.template("karpenter", "1.14.1", _KARPENTER, "--skip-crds")
    assert pools in helm.template("karpenter", "1.14.1", _KARPENTER, "--include-crds")
    crd = helm.template("karpenter-crd", "1.14.1", {"additionalAnnotations": {"a": "b"}})[pools]
    assert crd["metadata"]["annotations"]["a"] == "b"
    applications = ("CustomResourceDefinition", "applications.argoproj.io")
    kept = helm.template("argo-cd", "10.1.1", {}, name="argocd")[applications]
    assert kept["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert applications not in helm.template("argo-cd", "10.1.1", {"crds": {"install": False}})
    loose = helm.template("argo-cd", "10.1.1", {"crds": {"keep": False}})[applications]
    assert "helm.sh/resource-policy" not in loose["metadata"]["annotations"]


@pytest.mark.cluster
def test_argo_cd_names_follow_the_release(helm: Helm) -> None:
    """Names carry the chart's own token unless the release's name has it; most accounts keep fixed names."""
    made = helm.template("argo-cd", "10.1.1", {}, name="argo-cd")
    assert ("Deployment", "argo-cd-argocd-server") in made
    assert ("StatefulSet", "argo-cd-argocd-application-controller") in made
    assert ("ServiceAccount", "argocd-server") in made
    assert ("ServiceAccount", "argo-cd-argocd-repo-server") in made
    assert ("Deployment", "argocd-server") in helm.template("argo-cd", "10.1.1", {}, name="argocd")


@pytest.mark.cluster
def test_argo_cd_settings_reach_their_config_maps(helm: Helm) -> None:
    """Values under configs become text in Argo CD's ConfigMaps, and a change restarts what reads them."""
    values = {
        "configs": {
            "cm": {"timeout.reconciliation": "60s", "exec.enabled": True},
            "params": {"server.insecure": True},
            "rbac": {"policy.default": "role:readonly"},
            "tls": {"certificates": {"git.example.com": "PEM"}},
        },
        "global": {"tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}]},
        "server": {"tolerations": [{"key": "own", "operator": "Exists"}]},
    }
    plain, made = (helm.template("argo-cd", "10.1.1", given, name="argocd") for given in ({}, values))
    data = {
        name: made["ConfigMap", f"argocd-{name}"]["data"] for name in ("cm", "cmd-params-cm", "rbac-cm", "tls-certs-cm")
    }
    assert data["cm"]["timeout.reconciliation"] == "60s"
    assert data["cm"]["exec.enabled"] == "true"
    assert data["cmd-params-cm"]["server.insecure"] == "true"
    assert data["rbac-cm"]["policy.default"] == "role:readonly"
    assert data["tls-certs-cm"] == {"git.example.com": "PEM"}
    keys = {
        name: made["Deployment", f"argocd-{name}"]["spec"]["template"]["spec"]["tolerations"][0]["key"]
        for name in ("server", "redis")
    }
    assert keys == {"server": "own", "redis": "CriticalAddonsOnly"}
    annotations = [
        one["Deployment", "argocd-repo-server"]["spec"]["template"]["metadata"]["annotations"] for one in (plain, made)
    ]
    assert annotations[0] != annotations[1]


@pytest.mark.cluster
def test_secret_values_are_not_repeated(helm: Helm) -> None:
    """A credential in the values is in no annotation."""
    values = {
        "configs": {
            "secret": {"extra": {"oidc.clientSecret": "hidden-1"}},
            "cm": {"oidc.config": "clientSecret: hidden-2"},
            "repositories": {"private": {"url": "https://git.example.com", "password": "hidden-3"}},
        }
    }
    made = helm.template("argo-cd", "10.1.1", values)
    received = made["Deployment", "test-argocd-server"]["metadata"]["annotations"]["sandbox/received-values"]
    assert "argocd.argoproj.io/instance" in received
    assert "hidden" not in received
    assert made["Secret", "argocd-secret"]["stringData"] == {"oidc.clientSecret": "hidden-1"}


@pytest.mark.cluster
def test_redis_comes_plain_or_highly_available(helm: Helm) -> None:
    """One Redis by default; the highly available one takes its place, one pod per node."""
    assert ("Deployment", "argocd-redis") in helm.template("argo-cd", "10.1.1", {}, name="argocd")
    made = helm.template("argo-cd", "10.1.1", {"redis-ha": {"enabled": True}}, name="argocd")
    assert ("Deployment", "argocd-redis") not in made
    redis = made["StatefulSet", "argocd-redis-ha-server"]["spec"]
    assert redis["replicas"] == 3
    assert "requiredDuringSchedulingIgnoredDuringExecution" in redis["template"]["spec"]["affinity"]["podAntiAffinity"]
