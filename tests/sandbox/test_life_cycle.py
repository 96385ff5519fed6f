"""The dev stack's whole life, for real: engine, Kubernetes API, Argo CD."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from kubernetes import client, config

from sandbox.applications import Application
from sandbox.engine import Operation
from sandbox.leftovers import Leftover, leftovers
from sandbox.world import World
from tests.sandbox.conftest import CHECKOUT, hand_over

pytestmark = [pytest.mark.engine, pytest.mark.cluster]


@dataclass(frozen=True, kw_only=True)
class Life:
    """What was seen in a life of the stack."""

    urns: list[str]
    again: Operation
    refreshed: Operation
    applications: list[Application]
    readable: str
    secrets: list[str]
    left: list[Leftover]
    left_in_kubernetes: list[tuple[str, str]]
    deleted: list[str]


# Keys of Secrets whose values many may know: when a password was last set, the repository's URL, the name by which
# Cognito knows Argo CD.
_OPEN = {"admin.passwordMtime", "url", "clientId"}


@pytest.fixture(scope="module")
def life(start_world: Callable[[Path], World]) -> Life:
    world = start_world(CHECKOUT)
    before = world.inventory()
    engine = world.engine("dev")
    up = engine.up()
    applications = hand_over(world)
    again = engine.up()
    refreshed = engine.refresh(expect_no_changes=True)
    secrets = _secrets(world)
    readable = _readable(world) + json.dumps(engine.outputs())
    retained = engine.retained()
    order: list[str] = []
    engine.destroy(
        lambda event: (
            order.append(event.res_outputs_event.metadata.urn) if event.res_outputs_event is not None else None
        )
    )
    return Life(
        urns=sorted(up.resources),
        again=again,
        refreshed=refreshed,
        applications=applications,
        readable=readable,
        secrets=secrets,
        left=leftovers(before, world.inventory(), retained),
        left_in_kubernetes=world.leftovers(),
        deleted=order,
    )


def _secrets(world: World) -> list[str]:
    """Return what nobody may read but who is meant to: values of Secrets, and the sandbox's own token."""
    api = config.new_client_from_config(config_file=str(world.kubeconfig))
    found = [
        base64.b64decode(value).decode(errors="replace")
        for secret in client.CoreV1Api(api).list_secret_for_all_namespaces().items
        if not secret.type.startswith("helm.sh/")
        for key, value in (secret.data or {}).items()
        if key not in _OPEN
    ]
    users = yaml.safe_load(world.kubeconfig.read_text())["users"]
    tokens = [user["user"].get("token", "") for user in users]
    return [value for value in (*found, *tokens) if len(value) >= 12]


def _readable(world: World) -> str:
    """Return all that many may read: the engine's state with its history, and the Applications."""
    state = [p.read_text(errors="replace") for p in (world.folder / "state").rglob("*") if p.is_file()]
    api = config.new_client_from_config(config_file=str(world.kubeconfig))
    objects = client.CustomObjectsApi(api).list_cluster_custom_object("argoproj.io", "v1alpha1", "applications")
    return "".join(state) + json.dumps(objects)


def test_up_makes_what_the_mocks_know(life: Life) -> None:
    """The real engine registers every URN of the golden list; only pulumi-eks' own children come on top."""
    golden = (CHECKOUT / "tests" / "golden" / "dev.txt").read_text().split()
    more = [urn for urn in set(life.urns) - set(golden) if "$eks:index:Cluster$" not in urn]
    assert set(golden) <= set(life.urns)
    # The provider of resource references is the engine's own.
    assert {urn.split("::")[2] for urn in more} == {"pulumi:pulumi:Stack", "pulumi:providers:pulumi"}


def test_every_application_is_healthy_in_its_wave(life: Life) -> None:
    """Root and children are Synced and Healthy."""
    by_wave: dict[int, list[str]] = {}
    for application in sorted(life.applications, key=lambda one: one.name):
        if application.name != "root":
            by_wave.setdefault(application.wave, []).append(application.name)
    assert by_wave == {
        -1: ["namespaces"],
        0: ["aws-resources", "metrics-server"],
        1: ["alb-controller", "efs-csi-driver", "external-secrets"],
        2: ["external-dns", "secret-store"],
        5: ["karpenter", "karpenter-crd"],
        6: ["karpenter-config"],
        8: ["argo-rollouts", "monitoring"],
        10: ["argocd-backup", "argocd-ingress", "argocd-secrets"],
        15: ["bubblepool", "guestbook", "karpenter-test", "petclinic"],
    }
    assert {(a.sync, a.health) for a in life.applications} == {("Synced", "Healthy")}


def test_second_up_changes_nothing(life: Life) -> None:
    """The same program makes the same URNs and no step."""
    assert set(life.again.steps) == {"same"}
    assert sorted(life.again.resources) == life.urns


def test_refresh_of_an_untouched_stack_sees_nothing(life: Life) -> None:
    """What the hosts read back is what was asked for."""
    assert set(life.refreshed.steps) <= {"same", "refresh"}


def test_no_secret_is_readable(life: Life) -> None:
    """State, history, outputs and Applications hold no value of a Secret and no token."""
    assert len(life.secrets) >= 3
    assert [secret[:4] for secret in life.secrets if secret in life.readable] == []


def test_destroy_leaves_nothing_but_what_is_kept_on_purpose(life: Life) -> None:
    """AWS holds what it held before; the cluster held nothing but CRDs when it went."""
    assert [str(leftover) for leftover in life.left if not leftover.reason] == []
    assert Counter(leftover.kind for leftover in life.left) == {"kms keys": 8, "roles": 1}
    assert {kind for kind, _ in life.left_in_kubernetes} <= {"CustomResourceDefinition"}


@pytest.mark.parametrize(
    "order",
    [
        ("argocd-root", "nodes", "addons-vpc-cni", "cluster-eksCluster", "network-vpc"),
        ("argocd-root", "argocd-release", "argocd-namespace", "cluster-eksCluster", "network-vpc"),
    ],
)
def test_root_goes_first_and_the_network_after_the_nodes(life: Life, order: tuple[str, ...]) -> None:
    """The tree goes while its controllers live, they while their nodes do, nodes while the network does."""
    kinds = {"nodes": "NodeGroup"}
    at = [
        next(i for i, urn in enumerate(life.deleted) if urn.endswith(f"::{name}") and kinds.get(name, "") in urn)
        for name in order
    ]
    assert at == sorted(at)
