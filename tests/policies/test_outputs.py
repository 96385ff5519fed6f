"""Control E11: neither the stack's outputs nor any component's hold a credential; D7: secret values are marked so."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.captures import Capture, Secret
from tests.whole_stacks import STACKS

# Keys of what opens something, as kubeconfigs, Secrets and AWS's APIs have them; `exec` says how to get one.
KEY = re.compile(
    r"token|password|secret_?(access_?)?key|client-?key(-?data)?|client_?secret|private_?key|session_?token",
    re.IGNORECASE,
)
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
PARAMETER = "aws:ssm/parameter:Parameter"
# Parameters that hold what everybody may know lie among the others, but are no secret elsewhere.
PUBLIC = re.compile(r"-----BEGIN (CERTIFICATE|PUBLIC KEY)-----")
TEXT = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]{10,}\.[\w-]{10,}|k8s-aws-v1\.")


def credentials(value: Any, path: str = "") -> Iterator[str]:
    """Yield where a value that anybody may see holds what opens something; text that is JSON counts as what it says."""
    if isinstance(value, Secret):
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if KEY.fullmatch(str(key)) and item:
                yield f"{path}.{key}"
            yield from credentials(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from credentials(item, f"{path}.{index}")
    elif isinstance(value, str):
        if TEXT.search(value):
            yield path
        if value.startswith(("{", "[")):
            yield from credentials(json.loads(value), path)


@pytest.mark.parametrize("stack", STACKS)
def test_outputs_hold_no_credential(whole_stack: Callable[[str], Capture], stack: str) -> None:
    """What `pulumi stack output` shows, and what components leave in the state, opens nothing."""
    captured = whole_stack(stack)
    assert {"kubeconfig", "clusterName"} <= captured.exports.keys()
    assert list(credentials(captured.exports)) == []
    assert list(credentials(captured.outputs)) == []


@pytest.mark.parametrize(
    "value",
    [
        {"adminPassword": {"password": "hunter2"}},
        {"kubeconfig": json.dumps({"users": [{"name": "u", "user": {"token": "t"}}]})},
        {"kubeconfig": json.dumps({"users": [{"user": {"exec": {}, "client-key-data": "LS0t"}}]})},
        {"bucket": ["fine", "AKIAIOSFODNN7EXAMPLE"]},
        {"deployKey": "-----BEGIN OPENSSH PRIVATE KEY-----\n"},
        {"aws": {"secretAccessKey": "x"}},
        {"login": {"clientSecret": "x"}},
        {"clusterName": "k8s-aws-v1.aHR0cHM6Ly9zdHM"},
    ],
    ids=str,
)
def test_a_credential_is_noticed(value: dict[str, Any]) -> None:
    """By its key or by its form, however deep; the control for the test above."""
    assert list(credentials(value))
    assert list(credentials({"hidden": Secret(value)})) == []


def unmarked(captured: Capture) -> Iterator[str]:
    """Yield where a secret's value is to be read in the state: in the secret itself, another input or an output."""
    values: set[str] = set()
    for version in captured.of_type(VERSION):
        value = version.inputs["secretString"]
        if not isinstance(value, Secret):
            yield f"{version.name}.secretString"
        text = value.value if isinstance(value, Secret) else value
        values |= {str(part) for key, part in json.loads(text).items() if KEY.search(key)}
    for parameter in captured.of_type(PARAMETER):
        value = parameter.inputs["value"]
        if not isinstance(value, Secret):
            yield f"{parameter.name}.value"
        text = value.value if isinstance(value, Secret) else value
        values |= set() if PUBLIC.search(text) else {text.strip()}
    for registration in captured.resources:
        yield from (f"{registration.name}.{path}" for path in _readable(registration.inputs, values))
    yield from (f"exports{path}" for path in _readable(captured.exports, values))
    yield from (f"outputs{path}" for path in _readable(captured.outputs, values))


def _readable(value: Any, secrets: set[str], path: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _readable(item, secrets, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _readable(item, secrets, f"{path}.{index}")
    elif isinstance(value, str) and any(secret in value for secret in secrets):
        yield path


@pytest.mark.parametrize("stack", STACKS)
def test_secret_values_are_marked(whole_stack: Callable[[str], Capture], stack: str) -> None:
    """What the program puts into a secret or a parameter is secret to Pulumi too, and stands nowhere else."""
    captured = whole_stack(stack)
    assert [version.name for version in captured.of_type(VERSION)] == ["login-client"]
    assert len(captured.of_type(PARAMETER)) == (10 if stack == "nodes14" else 0)
    assert list(unmarked(captured)) == []


def test_an_unmarked_value_is_noticed(whole_stack: Callable[[str], Capture]) -> None:
    """Plain text in the secret, and the same value in anything else; the control for the test above."""
    captured = whole_stack("prod")
    value = captured.one(VERSION, "login-client").inputs["secretString"].value
    assert list(unmarked(captured.changed(VERSION, "login-client", {"secretString": value})))
    told = {"description": json.loads(value)["clientSecret"]}
    assert list(unmarked(captured.changed("aws:cloudfront/originAccessControl:OriginAccessControl", "images", told)))


@pytest.mark.parametrize("name", ["ca-key", "sa-key", "encryption-key", "token"])
def test_an_unmarked_parameter_is_noticed(whole_stack: Callable[[str], Capture], name: str) -> None:
    """Plain text in a parameter, and its value in a machine's user data or a tag; the control for the test above."""
    captured = whole_stack("nodes14")
    value = captured.one(PARAMETER, f"parameters-{name}").inputs["value"].value
    assert f"parameters-{name}.value" in unmarked(captured.changed(PARAMETER, f"parameters-{name}", {"value": value}))
    told = captured.changed("aws:ec2/instance:Instance", "machines-k8s-redis", {"userData": f"join: {value}"})
    assert list(unmarked(told)) == ["machines-k8s-redis..userData"]
