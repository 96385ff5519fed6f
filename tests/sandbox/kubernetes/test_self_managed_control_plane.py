"""Real servers with the flags and files that kubeadm gives a control plane: who gets in, what is kept and how."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import ssl
from pathlib import Path
from typing import Any, Final

import pytest

from components.self_managed.control_plane import ANONYMOUS_PATHS, AUDIT_LOG, ENCRYPTION
from components.self_managed.kubeadm import ETCD_DATA, join_configuration
from components.self_managed.pki_math import ca_pin
from tests.sandbox.kubernetes.conftest import until
from tests.self_managed import (
    BLANKS,
    ISSUER,
    NODES14,
    THREE,
    node,
)
from tests.self_managed.processes import KubeadmControlPlane

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]
IGNORED: Final = "--ignore-preflight-errors=all"


def pki(control_plane: KubeadmControlPlane, name: str) -> Path:
    return control_plane.folder / "etc/kubernetes/pki" / name


def context(control_plane: KubeadmControlPlane, authority: str = "ca.crt") -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(pki(control_plane, authority)))


def status(control_plane: KubeadmControlPlane, path: str) -> int:
    """Ask without credentials."""
    address, port = control_plane.address, control_plane.port
    connection = http.client.HTTPSConnection(address, port, context=context(control_plane), timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


# --- Who gets in ---


@pytest.mark.parametrize("path", ANONYMOUS_PATHS)
def test_whoever_asks_learns_that_the_server_lives(control_plane: KubeadmControlPlane, path: str) -> None:
    """Load balancers, probes and machines that are about to join have no credentials."""
    assert status(control_plane, path) == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/apis",
        "/metrics",
        "/openid/v1/jwks",
        "/version/",
        "/healthz/etcd",
        "/api/v1/namespaces/kube-public/configmaps",
        "/api/v1/namespaces/kube-public/configmaps/cluster-info/",
        "/api/v1/namespaces/kube-system/configmaps/kubeadm-config",
    ],
)
def test_nobody_learns_anything_else_without_a_name(control_plane: KubeadmControlPlane, path: str) -> None:
    """401, not 403: such a request is nobody's, so that no binding for anonymous users can ever open it."""
    assert status(control_plane, path) == 401


def test_a_machine_finds_and_trusts_the_cluster_by_token_and_pin(control_plane: KubeadmControlPlane) -> None:
    """The real discovery, with our limits on anonymous requests: a worker's, and a control plane's that joins."""
    pin = ca_pin(pki(control_plane, "ca.crt").read_text(encoding="utf-8"))
    control_plane.kubeadm(
        "join", "phase", "preflight", IGNORED, text=join_configuration(NODES14, node("k8s-redis"), pin)
    )
    joining = join_configuration(THREE, node("k8s-master-2", THREE), pin).replace("10.0.32.21", "10.0.0.20")
    control_plane.kubeadm("join", "phase", "preflight", IGNORED, text=joining)


def test_a_machine_does_not_join_a_cluster_with_another_pin(control_plane: KubeadmControlPlane) -> None:
    """Whoever else answers at that address is not believed."""
    text = join_configuration(NODES14, node("k8s-redis"), f"sha256:{'0' * 64}").replace('"30m0s"', '"6s"')
    with pytest.raises(AssertionError, match="are pinned"):
        control_plane.kubeadm("join", "phase", "preflight", IGNORED, text=text)


def test_weak_ciphers_are_refused(control_plane: KubeadmControlPlane) -> None:
    """With TLS 1.2, only authenticated encryption."""

    def shake(cipher: str) -> str | None:
        offer = context(control_plane)
        offer.maximum_version = ssl.TLSVersion.TLSv1_2
        offer.set_ciphers(cipher)
        connection = http.client.HTTPSConnection(control_plane.address, control_plane.port, context=offer, timeout=20)
        try:
            connection.connect()
            found = connection.sock.cipher()
            return found[0] if found else None
        finally:
            connection.close()

    assert shake("ECDHE-ECDSA-AES256-GCM-SHA384") == "ECDHE-ECDSA-AES256-GCM-SHA384"
    with pytest.raises(ssl.SSLError):
        shake("ECDHE-ECDSA-AES128-SHA")


def test_etcd_answers_nobody_without_a_certificate(control_plane: KubeadmControlPlane) -> None:
    """The API server's certificate for it opens, none does not."""
    host, port = control_plane.etcd_endpoint.removeprefix("https://").split(":")

    def ask(offer: ssl.SSLContext) -> int:
        connection = http.client.HTTPSConnection(host, int(port), context=offer, timeout=20)
        try:
            connection.request("GET", "/version")
            return connection.getresponse().status
        finally:
            connection.close()

    known = context(control_plane, "etcd/ca.crt")
    known.load_cert_chain(
        pki(control_plane, "apiserver-etcd-client.crt"), pki(control_plane, "apiserver-etcd-client.key")
    )
    assert ask(known) == 200
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(context(control_plane, "etcd/ca.crt"))


# --- What is kept, and how ---


