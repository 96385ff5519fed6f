"""The stack of fourteen machines as its file says, for real: engine, API server, machines that boot, Argo CD."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from sandbox.applications import Application
from sandbox.engine import Operation
from sandbox.world import World
from tests.sandbox.conftest import CHECKOUT, hand_over
from tests.sandbox.self_managed import STACK, Platform

pytestmark = [pytest.mark.engine, pytest.mark.cluster]

# Certificates and the public half of a pair are in every kubeconfig and in the published documents.
PUBLIC = {"ca-crt", "front-proxy-ca-crt", "etcd-ca-crt", "sa-pub"}


@dataclass(frozen=True, kw_only=True)
class Life:
    """What was seen in a life of the stack.

    Attributes:
        nodes: By name, as the administrator's own kubeconfig shows them.
        server: Of that kubeconfig.
        forbidden: Lines of secrets, by what they are a part of.
        readable: What others may read, by what it is.
    """

    urns: set[str]
    machines: dict[str, Any]
    workers: dict[str, Any]
    nodes: dict[str, Any]
    server: str
    rows: list[dict[str, str]]
    applications: list[Application]
    forbidden: dict[str, str]
    readable: dict[str, str]
    again: Operation
    refreshed: Operation
    left: list[str]


@pytest.fixture(scope="module")
def life(start_world: Callable[[Path], World]) -> Life:
    """Play it."""
    world = start_world(CHECKOUT)
    platform = Platform(world)
    printed: list[str] = []
    up = platform.engine.up(lambda event: printed.append(repr(event)))
    applications = hand_over(world, STACK, platform.kubeconfig())
    kubeconfig = json.loads(platform.kubeconfig().read_text())
    seen = Life(
        urns=set(up.resources),
        machines=platform.instances(),
        workers=platform.section("machines")["workers"],
        nodes=platform.nodes(),
        server=kubeconfig["clusters"][0]["cluster"]["server"],
        rows=platform.verify(),
        applications=applications,
        forbidden=_forbidden(platform, kubeconfig),
        readable=_readable(platform) | {"the engine's output": "\n".join([*printed, *up.said])},
        again=platform.engine.preview(expect_no_changes=True),
        refreshed=platform.engine.refresh(expect_no_changes=True),
        left=[],
    )
    seen.left.extend(platform.destroy())
    return seen


def _forbidden(platform: Platform, kubeconfig: dict[str, Any]) -> dict[str, str]:
    """Return of each secret a line that is in no other text: of keys the first one within the frame."""
    secrets = {name.rpartition("/")[2]: value for name, value in platform.secrets().items()}
    secrets["token"] = secrets["token"].partition(".")[2]
    secrets["admin"] = base64.b64decode(kubeconfig["users"][0]["user"]["client-key-data"]).decode()
    secrets["admin in base64"] = kubeconfig["users"][0]["user"]["client-key-data"][40:100]
    lines = {name: value.splitlines()[1 if value.startswith("-----") else 0] for name, value in secrets.items()}
    return {name: line for name, line in lines.items() if name not in PUBLIC}


def _readable(platform: Platform) -> dict[str, str]:
    """Return all that many may read."""
    files = [path for path in (platform.world.folder / "state").rglob("*") if path.is_file()]
    core = platform.core()
    objects = client.CustomObjectsApi(core.api_client).list_cluster_custom_object(
        "argoproj.io", "v1alpha1", "applications"
    )
    return {
        "state and its history": "".join(path.read_text(errors="replace") for path in files),
        "outputs": json.dumps(platform.engine.outputs()),
        "user data": "".join(_user_data(platform, one["InstanceId"]) for one in platform.instances().values()),
        "consoles": "".join(platform.console(one["InstanceId"]) for one in platform.instances().values()),
        "events": str(core.list_event_for_all_namespaces().to_dict()),
        "ConfigMaps": str(core.list_config_map_for_all_namespaces().to_dict()),
        "Applications": json.dumps(objects),
    }


def _user_data(platform: Platform, instance_id: str) -> str:
    answer = platform.aws("ec2").describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
    return gzip.decompress(base64.b64decode(answer["UserData"]["Value"])).decode()


def test_up_makes_what_the_mocks_know(life: Life) -> None:
    """The real engine registers every URN of the golden list, and but for its own no others."""
    golden = set((CHECKOUT / "tests" / "golden" / f"{STACK}.txt").read_text().split())
    assert golden - life.urns == set()
    assert {urn.split("::")[2] for urn in life.urns - golden} == {"pulumi:pulumi:Stack"}


def test_every_machine_became_its_node(life: Life) -> None:
    """Fourteen nodes with the file's names, labels and taints and their machines' ids, all Ready."""
    assert life.nodes.keys() == life.workers.keys() | {"k8s-master"} == life.machines.keys()
    for name, wanted in life.workers.items():
        node, machine = life.nodes[name], life.machines[name]
        taints = [(taint.key, taint.value, taint.effect) for taint in node.spec.taints or []]
        assert taints == [(taint["key"], taint["value"], taint["effect"]) for taint in wanted["taints"]]
        assert node.metadata.labels.items() >= wanted["labels"].items()
        assert node.spec.provider_id == f"aws:///{wanted['zone']}/{machine['InstanceId']}"
        assert machine["InstanceType"] == wanted["instanceType"]
    ready = {(one.type, one.status) for node in life.nodes.values() for one in node.status.conditions}
    assert {status for kind, status in ready if kind == "Ready"} == {"True"}


def test_roles_are_shown_as_the_file_says(life: Life) -> None:
    """API nodes show api, workers worker, infrastructure nothing, and the master keeps kubeadm's."""
    prefix = "node-role.kubernetes.io/"
    shown = {
        name: sorted(key.removeprefix(prefix) for key in node.metadata.labels if key.startswith(prefix))
        for name, node in life.nodes.items()
    }
    roles = {name: [] if one["role"] == "infrastructure" else [one["role"]] for name, one in life.workers.items()}
    assert shown == roles | {"k8s-master": ["control-plane"]}


