"""Every resource is made by a provider that the stack names: the default ones know neither account nor region."""

from __future__ import annotations

import pytest

from tests.captures import Capture
from tests.components import Mutation, changed
from tests.whole_stacks import STACKS, WholeStack

KEY = ("aws:kms/key:Key", "storage-data")
ROOT = ("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root")


def strays(captured: Capture) -> list[str]:
    """Return what is made by nobody, by a default provider, or by one of another package."""
    named = {r.urn: r.type.rpartition(":")[2] for r in captured.resources if r.type.startswith("pulumi:providers:")}
    made = [r for r in captured.resources if r.custom and r.urn not in named]
    return [r.urn for r in made if named.get(r.provider.rpartition("::")[0]) != r.type.partition(":")[0]]


@pytest.mark.parametrize("stack", STACKS)
def test_every_resource_has_a_provider_of_the_stack(whole_stack: WholeStack, stack: str) -> None:
    """AWS's, Kubernetes' and those of keys alike."""
    assert strays(whole_stack(stack)) == []


@pytest.mark.parametrize(
    "mutation",
    [
        changed(*KEY, provider=""),
        changed(*KEY, provider="urn:pulumi:dev::platform::pulumi:providers:aws::default_7_0_0::1"),
        changed(*KEY, provider="urn:pulumi:dev::platform::pulumi:providers:kubernetes::kubernetes::1"),
        changed(*ROOT, provider=""),
    ],
)
def test_a_stray_is_seen(whole_stack: WholeStack, mutation: Mutation) -> None:
    """The control for the test above."""
    assert strays(mutation(whole_stack("dev"))) != []
