"""The tree of a self-managed cluster: its own controllers in place of Karpenter, under the same rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from components.argocd.charts import charts, tree_charts
from components.argocd.handover import (
    IDENTITIES,
    ClusterHandover,
    EdgeHandover,
    Handover,
    RepositoryHandover,
    StorageHandover,
)
from tests.gitops import test_applications as applications
from tests.gitops import test_charts, test_projects
from tests.gitops.test_schemas import Check, check
from tests.gitops.tree import (
    BOOTSTRAP,
    HANDOVER,
    SELF_MANAGED,
    WAVE,
    Break,
    Rule,
    Tool,
    Tree,
    assert_noticed,
    chart_schema,
    edit,
    helm,
)

__all__ = ["check"]

_EBS, _METRICS, _BALANCER = (
    f"Application/{name}" for name in ("aws-ebs-csi-driver", "metrics-server", "aws-load-balancer-controller")
)
_VALUES = ["spec", "source", "helm", "valuesObject"]
_CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}
_ROLE = "eks.amazonaws.com/role-arn"
_TOKEN = "/var/run/secrets/eks.amazonaws.com/serviceaccount"


def _values(tree: Tree, name: str) -> Any:
    return tree.application(name)["spec"]["source"]["helm"]["valuesObject"]


def _handover(**changes: Any) -> Handover:
    fields: dict[str, Any] = {
        "cluster": ClusterHandover(
            name="example", region="eu-west-1", variant="self-managed", vpc_id="vpc-0123456789abcdef0"
        ),
        "repository": RepositoryHandover(**SELF_MANAGED["repository"]),
        "charts": tree_charts("self-managed", None),
        "identity": SELF_MANAGED["identity"],
        "storage": StorageHandover(backups_bucket="example-backups"),
        "edge": EdgeHandover(),
        "secrets": {},
        "alarm_topic_arn": SELF_MANAGED["alarms"]["topicArn"],
        "tags": SELF_MANAGED["tags"],
    }
    return Handover(**fields | changes)


def _refusals(handover: Mapping[str, Any]) -> list[str]:
    errors = jsonschema.Draft7Validator(chart_schema(BOOTSTRAP)).iter_errors(handover)
    return [f"{error.json_path}: {error.message}" for error in errors]


def test_program_hands_over_what_the_schema_asks_for() -> None:
    """Without Karpenter and with identities the hand-over is what the chart wants, and names the same charts."""
    values = _handover().values()
    assert _refusals(values) == []
    assert values["charts"] == SELF_MANAGED["charts"]
    assert values["cluster"] == SELF_MANAGED["cluster"]
    assert values["identity"] == SELF_MANAGED["identity"]
    assert "karpenter" not in values


def test_only_identities_that_the_tree_reads_are_handed_over() -> None:
    """A grant of a controller that the tree does not have (yet) is no business of the tree."""
    more = {**SELF_MANAGED["identity"], "external-dns": {_ROLE: "arn:aws:iam::123456789012:role/x"}}
    assert _handover(identity=more).values()["identity"] == SELF_MANAGED["identity"]
    assert set(IDENTITIES) == SELF_MANAGED["identity"].keys()


@pytest.mark.parametrize(
    ("base", "changes", "named"),
    [
        (SELF_MANAGED, {"karpenter": HANDOVER["karpenter"]}, "karpenter"),
        (SELF_MANAGED, {"identity": {}}, "aws-ebs-csi-driver"),
        (SELF_MANAGED, {"identity": {key: {} for key in IDENTITIES}}, "role-arn"),
        (SELF_MANAGED, {"identity": {key: {_ROLE: "example-role"} for key in IDENTITIES}}, "example-role"),
        (SELF_MANAGED, {"charts": HANDOVER["charts"]}, "metrics-server"),
        (SELF_MANAGED, {"charts": {**SELF_MANAGED["charts"], **HANDOVER["charts"]}}, "karpenter"),
        (HANDOVER, {"identity": SELF_MANAGED["identity"]}, "identity"),
        (HANDOVER, {"charts": SELF_MANAGED["charts"]}, "karpenter"),
        (HANDOVER, {"cluster": SELF_MANAGED["cluster"]}, "karpenter"),
    ],
)
def test_what_belongs_to_the_other_variant_is_refused(
    base: Mapping[str, Any], changes: Mapping[str, Any], named: str
) -> None:
    """Each variant takes its own charts and keys, all of them and no others; the refusal names what is wrong."""
    assert _refusals(base) == []
    assert any(named in line for line in _refusals({**base, **changes}))


def test_an_eks_handover_without_karpenter_is_refused() -> None:
    """On EKS there is no other way to nodes."""
    less = {key: value for key, value in HANDOVER.items() if key != "karpenter"}
    assert any("karpenter" in line for line in _refusals(less))


def test_each_variant_has_its_own_controllers(tree: Tree, self_managed_tree: Tree) -> None:
    """Karpenter comes on EKS alone; drivers and controllers that are EKS' add-ons there come from the tree here."""
    names = [{app["metadata"]["name"] for app in one.applications} for one in (tree, self_managed_tree)]
    both = {"namespaces", "aws-resources"}
    assert names[0] == both | {"karpenter-crd", "karpenter", "karpenter-config"}
    assert names[1] == both | {"aws-ebs-csi-driver", "metrics-server", "aws-load-balancer-controller"}


