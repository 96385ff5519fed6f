"""The projects: what an Application may read and make, checked the way Argo CD checks it."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

from ops.gitops.rendering import sources_of
from tests.gitops.tree import (
    CLUSTER_SCOPED,
    IN_CLUSTER,
    WAVE,
    Break,
    Object,
    Rule,
    Tree,
    add,
    assert_noticed,
    edit,
)

_LISTS = {
    True: ("clusterResourceWhitelist", "clusterResourceBlacklist"),
    False: ("namespaceResourceWhitelist", "namespaceResourceBlacklist"),
}


def _group_kind(thing: Object) -> tuple[str, str]:
    return thing["apiVersion"].rpartition("/")[0], thing["kind"]


def _matches(project: Object, key: str, group_kind: tuple[str, str]) -> bool:
    entries = project["spec"].get(key) or []
    return any(
        fnmatchcase(group_kind[0], entry["group"]) and fnmatchcase(group_kind[1], entry["kind"]) for entry in entries
    )


def _destination_allowed(project: Object, namespace: str, server: str = IN_CLUSTER) -> bool:
    places = project["spec"].get("destinations") or []
    return any(fnmatchcase(server, place["server"]) and fnmatchcase(namespace, place["namespace"]) for place in places)


def _permitted(project: Object, thing: Object) -> bool:
    """As AppProject.IsResourcePermitted: a missing list of namespaced kinds allows all, one of cluster-scoped none."""
    scoped = thing["kind"] in CLUSTER_SCOPED
    allow, deny = _LISTS[scoped]
    allowed = _matches(project, allow, _group_kind(thing)) or (not scoped and project["spec"].get(allow) is None)
    if not allowed or _matches(project, deny, _group_kind(thing)):
        return False
    return scoped or _destination_allowed(project, thing["metadata"]["namespace"])


def let_every_child_work(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        name, spec = application["metadata"]["name"], application["spec"]
        project = tree.project(spec["project"])
        for source in sources_of(application):
            if source["repoURL"] not in project["spec"]["sourceRepos"]:
                yield f"{name} may not read {source['repoURL']}"
        if not _destination_allowed(project, spec["destination"]["namespace"], spec["destination"]["server"]):
            yield f"{name} may not go to {spec['destination']}"
        for thing in tree.children[name]:
            if not _permitted(project, thing):
                yield f"{name} may not make {thing['kind']} {thing['metadata']}"


def allow_nothing_that_no_child_needs(tree: Tree) -> Iterator[str]:
    for project in (thing for thing in tree.root if thing["kind"] == "AppProject"):
        members = [app for app in tree.applications if app["spec"]["project"] == project["metadata"]["name"]]
        made = [thing for member in members for thing in tree.children[member["metadata"]["name"]]]
        spec = project["spec"]
        used = {source["repoURL"] for member in members for source in sources_of(member)}
        yield from (f"{url} is read by nobody" for url in spec["sourceRepos"] if url not in used)
        places = {thing["metadata"].get("namespace") for thing in made}
        places |= {member["spec"]["destination"]["namespace"] for member in members}
        yield from (f"{at} is used by nobody" for at in spec["destinations"] if at["namespace"] not in places)
        for cluster_scoped, (allow, _) in _LISTS.items():
            kinds = {_group_kind(thing) for thing in made if (thing["kind"] in CLUSTER_SCOPED) == cluster_scoped}
            allowed = [(entry["group"], entry["kind"]) for entry in spec.get(allow) or []]
            yield from (f"{entry} is made by nobody" for entry in allowed if entry not in kinds)


def outlive_their_applications(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        project = tree.project(application["spec"]["project"])
        first = int(project["metadata"]["annotations"][WAVE])
        # One that a set makes has no wave of its own; none is as early as a project.
        if not first < int(application["metadata"].get("annotations", {}).get(WAVE, 0)):
            yield f"{application['metadata']['name']} is there before its project, and after it"


def leave_the_default_empty(tree: Tree) -> Iterator[str]:
    project = tree.project("default")
    for kind in ("Deployment", "ClusterRole", "Application"):
        thing = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "namespace": "default"}}
        if _permitted(project, thing):
            yield f"default lets {kind} through"
    if project["spec"]["sourceRepos"] or project["spec"]["destinations"]:
        yield "default has a repository or a destination"


def let_workloads_do_little(tree: Tree) -> Iterator[str]:
    """Whoever may change a workload gets neither a right in the API nor anything beyond its namespaces by it."""
    spec = tree.project("workloads")["spec"]
    if spec["clusterResourceWhitelist"]:
        yield "workloads reach beyond their namespaces"
    kinds = {entry["kind"] for entry in spec["namespaceResourceWhitelist"]}
    if risky := kinds & {"*", "Role", "RoleBinding", "Secret", "ResourceQuota", "LimitRange", "DaemonSet"}:
        yield f"workloads may make {sorted(risky)}"
    platform = {"argocd", "kube-system", "external-secrets", "monitoring", "databases", "messaging", "*"}
    if shared := platform & {place["namespace"] for place in spec["destinations"]}:
        yield f"workloads may go to {sorted(shared)}"


_PLATFORM, _DEFAULT, _WORKLOADS = "AppProject/platform", "AppProject/default", "AppProject/workloads"


def _drop_entry(key: str, kind: str) -> Break:
    def change(tree: Tree) -> None:
        entries = tree.project("platform")["spec"][key]
        entries.remove(next(entry for entry in entries if entry["kind"] == kind))

    return change


def _append(name: str, key: str, value: object) -> Break:
    return lambda tree: tree.get(name)["spec"][key].append(value)


def _foreign(kind: str, namespace: str | None = None, group: str = "") -> Object:
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": f"{group}/v1".lstrip("/"), "kind": kind, "metadata": {"name": "foreign", **place}}


_BREAKS: dict[Rule, list[Break]] = {
    let_every_child_work: [
        _drop_entry("clusterResourceWhitelist", "NodePool"),
        _drop_entry("clusterResourceWhitelist", "CustomResourceDefinition"),
        _drop_entry("namespaceResourceWhitelist", "NetworkPolicy"),
        _drop_entry("namespaceResourceWhitelist", "Deployment"),
        edit(_PLATFORM, "spec", "clusterResourceWhitelist"),
        edit(_PLATFORM, "spec", "destinations", to=[{"server": IN_CLUSTER, "namespace": "kube-system"}]),
        edit(_PLATFORM, "spec", "sourceRepos", to=["https://git.example.com/platform.git"]),
        edit(_WORKLOADS, "spec", "destinations", to=[{"server": IN_CLUSTER, "namespace": "petclinic"}]),
        edit(_PLATFORM, "spec", "namespaceResourceBlacklist", to=[{"group": "apps", "kind": "*"}]),
        edit("Application/namespaces", "spec", "destination", "namespace", to="default"),
        add("namespaces", _foreign("Secret", "default")),
        add("petclinic", _foreign("ServiceAccount", "argocd")),
        add("karpenter-config", _foreign("NodeClaim", "kube-system", "karpenter.sh")),
        add("karpenter", _foreign("Application", "kube-system", "argoproj.io")),
        add("petclinic", _foreign("Role", "petclinic", "rbac.authorization.k8s.io")),
        add("karpenter-crd", _foreign("Namespace", group="other.example.com")),
    ],
    allow_nothing_that_no_child_needs: [
        _append(_PLATFORM, "sourceRepos", "https://charts.example.com"),
        _append(_PLATFORM, "destinations", {"server": IN_CLUSTER, "namespace": "default"}),
        _append(_PLATFORM, "destinations", {"server": IN_CLUSTER, "namespace": "*"}),
        _append(_PLATFORM, "clusterResourceWhitelist", {"group": "*", "kind": "*"}),
        _append(_PLATFORM, "namespaceResourceWhitelist", {"group": "", "kind": "Pod"}),
        _append(_WORKLOADS, "namespaceResourceWhitelist", {"group": "batch", "kind": "Job"}),
    ],
    let_workloads_do_little: [
        edit(_WORKLOADS, "spec", "clusterResourceWhitelist", to=[{"group": "", "kind": "Namespace"}]),
        _append(_WORKLOADS, "namespaceResourceWhitelist", {"group": "", "kind": "Secret"}),
        _append(_WORKLOADS, "destinations", {"server": IN_CLUSTER, "namespace": "kube-system"}),
    ],
    outlive_their_applications: [edit(_PLATFORM, "metadata", "annotations", WAVE, to="-1")],
    leave_the_default_empty: [
        edit(_DEFAULT, "spec", "sourceRepos", to=["*"]),
        edit(_DEFAULT, "spec", "destinations", to=[{"server": "*", "namespace": "*"}]),
        edit(_DEFAULT, "spec", "clusterResourceWhitelist", to=[{"group": "*", "kind": "*"}]),
    ],
}


@pytest.fixture(params=["tree", "self_managed_tree"], ids=["eks", "self-managed"])
def each(request: pytest.FixtureRequest) -> Tree:
    """The tree of one variant and of the other."""
    found: Tree = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_projects(rule: Rule, each: Tree) -> None:
    """The projects of either variant keep the rule."""
    assert list(rule(each)) == []


@pytest.mark.parametrize(
    ("rule", "break_"),
    [pytest.param(rule, break_, id=f"{rule.__name__}-{index}")
     for rule, breaks in _BREAKS.items() for index, break_ in enumerate(breaks)],
)  # fmt: skip
def test_broken_project_is_noticed(rule: Rule, break_: Break, tree: Tree) -> None:
    """The rule complains about a project that breaks it."""
    assert_noticed(rule, break_, tree)


def test_root_makes_projects_and_applications_only(each: Tree) -> None:
    """The root Application makes what project `bootstrap`, which Pulumi writes, lets it make, and nothing else."""
    kinds = {"AppProject", "Application"} | ({"ApplicationSet"} if "karpenter" not in each.handover else set())
    assert {_group_kind(thing) for thing in each.root} == {("argoproj.io", kind) for kind in kinds}
    assert {thing["metadata"].get("namespace", "argocd") for thing in each.root} == {"argocd"}


def test_data_is_a_project_of_its_own(tree: Tree, self_managed_tree: Tree) -> None:
    """On EKS nobody keeps data in the cluster, so the project is not there either."""
    assert "Deployment" in str(self_managed_tree.project("data")["spec"]["namespaceResourceWhitelist"])
    assert not [thing for thing in tree.root if thing["metadata"]["name"] == "data"]
