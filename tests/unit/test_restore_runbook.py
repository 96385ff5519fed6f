"""The runbook of restoring: its table is the plan's, and its AWS commands exist."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import botocore.session
import pytest
import yaml
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

from components.identity.policies.backups import PREFIX
from components.storage.backups import SCHEDULE
from components.storage.plan import RECOVERY

TEXT = (Path(__file__).parents[2] / "docs" / "runbooks" / "restore.md").read_text(encoding="utf-8")
GLOBAL = {"query", "output"}
# Of the CLI alone: they are no operations of an API.
HIGH_LEVEL = {"s3 ls": {"recursive"}, "s3 cp": set[str]()}


def commands() -> Iterator[list[str]]:
    """Every call of the AWS CLI, in blocks and in sentences, as words."""
    joined = TEXT.replace("\\\n", " ")
    for match in re.finditer(
        r"(?<![\w-])aws ((?:s3|s3api|[a-z0-9]+) [a-z-]+)((?:'[^']*'|\"[^\"]*\"|[^`\n)&'\"])*)", joined
    ):
        text = re.sub(r"\s#.*", "", match[2])
        yield [*match[1].split(), *shlex.split(text)]


def faults(words: list[str]) -> list[str]:
    """What of a call the CLI does not know."""
    service, verb, *rest = words
    options = {word[2:] for word in rest if word.startswith("--")}
    if f"{service} {verb}" in HIGH_LEVEL:
        return sorted(options - HIGH_LEVEL[f"{service} {verb}"])
    session = botocore.session.get_session()
    try:
        model = session.get_service_model({"s3api": "s3"}.get(service, service))
    except UnknownServiceError:
        return [service]
    if verb == "wait":
        return (
            []
            if rest[0] in {xform_name(name, "-") for name in session.get_waiter_model(service).waiter_names}
            else rest
        )
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if verb not in operations:
        return [verb]
    shape = model.operation_model(operations[verb]).input_shape
    members = shape.members if shape else {}
    known = {xform_name(member, "-") for member in members}
    # The CLI makes such a token itself.
    wanted = [m for m in (shape.required_members if shape else ()) if "idempotencyToken" not in members[m].metadata]
    required = {xform_name(member, "-") for member in wanted}
    return sorted((options - known - GLOBAL) | {f"lacks {option}" for option in required - options})


def test_commands_exist() -> None:
    """Every command is one of the AWS CLI's, with options that it has and all that it wants."""
    found = list(commands())
    assert len(found) >= 20
    assert [(words, wrong) for words in found if (wrong := faults(words))] == []


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("backup start-restore-jobs", ["start-restore-jobs"]),
        ("bakcup start-restore-job", ["bakcup"]),
        ("efs delete-access-point --access-point x", ["access-point", "lacks access-point-id"]),
        ("s3 cp a b --prefix x", ["prefix"]),
    ],
)
def test_a_wrong_command_is_seen(command: str, wrong: list[str]) -> None:
    """A misspelt service, command or option is reported, and a missing one too."""
    assert faults(command.split()) == wrong


def test_documents_are_well_formed() -> None:
    """Kubernetes manifests are YAML with kind and name, and documents for AWS are JSON."""
    manifests = [
        document
        for block in re.findall(r"<<END\n(.*?\n) *END\n", TEXT, re.DOTALL)
        for document in yaml.safe_load_all(dedent(block))
    ]
    volume = ["PersistentVolume", "PersistentVolumeClaim"]
    assert [m["kind"] for m in manifests] == [*volume, "Pod", *volume]
    assert all(m["metadata"]["name"] for m in manifests)
    shown = [re.sub(r"'\"\$\w+\"'", "x", text) for text in re.findall(r"'(\{\".*?\})'(?=[\n)`])", TEXT, re.DOTALL)]
    assert len(shown) >= 4
    assert all(json.loads(text) for text in shown)


def test_table_is_the_plan() -> None:
    """The runbook's table has the rows of the plan, word by word, and no others."""
    rows = re.findall(r"^\| `([\w:/.-]+)` \| (.+) \|$", TEXT, re.MULTILINE)
    assert dict(rows) == {type_: row.how for type_, row in RECOVERY.items()}


def test_times_and_places_are_the_programs() -> None:
    """The hour of the backups and the folder of Argo CD's are those of the program."""
    minute, hour = re.findall(r"\d+", SCHEDULE)
    assert f"{hour}:{int(minute):02d} UTC" in TEXT
    assert f"/{PREFIX}" in TEXT