def test_what_both_have_is_the_same(tree: Tree, self_managed_tree: Tree) -> None:
    """Namespaces and the stack's AWS side do not know the variant."""
    for name in ("namespaces", "aws-resources"):
        assert tree.children[name] == self_managed_tree.children[name]


_RULES: list[Rule] = [
    applications.are_deleted_with_their_resources,
    applications.belong_to_project_platform,
    applications.sync_by_themselves,
    applications.retry_long_but_not_for_ever,
    applications.come_after_what_they_need,
    applications.name_what_exists,
    applications.are_pinned_by_the_hand_over,
    applications.stay_in_this_cluster,
    applications.ignore_no_differences,
    test_projects.let_every_child_work,
    test_projects.allow_nothing_that_no_child_needs,
    test_projects.outlive_their_applications,
    test_projects.leave_the_default_empty,
    test_charts.set_values_that_the_chart_knows,
]


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.__name__)
def test_rules_of_the_tree_hold(rule: Rule, self_managed_tree: Tree) -> None:
    """The rules that Applications, projects and values of the EKS tree keep hold here, too."""
    assert list(rule(self_managed_tree)) == []


@pytest.mark.parametrize(
    ("rule", "break_"),
    [
        (test_charts.set_values_that_the_chart_knows, edit(_EBS, *_VALUES, "controller", "replicas", to=2)),
        (test_charts.set_values_that_the_chart_knows, edit(_BALANCER, *_VALUES, "clusterName")),
        (test_charts.set_values_that_the_chart_knows, edit(_METRICS, *_VALUES, "extraArgs", to=[])),
        (applications.ignore_no_differences, edit(_BALANCER, "spec", "ignoreDifferences")),
        (
            applications.ignore_no_differences,
            edit(_BALANCER, "spec", "syncPolicy", "syncOptions", to=["ServerSideApply=true"]),
        ),
        (applications.are_pinned_by_the_hand_over, edit(_EBS, "spec", "source", "targetRevision", to="2.*")),
    ],
)
def test_broken_rule_is_noticed(rule: Rule, break_: Break, self_managed_tree: Tree) -> None:
    """A key that the chart does not know, a certificate that is written anew and a range of versions are found."""
    assert_noticed(rule, break_, self_managed_tree)


def test_every_object_is_valid(self_managed_tree: Tree, check: Check) -> None:
    """No object has a key, a type or a kind that its API does not know."""
    assert [
        (thing["kind"], thing["metadata"]["name"], check(thing)) for thing in self_managed_tree.ours() if check(thing)
    ] == []


def controllers_can_run(tree: Tree) -> Iterator[str]:
    """Each has two replicas, which a node without a taint and a control plane can hold."""
    for name, replicas, below in (
        ("aws-ebs-csi-driver", "replicaCount", "controller"),
        ("metrics-server", "replicas", None),
        ("aws-load-balancer-controller", "replicaCount", None),
    ):
        values = _values(tree, name)[below] if below else _values(tree, name)
        if values.get(replicas) != 2:
            yield f"{name} has no second replica"
        if values.get("tolerations") != [_CONTROL_PLANE]:
            yield f"{name} stays off the control planes, or goes to nodes that are somebody's own"
        if "nodeSelector" in values:
            yield f"{name} depends on how somebody names nodes"
    if _values(tree, "aws-ebs-csi-driver")["node"].get("tolerateAllTaints") is not True:
        yield "volumes can be attached on some nodes only"


