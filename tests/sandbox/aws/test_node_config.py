"""What a managed node group's nodes read from their launch template's user data."""

from __future__ import annotations

import base64

import pytest

from components.eks.documents import node_user_data
from sandbox.aws.eks_api.node_config import kubelet_configuration
from sandbox.aws.eks_api.refusal import EksError


def test_the_kubelets_settings_are_found() -> None:
    """In the form in which the product writes them."""
    found = kubelet_configuration(node_user_data(58))
    assert found["maxPods"] == 58
    assert found["kubeReserved"] == {"memory": "893Mi"}


def test_without_user_data_the_image_decides() -> None:
    """A launch template need not have any."""
    assert kubelet_configuration("") == {}


@pytest.mark.parametrize("text", ["no base64!", base64.b64encode(b"#!/bin/sh").decode()], ids=["encoding", "no MIME"])
def test_what_eks_would_not_take_is_refused(text: str) -> None:
    """EKS merges its own part into the user data, and cannot into a script."""
    with pytest.raises(EksError, match=r"(?i)user data"):
        kubelet_configuration(text)


def test_the_later_document_counts() -> None:
    """Where two name the same setting."""
    part = (
        "--b\nContent-Type: application/node.eks.aws\n\nspec: {kubelet: {config: {maxPods: %d, evictionHard: {%s}}}}\n"
    )
    text = 'Content-Type: multipart/mixed; boundary="b"\n\n' + part % (17, "a: 1") + part % (58, "b: 2") + "--b--\n"
    found = kubelet_configuration(base64.b64encode(text.encode()).decode())
    assert found == {"maxPods": 58, "evictionHard": {"a": 1, "b": 2}}
