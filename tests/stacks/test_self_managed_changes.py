"""What one change of a self-managed stack's settings changes, and above all what it leaves as it was."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import pytest

from tests.captures import Capture
from tests.conftest import CaptureProgram
from tests.self_managed.stack import INSTANCE, NODE_PATCH, STACK, THREE, differences, node_of, nodes
from tests.whole_stacks import WholeStack, capture_stack, stack_sections

# What has a new value with every rollout: by it, and by nothing else, machines join.
TOKEN: Final = {"pki-token-id": {"inputs.keepers"}, "pki-token-secret": {"inputs.keepers"}}
# What comes after all machines or all nodes, and so is ordered after other ones.
AFTER_ALL: Final = {"standing", "argocd-namespace", "argocd-project", "argocd-root"}
ADDED: Final = {
    "role": "worker",
    "zone": "ap-northeast-2c",
    "instanceType": "t3.large",
    "labels": {"workload": "worker-video"},
    "taints": [{"key": "workload", "value": "worker-video", "effect": "NoSchedule"}],
    "diskGiB": 40,
}


def machines(**changes: Any) -> dict[str, dict[str, Any]]:
    """Return changes to the settings' workers: None takes one out, a mapping changes some of its values or adds it."""
    workers = dict(stack_sections(STACK)["machines"]["workers"])
    for name, values in changes.items():
        key = name.replace("_", "-")
        if values is None:
            del workers[key]
        else:
            workers[key] = {**workers.get(key, {}), **values}
    return {"machines": {"workers": workers, "total": len(workers) + 1}}


def changed_inputs(before: Capture, after: Capture) -> dict[str, set[str]]:
    """Return by logical name what is another one; but for what is only ordered after more or fewer machines."""
    found = {urn.rpartition("::")[2]: keys for urn, keys in differences(before, after).items()}
    return {name: keys for name, keys in found.items() if not (name in AFTER_ALL and keys == {"dependencies"})}


def new_and_gone(before: Capture, after: Capture) -> tuple[set[str], set[str]]:
    old, new = ({f"{r.type} {r.name}" for r in one.resources} for one in (before, after))
    return new - old, old - new


@pytest.fixture(scope="module")
def changed(capture: CaptureProgram) -> Any:
    """Return what the stack registers with other workers; each change runs once."""
    return cache(lambda name: capture_stack(capture, STACK, CHANGES[name]))


CHANGES: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "added": machines(k8s_worker_video=ADDED),
    "removed": machines(k8s_redis=None),
    "relabelled": machines(k8s_redis={"labels": {"workload": "redis", "tier": "cache"}}),
    "larger": machines(k8s_redis={"instanceType": "t3.large"}),
    "rollout": {"machines": {"rollout": 2}},
    "image": {"machines": {"image": "ami-0fedcba9876543210"}},
    "renewed": {"machines": {"controlPlane": {**stack_sections(STACK)["machines"]["controlPlane"], "renew": True}}},
    "three": THREE,
    "same": {},
}


def test_two_runs_register_the_same(whole_stack: WholeStack, changed: Any) -> None:
    """Nothing depends on order, time or chance; else a preview of an unchanged stack would show changes."""
    before, after = whole_stack(STACK), changed("same")
    assert before is not after
    assert before.urns == after.urns
    assert differences(before, after) == {}
    assert (before.exports, before.outputs) == (after.exports, after.outputs)


@pytest.mark.parametrize(("name", "node"), [("added", "k8s-worker-video"), ("removed", "k8s-redis")])
def test_one_machine_more_or_less_changes_no_other(whole_stack: WholeStack, changed: Any, name: str, node: str) -> None:
    """Its instance and its patch come or go, and the rest of the stack gets a new join token, nothing else."""
    before, after = whole_stack(STACK), changed(name)
    new, gone = new_and_gone(before, after)
    own = {f"{INSTANCE} machines-{node}", f"{NODE_PATCH} node-roles-{node}"}
    assert (new, gone) == ((own, set()) if name == "added" else (set(), own))
    assert changed_inputs(before, after) == TOKEN


def test_what_a_machine_gets_at_its_boot_replaces_it_alone(whole_stack: WholeStack, changed: Any) -> None:
    """A label is given at registration only: that machine has other user data, and a token to join by."""
    inputs = changed_inputs(whole_stack(STACK), changed("relabelled"))
    assert inputs == {**TOKEN, "machines-k8s-redis": {"inputs.userDataBase64"}}


def test_another_type_is_that_machines_alone(whole_stack: WholeStack, changed: Any) -> None:
    """AWS changes the type of an instance that is stopped; whether it is replaced, the provider says."""
    inputs = changed_inputs(whole_stack(STACK), changed("larger"))
    assert inputs == {**TOKEN, "machines-k8s-redis": {"inputs.instanceType"}}


def test_a_rollout_replaces_workers_and_no_control_plane(whole_stack: WholeStack, changed: Any) -> None:
    """The number is a trigger of each worker's, and of nothing that holds etcd."""
    before, after = whole_stack(STACK), changed("rollout")
    workers = {f"machines-{name}": {"options"} for name in nodes() if name != "k8s-master"}
    assert changed_inputs(before, after) == {**TOKEN, **workers}
    triggers = {node_of(r): r.replacement_trigger for r in after.of_type(INSTANCE)}
    assert triggers == {name: None if name == "k8s-master" else 2 for name in nodes()}


def test_another_image_reaches_a_control_plane_by_its_runbook_only(whole_stack: WholeStack, changed: Any) -> None:
    """All get the image's id, and a control plane's is ignored for as long as it lives."""
    before, after = whole_stack(STACK), changed("image")
    assert changed_inputs(before, after) == {**TOKEN, **{f"machines-{name}": {"inputs.ami"} for name in nodes()}}
    ignoring = {node_of(r) for r in after.of_type(INSTANCE) if "ami" in r.ignore_changes}
    assert ignoring == {"k8s-master"}


def test_the_runbooks_switch_is_about_control_planes_only(whole_stack: WholeStack, changed: Any) -> None:
    """While it is set nothing of a control plane is ignored; no worker notices, and no new token is made."""
    before, after = whole_stack(STACK), changed("renewed")
    assert changed_inputs(before, after).keys() == {"machines-k8s-master"}
    assert [r.name for r in after.of_type(INSTANCE) if r.ignore_changes] == []


def test_more_control_planes_change_no_worker(whole_stack: WholeStack, changed: Any) -> None:
    """Workers look for the API under its name, which then is a load balancer's."""
    before, after = whole_stack(STACK), changed("three")
    # All come after more rules and load balancers than before.
    inputs = {name: keys for name, keys in changed_inputs(before, after).items() if keys != {"dependencies"}}
    assert inputs == {
        **TOKEN,
        # It keeps what it booted with: that is ignored.
        "machines-k8s-master": {"inputs.userDataBase64", "dependencies"},
        "endpoint-record": {"dependencies", "inputs.aliases", "inputs.records", "inputs.ttl", "links.aliases"},
    }
    assert new_and_gone(before, after)[1] == set()
