"""The databases of a self-managed cluster: each on its machine, with its secret, on a volume of the stack's class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
import yaml

from ops.gitops.objects import Object
from tests.gitops.tree import CHECKOUT, WAVE, Break, Rule, Tool, Tree, assert_noticed, edit, helm

_POSTGRESQL: Final = "Cluster/postgresql"
_REDIS: Final = "Redis/redis"
_RABBITMQ: Final = "RabbitmqCluster/rabbitmq"
_DATABASES: Final = {_POSTGRESQL: "postgresql", _REDIS: "redis", _RABBITMQ: "rabbitmq"}
_OPERATOR: Final = "Deployment/rabbitmq-cluster-operator"


def _at(thing: Mapping[str, Any], *path: str) -> Any:
    found: Any = thing
    for key in path:
        found = found.get(key, {})
    return found


def _selected(thing: Object) -> Any:
    """Return the value of label `workload` that the pods ask for, in whichever way the kind has it."""
    spec = thing["spec"]
    if thing["kind"] == "RabbitmqCluster":
        required = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        ((term,),) = [row["matchExpressions"] for row in required["nodeSelectorTerms"]]
        return (
            term["values"][0] if (term["key"], term["operator"], len(term["values"])) == ("workload", "In", 1) else None
        )
    place = spec["affinity"] if thing["kind"] == "Cluster" else spec
    return place.get("nodeSelector", {}).get("workload")


def _secrets(tree: Tree) -> dict[str, Object]:
    """Return the databases' own; workloads have some of the same names."""
    mine = tree.children["data-clusters"]
    return {thing["metadata"]["name"]: thing for thing in mine if thing["kind"] == "ExternalSecret"}


def _without(name: str, *path: str) -> Break:
    """Return a change that takes a value out of one of the databases' secrets."""

    def change(tree: Tree) -> None:
        del _at(_secrets(tree)[name], *path[:-1])[path[-1]]

    return change


def _waiting(tree: Tree) -> None:
    _secrets(tree)["redis"]["metadata"]["annotations"] = {WAVE: "-1"}


def each_is_on_its_machine(tree: Tree) -> Iterator[str]:
    for name, workload in _DATABASES.items():
        thing = tree.get(name)
        place = thing["spec"]["affinity"] if thing["kind"] == "Cluster" else thing["spec"]
        if _selected(thing) != workload:
            yield f"{name} may be put on another machine"
        tolerated = {"key": "workload", "operator": "Equal", "value": workload, "effect": "NoSchedule"}
        if place.get("tolerations") != [tolerated]:
            yield f"{name} does not bear its machine's taint, or bears more"


def volumes_are_of_the_stacks_class(tree: Tree) -> Iterator[str]:
    wanted = tree.handover["storage"]["dataClass"]
    claim = _at(tree.get(_REDIS), "spec", "storage", "volumeClaimTemplate", "spec")
    classes = {
        _POSTGRESQL: _at(tree.get(_POSTGRESQL), "spec", "storage", "storageClass"),
        _REDIS: _at(claim, "storageClassName"),
        _RABBITMQ: _at(tree.get(_RABBITMQ), "spec", "persistence", "storageClassName"),
    }
    yield from (f"{name}'s class is {found}" for name, found in classes.items() if found != wanted)


def each_has_its_password(tree: Tree) -> Iterator[str]:
    """A Secret of the stack's with the keys that the operator looks for; without a value it holds up no sync."""
    rows = {
        "postgresql": (_at(tree.get(_POSTGRESQL), "spec", "bootstrap", "initdb", "secret"), {"username", "password"}),
        "redis": (_at(tree.get(_REDIS), "spec", "kubernetesConfig", "redisSecret"), {"password"}),
        "rabbitmq": (
            _at(tree.get(_RABBITMQ), "spec", "secretBackend", "externalSecret"),
            {"username", "password", "default_user.conf"},
        ),
    }
    secrets = _secrets(tree)
    for name, (reference, keys) in rows.items():
        secret = secrets.get(name, {})
        made = _at(secret, "spec", "target", "template", "data") or {
            row["secretKey"]: "" for row in _at(secret, "spec", "data") or ()
        }
        if reference.get("name") != name or not keys <= made.keys():
            yield f"{name} does not find {sorted(keys)}"
        if WAVE in _at(secret, "metadata", "annotations"):
            yield f"{name}'s sync waits for its secret"
    if _at(secrets["postgresql"], "spec", "target", "template", "type") != "kubernetes.io/basic-auth":
        yield "PostgreSQL's operator takes no Secret of another type"


