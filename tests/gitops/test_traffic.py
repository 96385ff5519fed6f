"""Connections that the platform lives from come about, and those that nobody needs do not."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from tests.gitops.pods import workloads
from tests.gitops.traffic import End, Policies, policies_of
from tests.gitops.tree import Tree

DOMAINS = ("auth", "my", "scan", "character", "location", "info", "chat")
# Addresses: of the network that both hand-overs name, of pods (kubeadm's overlay has them), and of the rest.
_POD = "192.168.7.9"
OUTSIDE = {
    "api-server": End("10.0.32.4"),
    "load-balancer": End("10.0.1.20"),
    "neighbour": End("10.9.9.9"),
    "internet": End("203.0.113.9"),
    "pod-identity": End("169.254.170.23"),
    "metadata": End("169.254.169.254"),
    "node": End("10.0.33.7"),
}
# Pods that charts and operators make, by what their policies and ours know them by.
OTHERS = {
    "dns": End(_POD, "kube-system", {"k8s-app": "kube-dns"}),
    "prometheus": End(_POD, "monitoring", {"app.kubernetes.io/name": "prometheus"}),
    "grafana": End(_POD, "monitoring", {"app.kubernetes.io/name": "grafana"}),
    "secrets": End(_POD, "external-secrets", {"app.kubernetes.io/name": "external-secrets"}),
    "secrets-webhook": End(_POD, "external-secrets", {"app.kubernetes.io/name": "external-secrets-webhook"}),
    "names": End(_POD, "external-dns", {"app.kubernetes.io/name": "external-dns"}),
    "rollouts": End(_POD, "argo-rollouts", {"app.kubernetes.io/name": "argo-rollouts"}),
    "cnpg": End(_POD, "data-operators", {"app.kubernetes.io/name": "cloudnative-pg"}),
    "redis-operator": End(_POD, "data-operators", {"name": "redis-operator"}),
    "postgresql": End(_POD, "databases", {"cnpg.io/cluster": "postgresql"}),
    "redis": End(_POD, "databases", {"app": "redis"}),
    "rabbitmq": End(_POD, "messaging", {"app.kubernetes.io/name": "rabbitmq"}),
    "argocd": End(_POD, "argocd", {"app.kubernetes.io/name": "argocd-server"}),
}
Flow = tuple[str, str, int]

EKS: list[Flow] = [
    ("load-balancer", "bubblepool/bubblepool-rollout", 8080),
    ("load-balancer", "guestbook/guestbook", 8080),
    ("load-balancer", "petclinic/api-gateway-service", 8080),
    ("petclinic/api-gateway-service", "petclinic/customers-service", 8080),
    ("petclinic/visits-service", "petclinic/vets-service", 8080),
    ("bubblepool/bubblepool-rollout", "neighbour", 5432),
    ("bubblepool/bubblepool-rollout", "neighbour", 6379),
    ("prometheus", "bubblepool/bubblepool-rollout", 8080),
    ("prometheus", "rollouts", 8090),
    ("secrets", "pod-identity", 80),
    ("names", "pod-identity", 80),
]
SELF_MANAGED: list[Flow] = [
    *(("load-balancer", f"{domain}/{domain}-api", 8080) for domain in DOMAINS),
    *((f"{domain}/{domain}-api", "redis", 6379) for domain in DOMAINS),
    *((f"{domain}/{domain}-api", "postgresql", 5432) for domain in DOMAINS if domain != "chat"),
    ("chat/chat-api", "rabbitmq", 5672),
    ("workers/ai-worker", "rabbitmq", 5672),
    ("workers/storage-worker", "rabbitmq", 5672),
    ("workers/storage-worker", "internet", 443),
    ("location/location-api", "internet", 443),
    ("scan/scan-api", "internet", 443),
    ("cnpg", "postgresql", 8000),
    ("redis-operator", "redis", 6379),
    ("api-server", "cnpg", 9443),
    ("postgresql", "postgresql", 5432),
    ("postgresql", "api-server", 6443),
    ("rabbitmq", "rabbitmq", 25672),
    *((pod, "api-server", 6443) for pod in ("cnpg", "redis-operator", "secrets", "names", "rollouts", "grafana")),
    ("prometheus", "postgresql", 9187),
    ("prometheus", "redis", 9121),
    ("prometheus", "rabbitmq", 15692),
    ("prometheus", "scan/scan-api", 8080),
]
BOTH: list[Flow] = [
    *((pod, "dns", 53) for pod in ("prometheus", "secrets", "names", "rollouts")),
    *((pod, "api-server", 443) for pod in ("secrets", "names", "rollouts", "grafana", "prometheus")),
    ("secrets", "internet", 443),
    ("names", "internet", 443),
    ("api-server", "secrets-webhook", 10250),
    ("prometheus", "node", 9100),
    ("prometheus", "node", 10250),
    ("prometheus", "secrets", 8080),
    ("grafana", "prometheus", 9090),
    ("prometheus", "internet", 443),
]
NOT_EKS: list[Flow] = [
    ("neighbour", "bubblepool/bubblepool-rollout", 8080),
    ("internet", "guestbook/guestbook", 8080),
    ("load-balancer", "petclinic/customers-service", 8080),
    ("bubblepool/bubblepool-rollout", "petclinic/customers-service", 8080),
    ("bubblepool/bubblepool-rollout", "internet", 5432),
    ("petclinic/vets-service", "internet", 443),
    ("guestbook/guestbook", "api-server", 443),
    ("grafana", "bubblepool/bubblepool-rollout", 8080),
    ("load-balancer", "bubblepool/bubblepool-rollout", 8081),
    ("karpenter-test/inflate", "internet", 443),
    ("argocd", "bubblepool/bubblepool-rollout", 8080),
]
NOT_SELF_MANAGED: list[Flow] = [
    ("chat/chat-api", "postgresql", 5432),
    ("auth/auth-api", "rabbitmq", 5672),
    ("auth/auth-api", "my/my-api", 8080),
    ("auth/auth-api", "internet", 443),
    ("auth/auth-api", "api-server", 6443),
    ("auth/auth-api", "postgresql", 8000),
    ("auth/auth-api", "metadata", 80),
    ("neighbour", "auth/auth-api", 8080),
    ("workers/ai-worker", "redis", 6379),
    ("neighbour", "postgresql", 5432),
    ("argocd", "postgresql", 5432),
    ("grafana", "postgresql", 9187),
    ("rabbitmq", "internet", 443),
    ("rabbitmq", "api-server", 6443),
    ("postgresql", "internet", 443),
]
NOT_BOTH: list[Flow] = [
    ("internet", "grafana", 3000),
    ("neighbour", "prometheus", 9090),
    ("secrets", "metadata", 80),
    ("rollouts", "internet", 443),
    ("internet", "secrets", 8080),
]


def _name(flow: Flow) -> str:
    return f"{flow[0]}-to-{flow[1]}:{flow[2]}".replace("/", ".")


@pytest.fixture(name="eks", scope="module")
def _eks(tree: Tree) -> tuple[Policies, dict[str, End]]:
    return policies_of(tree), _ends(tree)


@pytest.fixture(name="self_managed", scope="module")
def _self_managed(self_managed_tree: Tree) -> tuple[Policies, dict[str, End]]:
    return policies_of(self_managed_tree), _ends(self_managed_tree)


def _ends(tree: Tree) -> dict[str, End]:
    pods = {
        f"{(metadata := each.thing['metadata'])['namespace']}/{metadata['name']}": End(
            _POD, metadata["namespace"], each.labels
        )
        for each in workloads(list(tree.ours()))
    }
    return {**OUTSIDE, **OTHERS, **pods}


def _lets(world: tuple[Policies, dict[str, End]], flow: Flow) -> bool:
    policies, ends = world
    source, target, port = flow
    return policies.let(ends[source], ends[target], port, "UDP" if port == 53 else "TCP")


@pytest.mark.parametrize("flow", [*EKS, *BOTH], ids=_name)
def test_connection_on_eks_comes_about(flow: Flow, eks: tuple[Policies, dict[str, End]]) -> None:
    """Both ends' policies let it through."""
    assert _lets(eks, flow)


