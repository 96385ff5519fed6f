"""Whether a kubeconfig really leads to the sandbox's API server, with the rights that it needs."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.certificates import write_private
from sandbox.kubernetes.api import Api, ApiError
from sandbox.protocol import HostError

_CLUSTER: Final = {"server", "certificate-authority-data", "tls-server-name"}
_USER: Final = {"client-certificate-data", "client-key-data", "token"}
_REVIEW: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def entries(kubeconfig: str, context: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return cluster and user of a context. Raise `HostError` when the kubeconfig cannot be read."""
    try:
        config = yaml.safe_load(kubeconfig)
        name = context or config["current-context"]
        wanted = next(item["context"] for item in config["contexts"] if item["name"] == name)
        cluster = next(item["cluster"] for item in config["clusters"] if item["name"] == wanted["cluster"])
        user: Any = next((item["user"] for item in config.get("users", []) if item["name"] == wanted.get("user")), {})
    except (yaml.YAMLError, KeyError, TypeError, StopIteration) as error:
        raise HostError(
            "the provider's kubeconfig cannot be read: it needs a current context with a cluster"
        ) from error
    return dict(cluster), dict(user or {})


def authenticate(kubeconfig: str, context: str | None, own: Api) -> None:
    """Connect as the kubeconfig says, and see that it ends at `own` with all rights. Raise `HostError` otherwise."""
    cluster, user = entries(kubeconfig, context)
    if unknown := sorted((cluster.keys() - _CLUSTER) | (user.keys() - _USER)):
        raise HostError(f"the kubeconfig says {', '.join(unknown)}: add it to sandbox/kubernetes/credentials.py")
    if missing := sorted({"server", "certificate-authority-data"} - cluster.keys()):
        raise HostError(f"the kubeconfig's cluster lacks {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as folder:
        api = _client(cluster, user, Path(folder))
        try:
            _prove(api, own, str(cluster["server"]))
        finally:
            api.close()


def _client(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> Api:
    authority, files = folder / "ca.crt", (folder / "client.crt", folder / "client.key")
    try:
        authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        if "client-certificate-data" in user:
            files[0].write_bytes(base64.b64decode(user["client-certificate-data"]))
            write_private(files[1], base64.b64decode(user["client-key-data"]))
    except (binascii.Error, KeyError) as error:
        raise HostError(f"the kubeconfig's certificates cannot be read: {error}") from error
    return Api(
        str(cluster["server"]).rstrip("/"),
        authority,
        str(user.get("token", "")),
        server_name=str(cluster.get("tls-server-name", "")),
        certificate=files if "client-certificate-data" in user else None,
    )


def _prove(api: Api, own: Api, server: str) -> None:
    try:
        api.request("GET", "/version")
    except ApiError as error:
        raise HostError(f"the Kubernetes cluster is unreachable at {server}: {error}") from error
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "*", "group": "*", "resource": "*"}},
    }
    try:
        answer = api.request("POST", _REVIEW, review)
        seen = api.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
    except ApiError as error:
        raise HostError(f"the kubeconfig's user is refused: {error}") from error
    if not answer["status"].get("allowed"):
        raise HostError("the kubeconfig's user may not do everything in the cluster: bind it to cluster-admin")
    if seen != own.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]:
        raise HostError(f"the kubeconfig leads to another cluster: {server}")