def images_are_published(tree: Tree) -> Iterator[str]:
    """Requirement D-29 names images of Bitnami, which are gone from the public catalogue; and no tag that moves."""
    images = [
        _at(tree.get(_POSTGRESQL), "spec", "imageName"),
        _at(tree.get(_REDIS), "spec", "kubernetesConfig", "image"),
        _at(tree.get(_REDIS), "spec", "redisExporter", "image"),
        _at(tree.get(_RABBITMQ), "spec", "image"),
        *(row["image"] for row in tree.get(_OPERATOR)["spec"]["template"]["spec"]["containers"]),
    ]
    for image in images:
        tag = image.rpartition(":")[2]
        if "bitnami" in image or not any(digit.isdigit() for digit in tag) or tag.count(".") < 1:
            yield f"{image} is not one that stays"


def nobody_deletes_by_a_commit(tree: Tree) -> Iterator[str]:
    """What drops out of Git stays until somebody deletes it: a database, and the kind of one."""
    things = [tree.get(name) for name in _DATABASES]
    things += [thing for thing in tree.ours() if thing["kind"] == "CustomResourceDefinition"]
    for thing in things:
        options = thing["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-options", "")
        if "Prune=false" not in options.split(","):
            yield f"{thing['metadata']['name']} goes with a commit"


def a_node_can_be_drained(tree: Tree) -> Iterator[str]:
    """A budget for a single pod lets no node go (docs/runbooks/replace-machine.md)."""
    if tree.get(_POSTGRESQL)["spec"].get("enablePDB") is not False:
        yield "PostgreSQL's operator would make a budget"


def rabbitmqs_operator_reaches_one_namespace(tree: Tree) -> Iterator[str]:
    (container,) = tree.get(_OPERATOR)["spec"]["template"]["spec"]["containers"]
    watched = {row["name"]: row.get("value") for row in container["env"]}.get("OPERATOR_SCOPE_NAMESPACE")
    if watched != tree.get(_RABBITMQ)["metadata"]["namespace"]:
        yield f"it watches {watched}"
    mine = [thing for thing in tree.ours() if "rabbitmq" in thing["metadata"]["name"]]
    if any(thing["kind"] in ("ClusterRole", "ClusterRoleBinding") for thing in mine):
        yield "it has rights in the whole cluster"
    roles = [thing for thing in mine if (thing["kind"], thing["metadata"].get("namespace")) == ("Role", watched)]
    if len(roles) != 1:
        yield "it has no rights where it watches"


