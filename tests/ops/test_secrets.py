"""The command `secrets`: values go to AWS and nowhere else."""

from __future__ import annotations

import io
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from moto import mock_aws
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.errors import OpsError
from ops.secrets import command
from ops.secrets import store as module
from ops.secrets.store import MOST_BYTES, Value, read, store

REGION: Final = "eu-west-1"
ACCOUNT: Final = "123456789012"
# A value found anywhere but in AWS is a leak.
CANARY: Final = "canary-9b1e77"
CONFIG: Final = {
    "platform:aws": {"accountId": ACCOUNT, "region": REGION},
    "platform:identity": {"secretsPrefix": "demo/"},
    "platform:secrets": {
        "recoveryDays": 0,
        "entries": {"gitops/github": "token", "argocd/slack": "token", "monitoring/grafana": "login"},
    },
    "platform:edge": {"login": True},
}
Run = Callable[..., Result]


class Stack:
    """A stack whose configuration is known without an engine."""

    config_: dict[str, Any] = CONFIG

    def __init__(self, folder: Path = Path(), name: str = "dev") -> None:
        self.folder, self.name = folder, name

    def config(self) -> dict[str, Any]:
        return {key: {"value": json.dumps(content), "objectValue": content} for key, content in self.config_.items()}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Secrets Manager with the entries `gitops/github` (has a value) and `argocd/slack` (has none)."""
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(command, "Pulumi", Stack)
    with mock_aws():
        client = boto3.client("secretsmanager", region_name=REGION)
        client.create_secret(Name="demo/argocd/slack")
        client.create_secret(Name="demo/gitops/github", SecretString="old")
        yield client


@pytest.fixture
def run(aws: Any) -> Run:
    """Run `secrets …` with a text on standard input."""

    def invoke(*words: str, given: str | None = None) -> Result:
        return CliRunner().invoke(app, ["secrets", *words[:1], "--stack", "dev", *words[1:]], input=given)

    return invoke


def value_of(aws: Any, name: str) -> str:
    return str(aws.get_secret_value(SecretId=f"demo/{name}")["SecretString"])


def everything_said(result: Result, caplog: pytest.LogCaptureFixture) -> str:
    """Output, errors, exceptions with their causes, and every line of the log down to the finest."""
    said = [result.output, result.stderr, caplog.text, repr([record.args for record in caplog.records])]
    if result.exc_info:
        said += traceback.format_exception(result.exc_info[1])
    error = result.exception
    while error is not None:
        said.append(repr(error))
        error = error.__cause__ or error.__context__
    return "\n".join(said)


def test_list_says_how_each_entry_stands(run: Run, aws: Any) -> None:
    """Which has a value, which has none, which is deleted and which does not exist; the command ends with 1."""
    aws.create_secret(Name="demo/argocd/oidc", SecretString=CANARY)
    aws.delete_secret(SecretId="demo/argocd/oidc", RecoveryWindowInDays=7)
    result = run("list")
    lines = {
        line.split()[0]: line.split(maxsplit=1)[1].split(",")[0].split(":")[0] for line in result.output.splitlines()
    }
    assert lines == {
        "demo/argocd/oidc": "deleted",
        "demo/argocd/slack": "has no value",
        "demo/gitops/github": "has a value",
        "demo/monitoring/grafana": "does not exist yet",
    }
    assert result.exit_code == 1


def test_list_is_content_when_all_have_a_value(run: Run, aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it ends with 0, and a pipeline may go on."""
    entries = {"entries": {"gitops/github": "token"}}
    monkeypatch.setattr(Stack, "config_", {**CONFIG, "platform:secrets": entries, "platform:edge": {"login": False}})
    result = run("list")
    assert (result.exit_code, result.output.split()[:2]) == (0, ["demo/gitops/github", "has"])


