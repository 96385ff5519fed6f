"""Argo CD's release, the root Application and what it hands over."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pulumi
import pytest
from pulumi_aws.sqs import Queue

from components.argocd.chart_values import argocd_values
from components.argocd.charts import charts
from components.argocd.component import ArgoCD, ArgoCDArgs
from components.argocd.handover import (
    ChartHandover,
    ClusterHandover,
    Handover,
    KarpenterHandover,
    RepositoryHandover,
)
from tests.captures import Capture
from tests.conftest import CaptureProgram

REPOSITORY = "https://git.example.com/platform/platform.git"
HANDOVER = Handover(
    cluster=ClusterHandover(name="demo", region="ap-northeast-2"),
    repository=RepositoryHandover(url=REPOSITORY, revision="v0.1.0"),
    charts={"karpenter": ChartHandover(repository="public.ecr.aws/karpenter", version="1.14.1")},
    karpenter=KarpenterHandover(
        queue_name="demo-karpenter",
        node_role_name="KarpenterNodeRole-demo",
        max_pods=110,
        user_data="MIME-Version: 1.0\n",
        ami_alias="al2023@v20260714",
        capacity_types=("spot", "on-demand"),
        instance_families=("t3",),
        instance_sizes=("medium",),
        limits={"cpu": "10", "memory": "40Gi"},
        consolidate_after="30s",
        disruption_budget="10%",
        replicas=2,
        volume_size="50Gi",
    ),
    tags={"Project": "demo"},
)
CHART = ChartHandover(repository="https://charts.example.com", version="10.1.1")


def program() -> None:
    """Register Argo CD over something that has to outlive it."""
    needed = Queue("needed")
    ArgoCD("argocd", ArgoCDArgs(chart=CHART, handover=HANDOVER, after=[needed]))


@pytest.fixture(scope="module")
def argocd(capture: CaptureProgram) -> Capture:
    return capture(program)


def test_root_goes_first_on_destroy_and_what_it_needs_last(argocd: Capture) -> None:
    """The chain is root, project, release, namespace, and only then what the tree's controllers need."""
    root = argocd.one("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root")
    release = argocd.one("kubernetes:helm.sh/v3:Release", "argocd-release")
    namespace = argocd.one("kubernetes:core/v1:Namespace", "argocd-namespace")
    needed = argocd.one("aws:sqs/queue:Queue", "needed")
    assert {release.urn, namespace.urn, needed.urn} <= argocd.needs(root)
    assert {namespace.urn, needed.urn} <= argocd.needs(release)
    assert needed.urn in argocd.needs(namespace)


def test_root_cascades_and_has_the_time_for_it(argocd: Capture) -> None:
    """The finalizer makes Argo CD take the tree down; load balancers and nodes take minutes."""
    root = argocd.one("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root")
    assert root.inputs["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
    assert root.custom_timeouts["delete"] == "45m"


def test_root_is_pinned_and_shut_in_a_project_of_its_own(argocd: Capture) -> None:
    """The root may make projects and Applications in Argo CD's namespace out of one repository, nothing else."""
    spec = argocd.one("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root").inputs["spec"]
    project = argocd.one("kubernetes:argoproj.io/v1alpha1:AppProject", "argocd-project").inputs
    assert spec["project"] == project["metadata"]["name"] == "bootstrap"
    assert (spec["source"]["repoURL"], spec["source"]["targetRevision"]) == (REPOSITORY, "v0.1.0")
    assert project["spec"]["sourceRepos"] == [REPOSITORY]
    assert project["spec"]["clusterResourceWhitelist"] == []
    kinds = {(kind["group"], kind["kind"]) for kind in project["spec"]["namespaceResourceWhitelist"]}
    assert kinds == {("argoproj.io", "AppProject"), ("argoproj.io", "Application")}


def test_handover_reaches_the_chart_as_it_is(argocd: Capture) -> None:
    """What Pulumi knows is the chart's values, key for key."""
    spec = argocd.one("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root").inputs["spec"]
    assert spec["source"]["helm"]["valuesObject"] == HANDOVER.values()


def leaves(value: Any) -> int:
    """Count the fields of nested dataclasses, mappings of them included."""
    if is_dataclass(value):
        return sum(leaves(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, dict) and any(is_dataclass(item) for item in value.values()):
        return sum(map(leaves, value.values()))
    return 1


def count(values: Any, leaf_keys: frozenset[str] = frozenset({"kubelet", "limits", "tags"})) -> int:
    """Count the values handed over; free maps count as one."""
    return sum(count(value) if isinstance(value, dict) and key not in leaf_keys else 1 for key, value in values.items())


def test_no_field_of_the_handover_is_forgotten() -> None:
    """Every field of the dataclasses ends in the values: a new one that is not passed on fails here."""
    assert count(HANDOVER.values()) == leaves(HANDOVER)


def test_secret_in_the_handover_stays_marked(capture: CaptureProgram) -> None:
    """A value that Pulumi knows as secret is not laundered on its way into the Application."""

    def leaky() -> None:
        karpenter = replace(HANDOVER.karpenter, queue_name=pulumi.Output.secret("s3cr3t-canary"))
        handover = replace(HANDOVER, karpenter=karpenter)
        ArgoCD("argocd", ArgoCDArgs(chart=CHART, handover=handover, after=[]))

    spec = capture(leaky).one("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root").inputs["spec"]
    assert "Secret(value=" in repr(spec)


def test_applications_have_a_health_check_before_the_root_comes(argocd: Capture) -> None:
    """Without it waves between Applications do not gate."""
    release = argocd.one("kubernetes:helm.sh/v3:Release", "argocd-release")
    cm = release.inputs["values"]["configs"]["cm"]
    assert "operationState" in cm["resource.customizations.health.argoproj.io_Application"]


def test_argo_cd_is_closed_and_stays_off_karpenters_nodes() -> None:
    """No default role, no exec, and every workload asks for resources on the base nodes."""
    values = argocd_values()
    assert values["configs"]["rbac"]["policy.default"] == ""
    assert values["configs"]["cm"]["exec.enabled"] == "false"
    for component in ("controller", "server", "repoServer", "applicationSet", "redis"):
        assert values[component]["nodeSelector"] == {"node-type": "base"}
        assert (
            values[component]["resources"]["requests"]["memory"] == values[component]["resources"]["limits"]["memory"]
        )


def test_parameters_are_strings() -> None:
    """Argo CD reads them from ConfigMaps, which hold nothing else."""
    configs = argocd_values()["configs"]
    assert all(isinstance(value, str) for section in ("cm", "params") for value in configs[section].values())


def test_mirror_replaces_every_repository_and_no_version() -> None:
    """A closed network names one mirror; what is installed stays the same."""
    published, mirrored = charts(None), charts("https://mirror.example.com")
    assert {chart.repository for chart in mirrored.values()} == {"https://mirror.example.com"}
    assert {n: c.version for n, c in published.items()} == {n: c.version for n, c in mirrored.items()}
    assert published["karpenter"].repository == "public.ecr.aws/karpenter"