@pytest.mark.parametrize("flow", [*SELF_MANAGED, *BOTH], ids=_name)
def test_connection_on_own_machines_comes_about(flow: Flow, self_managed: tuple[Policies, dict[str, End]]) -> None:
    """Both ends' policies let it through."""
    assert _lets(self_managed, flow)


@pytest.mark.parametrize("flow", [*NOT_EKS, *NOT_BOTH], ids=_name)
def test_connection_on_eks_is_stopped(flow: Flow, eks: tuple[Policies, dict[str, End]]) -> None:
    """Nobody needs it, and one end's policies stop it."""
    assert not _lets(eks, flow)


@pytest.mark.parametrize("flow", [*NOT_SELF_MANAGED, *NOT_BOTH], ids=_name)
def test_connection_on_own_machines_is_stopped(flow: Flow, self_managed: tuple[Policies, dict[str, End]]) -> None:
    """Nobody needs it, and one end's policies stop it."""
    assert not _lets(self_managed, flow)


def _idle(world: tuple[Policies, dict[str, End]], flows: list[Flow]) -> dict[str, bool]:
    policies, ends = world
    found = {}
    for policy in policies.policies:
        fewer = replace(policies, policies=tuple(each for each in policies.policies if each is not policy))
        name = f"{policy['metadata']['namespace']}/{policy['metadata']['name']}"
        found[name] = all(_lets((fewer, ends), flow) for flow in flows)
    return found


def test_every_policy_is_needed(
    eks: tuple[Policies, dict[str, End]], self_managed: tuple[Policies, dict[str, End]]
) -> None:
    """Without any policy that opens something, a needed connection does not come about in one of the variants."""
    on_eks, on_own = _idle(eks, [*EKS, *BOTH]), _idle(self_managed, [*SELF_MANAGED, *BOTH])
    idle = {name for name in on_eks | on_own if on_eks.get(name, True) and on_own.get(name, True)}
    # What they do every namespace has; flows above show it by the example of some. Argo CD's are not this test's.
    everywhere = {"default-deny", "allow-dns", "allow-prometheus"}
    assert {
        name for name in idle if name.rpartition("/")[2] not in everywhere and not name.startswith("argocd/")
    } == set()


def test_a_render_without_the_hand_over_opens_nothing_to_load_balancers(eks: tuple[Policies, dict[str, End]]) -> None:
    """The range that stands in Git belongs to nobody, so that only the hand-over's opens the way."""
    policies, ends = eks
    as_in_git = copy.deepcopy(policies.policies)
    for policy in as_in_git:
        if policy["metadata"]["name"] == "allow-load-balancer":
            assert policy["spec"]["ingress"][0]["from"] == [{"ipBlock": {"cidr": "10.0.0.0/16"}}]
            policy["spec"]["ingress"][0]["from"] = [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    assert not _lets((replace(policies, policies=as_in_git), ends), EKS[0])
