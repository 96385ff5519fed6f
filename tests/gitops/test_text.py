"""The tree as text: nothing of an account and nothing secret is in it, and nothing is fetched behind its back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest

from tests.gitops.tree import CHECKOUT

_NOT_IN_GIT = {
    "an account id": re.compile(r"(?<![\w.])\d{12}(?![\w.])"),
    "an ARN": re.compile(r"\barn:aws"),
    "an id that AWS gave": re.compile(r"\b(vpc|subnet|sg|ami|i|eni|rtb|lt|key|vol)-[0-9a-f]{8,17}\b"),
    "an access key": re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a private key": re.compile(r"-----BEGIN"),
    "credentials in a URL": re.compile(r"://[^/\s:@]+:[^/\s@]+@"),
    "a Secret": re.compile(r"^kind: Secret$", re.MULTILINE),
    "a moving tag": re.compile(r"@latest\b|:latest\b"),
    "a remote base": re.compile(r"^\s*-\s+(https?://|git::|github\.com|git@)", re.MULTILINE),
    "a Helm chart that kustomize fetches": re.compile(r"^helmCharts:", re.MULTILINE),
    # Alerts go to Slack, whoever is alerted. What a comment names is a source of facts, and is fetched by nobody.
    "a domain of its own": re.compile(
        r"^[^#\n]*https://(?!kubernetes\.default\.svc|slack\.com/api/)[\w-]+\.[\w.-]+", re.MULTILINE
    ),
}


def _files() -> dict[str, str]:
    paths = sorted(path for path in (CHECKOUT / "gitops").rglob("*") if path.is_file())
    return {str(path.relative_to(CHECKOUT)): path.read_text(encoding="utf-8") for path in paths}


def _found(files: Mapping[str, str]) -> Iterator[str]:
    for path, text in files.items():
        # "$schema" names the JSON Schema dialect by a URL that nobody fetches.
        readable = re.sub(r'"\$schema": "[^"]+"', "", text)
        yield from (f"{path} has {what}" for what, pattern in _NOT_IN_GIT.items() if pattern.search(readable))


def test_tree_names_nothing_of_an_account() -> None:
    """No file has an account's id, an ARN, a credential, a moving version or a source of its own."""
    assert list(_found(_files())) == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("an account id", "account: 123456789012"),
        ("an ARN", "role: arn:aws-us-gov:iam::1:role/x"),
        ("an id that AWS gave", "vpc: vpc-0a1b2c3d4e5f67890"),
        ("an access key", "key: AKIAIOSFODNN7EXAMPLE"),
        ("a private key", "tls: -----BEGIN RSA PRIVATE KEY-----"),
        ("credentials in a URL", "url: ssh://user:token@git.example.com/x"),
        ("a Secret", "apiVersion: v1\nkind: Secret\n"),
        ("a moving tag", "alias: al2023@latest"),
        ("a remote base", "resources:\n  - https://git.example.com/base?ref=main\n"),
        ("a Helm chart that kustomize fetches", "helmCharts:\n  - name: x\n"),
        ("a domain of its own", "repoURL: https://charts.example.com"),
        ("a domain of its own", "# Why\nrepoURL: https://charts.example.com # and why"),
    ],
)
def test_what_does_not_belong_there_is_noticed(what: str, text: str) -> None:
    """Each of those is found."""
    assert f"x has {what}" in list(_found({"x": text}))
