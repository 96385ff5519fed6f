"""Lambda in the emulated AWS: archives, what it refuses, schedules, and that nothing is ever run."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.awslambda.models import lambda_backends

from sandbox.aws.assets import content_hash, zipped
from sandbox.aws.calls import AwsError
from sandbox.protocol import HostError
from tests.sandbox.aws.examples.observability import (
    ARCHIVE,
    ASSET,
    CODE,
    FUNCTION,
    SIGNATURE,
    archive,
    function,
    made_function,
)
from tests.sandbox.aws.world import ACCOUNT, REGION, World, trust

PERMISSION = "aws:lambda/permission:Permission"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
ROLE = "aws:iam/role:Role"
Change = Callable[[World], dict[str, Any]]


def role(world: World, service: str) -> dict[str, Any]:
    return {"role": world.make(ROLE, "other", assumeRolePolicy=trust(service))["arn"]}


def large() -> dict[str, Any]:
    """Return an archive that does not pack well."""
    return archive(index=CODE, more=base64.b64encode(random.Random(1).randbytes(51 << 20)).decode())


def disabled_key(world: World) -> dict[str, Any]:
    key = world.make("aws:kms/key:Key")
    world.client("kms").disable_key(KeyId=key.id)
    return {"kmsKeyArn": key["arn"]}


CASES: dict[str, tuple[Change, str]] = {
    "a role of another service": (lambda world: role(world, "ec2.amazonaws.com"), "cannot be assumed by Lambda"),
    "a role that is not there": (
        lambda world: {"role": f"arn:aws:iam::{ACCOUNT}:role/nobody"},
        "cannot be assumed by Lambda",
    ),
    "no role's ARN": (lambda world: {"role": "nobody"}, "no ARN of a role"),
    "a runtime that never was": (lambda world: {"runtime": "python3.99"}, "no runtime of Lambda"),
    "a retired runtime": (lambda world: {"runtime": "python3.7"}, "no longer supported for creating"),
    "no handler": (lambda world: {"handler": None}, "Runtime and Handler are mandatory"),
    "no code": (lambda world: {"code": None}, 'Missing required parameter in input: "Code"'),
    "code from two places": (lambda world: {"s3Bucket": "bucket", "s3Key": "k"}, "provide a source for function code"),
    "a handler of no file": (lambda world: {"handler": "main.handler"}, "the archive has no main.py"),
    "a handler of no function": (lambda world: {"handler": "index.main"}, "Handler 'main' missing"),
    "code that is none": (lambda world: {"code": archive(index="def handler(:")}, "Syntax error in module"),
    "a name with a dot": (lambda world: {"name": "a.b"}, "at 'functionName'"),
    "16 minutes": (lambda world: {"timeout": 960}, "at 'timeout' must be in 1-900"),
    "more than 10 GiB": (lambda world: {"memorySize": 10241}, "at 'memorySize' must be"),
    "a reserved variable": (
        lambda world: {"environment": {"variables": {"AWS_REGION": "x"}}},
        "Reserved keys used in this request: AWS_REGION",
    ),
    "variables of 5 KB": (lambda world: {"environment": {"variables": {"A": "x" * 5000}}}, "exceed the 4KB limit"),
    "a key that is not there": (
        lambda world: {"kmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/none"},
        "does not exist",
    ),
    "an archive of 51 MiB": (lambda world: {"code": large()}, "RequestEntityTooLarge"),
    "a key that is disabled": (disabled_key, "KMSDisabledException"),
}


@pytest.mark.parametrize("name", CASES)
def test_lambda_refuses(world: World, name: str) -> None:
    """One change away from a function that is made; what Lambda would find out at the first call is refused too."""
    change, words = CASES[name]
    inputs = function(world)
    with pytest.raises(HostError, match=words):
        world.make(FUNCTION, **{**inputs, **change(world)})
    world.delete(world.make(FUNCTION, **inputs))


def test_the_archive_reaches_lambda(world: World) -> None:
    """As a zip file; the function tells its hash and size, and a new archive changes them."""
    made = made_function(world)
    packed = zipped(made.inputs["code"])
    assert made["codeSha256"] == base64.b64encode(hashlib.sha256(packed).digest()).decode()
    assert made["sourceCodeSize"] == len(packed)
    held = lambda_backends[ACCOUNT][REGION].get_function(made["name"])
    with zipfile.ZipFile(io.BytesIO(held.code_bytes)) as content:
        assert content.read("index.py").decode() == CODE
    changed = world.update(made, code=archive(index=CODE + "# more\n"))
    assert changed["codeSha256"] != made["codeSha256"]


def test_the_same_content_is_no_change(world: World) -> None:
    """An archive is its content: where it came from does not matter."""
    made = made_function(world)
    other = {SIGNATURE: ARCHIVE, "path": "/somewhere/else", "hash": made.inputs["code"]["hash"]}
    result = world.host.diff(
        FUNCTION, world.urn(FUNCTION, "t"), made.outputs, made.inputs, {**made.inputs, "code": other}
    )
    assert result.changed == ()


def test_an_archive_is_packed_alike_each_time(tmp_path: Path) -> None:
    """Neither order nor time of its files goes into it."""
    one, two = archive(a="1", b="2"), archive(b="2", a="1")
    assert zipped(one) == zipped(two)
    (tmp_path / "inner").mkdir()
    for name, text in {"b.py": "2", "a.py": "1", "inner/c.py": "3"}.items():
        (tmp_path / name).write_text(text)
    folder = zipped({SIGNATURE: ARCHIVE, "path": str(tmp_path)})
    with zipfile.ZipFile(io.BytesIO(folder)) as content:
        assert content.namelist() == ["a.py", "b.py", "inner/c.py"]
    nested = {"inner": {SIGNATURE: ARCHIVE, "assets": {"c.py": {SIGNATURE: ASSET, "text": "3"}}}}
    same = {**{name: {SIGNATURE: ASSET, "path": str(tmp_path / name)} for name in ("a.py", "b.py")}, **nested}
    assert zipped({SIGNATURE: ARCHIVE, "assets": same}) == folder
    (tmp_path / "packed.zip").write_bytes(folder)
    assert zipped({SIGNATURE: ARCHIVE, "path": str(tmp_path / "packed.zip")}) == folder


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": 1}, "not an archive"),
        ({SIGNATURE: ASSET, "text": "x"}, "not an archive"),
        ({SIGNATURE: ARCHIVE, "uri": "https://example.com/a.zip"}, "fetches nothing over the network"),
        ({SIGNATURE: ARCHIVE, "path": "/nowhere"}, "folders and .zip files"),
        ({SIGNATURE: ARCHIVE, "assets": {"a": {SIGNATURE: ASSET, "path": "/nowhere"}}}, "No such file"),
        ({SIGNATURE: ARCHIVE, "assets": {"a": {SIGNATURE: ASSET, "uri": "https://a.org"}}}, "over the network"),
    ],
)
def test_what_is_no_archive_is_refused(value: dict[str, Any], words: str) -> None:
    """In words that say what to give instead."""
    with pytest.raises(HostError, match=words):
        zipped(value)


def test_other_objects_have_no_content_hash() -> None:
    """Only assets and archives are compared by their content."""
    assert content_hash({"hash": "1"}) is None
    assert content_hash("text") is None
    assert content_hash(archive(a="1")) is not None


def test_no_function_is_ever_run(world: World) -> None:
    """Neither making one starts Docker nor calling it."""
    made = made_function(world)
    held = lambda_backends[ACCOUNT][REGION].get_function(made["name"])
    assert vars(held)["_DockerModel__docker_client"] is None
    with pytest.raises(ClientError, match="the sandbox runs no functions"):
        world.client("lambda").invoke(FunctionName=made["name"])
    assert vars(held)["_DockerModel__docker_client"] is None


def test_settings_come_back(world: World) -> None:
    """Those that moto forgets too."""
    made = made_function(world, deadLetterConfig={"targetArn": world.queue["arn"]}, reservedConcurrentExecutions=1)
    config = world.client("lambda").get_function_configuration(FunctionName=made["name"])
    assert config["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": world.log_group["name"]}
    assert config["DeadLetterConfig"] == {"TargetArn": world.queue["arn"]}
    changed = world.update(made, ephemeralStorage={"size": 1024}, reservedConcurrentExecutions=None)
    assert changed["ephemeralStorage"] == {"size": 1024}
    assert changed["reservedConcurrentExecutions"] == -1


def test_a_schedule_starts_a_function(world: World) -> None:
    """Rule, permission and target; the target's function has to be there."""
    rule = world.make(RULE, "schedule", scheduleExpression="rate(5 minutes)")
    made = made_function(world)
    world.make(PERMISSION, function=made["name"], action="lambda:InvokeFunction", principal="events.amazonaws.com",
               sourceArn=rule["arn"])  # fmt: skip
    target = world.make(TARGET, rule=rule.id, arn=made["arn"], input=json.dumps({"a": 1}))
    assert target["arn"] == made["arn"]
    for change, words in (
        ({"arn": made["arn"] + "-gone"}, "does not exist"),
        ({"arn": made["arn"].replace(REGION, "us-east-1")}, "not in the rule's region"),
        ({"input": "{"}, "JSON syntax error"),
    ):
        with pytest.raises(AwsError, match=words):
            world.make(TARGET, **{"rule": rule.id, "arn": made["arn"], **change})


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("rate(1 minute)", True),
        ("rate(5 minutes)", True),
        ("rate(12 hours)", True),
        ("cron(0 3 * * ? *)", True),
        ("rate(1 minutes)", False),
        ("rate(5 minute)", False),
        ("rate(0 minutes)", False),
        ("rate(5m)", False),
        ("cron(0 3 * * *)", False),
        ("every day", False),
    ],
)
def test_a_schedule_is_a_rate_or_a_cron_expression(world: World, text: str, fine: bool) -> None:
    """One unit is singular, and cron has a sixth field for the year."""
    if fine:
        world.check(RULE, {"scheduleExpression": text})
    else:
        with pytest.raises(AwsError, match="ScheduleExpression is not valid"):
            world.check(RULE, {"scheduleExpression": text})