_BREAKS: dict[Rule, list[Break]] = {
    each_is_on_its_machine: [
        edit(_POSTGRESQL, "spec", "affinity", "nodeSelector"),
        edit(_POSTGRESQL, "spec", "affinity", "tolerations"),
        edit(_REDIS, "spec", "nodeSelector", "workload", to="rabbitmq"),
        edit(_REDIS, "spec", "tolerations", 0, "operator", to="Exists"),
        edit(_RABBITMQ, "spec", "tolerations"),
    ],
    volumes_are_of_the_stacks_class: [
        edit(_POSTGRESQL, "spec", "storage", "storageClass"),
        edit(_REDIS, "spec", "storage", "volumeClaimTemplate", "spec", "storageClassName", to="gp3-retain"),
        edit(_RABBITMQ, "spec", "persistence", "storageClassName", to="gp2"),
    ],
    each_has_its_password: [
        edit(_REDIS, "spec", "kubernetesConfig", "redisSecret"),
        edit(_POSTGRESQL, "spec", "bootstrap", "initdb", "secret", "name", to="other"),
        _without("rabbitmq", "spec", "target", "template", "data", "default_user.conf"),
        _waiting,
        _without("postgresql", "spec", "target", "template", "type"),
    ],
    images_are_published: [
        edit(_RABBITMQ, "spec", "image", to="docker.io/bitnami/rabbitmq:3.13.7-debian-12-r0"),
        edit(_REDIS, "spec", "kubernetesConfig", "image", to="quay.io/opstree/redis:latest"),
    ],
    nobody_deletes_by_a_commit: [
        edit(_POSTGRESQL, "metadata", "annotations"),
        edit("CustomResourceDefinition/rabbitmqclusters.rabbitmq.com", "metadata", "annotations"),
    ],
    a_node_can_be_drained: [edit(_POSTGRESQL, "spec", "enablePDB")],
    rabbitmqs_operator_reaches_one_namespace: [
        edit(_OPERATOR, "spec", "template", "spec", "containers", 0, "env", to=[]),
        edit("Role/rabbitmq-cluster-operator", "kind", to="ClusterRole"),
    ],
}


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_control_holds(rule: Rule, self_managed_tree: Tree) -> None:
    """The databases keep the rule."""
    assert list(rule(self_managed_tree)) == []


@pytest.mark.parametrize(
    ("rule", "break_"),
    [
        pytest.param(rule, break_, id=f"{rule.__name__}-{number}")
        for rule, breaks in _BREAKS.items()
        for number, break_ in enumerate(breaks)
    ],
)
def test_control_catches_its_mutation(rule: Rule, break_: Break, self_managed_tree: Tree) -> None:
    """The rule complains about a database that breaks it."""
    assert_noticed(rule, break_, self_managed_tree)


def _render(tool: Tool, **changes: Any) -> list[Object]:
    values = {"storageClass": "gp3", "secrets": [], "registry": "", **changes}
    return helm(tool, "gitops/platform/data-clusters", "data-clusters", "databases", values)


@pytest.mark.parametrize("name", ["postgresql", "redis", "rabbitmq"])
def test_a_database_comes_with_its_secret_or_not_at_all(tool: Tool, name: str) -> None:
    """Without a password there is nothing that could start."""
    assert _render(tool) == []
    names = {thing["metadata"]["name"] for thing in _render(tool, secrets=[f"data/{name}"])}
    assert names == {name}


def test_a_mirror_has_every_image(tool: Tool) -> None:
    """Nothing is taken from elsewhere in a closed network."""
    every = ["data/postgresql", "data/redis", "data/rabbitmq"]
    text = yaml.safe_dump(_render(tool, secrets=every, registry="mirror.example.com"))
    images = [line.split()[-1] for line in text.splitlines() if line.strip().startswith(("image:", "imageName:"))]
    assert len(images) == 4
    assert all(image.startswith("mirror.example.com/") for image in images)


@pytest.mark.parametrize(
    "changes",
    [{"storageClass": "efs"}, {"secrets": ["data"]}, {"replicas": 3}],
    ids=["class", "purpose", "unknown key"],
)
def test_wrong_values_are_refused(tool: Tool, changes: dict[str, Any]) -> None:
    """A class that is no disk would be found out by the database."""
    (key,) = changes
    with pytest.raises(RuntimeError, match=key):
        _render(tool, **changes)


def test_databases_are_where_their_machines_are_labelled_for_them() -> None:
    """The labels and taints stand in the stack's settings."""
    stack = yaml.safe_load((CHECKOUT / "Pulumi.nodes14.yaml").read_text(encoding="utf-8"))
    workers = stack["config"]["platform:machines"]["workers"]
    for workload in _DATABASES.values():
        (machine,) = [row for row in workers.values() if row["labels"].get("workload") == workload]
        assert machine["taints"] == [{"key": "workload", "value": workload, "effect": "NoSchedule"}]
