"""Argo CD's release, the root Application and what it hands over."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pulumi
import pytest
from pulumi_aws.sqs import Queue

from components.argocd.chart_values import argocd_values
from components.argocd.charts import charts
from components.argocd.component import ArgoCD, ArgoCDArgs, LoginClient
from components.argocd.handover import (
    ChartHandover,
    ClusterHandover,
    EdgeHandover,
    Handover,
    KarpenterHandover,
    LoginHandover,
    RepositoryHandover,
    SecretsHandover,
    StorageHandover,
)
from tests.captures import UNKNOWN, Capture
from tests.conftest import CaptureProgram

REPOSITORY = "https://git.example.com/platform/platform.git"
HANDOVER = Handover(
    cluster=ClusterHandover(
        name="demo",
        region="ap-northeast-2",
        variant="eks",
        vpc_id="vpc-0123456789abcdef0",
        network_cidr="10.0.0.0/16",
    ),
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
    storage=StorageHandover(backups_bucket="demo-backups", keep_data=True),
    edge=EdgeHandover(
        domain="demo.example.com",
        login=LoginHandover(issuer="https://issuer.example.com", client_id="client", secret="demo/argocd/oidc"),
        load_balancer={"scheme": "internal"},
        ingress_annotations={"alb.ingress.kubernetes.io/ssl-redirect": "443"},
    ),
    secrets=SecretsHandover(prefix="demo/", names={"gitops/github": "demo/gitops/github"}),
    overlay="dev",
    alarm_topic_arn="arn:aws:sns:ap-northeast-2:123456789012:demo-alarms",
    tags={"Project": "demo"},
)
CHART = ChartHandover(repository="https://charts.example.com", version="10.1.1")


def program() -> None:
    """Register Argo CD over something that has to outlive the tree, and something that has to outlive Argo CD."""
    access, needed = Queue("access"), Queue("needed")
    ArgoCD("argocd", ArgoCDArgs(chart=CHART, handover=HANDOVER, ready=[access], after=[needed]))


@pytest.fixture(scope="module")
def argocd(capture: CaptureProgram) -> Capture:
    return capture(program)


def test_root_goes_first_on_destroy_and_what_it_needs_last(argocd: Capture) -> None:
    """The chain is root, project, release, namespace, and only then access to the cluster.

    What the tree's controllers need outlives the root, and so the tree.
    """
    root = argocd.one("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root")
    release = argocd.one("kubernetes:helm.sh/v3:Release", "argocd-release")
    namespace = argocd.one("kubernetes:core/v1:Namespace", "argocd-namespace")
    project = argocd.one("kubernetes:argoproj.io/v1alpha1:AppProject", "argocd-project")
    access, needed = (argocd.one("aws:sqs/queue:Queue", name) for name in ("access", "needed"))
    assert {project.urn, release.urn, namespace.urn, access.urn, needed.urn} <= argocd.needs(root)
    assert {release.urn, needed.urn} <= argocd.needs(project)
    assert {namespace.urn, access.urn} <= argocd.needs(release)
    assert access.urn in argocd.needs(namespace)


def test_the_release_comes_beside_the_nodes(argocd: Capture) -> None:
    """It waits for nothing that only the tree needs: its pods wait for a node, for up to ten minutes."""
    release = argocd.one("kubernetes:helm.sh/v3:Release", "argocd-release")
    assert argocd.one("aws:sqs/queue:Queue", "needed").urn not in argocd.needs(release)
    assert release.inputs["timeout"] >= 600


def test_root_cascades_and_has_the_time_for_it(argocd: Capture) -> None:
    """The finalizer makes Argo CD take the tree down; load balancers and nodes take minutes."""
    root = argocd.one("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root")
    assert root.inputs["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
    assert root.custom_timeouts["delete"] == "45m"


def test_root_is_pinned_and_shut_in_a_project_of_its_own(argocd: Capture) -> None:
    """The root may make projects, Applications and sets of them in Argo CD's namespace out of one repository."""
    spec = argocd.one("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root").inputs["spec"]
    project = argocd.one("kubernetes:argoproj.io/v1alpha1:AppProject", "argocd-project").inputs
    assert spec["project"] == project["metadata"]["name"] == "bootstrap"
    assert (spec["source"]["repoURL"], spec["source"]["targetRevision"]) == (REPOSITORY, "v0.1.0")
    assert project["spec"]["sourceRepos"] == [REPOSITORY]
    assert project["spec"]["clusterResourceWhitelist"] == []
    kinds = {(kind["group"], kind["kind"]) for kind in project["spec"]["namespaceResourceWhitelist"]}
    assert kinds == {("argoproj.io", kind) for kind in ("AppProject", "Application", "ApplicationSet")}


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


_FREE = frozenset({"identity", "kubelet", "limits", "loadBalancer", "names", "repositories", "tags"})


