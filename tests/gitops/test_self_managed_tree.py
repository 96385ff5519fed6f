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
    SecretsHandover,
    StorageHandover,
)
from ops.gitops.rendering import sources_of
from tests.gitops.tree import (
    BOOTSTRAP,
    HANDOVER,
    SELF_MANAGED,
    Break,
    Object,
    Rule,
    Tool,
    Tree,
    assert_noticed,
    chart_schema,
    helm,
    render,
)

_EBS, _METRICS, _BALANCER = "aws-ebs-csi-driver", "metrics-server", "aws-load-balancer-controller"
_SECRETS, _NAMES, _BACKUP = "external-secrets", "external-dns", "argocd-backup"
_CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}
_ROLE = "eks.amazonaws.com/role-arn"
_TOKEN = "/var/run/secrets/eks.amazonaws.com/serviceaccount"


def _handover(**changes: Any) -> Handover:
    fields: dict[str, Any] = {
        "cluster": ClusterHandover(
            name="example",
            region="eu-west-1",
            variant="self-managed",
            vpc_id="vpc-0123456789abcdef0",
            network_cidr="10.0.0.0/16",
        ),
        "repository": RepositoryHandover(**SELF_MANAGED["repository"]),
        "charts": tree_charts("self-managed", None),
        "identity": SELF_MANAGED["identity"],
        "storage": StorageHandover(backups_bucket="example-backups", keep_data=False),
        "edge": EdgeHandover(),
        "secrets": SecretsHandover(prefix="example/", names={}),
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
    more = {**SELF_MANAGED["identity"], "monitoring": {_ROLE: "arn:aws:iam::123456789012:role/x"}}
    assert _handover(identity=more).values()["identity"] == SELF_MANAGED["identity"]
    assert set(IDENTITIES) == SELF_MANAGED["identity"].keys()


@pytest.mark.parametrize(
    ("base", "changes", "named"),
    [
        (SELF_MANAGED, {"karpenter": HANDOVER["karpenter"]}, "karpenter"),
        (SELF_MANAGED, {"identity": {}}, "aws-ebs-csi-driver"),
        (SELF_MANAGED, {"identity": {key: {} for key in IDENTITIES}}, "role-arn"),
        (SELF_MANAGED, {"identity": {key: {_ROLE: "example-role"} for key in IDENTITIES}}, "example-role"),
        (SELF_MANAGED, {"charts": HANDOVER["charts"]}, "aws-ebs-csi-driver"),
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
    """Karpenter and EFS come on EKS alone; what is EKS' add-on there, and what keeps data, comes from the tree here."""
    charts_of = [
        {source["chart"] for app in one.applications for source in sources_of(app) if "chart" in source}
        for one in (tree, self_managed_tree)
    ]
    assert charts_of[0] - charts_of[1] == {"karpenter", "karpenter-crd", "aws-efs-csi-driver"}
    assert charts_of[1] - charts_of[0] == {"aws-ebs-csi-driver", "cloudnative-pg", "redis-operator"}


def test_a_workload_without_an_image_repository_is_left_out(tool: Tool) -> None:
    """Taking a repository out of the stack's configuration takes the workload out of the tree, and no other."""
    for handed, gone in ((HANDOVER, "petclinic"), (SELF_MANAGED, "chat-api"), (SELF_MANAGED, "ai-worker")):
        less = {name: url for name, url in handed["storage"]["repositories"].items() if name != gone}
        changed = {**handed, "storage": {**handed["storage"], "repositories": less}}
        fewer = _names(helm(tool, BOOTSTRAP, "root", "argocd", changed))
        every = _names(helm(tool, BOOTSTRAP, "root", "argocd", handed))
        assert every - fewer == {{"petclinic": "petclinic", "chat-api": "api-chat", "ai-worker": "workers"}[gone]}


def _names(root: list[Object]) -> set[str]:
    names = {thing["metadata"]["name"] for thing in root if thing["kind"] == "Application"}
    for one in (thing for thing in root if thing["kind"] == "ApplicationSet"):
        names |= {f"api-{element['domain']}" for element in one["spec"]["generators"][0]["list"]["elements"]}
    return names


def test_without_a_domain_nothing_is_published(tool: Tool) -> None:
    """No Ingress is left that would wait for ever for a certificate, and nobody writes names."""
    for handed in (HANDOVER, SELF_MANAGED):
        edge = {**handed["edge"], "domain": "", "loadBalancer": {}, "ingressAnnotations": {}}
        bare = render(tool, {**handed, "edge": edge})
        assert not [thing for thing in bare.everything() if thing["kind"] == "Ingress"]
        assert not [thing for thing in bare.everything() if thing["metadata"]["name"] == "allow-load-balancer"]
        assert not [one for app in bare.applications for one in sources_of(app) if one.get("chart") == "external-dns"]
        for rollout in (thing for thing in bare.everything() if thing["kind"] == "Rollout"):
            assert "trafficRouting" not in rollout["spec"]["strategy"]["canary"]


def controllers_can_run(tree: Tree) -> Iterator[str]:
    """Each has two replicas, which a node without a taint and a control plane can hold."""
    for name, replicas, below in (
        ("aws-ebs-csi-driver", "replicaCount", "controller"),
        ("metrics-server", "replicas", None),
        ("aws-load-balancer-controller", "replicaCount", None),
    ):
        values = tree.values(name)[below] if below else tree.values(name)
        if values.get(replicas) != 2:
            yield f"{name} has no second replica"
        if values.get("tolerations") != [_CONTROL_PLANE]:
            yield f"{name} stays off the control planes, or goes to nodes that are somebody's own"
        if "nodeSelector" in values:
            yield f"{name} depends on how somebody names nodes"
    if tree.values("aws-ebs-csi-driver")["node"].get("tolerateAllTaints") is not True:
        yield "volumes can be attached on some nodes only"


def controllers_have_their_roles(tree: Tree) -> Iterator[str]:
    """No webhook gives pods a token here: variables, volume and mount are in the values, for the role handed over."""
    for name, below, keys in (
        (_EBS, "controller", ("env", "volumes", "volumeMounts")),
        (_BALANCER, None, ("env", "extraVolumes", "extraVolumeMounts")),
        (_SECRETS, None, ("extraEnv", "extraVolumes", "extraVolumeMounts")),
        (_NAMES, None, ("env", "extraVolumes", "extraVolumeMounts")),
        (_BACKUP, None, ("env", "volumes", "volumeMounts")),
    ):
        values = tree.values(name)[below] if below else tree.values(name)
        role = tree.handover["identity"][name]
        env = values.get(keys[0]) or {}
        said = env if isinstance(env, dict) else {row["name"]: row["value"] for row in env}
        if values["serviceAccount"].get("annotations") != role:
            yield f"{name}: the service account does not name its role"
        if said.get("AWS_ROLE_ARN") != role[_ROLE]:
            yield f"{name}: its pods do not know their role"
        if not str(said.get("AWS_WEB_IDENTITY_TOKEN_FILE")).startswith(f"{_TOKEN}/"):
            yield f"{name}: its pods do not know where their token is"
        volumes, mounts = (values.get(key) or [] for key in keys[1:])
        sources = [source["serviceAccountToken"] for volume in volumes for source in volume["projected"]["sources"]]
        if [(token["audience"], token["path"]) for token in sources] != [("sts.amazonaws.com", "token")]:
            yield f"{name}: no token that AWS takes"
        if [(row["name"], row["mountPath"]) for row in mounts] != [(row["name"], _TOKEN) for row in volumes]:
            yield f"{name}: the token is not where the variables say"


def no_pod_asks_the_instance_metadata(tree: Tree) -> Iterator[str]:
    """Its hop limit keeps pods away, so region, network and node are told."""
    cluster = tree.handover["cluster"]
    ebs, balancer = (tree.values(name) for name in ("aws-ebs-csi-driver", "aws-load-balancer-controller"))
    if ebs["controller"].get("region") != cluster["region"] or ebs["node"].get("metadataSources") != "kubernetes":
        yield "the EBS driver asks"
    if (balancer.get("region"), balancer.get("vpcId")) != (cluster["region"], cluster["vpcId"]):
        yield "the load balancer controller asks"


def balancers_reach_pods_of_an_overlay(tree: Tree) -> Iterator[str]:
    """Pods have no address in the VPC, and a controller that is away keeps nobody from making a Service."""
    values = tree.values("aws-load-balancer-controller")
    if values.get("defaultTargetType") != "instance":
        yield "load balancers would look for pods' addresses"
    if values.get("enableServiceMutatorWebhook") is not False:
        yield "no Service can be made while the controller is away"
    if values.get("serviceAccount", {}).get("name") != "aws-load-balancer-controller":
        yield "the role's trust names another service account"


def volumes_carry_what_the_policy_asks_for(tree: Tree) -> Iterator[str]:
    """The driver's role makes volumes with the cluster's name only; tags are the stack's."""
    controller = tree.values("aws-ebs-csi-driver")["controller"]
    if controller.get("k8sTagClusterId") != tree.handover["cluster"]["name"]:
        yield "the driver may make no volume"
    if controller.get("extraVolumeTags") != tree.handover["tags"]:
        yield "volumes are not on the stack's bill"
    if controller["serviceAccount"].get("name") != "ebs-csi-controller-sa":
        yield "the role's trust names another service account"


def kubelets_are_known_by_their_certificates(tree: Tree) -> Iterator[str]:
    """metrics-server takes no certificate that the cluster's authority did not sign."""
    arguments = tree.values("metrics-server").get("args", [])
    if any("insecure" in argument for argument in arguments):
        yield "anybody may answer for a kubelet"
    if not any(argument.startswith("--kubelet-certificate-authority=") for argument in arguments):
        yield "no authority is named"


def _drop(name: str, *path: str) -> Break:
    return lambda tree: _below(tree, name, path).pop(path[-1])


def _set(name: str, *path: str, to: Any) -> Break:
    return lambda tree: _below(tree, name, path).update({path[-1]: to})


def _below(tree: Tree, name: str, path: tuple[str, ...]) -> dict[str, Any]:
    at: dict[str, Any] = tree.values(name)
    for key in path[:-1]:
        at = at[key]
    return at


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
        _drop(_SECRETS, "extraVolumes"),
        _drop(_NAMES, "extraVolumeMounts"),
        _drop(_BACKUP, "env"),
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


def test_an_object_that_comes_with_its_kind_is_compared_by_the_api_server(tree: Tree, self_managed_tree: Tree) -> None:
    """Argo CD's own comparison would say for minutes that it differs: it knows the kind's schema too late."""
    for one in (tree, self_managed_tree):
        annotations = one.application("alb-controller")["metadata"]["annotations"]
        assert annotations["argocd.argoproj.io/compare-options"] == "ServerSideDiff=true"


def test_charts_of_a_variant_are_those_that_its_tree_asks_for(tree: Tree, self_managed_tree: Tree) -> None:
    """The catalogue hands each tree the charts that its Applications name, from a mirror or from their publishers."""
    for variant, one in (("eks", tree), ("self-managed", self_managed_tree)):
        asked = {source["chart"] for app in one.applications for source in sources_of(app) if "chart" in source}
        assert tree_charts(variant, None).keys() == asked  # type: ignore[arg-type]
    assert {chart.repository for chart in tree_charts("self-managed", "https://mirror.example.com").values()} == {
        "https://mirror.example.com"
    }
    assert charts(None)["metrics-server"] == tree_charts("self-managed", None)["metrics-server"]
