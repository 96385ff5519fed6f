"""A network without a way out: what its settings name has to reach Argo CD and the tree."""

from __future__ import annotations

import json

import pytest

from tests.captures import Capture
from tests.conftest import CaptureProgram
from tests.whole_stacks import WholeStack, capture_stack

REGISTRY = "registry.example.com/mirror"
CHARTS = "https://charts.example.com"
RELEASE = ("kubernetes:helm.sh/v3:Release", "argocd-release")
ROOT = ("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root")


@pytest.fixture(scope="module")
def closed(capture: CaptureProgram) -> Capture:
    gitops = {"images": {"registry": REGISTRY}, "charts": {"mirror": CHARTS}}
    return capture_stack(capture, "prod", {"network": {"nat": "none", "privateEndpoints": True}, "gitops": gitops})


def test_argocd_comes_from_inside(closed: Capture) -> None:
    """Chart and images of Argo CD are the copies that the settings name."""
    release = closed.one(*RELEASE).inputs
    assert release["repositoryOpts"] == {"repo": CHARTS}
    assert release["values"]["global"]["image"] == {"repository": f"{REGISTRY}/argoproj/argocd"}
    assert release["values"]["redis"]["image"] == {"repository": f"{REGISTRY}/docker/library/redis"}
    # The image stands beside what redis has in every network.
    assert release["values"]["redis"]["nodeSelector"] == {"node-type": "base"}


def test_the_tree_is_told(closed: Capture) -> None:
    """The root Application hands registry, mirror and the controller's isolation over."""
    values = closed.one(*ROOT).inputs["spec"]["source"]["helm"]["valuesObject"]
    assert values["images"] == {"registry": REGISTRY}
    assert {chart["repository"] for chart in values["charts"].values()} == {CHARTS}
    assert values["karpenter"]["isolated"] is True
    assert values["karpenter"]["instanceProfileName"]


def test_others_take_the_publishers_images(whole_stack: WholeStack) -> None:
    """Without a registry no image is renamed."""
    captured = whole_stack("prod")
    assert '"image":' not in json.dumps(captured.one(*RELEASE).inputs["values"])
    assert captured.one(*ROOT).inputs["spec"]["source"]["helm"]["valuesObject"]["images"] == {"registry": ""}