@pytest.mark.parametrize("entry", ["argocd/slack", "gitops/github"])
@pytest.mark.parametrize(
    ("given", "kept"), [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a b ", " a b ")]
)
def test_put_takes_standard_input(run: Run, aws: Any, entry: str, given: str, kept: str) -> None:
    """The text as it is, less the end of line that `echo` adds; an old value goes to AWSPREVIOUS."""
    result = run("put", entry, given=given)
    assert (result.exit_code, result.output) == (0, f"put  demo/{entry}\n")
    assert value_of(aws, entry) == kept
    if entry == "gitops/github":
        before = aws.get_secret_value(SecretId="demo/gitops/github", VersionStage="AWSPREVIOUS")
        assert before["SecretString"] == "old"


@pytest.mark.parametrize(
    ("entry", "given", "part"),
    [
        ("gitops/github", "", "is empty"),
        ("gitops/github", "\n", "is empty"),
        ("gitops/github", "x" * (MOST_BYTES + 1), f"has {MOST_BYTES + 1} bytes"),
        ("gitops/github", '{"token": "x",}', "begins like JSON and is none, line 1"),
        ("gitops/github", "[1, 2", "begins like JSON and is none"),
        ("monitoring/grafana", "x", "demo/monitoring/grafana does not exist yet; run `make up`"),
        ("argocd/oidc", "x", "the program writes it itself"),
        ("argocd/slak", "x", "no entry of platform:secrets.entries, which has argocd/slack, gitops/github"),
    ],
)
def test_put_refuses_in_one_line(run: Run, aws: Any, entry: str, given: str, part: str) -> None:
    """What cannot be meant, or cannot be taken now, changes nothing."""
    result = run("put", entry, given=given)
    assert result.exit_code == 1
    assert part in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert value_of(aws, "gitops/github") == "old"


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_put_takes_text_only(aws: Any, errors: str) -> None:
    """Bytes that are no text end in one line in every locale, change nothing, and no error holds them."""
    pipe = io.TextIOWrapper(io.BytesIO(CANARY.encode() + b"\xff"), encoding="utf-8", errors=errors)
    with pytest.raises(OpsError, match="no UTF-8 text") as raised:
        store(Stack()).put("gitops/github", lambda: read(terminal=False, stream=pipe.read, prompt=str))  # type: ignore[arg-type] # not an engine
    assert raised.value.__context__ is None
    assert value_of(aws, "gitops/github") == "old"


def test_put_waits_for_a_deleted_entry_to_be_back(run: Run, aws: Any) -> None:
    """AWS would refuse it with a less helpful text."""
    aws.delete_secret(SecretId="demo/gitops/github", RecoveryWindowInDays=7)
    assert "is deleted and can still be had back; run `make up` first" in run("put", "gitops/github", given="x").stderr


def test_a_value_is_asked_for_only_when_it_can_be_taken(aws: Any) -> None:
    """Nobody types a secret for an entry that is not there."""
    with pytest.raises(OpsError, match="does not exist yet"):
        store(Stack()).put("monitoring/grafana", lambda: pytest.fail("asked"))  # type: ignore[arg-type] # not an engine


def test_json_values_are_kept_letter_for_letter(run: Run, aws: Any) -> None:
    """They are checked, not rewritten."""
    text = '{ "b": 1,\n  "a": "x" }'
    assert run("put", "argocd/slack", given=text).exit_code == 0
    assert value_of(aws, "argocd/slack") == text


def test_a_terminal_is_asked_without_echo() -> None:
    """Only a pipe is read; what is typed stays as it is."""
    assert read(True, lambda: pytest.fail("read"), lambda: "typed\n").text == "typed\n"
    assert read(False, lambda: "piped\n", lambda: pytest.fail("asked")).text == "piped"


def test_generate_makes_a_login(run: Run, aws: Any) -> None:
    """JSON of a user's name and a password of letters and digits; no two are alike."""
    assert run("generate", "argocd/slack", "--key", "password", "--username", "admin").exit_code == 0
    first = json.loads(value_of(aws, "argocd/slack"))
    assert set(first) == {"username", "password"}
    assert first["username"] == "admin"
    assert len(first["password"]) == 40
    assert first["password"].isalnum()
    assert run("generate", "argocd/slack", "--key", "token", "--replace").exit_code == 0
    second = json.loads(value_of(aws, "argocd/slack"))
    assert set(second) == {"token"}
    assert second["token"] != first["password"]


def test_generate_does_not_replace_unasked(run: Run, aws: Any) -> None:
    """A password in use would lock someone out."""
    result = run("generate", "gitops/github")
    assert (result.exit_code, value_of(aws, "gitops/github")) == (1, "old")
    assert "add --replace" in result.stderr


def test_another_accounts_credentials_are_refused(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value does not go to a namesake elsewhere."""
    other = {**CONFIG, "platform:aws": {"accountId": "999999999999", "region": REGION}}
    monkeypatch.setattr(Stack, "config_", other)
    with pytest.raises(OpsError, match="set AWS_PROFILE to a profile of 999999999999"):
        store(Stack())  # type: ignore[arg-type] # not an engine


@pytest.mark.parametrize("account", [int(ACCOUNT), None])
def test_an_account_that_cannot_be_compared_is_refused(aws: Any, monkeypatch: pytest.MonkeyPatch, account: Any) -> None:
    """Without quotes YAML makes a number of it, which is equal to no account: that must not end the comparison."""
    monkeypatch.setattr(Stack, "config_", {**CONFIG, "platform:aws": {"accountId": account, "region": REGION}})
    with pytest.raises(OpsError, match="says no account to compare"):
        store(Stack())  # type: ignore[arg-type] # not an engine


def test_a_configuration_without_entries_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, no traceback."""
    monkeypatch.setattr(Stack, "config_", {"platform:aws": CONFIG["platform:aws"]})
    result = run("list")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "lacks 'platform:identity'" in result.stderr


def refusals() -> dict[str, Exception]:
    """What a call may end with; each quotes the value, as AWS and its SDK may."""
    said = {"Error": {"Code": "ValidationException", "Message": f"Value '{CANARY}' at 'secretString' failed"}}
    return {
        "by AWS": ClientError(said, "PutSecretValue"),
        "by the SDK": ParamValidationError(report=f"Invalid type for parameter SecretString, value: {CANARY}"),
        "on the way": EndpointConnectionError(endpoint_url=f"https://example.com/{CANARY}"),
    }


@pytest.mark.parametrize("refusal", refusals())
def test_no_value_is_in_an_error(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, refusal: str
) -> None:
    """Whoever refuses the value, and however it is quoted, the command does not repeat it."""
    original = BaseClient._make_api_call

    def refuse(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "PutSecretValue":
            raise refusals()[refusal]
        return original(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    caplog.set_level(logging.DEBUG)
    result = run("put", "gitops/github", given=CANARY)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: demo/gitops/github: ")
    assert CANARY not in everything_said(result, caplog)


@pytest.mark.parametrize("given", [CANARY, f'{{"token": "{CANARY}"}}', f'{{"token": "{CANARY}"', CANARY * 6000])
def test_no_value_is_said_or_logged(run: Run, caplog: pytest.LogCaptureFixture, given: str) -> None:
    """Taken or refused, at the finest log level."""
    caplog.set_level(logging.DEBUG)
    result = run("put", "gitops/github", given=given)
    assert caplog.records
    assert CANARY not in everything_said(result, caplog)


@pytest.mark.parametrize("words", [("list",), ("put", "gitops/github"), ("generate", "argocd/slack")])
def test_no_value_that_is_there_is_said(
    run: Run, aws: Any, caplog: pytest.LogCaptureFixture, words: tuple[str]
) -> None:
    """Neither the old one nor the generated one."""
    aws.put_secret_value(SecretId="demo/gitops/github", SecretString=CANARY)
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    result = run(*words, given="new")
    said = everything_said(result, caplog)
    assert CANARY not in said
    if words[0] == "generate":
        assert json.loads(value_of(aws, "argocd/slack"))["password"] not in said.partition("GetSecretValue")[0]


def test_the_canary_would_be_seen(run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Without the log's filter the SDK writes the value out: the tests above look where it would be."""
    monkeypatch.setattr(module, "_silent", nullcontext)
    caplog.set_level(logging.DEBUG)
    assert CANARY in everything_said(run("put", "gitops/github", given=CANARY), caplog)


def test_a_value_does_not_show_itself() -> None:
    """Tracebacks with local variables, and careless formatting, get nothing."""
    value = Value(CANARY)
    assert CANARY not in f"{value} {value!r} {[value]}"
