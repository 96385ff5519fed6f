"""The kubelet pulls from ECR as the machine's role, by the program that its user data brings."""

from __future__ import annotations

import json
import subprocess
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml

from tests.self_managed.boot import Machine

IMAGE = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/mirror/argoproj/argocd:v3"
VERSION = "credentialprovider.kubelet.k8s.io/v1"


def _ask(machine: Machine, image: str) -> dict[str, Any]:
    """Run the program as the kubelet does: by the name in its configuration, from the folder in its flags."""
    text = machine.path("/etc/platform/kubeadm.yaml").read_text()
    registration = next(part["nodeRegistration"] for part in yaml.safe_load_all(text) if "nodeRegistration" in part)
    flags = {one["name"]: one["value"] for one in registration["kubeletExtraArgs"]}
    config = json.loads(machine.path(flags["image-credential-provider-config"]).read_text())
    assert (config["apiVersion"], config["kind"]) == ("kubelet.config.k8s.io/v1", "CredentialProviderConfig")
    (provider,) = config["providers"]
    assert any(fnmatch(IMAGE.partition("/")[0], pattern) for pattern in provider["matchImages"])
    done = subprocess.run(
        [str(machine.path(flags["image-credential-provider-bin-dir"]) / provider["name"])],
        input=json.dumps({"apiVersion": provider["apiVersion"], "kind": "CredentialProviderRequest", "image": image}),
        env=machine.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("role", ["worker", "master"])
def test_the_kubelet_is_signed_in_to_ecr(role: str, request: pytest.FixtureRequest) -> None:
    """Its own registry's user and password, to be kept for all images of that registry."""
    answer = _ask(request.getfixturevalue(role), IMAGE)
    auth = answer.pop("auth")
    assert answer == {"apiVersion": VERSION, "kind": "CredentialProviderResponse", "cacheKeyType": "Registry"}
    ((registry, known),) = auth.items()
    assert registry == IMAGE.partition("/")[0]
    assert (known["username"], known["password"].endswith("auth-token")) == ("AWS", True)


@pytest.mark.parametrize(
    "image",
    [
        "quay.io/calico/node:v3",
        "example.com/123456789012.dkr.ecr.x.amazonaws.com/a",
        "123456789012.dkr.ecr.x.amazonaws.com.example.com/a",
        "1.dkr.ecr.x.example.com/a",
    ],
)
def test_nobody_else_gets_the_password(worker: Machine, image: str) -> None:
    """A registry that is not ECR's is answered with nothing, whatever its name looks like."""
    assert _ask(worker, image)["auth"] == {}