def count(values: Any, leaf_keys: frozenset[str] = _FREE) -> int:
    """Count the values handed over; free maps count as one."""
    return sum(count(value) if isinstance(value, dict) and key not in leaf_keys else 1 for key, value in values.items())


def test_no_field_of_the_handover_is_forgotten() -> None:
    """Every field of the dataclasses ends in the values: a new one that is not passed on fails here."""
    assert count(HANDOVER.values()) == leaves(HANDOVER)


def test_secret_in_the_handover_stays_marked(capture: CaptureProgram) -> None:
    """A value that Pulumi knows as secret is not laundered on its way into the Application."""

    def leaky() -> None:
        assert HANDOVER.karpenter is not None
        karpenter = replace(HANDOVER.karpenter, queue_name=pulumi.Output.secret("s3cr3t-canary"))
        handover = replace(HANDOVER, karpenter=karpenter)
        ArgoCD("argocd", ArgoCDArgs(chart=CHART, handover=handover, ready=[], after=[]))

    spec = capture(leaky).one("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root").inputs["spec"]
    assert "Secret(value=" in repr(spec)


def test_applications_have_a_health_check_before_the_root_comes(argocd: Capture) -> None:
    """Without it waves between Applications do not gate."""
    release = argocd.one("kubernetes:helm.sh/v3:Release", "argocd-release")
    cm = release.inputs["values"]["configs"]["cm"]
    assert "operationState" in cm["resource.customizations.health.argoproj.io_Application"]


def test_argo_cd_is_closed_and_stays_off_karpenters_nodes() -> None:
    """No default role, no exec, and every workload asks for resources on the nodes that the stack names."""
    values = argocd_values(node_selector={"node-type": "base"})
    assert values["configs"]["rbac"]["policy.default"] == ""
    assert values["configs"]["cm"]["exec.enabled"] == "false"
    for component in ("controller", "server", "repoServer", "applicationSet", "redis", "notifications"):
        assert values[component]["nodeSelector"] == {"node-type": "base"}
        assert (
            values[component]["resources"]["requests"]["memory"] == values[component]["resources"]["limits"]["memory"]
        )


def test_without_a_node_selector_argo_cd_runs_where_no_taint_forbids_it(argocd: Capture) -> None:
    """Machines that nobody takes away need no selector: no key of placement is there at all."""
    values = argocd.one("kubernetes:helm.sh/v3:Release", "argocd-release").inputs["values"]
    assert "nodeSelector" not in json.dumps(values)
    assert "tolerations" not in json.dumps(values)


def test_parameters_are_strings() -> None:
    """Argo CD reads them from ConfigMaps, which hold nothing else."""
    configs = argocd_values()["configs"]
    assert all(isinstance(value, str) for section in ("cm", "params") for value in configs[section].values())


def test_login_reaches_the_release_once_the_pool_is_there(capture: CaptureProgram) -> None:
    """Issuer and client may be outputs; all else that Argo CD is told is known, and the secret is a reference."""
    pool = "ap-northeast-2_AbCdEfGhI"

    def with_login(client_id: pulumi.Input[str]) -> None:
        client = LoginClient(
            url="https://argocd.demo.example.com",
            issuer=pulumi.Output.from_input(f"https://cognito-idp.ap-northeast-2.amazonaws.com/{pool}"),
            client_id=client_id,
            logout_url="https://auth-0.auth.ap-northeast-2.amazoncognito.com/logout",
        )
        ArgoCD("argocd", ArgoCDArgs(chart=CHART, handover=HANDOVER, ready=[], after=[], login=client))

    def configs(captured: Capture) -> Any:
        return captured.one("kubernetes:helm.sh/v3:Release", "argocd-release").inputs["values"]["configs"]

    known = configs(capture(lambda: with_login("client")))
    assert json.loads(known["cm"]["oidc.config"])["issuer"].endswith(f".amazonaws.com/{pool}")
    assert json.loads(known["cm"]["oidc.config"])["logoutURL"].endswith(".amazoncognito.com/logout")
    assert json.loads(known["cm"]["oidc.config"])["clientSecret"] == "$argocd-oidc:clientSecret"
    before = configs(capture(lambda: with_login(Queue("made-later").arn), preview=True))
    assert before["cm"]["oidc.config"] == UNKNOWN
    assert {**before["cm"], "oidc.config": known["cm"]["oidc.config"]} == known["cm"]
    assert before["rbac"] == known["rbac"]


def test_mirror_replaces_every_repository_and_no_version() -> None:
    """A closed network names one mirror; what is installed stays the same."""
    published, mirrored = charts(None), charts("https://mirror.example.com")
    assert {chart.repository for chart in mirrored.values()} == {"https://mirror.example.com"}
    assert {n: c.version for n, c in published.items()} == {n: c.version for n, c in mirrored.items()}
    assert published["karpenter"].repository == "public.ecr.aws/karpenter"
