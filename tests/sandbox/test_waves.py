"""A broken child keeps the next wave from starting, and a mended one lets it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kubernetes import client, config

from sandbox.applications import ApplicationWatch
from sandbox.world import World
from tests.sandbox.conftest import hand_over
from tests.sandbox.kubernetes.conftest import until

pytestmark = [pytest.mark.engine, pytest.mark.cluster]


def _look_again(world: World, *names: str) -> None:
    """Do what `argocd app get --refresh` does."""
    objects = client.CustomObjectsApi(config.new_client_from_config(config_file=str(world.kubeconfig)))
    body = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}
    for name in names:
        objects.patch_namespaced_custom_object("argoproj.io", "v1alpha1", "argocd", "applications", name, body)


def _names(watch: ApplicationWatch) -> set[str]:
    return {application.name for application in watch.applications()}


def test_next_wave_waits_for_a_broken_child(start_world: Callable[[Path], World], checkout_copy: Path) -> None:
    """While `namespaces` of wave -1 cannot be rendered nothing of wave 0 comes; once it can, all become healthy."""
    kustomization = checkout_copy / "gitops" / "platform" / "namespaces" / "eks" / "kustomization.yaml"
    good = kustomization.read_text()
    kustomization.write_text(f"{good}  - is-not-there.yaml\n")
    world = start_world(checkout_copy)
    world.engine("dev").up()
    watch = ApplicationWatch(world.kubeconfig)
    until(lambda: "namespaces" in _names(watch), timeout=120)
    deadline = time.monotonic() + 15
    seen = set()
    while time.monotonic() < deadline:
        seen |= _names(watch)
        time.sleep(0.5)
    assert seen == {"root", "namespaces"}

    kustomization.write_text(good)
    world.git.refresh(world.project.revisions())
    _look_again(world, "namespaces", "root")
    applications = hand_over(world)
    assert {"karpenter-crd", "karpenter", "karpenter-config"} <= {application.name for application in applications}