def stored(control_plane: KubeadmControlPlane, text: str) -> bool:
    """Say whether a text lies in etcd's files as it is."""
    folder = control_plane.folder / ETCD_DATA.removeprefix("/") / "member"
    return any(text.encode() in file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_a_secret_lies_encrypted_in_etcd(control_plane: KubeadmControlPlane) -> None:
    """And comes back in clear; what is no secret shows that the search would find it."""
    secret, plain = secrets.token_hex(16), secrets.token_hex(16)
    control_plane.kubectl("create", "secret", "generic", "canary", f"--from-literal=value={secret}")
    control_plane.kubectl("create", "configmap", "canary", f"--from-literal=value={plain}")
    assert stored(control_plane, plain)
    assert not stored(control_plane, secret)
    assert not stored(control_plane, base64.b64encode(secret.encode()).decode())
    assert stored(control_plane, "k8s:enc:secretbox:v1:key1:")
    value = control_plane.kubectl("get", "secret", "canary", "--output=jsonpath={.data.value}")
    assert base64.b64decode(value).decode() == secret


def recorded(control_plane: KubeadmControlPlane) -> list[dict[str, Any]]:
    log = control_plane.folder / AUDIT_LOG.removeprefix("/")
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def test_what_is_done_to_a_secret_is_recorded_without_it(control_plane: KubeadmControlPlane) -> None:
    """Who, what and when; a pod's change with its body, a probe not at all."""
    secret = secrets.token_hex(16)
    control_plane.kubectl("create", "secret", "generic", "recorded", f"--from-literal=value={secret}")
    control_plane.kubectl("create", "deployment", "recorded", "--image=registry.example.com/none:1", "--replicas=0")
    assert status(control_plane, "/readyz") == 200
    events = recorded(control_plane)
    made = {
        event["objectRef"]["resource"]: event
        for event in events
        if event["verb"] == "create" and "kubectl" in event.get("userAgent", "")
    }
    assert made["secrets"]["level"] == "Metadata"
    assert made["secrets"]["user"]["username"] == "kubernetes-super-admin"
    assert made["deployments"]["level"] == "Request"
    assert made["deployments"]["requestObject"]["metadata"]["name"] == "recorded"
    text = json.dumps(events)
    assert secret not in text
    assert base64.b64encode(secret.encode()).decode() not in text
    assert not [event for event in events if event["requestURI"].startswith(("/readyz", "/livez", "/healthz"))]
    assert not [event for event in events if event["stage"] == "RequestReceived"]


def test_tokens_name_the_issuer_that_aws_asks(control_plane: KubeadmControlPlane) -> None:
    """The first of the two issuers signs; a token for the API itself is for both."""
    token = control_plane.kubectl("create", "token", "default").strip()
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["iss"] == ISSUER
    assert claims["aud"] == [ISSUER, "https://kubernetes.default.svc.cluster.local"]
    found = json.loads(control_plane.kubectl("get", "--raw=/.well-known/openid-configuration"))
    assert (found["issuer"], found["jwks_uri"]) == (ISSUER, f"{ISSUER}/keys.json")


def test_one_source_cannot_fill_etcd_with_events(control_plane: KubeadmControlPlane) -> None:
    """After a burst of the same object's events the server says 429."""
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": "flood-", "namespace": "default"},
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "flood"},
        "source": {"component": "flood"},
        "reason": "Flood",
        "type": "Normal",
    }
    flood = json.dumps({"apiVersion": "v1", "kind": "List", "items": [event] * 300})
    said = control_plane.kubectl("create", "--filename=-", check=False, text=flood)
    assert "limit reached" in said
    assert said.count(" created") >= 50


def encryption(control_plane: KubeadmControlPlane, keys: list[str]) -> None:
    """Exchange the file's keys, as docs/runbooks/encryption-key.md has it, and wait until the server has read it."""

    def reads() -> int:
        metrics = control_plane.kubectl("get", "--raw=/metrics").splitlines()
        name = "apiserver_encryption_config_controller_automatic_reloads_total"
        return sum(int(line.split()[-1]) for line in metrics if line.startswith(name) and 'status="success"' in line)

    file, before = control_plane.folder / ENCRYPTION.removeprefix("/"), reads()
    config = json.loads(file.read_text(encoding="utf-8"))
    providers = [{"secretbox": {"keys": [{"name": "key1", "secret": key}]}} for key in keys]
    config["resources"][0]["providers"] = providers
    new = file.with_suffix(".new")
    new.write_text(json.dumps(config), encoding="utf-8")
    new.replace(file)
    until(lambda: reads() > before, timeout=150)


def test_a_new_key_takes_over_without_a_restart(control_plane: KubeadmControlPlane) -> None:
    """New first and old second, all Secrets written again, then the new one alone: nothing is lost on the way."""

    def value() -> str:
        found = control_plane.kubectl("get", "secret", "before", "--output=jsonpath={.data.value}", check=False)
        return base64.b64decode(found).decode() if "rror" not in found else found

    old, new = (BLANKS["@ENCRYPTION_KEY@"], base64.b64encode(secrets.token_bytes(32)).decode())
    control_plane.kubectl("create", "secret", "generic", "before", "--from-literal=value=kept")
    encryption(control_plane, [new, old])
    assert value() == "kept"
    everything = control_plane.kubectl("get", "secrets", "--all-namespaces", "--output=json")
    control_plane.kubectl("replace", "--filename=-", text=everything)
    encryption(control_plane, [new])
    assert value() == "kept"
