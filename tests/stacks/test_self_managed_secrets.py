"""No secret of a self-managed stack is anywhere but under a secret's mark: each has a value of its own to look for."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from components.self_managed.names import CONTROL_PLANE_FILES, ENCRYPTION_KEY, JOIN_TOKEN
from tests.captures import Capture, Secret
from tests.components import Mutation, changed
from tests.self_managed.stack import INSTANCE, PARAMETER, ROOT, STACK, machine
from tests.whole_stacks import WholeStack

# Of what control planes know, everybody may know these; pods read the authority's.
PUBLIC: Final = ("ca-crt", "front-proxy-ca-crt", "etcd-ca-crt", "sa-pub")
ADMINISTRATOR: Final = ("tls:index/certRequest:CertRequest", "pki-admin")
PROVIDER: Final = ("pulumi:providers:kubernetes", "kubernetes")


def unmarked(captured: Capture) -> list[str]:
    """Every parameter, the administrator's key and the kubeconfig are marked where they are given on."""
    given = {r.name: r.inputs["value"] for r in captured.of_type(PARAMETER)}
    given["administrator"] = captured.one(*ADMINISTRATOR).inputs["privateKeyPem"]
    given["provider"] = captured.one(*PROVIDER).inputs["kubeconfig"]
    given["kubeconfig"] = captured.exports["kubeconfig"]
    return [name for name, value in given.items() if not isinstance(value, Secret)]


def canaries(captured: Capture) -> dict[str, str]:
    """Return every secret by what it is for."""
    keys = [key for key in (*CONTROL_PLANE_FILES, ENCRYPTION_KEY, JOIN_TOKEN) if key not in PUBLIC]
    values = {key: captured.one(PARAMETER, f"parameters-{key}").inputs["value"] for key in keys}
    values["administrator"] = captured.one(*ADMINISTRATOR).inputs["privateKeyPem"]
    found = {key: value.value if isinstance(value, Secret) else value for key, value in values.items()}
    # The first half of a token is not secret: a ConfigMap that all may read names it.
    found[JOIN_TOKEN] = found[JOIN_TOKEN].partition(".")[2]
    found["encryption-key as it was made"] = base64.b64decode(found[ENCRYPTION_KEY]).decode()
    return found


def traces(captured: Capture) -> dict[str, str]:
    """Return what is looked for: each secret's longest line, and all of it as a kubeconfig would have it."""
    found = canaries(captured)
    lines = {name: max(text.splitlines(), key=len) for name, text in found.items()}
    return {**lines, **{f"{name} in base64": base64.b64encode(text.encode()).decode() for name, text in found.items()}}


def legible(value: Any) -> Iterator[str]:
    """Yield every text that is not under a secret's mark, keys too, and what is packed in one."""
    if isinstance(value, str):
        yield value
        if value.startswith("H4sI"):
            yield gzip.decompress(base64.b64decode(value)).decode()
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from legible(key)
            yield from legible(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from legible(item)


def seen(captured: Capture) -> list[str]:
    """Return where a secret is to be read: in inputs, outputs, names, arguments of calls."""
    shown: list[tuple[str, Any]] = [(r.urn, dict(r.inputs)) for r in captured.resources]
    shown += [(f"outputs of {urn}", dict(outputs)) for urn, outputs in captured.outputs.items()]
    shown += [
        ("exports", dict(captured.exports)),
        ("names", captured.urns),
        ("calls", [dict(c) for _, c in captured.calls]),
    ]
    texts = [(where, text) for where, value in shown for text in legible(value)]
    found = traces(captured)
    return [f"{name}: {where}" for where, text in texts for name, trace in found.items() if trace in text]


def _tag(secret: str) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        tags = {"Name": f"x-{traces(captured)[secret]}"}
        return captured.changed(INSTANCE, "machines-k8s-redis", {"tags": tags})

    return mutate


def _user_data(captured: Capture) -> Capture:
    text = gzip.decompress(base64.b64decode(machine(captured, "k8s-redis").inputs["userDataBase64"]))
    packed = gzip.compress(text + f"# {traces(captured)[JOIN_TOKEN]}\n".encode(), mtime=0)
    return captured.changed(INSTANCE, "machines-k8s-redis", {"userDataBase64": base64.b64encode(packed).decode()})


def _handed(captured: Capture) -> Capture:
    spec = json.loads(json.dumps(captured.one(*ROOT).inputs["spec"]))
    spec["source"]["helm"]["valuesObject"]["tags"] = {
        "key": captured.one(PARAMETER, "parameters-sa-key").inputs["value"].value
    }
    return captured.changed(*ROOT, {"spec": spec})


def _output(captured: Capture) -> Capture:
    return replace(captured, outputs={**captured.outputs, "urn": {"token": traces(captured)["token"]}})


def _export(captured: Capture) -> Capture:
    return replace(captured, exports={**captured.exports, "kubeconfig": captured.exports["kubeconfig"].value})


def _parameter(captured: Capture) -> Capture:
    value = captured.one(PARAMETER, "parameters-encryption-key").inputs["value"].value
    return captured.changed(PARAMETER, "parameters-encryption-key", {"value": value})


SHOWN: list[Mutation] = [
    *(_tag(secret) for secret in ("ca-key", "sa-key", "etcd-ca-key", "front-proxy-ca-key", "token", "administrator")),
    *(_tag(secret) for secret in (ENCRYPTION_KEY, "encryption-key as it was made", "ca-key in base64")),
    *(_user_data, _handed, _output, _export, _parameter),
    changed(PARAMETER, "parameters-token", {"description": "abcdef.460eeee742a7b8d650123456789abcde"}),
]


def test_each_secret_has_a_value_of_its_own(whole_stack: WholeStack) -> None:
    """Four keys of the cluster, the key of what etcd holds in both its forms, the token, the administrator's key."""
    found = canaries(whole_stack(STACK))
    assert len(set(found.values())) == len(found) == 8
    assert min(map(len, traces(whole_stack(STACK)).values())) >= 32


def test_every_secret_is_marked(whole_stack: WholeStack) -> None:
    """The engine encrypts what is marked, and shows none of it."""
    assert unmarked(whole_stack(STACK)) == []
    assert unmarked(_parameter(whole_stack(STACK))) == ["parameters-encryption-key"]
    assert unmarked(_export(whole_stack(STACK))) == ["kubeconfig"]


def test_no_secret_is_seen(whole_stack: WholeStack) -> None:
    """Neither in user data, nor in what the tree is told, nor in any tag, name, description or output."""
    assert seen(whole_stack(STACK)) == []


@pytest.mark.parametrize("mutation", SHOWN)
def test_a_secret_that_is_shown_is_seen(whole_stack: WholeStack, mutation: Mutation) -> None:
    """The control for the test above."""
    assert seen(mutation(whole_stack(STACK))) != []