def test_schedules_are_for_the_default_bus(world: World) -> None:
    """Another bus has events alone."""
    with pytest.raises(AwsError, match="only on the default event bus"):
        world.check(RULE, {"scheduleExpression": "rate(1 day)", "eventBusName": "other"})


@pytest.mark.parametrize(("change", "words"), [({"action": "s3:Get"}, "'action'"), ({"statementId": "a b"}, "no id")])
def test_a_permission_has_a_form(world: World, change: dict[str, str], words: str) -> None:
    """An action of Lambda and a plain id."""
    inputs = {"function": "f", "action": "lambda:InvokeFunction", "principal": "events.amazonaws.com"}
    assert world.check(PERMISSION, inputs)
    with pytest.raises(AwsError, match=words):
        world.check(PERMISSION, {**inputs, **change})


def test_a_permission_had_once_is_gone_for_good(world: World) -> None:
    """Taken off, it is not found beside those that stay."""
    inputs = {
        "function": made_function(world)["name"],
        "action": "lambda:InvokeFunction",
        "principal": "s3.amazonaws.com",
    }
    first, second = (world.make(PERMISSION, **inputs, statementId=name) for name in ("one", "two"))
    world.delete(first)
    for made, rid in ((first, ""), (second, "two")):
        assert world.host.read(PERMISSION, world.urn(PERMISSION, "t"), made.id, made.inputs, made.outputs)[0] == rid


def test_a_permission_is_had_once(world: World) -> None:
    """Its id is unique in the function's policy, and the function has to be there."""
    made = made_function(world)
    inputs = {"function": made["name"], "action": "lambda:InvokeFunction", "principal": "events.amazonaws.com"}
    first = world.make(PERMISSION, **inputs, statementId="schedule")
    with pytest.raises(AwsError, match=r"statement id .schedule. provided already exists"):
        world.make(PERMISSION, **inputs, statementId="schedule")
    second = world.make(PERMISSION, **inputs)
    assert second.id.startswith("thing-")
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        world.make(PERMISSION, **{**inputs, "function": "gone"})
    world.delete(made)
    world.delete(first)
