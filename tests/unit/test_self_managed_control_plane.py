"""What the API server reads besides its flags; tests/sandbox/kubernetes shows a real one doing what it says."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest

from components.self_managed.control_plane import (
    ADMISSION,
    AUDIT_POLICY,
    AUTHENTICATION,
    ENCRYPTION_TEMPLATE,
    FOLDER,
    RENDERED,
    control_plane_files,
)
from components.self_managed.kubeadm import init_configuration
from tests.self_managed import arguments, documents, nodes14

GOLDEN: Final = Path(__file__).resolve().parents[1] / "golden" / "self_managed" / "api-server-files.txt"
FILES: Final = {path: json.loads(text) for path, text in control_plane_files().items()}


def test_golden_files_of_the_api_server() -> None:
    """Every control that lies in a file is to be seen in review."""
    text = "".join(f"# {path}\n{content}" for path, content in control_plane_files().items())
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_every_file_that_a_flag_names_is_written() -> None:
    """The server ends when one is missing; the encryption file comes of its template."""
    parts = documents(init_configuration(nodes14(), nodes14().control_planes[0]))
    flags = arguments(parts["ClusterConfiguration"]["apiServer"])
    named = {value for values in flags.values() for value in values if value.startswith(f"{FOLDER}/")}
    there = {RENDERED.get(path, path) for path in FILES}
    rate_limit = f"{FOLDER}/{FILES[ADMISSION]['plugins'][0]['path']}"
    assert named | {rate_limit} == there


def test_secrets_are_encrypted_by_a_key_that_is_not_in_the_text() -> None:
    """With secretbox alone: nothing was ever stored in clear, so nothing in clear is read."""
    (resource,) = FILES[ENCRYPTION_TEMPLATE]["resources"]
    assert resource["resources"] == ["secrets"]
    assert resource["providers"] == [{"secretbox": {"keys": [{"name": "key1", "secret": "@ENCRYPTION_KEY@"}]}}]


def test_anonymous_requests_are_let_in_by_path() -> None:
    """Without conditions every path would be open to whatever is bound to nobody."""
    anonymous = FILES[AUTHENTICATION]["anonymous"]
    assert anonymous["enabled"] is True
    assert [condition["path"] for condition in anonymous["conditions"]] == [
        "/livez",
        "/readyz",
        "/healthz",
        "/version",
        "/api/v1/namespaces/kube-public/configmaps/cluster-info",
    ]


def level(request: Mapping[str, str]) -> str:
    """Return how a request is recorded: the first rule that fits counts, as the server has it."""
    for rule in FILES[AUDIT_POLICY]["rules"]:
        if _fits(rule, request):
            return str(rule["level"])
    raise AssertionError("no rule is for everything")


def _fits(rule: Mapping[str, Any], request: Mapping[str, str]) -> bool:
    lists = {"verbs": "verb", "users": "user", "userGroups": "group"}
    if any(key in rule and request.get(word) not in rule[key] for key, word in lists.items()):
        return False
    if "nonResourceURLs" in rule:
        return any(fnmatchcase(request.get("path", ""), pattern) for pattern in rule["nonResourceURLs"])
    if "resources" not in rule:
        return True
    resource = request.get("resource")
    return resource is not None and any(
        request.get("api", "") == named["group"] and resource in named.get("resources", [resource])
        for named in rule["resources"]
    )


@pytest.mark.parametrize("verb", ["get", "list", "watch", "create", "update", "patch", "delete"])
@pytest.mark.parametrize(
    ("api", "resource"),
    [
        ("", "secrets"),
        ("", "configmaps"),
        ("", "serviceaccounts/token"),
        ("authentication.k8s.io", "tokenreviews"),
    ],
)
@pytest.mark.parametrize("user", ["system:apiserver", "system:kube-controller-manager", "somebody"])
def test_what_carries_credentials_is_always_recorded_and_never_with_its_body(
    verb: str, api: str, resource: str, user: str
) -> None:
    """Whoever asks, a controller too: that it was asked, and by whom."""
    assert level({"verb": verb, "api": api, "resource": resource, "user": user}) == "Metadata"


@pytest.mark.parametrize(
    ("api", "resource"),
    [
        ("", "pods"),
        ("apps", "deployments"),
        ("rbac.authorization.k8s.io", "clusterrolebindings"),
        ("certificates.k8s.io", "certificatesigningrequests"),
    ],
)
def test_what_gives_rights_or_runs_code_is_recorded_with_its_body(api: str, resource: str) -> None:
    """What was changed, not only that something was."""
    assert level({"verb": "create", "api": api, "resource": resource, "user": "somebody"}) == "Request"


@pytest.mark.parametrize("resource", ["pods/exec", "pods/portforward", "services/proxy", "nodes/proxy"])
def test_ways_into_a_pod_are_recorded(resource: str) -> None:
    """A shell in a pod leaves a trace."""
    assert level({"verb": "create", "resource": resource, "user": "somebody"}) == "Metadata"


def test_probes_and_leases_are_not_recorded() -> None:
    """They are most of the requests and tell nothing."""
    assert level({"verb": "get", "path": "/readyz", "user": "system:anonymous"}) == "None"
    assert level({"verb": "update", "api": "coordination.k8s.io", "resource": "leases", "user": "x"}) == "None"
    assert level({"verb": "patch", "resource": "nodes/status", "group": "system:nodes"}) == "None"
    assert level({"verb": "delete", "resource": "nodes", "group": "system:nodes"}) == "Request"
