"""Control A15: secrets come from the stack's part of Secrets Manager, to those who may have them, and none drifts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from ops.gitops.objects import Object
from tests.gitops.tree import (
    CHECKOUT,
    HANDOVER,
    SELF_MANAGED,
    Break,
    Rule,
    Tool,
    Tree,
    add,
    assert_noticed,
    edit,
    helm,
)

_STORE: Final = "aws-secrets-manager"
# What the API adds inside an ExternalSecret's lists, which then differs from Git for ever, and how it writes an hour.
_REFERENCE: Final = {"conversionStrategy": "Default", "decodingStrategy": "None", "metadataPolicy": "None"}
_SPEC: Final = {"refreshInterval": "1h0m0s"}
_TARGET: Final = {"creationPolicy": "Owner", "deletionPolicy": "Retain"}


def _secrets(tree: Tree) -> list[Object]:
    return [thing for thing in tree.ours() if thing["kind"] == "ExternalSecret"]


def _name(secret: Object) -> str:
    return f"{secret['metadata']['namespace']}/{secret['metadata']['name']}"


def _lacks(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [key for key, value in wanted.items() if given.get(key) != value]


def defaults_are_written_out(tree: Tree) -> Iterator[str]:
    for secret in _secrets(tree):
        spec = secret["spec"]
        lacking = _lacks(spec, _SPEC) + _lacks(spec["target"], _TARGET)
        lacking += [key for row in spec["data"] for key in _lacks(row["remoteRef"], _REFERENCE)]
        yield from (f"{_name(secret)} does not say {key}" for key in lacking)


def nothing_of_argocds_is_passed_on(tree: Tree) -> Iterator[str]:
    """Without a template a Secret gets the ExternalSecret's annotations, Argo CD's tracking id among them."""
    yield from (f"{_name(secret)} has no template" for secret in _secrets(tree) if "template" not in _target(secret))


def _target(secret: Object) -> Any:
    return secret["spec"]["target"]


def secrets_are_those_of_the_stack(tree: Tree) -> Iterator[str]:
    """A purpose that the stack has no secret for would leave its ExternalSecret Degraded for ever."""
    for secret in _secrets(tree):
        reference = secret["spec"]["secretStoreRef"]
        if reference != {"kind": "ClusterSecretStore", "name": _STORE}:
            yield f"{_name(secret)} reads from {reference}"
        for row in secret["spec"]["data"]:
            if row["remoteRef"]["key"] not in tree.handover["secrets"]["names"]:
                yield f"{_name(secret)} wants {row['remoteRef']['key']}, which the stack does not have"
            if not row["remoteRef"].get("property"):
                yield f"{_name(secret)} takes all of {row['remoteRef']['key']}"


def the_store_is_for_its_namespaces_only(tree: Tree) -> Iterator[str]:
    """Whoever may write an ExternalSecret in one of them may read all that the stack has."""
    spec = tree.get(f"ClusterSecretStore/{_STORE}")["spec"]
    if "auth" in spec["provider"]["aws"]:
        yield "the store names a way to log in; the controller's own service account has the role"
    if spec["provider"]["aws"].get("prefix") != tree.handover["secrets"]["prefix"]:
        yield "the store reads beyond the stack's prefix"
    wanted = {secret["metadata"]["namespace"] for secret in _secrets(tree)}
    allowed = {name for name in wanted if _is_allowed(tree, spec.get("conditions", []), name)}
    yield from (f"the store refuses {name}" for name in sorted(wanted - allowed))
    if not spec.get("conditions") or _is_allowed(tree, spec["conditions"], "kube-system"):
        yield "the store is open to every namespace"


def _is_allowed(tree: Tree, conditions: list[dict[str, Any]], namespace: str) -> bool:
    labels: Mapping[str, str] = next(
        (
            thing["metadata"].get("labels", {})
            for thing in tree.ours()
            if (thing["kind"], thing["metadata"]["name"]) == ("Namespace", namespace)
        ),
        {},
    )
    return any(namespace in row.get("namespaces", []) or _selects(row, labels) for row in conditions)


def _selects(condition: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    expressions = condition.get("namespaceSelector", {}).get("matchExpressions", [])
    return bool(expressions) and all(labels.get(row["key"]) in row["values"] for row in expressions)


_LOGIN: Final = "ExternalSecret/argocd-oidc"
_STRAY: Final = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ExternalSecret",
    "metadata": {"name": "stray", "namespace": "bubblepool"},
    "spec": {
        **_SPEC,
        "secretStoreRef": {"kind": "ClusterSecretStore", "name": _STORE},
        "target": dict(_TARGET),
        "data": [{"secretKey": "a", "remoteRef": {"key": "gitops/github", "property": "token", **_REFERENCE}}],
    },
}
_BREAKS: dict[Rule, list[Break]] = {
    defaults_are_written_out: [
        edit(_LOGIN, "spec", "refreshInterval", to="1h"),
        edit(_LOGIN, "spec", "target", "deletionPolicy"),
        edit(_LOGIN, "spec", "data", 1, "remoteRef", "metadataPolicy"),
    ],
    nothing_of_argocds_is_passed_on: [edit("ExternalSecret/grafana-admin", "spec", "target", "template")],
    secrets_are_those_of_the_stack: [
        edit(_LOGIN, "spec", "secretStoreRef", "name", to="other"),
        edit(_LOGIN, "spec", "data", 0, "remoteRef", "key", to="argocd/other"),
        edit(_LOGIN, "spec", "data", 0, "remoteRef", "property"),
    ],
    the_store_is_for_its_namespaces_only: [
        edit(f"ClusterSecretStore/{_STORE}", "spec", "conditions"),
        edit(f"ClusterSecretStore/{_STORE}", "spec", "provider", "aws", "prefix", to="other/"),
        edit(f"ClusterSecretStore/{_STORE}", "spec", "provider", "aws", "auth", to={"jwt": {}}),
        edit(f"ClusterSecretStore/{_STORE}", "spec", "conditions", 0, "namespaces", to=["monitoring"]),
        edit(f"ClusterSecretStore/{_STORE}", "spec", "conditions", 0, "namespaces", to=["argocd", "kube-system"]),
        add("argocd-secrets", _STRAY),
    ],
}


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_control_holds(rule: Rule, tree: Tree, self_managed_tree: Tree) -> None:
    """The secrets of both variants keep the rule."""
    assert _secrets(tree)
    assert _secrets(self_managed_tree)
    assert [*rule(tree), *rule(self_managed_tree)] == []


@pytest.mark.parametrize(
    ("rule", "break_"),
    [
        pytest.param(rule, break_, id=f"{rule.__name__}-{number}")
        for rule, breaks in _BREAKS.items()
        for number, break_ in enumerate(breaks)
    ],
)
def test_control_catches_its_mutation(rule: Rule, break_: Break, tree: Tree) -> None:
    """The rule complains about a secret, or a store, that breaks it."""
    assert_noticed(rule, break_, tree)


def _of_argocd(tool: Tool, secrets: list[str], url: str = "https://git.example.com/a.git") -> dict[str, Object]:
    values = {"secrets": secrets, "repositoryUrl": url}
    rendered = helm(tool, "gitops/platform/argocd-secrets", "argocd-secrets", "argocd", values)
    return {thing["metadata"]["name"]: thing for thing in rendered}


def test_only_what_the_stack_has_is_asked_for(tool: Tool) -> None:
    """Each of the three comes with its own purpose and with no other."""
    assert _of_argocd(tool, []) == {}
    assert _of_argocd(tool, ["argocd/oidc", "monitoring/grafana"]).keys() == {"argocd-oidc"}
    assert _of_argocd(tool, ["argocd/slack"]).keys() == {"argocd-notifications-secret"}
    assert _of_argocd(tool, ["gitops/github"]).keys() == {"repo-secret"}


def test_argocd_finds_its_secrets(tool: Tool) -> None:
    """By the names, keys and labels that its settings and its own code look for."""
    made = _of_argocd(tool, ["argocd/oidc", "argocd/slack"])
    keys = {name: {row["secretKey"] for row in secret["spec"]["data"]} for name, secret in made.items()}
    assert keys == {"argocd-oidc": {"clientId", "clientSecret"}, "argocd-notifications-secret": {"slack-token"}}
    for secret in made.values():
        labels = secret["spec"]["target"]["template"]["metadata"]["labels"]
        assert labels == {"app.kubernetes.io/part-of": "argocd"}


def test_the_repositorys_secret_is_one_for_argocd(tool: Tool) -> None:
    """Requirement G-52, corrected: with the label, the URL and the type, and the token as password."""
    target = _of_argocd(tool, ["gitops/github"])["repo-secret"]["spec"]["target"]["template"]
    assert target["metadata"]["labels"]["argocd.argoproj.io/secret-type"] == "repository"
    assert target["data"] == {
        "type": "git",
        "url": "https://git.example.com/a.git",
        "username": "{{ .username }}",
        "password": "{{ .token }}",
    }


def test_a_repository_over_ssh_gets_no_password(tool: Tool) -> None:
    """User and token are for https; Argo CD would try them with a key that is not there."""
    assert _of_argocd(tool, ["gitops/github"], "git@git.example.com:a.git") == {}


@pytest.mark.parametrize(
    ("chart", "values", "part"),
    [
        ("secret-store", {"region": "eu-west-1", "prefix": "without-a-slash"}, "prefix"),
        ("secret-store", {"region": "nowhere", "prefix": "a/"}, "region"),
        ("secret-store", {"region": "eu-west-1", "prefix": "a/", "auth": {}}, "auth"),
        ("argocd-secrets", {"secrets": ["argocd"], "repositoryUrl": "https://a/b"}, "secrets"),
        ("argocd-secrets", {"secrets": [], "repositoryUrl": "b"}, "repositoryUrl"),
    ],
    ids=["prefix", "region", "unknown key", "purpose", "url"],
)
def test_wrong_values_are_refused(tool: Tool, chart: str, values: dict[str, Any], part: str) -> None:
    """The charts say which value is wrong instead of rendering it."""
    with pytest.raises(RuntimeError, match=part):
        helm(tool, f"gitops/platform/{chart}", chart, "argocd", values)


def test_the_examples_have_every_purpose_that_the_tree_knows() -> None:
    """So that the rules above see every ExternalSecret there is."""
    assert {"argocd/oidc", "argocd/slack", "gitops/github", "monitoring/grafana"} <= HANDOVER["secrets"]["names"].keys()
    assert {"data/postgresql", "data/redis", "data/rabbitmq"} <= SELF_MANAGED["secrets"]["names"].keys()


def test_the_charts_read_in_one_way() -> None:
    """Charts of a folder each cannot share a template; the copies stay the same, byte for byte."""
    copies = sorted((CHECKOUT / "gitops/platform").glob("*/templates/_external-secret.tpl"))
    assert len(copies) == 3
    assert len({copy.read_bytes() for copy in copies}) == 1
