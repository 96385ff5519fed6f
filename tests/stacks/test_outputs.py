"""What a stack says at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.captures import Capture, Secret
from tests.whole_stacks import WholeStack, capture_stack

CLUSTER = {"argocdNamespace", "clusterName", "kubeconfig", "rootApplication", "vpcId"}


def test_outputs_are_what_people_and_pipelines_ask_for(whole_stack: WholeStack) -> None:
    """The cluster's, and of what surrounds it what has an address or a name that others type."""
    assert whole_stack("dev").exports.keys() == CLUSTER | {"dashboardName", "imagesUrl", "userPoolId"}


def test_outputs_of_a_self_managed_stack_are_the_same_and_its_issuer(whole_stack: WholeStack) -> None:
    """Whoever reads outputs need not know who runs the control plane; here the kubeconfig is a key, and so a secret."""
    exports = whole_stack("nodes14").exports
    assert exports.keys() == whole_stack("dev").exports.keys() | {"issuer"}
    assert [name for name, value in exports.items() if isinstance(value, Secret)] == ["kubeconfig"]


def test_outputs_name_only_what_there_is(capture: Callable[..., Capture]) -> None:
    """Without a domain there are neither images nor logins; with pushers there is a role for them."""
    roles = {"ci": "arn:aws:iam::123456789012:role/ci"}
    buckets = {"logs": "platform-dev-logs", "backups": "platform-dev-backups"}
    edge = {"domain": None, "hostedZoneId": None, "delegate": False, "login": False}
    changes: dict[str, dict[str, Any]] = {"edge": edge, "storage": {"buckets": buckets, "pushers": roles}}
    assert capture_stack(capture, "dev", changes).exports.keys() == CLUSTER | {"dashboardName", "pushRoleArn"}