def controllers_have_their_roles(tree: Tree) -> Iterator[str]:
    """No webhook gives pods a token here: variables, volume and mount are in the values, for the role handed over."""
    for name, below, keys in (
        ("aws-ebs-csi-driver", "controller", ("volumes", "volumeMounts")),
        ("aws-load-balancer-controller", None, ("extraVolumes", "extraVolumeMounts")),
    ):
        values = _values(tree, name)[below] if below else _values(tree, name)
        role = tree.handover["identity"][name]
        env = values.get("env") or {}
        said = env if isinstance(env, dict) else {row["name"]: row["value"] for row in env}
        if values["serviceAccount"].get("annotations") != role:
            yield f"{name}: the service account does not name its role"
        if said.get("AWS_ROLE_ARN") != role[_ROLE]:
            yield f"{name}: its pods do not know their role"
        if not str(said.get("AWS_WEB_IDENTITY_TOKEN_FILE")).startswith(f"{_TOKEN}/"):
            yield f"{name}: its pods do not know where their token is"
        volumes, mounts = (values.get(key) or [] for key in keys)
        sources = [source["serviceAccountToken"] for volume in volumes for source in volume["projected"]["sources"]]
        if [(token["audience"], token["path"]) for token in sources] != [("sts.amazonaws.com", "token")]:
            yield f"{name}: no token that AWS takes"
        if [(row["name"], row["mountPath"]) for row in mounts] != [(row["name"], _TOKEN) for row in volumes]:
            yield f"{name}: the token is not where the variables say"


def no_pod_asks_the_instance_metadata(tree: Tree) -> Iterator[str]:
    """Its hop limit keeps pods away, so region, network and node are told."""
    cluster = tree.handover["cluster"]
    ebs, balancer = (_values(tree, name) for name in ("aws-ebs-csi-driver", "aws-load-balancer-controller"))
    if ebs["controller"].get("region") != cluster["region"] or ebs["node"].get("metadataSources") != "kubernetes":
        yield "the EBS driver asks"
    if (balancer.get("region"), balancer.get("vpcId")) != (cluster["region"], cluster["vpcId"]):
        yield "the load balancer controller asks"


def balancers_reach_pods_of_an_overlay(tree: Tree) -> Iterator[str]:
    """Pods have no address in the VPC, and a controller that is away keeps nobody from making a Service."""
    values = _values(tree, "aws-load-balancer-controller")
    if values.get("defaultTargetType") != "instance":
        yield "load balancers would look for pods' addresses"
    if values.get("enableServiceMutatorWebhook") is not False:
        yield "no Service can be made while the controller is away"
    if values.get("serviceAccount", {}).get("name") != "aws-load-balancer-controller":
        yield "the role's trust names another service account"


def volumes_carry_what_the_policy_asks_for(tree: Tree) -> Iterator[str]:
    """The driver's role makes volumes with the cluster's name only; tags are the stack's."""
    controller = _values(tree, "aws-ebs-csi-driver")["controller"]
    if controller.get("k8sTagClusterId") != tree.handover["cluster"]["name"]:
        yield "the driver may make no volume"
    if controller.get("extraVolumeTags") != tree.handover["tags"]:
        yield "volumes are not on the stack's bill"
    if controller["serviceAccount"].get("name") != "ebs-csi-controller-sa":
        yield "the role's trust names another service account"


def kubelets_are_known_by_their_certificates(tree: Tree) -> Iterator[str]:
    """metrics-server takes no certificate that the cluster's authority did not sign."""
    arguments = _values(tree, "metrics-server").get("args", [])
    if any("insecure" in argument for argument in arguments):
        yield "anybody may answer for a kubelet"
    if not any(argument.startswith("--kubelet-certificate-authority=") for argument in arguments):
        yield "no authority is named"


def _drop(name: str, *path: str) -> Break:
    return edit(name, *_VALUES, *path)


def _set(name: str, *path: str | int, to: Any) -> Break:
    return edit(name, *_VALUES, *path, to=to)