def test_the_administrator_comes_in_by_the_public_load_balancer(life: Life) -> None:
    """What the nodes were read by above is the load balancer's name, no machine's."""
    host = life.server.removeprefix("https://").removesuffix(":6443")
    assert host.startswith("127.")
    addresses = {str(machine.get(key)) for machine in life.machines.values() for key in ("PrivateIpAddress",)}
    assert host not in addresses | {"127.0.0.1"}
    assert not any(machine.get("PublicIpAddress") for machine in life.machines.values())


def test_the_report_of_the_documents_passes(life: Life) -> None:
    """Every row of `platform verify` passes; none is about something that is not there."""
    assert [row for row in life.rows if row["state"] != "pass"] == []
    assert len(life.rows) >= 17


def test_argo_cd_takes_over(life: Life) -> None:
    """Root and children are Synced and Healthy, on nodes whose taints keep most of them off."""
    assert {(a.sync, a.health) for a in life.applications} == {("Synced", "Healthy")}
    # D-14.
    assert len(life.applications) == 17


def test_no_secret_is_readable(life: Life) -> None:
    """Ten secrets, none of them in state, output, user data, consoles, events, ConfigMaps or Applications."""
    assert life.forbidden.keys() >= {"ca-key", "sa-key", "front-proxy-ca-key", "etcd-ca-key", "encryption-key", "token"}
    assert all(len(line) >= 16 for line in life.forbidden.values())
    assert all(life.readable.values())
    found = [
        (name, where) for where, text in life.readable.items() for name, line in life.forbidden.items() if line in text
    ]
    assert found == []


def test_the_same_program_again_changes_nothing(life: Life) -> None:
    """Neither a preview nor a refresh finds a difference."""
    assert set(life.again.steps) <= {"same", "read"}
    assert set(life.refreshed.steps) <= {"same", "refresh", "read"}


def test_destroy_leaves_nothing_but_what_is_kept_on_purpose(life: Life) -> None:
    """AWS holds what it held before, and no cluster kept anything."""
    assert life.left == []
