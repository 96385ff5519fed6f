"""What every pod of ours is: what it may do, what it gets, how it is asked, what it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ops.gitops.objects import Object
from tests.gitops.pods import (
    Flaw,
    Objects,
    Rule,
    Spaces,
    amount,
    case_names,
    cases,
    of_kind,
    workloads,
)

# What it runs does nothing, and there is nothing to ask it.
_PAUSE = "registry.k8s.io/pause"
_EXACT = re.compile(r"^[^:@]+(:\d+/[^:@]+)?(:(?P<tag>[\w][\w.-]*))?(@sha256:[0-9a-f]{64})?$")


def ask_for_what_they_need(objects: Objects) -> Iterator[str]:
    for workload in workloads(objects):
        for container in workload.containers:
            resources = container.get("resources", {})
            requests, limits = resources.get("requests", {}), resources.get("limits", {})
            if not {"cpu", "memory"} <= requests.keys():
                yield f"{workload}: {container['name']} does not say what it needs"
            if "memory" not in limits:
                yield f"{workload}: {container['name']} may take its node's memory"
            for what in requests.keys() & limits.keys():
                if amount(requests[what]) > amount(limits[what]):
                    yield f"{workload}: {container['name']} needs more {what} than it may have"


def are_guests_on_their_node(objects: Objects) -> Iterator[str]:
    for workload in workloads(objects):
        pod = workload.pod
        for namespace in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(namespace):
                yield f"{workload} is in its node's {namespace}"
        if any("hostPath" in volume for volume in pod.get("volumes", [])):
            yield f"{workload} reads its node's files"


def are_nobody_anywhere(objects: Objects) -> Iterator[str]:
    for workload in workloads(objects):
        outer = workload.pod.get("securityContext", {})
        for container in workload.containers:
            own = {**outer, **container.get("securityContext", {})}
            wanted = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
            for key, value in wanted.items():
                if own.get(key) is not value:
                    yield f"{workload}: {container['name']} has not {key}: {value}"
            if own.get("runAsUser") == 0 or own.get("privileged"):
                yield f"{workload}: {container['name']} is root"
            if own.get("seccompProfile") != {"type": "RuntimeDefault"}:
                yield f"{workload}: {container['name']} may call anything of the kernel"
            if own.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{workload}: {container['name']} keeps capabilities"


def run_an_exact_image(objects: Objects) -> Iterator[str]:
    for workload in workloads(objects):
        for container in workload.containers:
            found = _EXACT.match(container["image"])
            tag = found["tag"] if found else None
            if "@sha256:" not in container["image"] and (tag is None or "latest" in tag):
                yield f"{workload}: {container['image']} is another one tomorrow"
            if container.get("imagePullPolicy", "IfNotPresent") != "IfNotPresent":
                yield f"{workload}: {container['name']} asks the registry at every start for what never changes"


def can_be_asked_how_they_are(objects: Objects) -> Iterator[str]:
    for workload in workloads(objects):
        for container in [] if workload.ends else workload.pod["containers"]:
            ports = {port.get("name") for port in container.get("ports", [])}
            ports |= {port["containerPort"] for port in container.get("ports", [])}
            wanted = ["livenessProbe"] if container["image"].partition(":")[0] != _PAUSE else []
            wanted += ["readinessProbe"] if ports else []
            yield from (f"{workload}: {container['name']} has no {probe}" for probe in wanted if probe not in container)
            for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
                asked = container.get(probe, {})
                port = next((asked[how].get("port") for how in ("httpGet", "tcpSocket", "grpc") if how in asked), None)
                if port is not None and port not in ports:
                    yield f"{workload}: {container['name']} has no port {port} for its {probe}"


def have_no_token_without_a_role(objects: Objects) -> Iterator[str]:
    bound = {
        subject["name"]
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for binding in of_kind(objects, kind)
        for subject in binding["subjects"]
    }
    for workload in workloads(objects):
        account = workload.pod.get("serviceAccountName", "default")
        if account in bound:
            continue
        if workload.pod.get("automountServiceAccountToken") is not False:
            yield f"{workload} has a token of {account}, which may do nothing"


def write_to_volumes_that_have_an_end(objects: Objects) -> Iterator[str]:
    for workload in workloads(objects):
        for volume in workload.pod.get("volumes", []):
            if "emptyDir" in volume and not volume["emptyDir"].get("sizeLimit"):
                yield f"{workload}: {volume['name']} may fill its node's disk"


_BUBBLEPOOL, _AUTH, _WORKERS = ("eks", "bubblepool"), ("self-managed", "auth"), ("self-managed", "workers")
_POD = ("spec", "template", "spec")
_FIRST = (*_POD, "containers", 0)


def _rollout(*path: str | int, to: object = None) -> Flaw:
    return Flaw(_BUBBLEPOOL, "Rollout/bubblepool-rollout", (*_POD, *path), to)


def _api(*path: str | int, to: object = None) -> Flaw:
    return Flaw(_AUTH, "Deployment/auth-api", (*_FIRST, *path), to)


def _worker(*path: str | int, to: object = None) -> Flaw:
    return Flaw(_WORKERS, "Deployment/ai-worker", (*_FIRST, *path), to)


_ROOT: Object = {"name": "x", "image": "x:1"}
_FLAWS: dict[Rule, list[Flaw]] = {
    ask_for_what_they_need: [
        _rollout("containers", 0, "resources", "requests", "cpu"),
        _rollout("containers", 0, "resources", "limits", "memory"),
        _rollout("initContainers", to=[_ROOT]),
        _api("resources", "requests", "memory", to="1Gi"),
        _worker("resources"),
    ],
    are_guests_on_their_node: [
        _rollout("hostNetwork", to=True),
        _rollout("volumes", 0, to={"name": "tmp", "hostPath": {"path": "/"}}),
    ],
    are_nobody_anywhere: [
        _rollout("securityContext", "runAsNonRoot"),
        _rollout("securityContext", "seccompProfile"),
        _api("securityContext", "readOnlyRootFilesystem"),
        _api("securityContext", "runAsUser", to=0),
        _api("securityContext", "capabilities", "add", to=["NET_ADMIN"]),
        _worker("securityContext", "allowPrivilegeEscalation"),
        _worker("securityContext", "privileged", to=True),
    ],
    run_an_exact_image: [
        _rollout("containers", 0, "image", to="registry.example.com:5000/bubblepool"),
        _rollout("containers", 0, "image", to="registry.example.com/bubblepool:dev-latest"),
        _api("image", to="auth-api"),
        _api("imagePullPolicy", to="Always"),
    ],
    can_be_asked_how_they_are: [
        _rollout("containers", 0, "livenessProbe"),
        _api("readinessProbe"),
        _api("readinessProbe", "httpGet", "port", to=8081),
        _api("ports", 0, "name", to="web"),
        _worker("livenessProbe"),
    ],
    have_no_token_without_a_role: [
        _rollout("automountServiceAccountToken"),
        Flaw(_AUTH, "Deployment/auth-api", (*_POD, "automountServiceAccountToken"), True),
    ],
    write_to_volumes_that_have_an_end: [_rollout("volumes", 0, "emptyDir", "sizeLimit")],
}


@pytest.mark.parametrize("rule", _FLAWS, ids=lambda rule: rule.__name__)
def test_pods(rule: Rule, ours: Spaces) -> None:
    """All pods of ours keep the rule, in every namespace of both variants."""
    assert [complaint for objects in ours.values() for complaint in rule(objects)] == []


@pytest.mark.parametrize(("rule", "flaw"), cases(_FLAWS), ids=case_names(_FLAWS))
def test_flaw_of_a_pod_is_noticed(rule: Rule, flaw: Flaw, ours: Spaces) -> None:
    """The rule complains about a pod that breaks it, and about nothing without that."""
    assert list(rule(ours[flaw.space])) == []
    assert list(rule(flaw.into(ours)))


def test_pods_are_looked_at_wherever_they_are(ours: Spaces) -> None:
    """The rules see the pods of every workload of both variants: none hides in a kind that they do not know."""
    found = {
        space: sorted(str(each).partition(" ")[0] for each in workloads(objects)) for space, objects in ours.items()
    }
    assert found["eks", "bubblepool"] == ["Rollout"]
    assert found["eks", "petclinic"] == ["Deployment"] * 4
    assert found["eks", "guestbook"] == ["Deployment"]
    assert found["eks", "karpenter-test"] == ["Deployment"] * 3
    assert found["self-managed", "workers"] == ["Deployment"] * 2
    for domain in ("auth", "my", "scan", "character", "location", "info", "chat"):
        assert found["self-managed", domain] == ["Deployment"]
