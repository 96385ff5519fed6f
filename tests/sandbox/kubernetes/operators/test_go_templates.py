"""The part of Go's templates that manifests of secrets use."""

from __future__ import annotations

import pytest

from sandbox.kubernetes.operators.go_templates import TemplateError, execute

_VALUES = {"user": "ada", "password": "a b/+&"}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{ .user }}:{{.user}}", "ada:ada"),
        ("a {{- .user -}} b", "aadab"),
        ('{{ index . "user" | upper }}', "ADA"),
        # As Go's url.QueryEscape has it: a space is a plus.
        ("{{ .password | urlquery }}", "a+b%2F%2B%26"),
        ("{{ .user | b64enc }}{{ .user | quote }}", 'YWRh"ada"'),
    ],
    ids=["plain", "fields", "trimmed", "index and pipe", "in a URL", "two pipes"],
)
def test_fields_and_pipes(template: str, text: str) -> None:
    """What is filled in is what Go fills in."""
    assert execute(template, _VALUES) == text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ .other }}", 'map has no entry for key "other"'),
        ("{{ if .user }}x{{ end }}", "template action 'if .user': not known"),
        ("{{ .user | sha256sum }}", "template function 'sha256sum': not known"),
    ],
    ids=["missing key", "control", "function"],
)
def test_what_is_missing_or_not_known_is_an_error(template: str, said: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(TemplateError, match=said):
        execute(template, _VALUES)