_BREAKS: dict[Rule, list[Break]] = {
    controllers_can_run: [
        _set(_EBS, "controller", "replicaCount", to=1),
        _drop(_METRICS, "tolerations"),
        _set(_BALANCER, "tolerations", to=[{"operator": "Exists"}]),
        _set(_BALANCER, "nodeSelector", to={"workload": "monitoring"}),
        _set(_EBS, "node", "tolerateAllTaints", to=False),
    ],
    controllers_have_their_roles: [
        _drop(_EBS, "controller", "env"),
        _drop(_EBS, "controller", "volumeMounts"),
        _set(_BALANCER, "env", "AWS_ROLE_ARN", to="arn:aws:iam::123456789012:role/other"),
        _set(_BALANCER, "env", "AWS_WEB_IDENTITY_TOKEN_FILE", to="/var/run/secrets/kubernetes.io/token"),
        _drop(_BALANCER, "extraVolumes"),
        _drop(_BALANCER, "serviceAccount", "annotations"),
    ],
    no_pod_asks_the_instance_metadata: [
        _drop(_EBS, "controller", "region"),
        _set(_EBS, "node", "metadataSources", to="imds,kubernetes"),
        _drop(_BALANCER, "vpcId"),
    ],
    balancers_reach_pods_of_an_overlay: [
        _set(_BALANCER, "defaultTargetType", to="ip"),
        _drop(_BALANCER, "enableServiceMutatorWebhook"),
        _drop(_BALANCER, "serviceAccount", "name"),
    ],
    volumes_carry_what_the_policy_asks_for: [
        _drop(_EBS, "controller", "k8sTagClusterId"),
        _drop(_EBS, "controller", "extraVolumeTags"),
        _set(_EBS, "controller", "serviceAccount", "name", to="ebs"),
    ],
    kubelets_are_known_by_their_certificates: [
        _set(_METRICS, "args", to=["--kubelet-insecure-tls"]),
        _drop(_METRICS, "args"),
    ],
}


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_controllers(rule: Rule, self_managed_tree: Tree) -> None:
    """The controllers keep the rule."""
    assert list(rule(self_managed_tree)) == []


@pytest.mark.parametrize(("rule", "break_"), [(rule, break_) for rule, breaks in _BREAKS.items() for break_ in breaks])
def test_broken_controller_is_noticed(rule: Rule, break_: Break, self_managed_tree: Tree) -> None:
    """The rule complains about a controller that breaks it."""
    assert_noticed(rule, break_, self_managed_tree)


def test_load_balancer_controller_comes_before_whoever_publishes(self_managed_tree: Tree) -> None:
    """Its class and webhooks are there before the first Ingress: no Application with one may have an earlier wave."""
    waves = {
        app["metadata"]["name"]: int(app["metadata"]["annotations"][WAVE]) for app in self_managed_tree.applications
    }
    publishing = [
        name
        for name, made in self_managed_tree.children.items()
        if any(thing["kind"] in ("Ingress", "TargetGroupBinding") for thing in made)
    ]
    assert all(waves[name] > waves["aws-load-balancer-controller"] for name in publishing)
    assert waves["aws-load-balancer-controller"] > waves["aws-resources"] > waves["namespaces"]


def test_an_object_that_comes_with_its_kind_is_compared_by_the_api_server(self_managed_tree: Tree) -> None:
    """Argo CD's own comparison would say for minutes that it differs: it knows the kind's schema too late."""
    (application,) = (
        one for one in self_managed_tree.applications if one["metadata"]["name"] == "aws-load-balancer-controller"
    )
    assert application["metadata"]["annotations"]["argocd.argoproj.io/compare-options"] == "ServerSideDiff=true"


def test_images_come_from_the_registry_that_holds_copies(tool: Tool) -> None:
    """With a registry every image that a controller is told comes from there, under its publisher's path."""
    handed = {**SELF_MANAGED, "images": {"registry": "registry.example.com/copies"}}
    root = {thing["metadata"]["name"]: thing for thing in helm(tool, BOOTSTRAP, "root", "argocd", handed)}
    images = [image for app in root.values() if app["kind"] == "Application" for image in _images(app)]
    assert len(images) == 8
    assert all(image.startswith("registry.example.com/copies/") for image in images)


def _images(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            if key == "image" and "repository" in below:
                yield below["repository"]
            else:
                yield from _images(below)


def test_charts_of_a_variant_are_those_that_its_tree_asks_for(tree: Tree, self_managed_tree: Tree) -> None:
    """The catalogue hands each tree the charts that its Applications name, from a mirror or from their publishers."""
    for variant, one in (("eks", tree), ("self-managed", self_managed_tree)):
        asked = {app["spec"]["source"]["chart"] for app in one.applications if "chart" in app["spec"]["source"]}
        assert tree_charts(variant, None).keys() == asked  # type: ignore[arg-type]
    assert {chart.repository for chart in tree_charts("self-managed", "https://mirror.example.com").values()} == {
        "https://mirror.example.com"
    }
    assert charts(None)["metrics-server"] == tree_charts("self-managed", None)["metrics-server"]
