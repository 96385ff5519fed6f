"""Rules of Lambda, and of the schedules that start functions."""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from typing import Any

from sandbox.aws.assets import zipped
from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule

FUNCTION = "aws:lambda/function:Function"
PERMISSION = "aws:lambda/permission:Permission"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"

LAMBDA = "lambda.amazonaws.com"
# Still in the API's list; Lambda makes no function of them any more
# (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html#runtimes-deprecated).
RETIRED = re.compile(
    r"nodejs|nodejs(4\.3|4\.3-edge|6\.10|8\.10|10\.x|12\.x|14\.x|16\.x)|python(2\.7|3\.6|3\.7|3\.8)"
    r"|dotnetcore.*|dotnet6|go1\.x|java8|provided|ruby2\..*"
)
# Setting → lowest and highest value.
RANGES = {"memorySize": (128, 10240), "timeout": (1, 900)}
MOST_PACKED = 50 << 20
MOST_ENVIRONMENT = 4096
RESERVED = (
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
)
SCHEDULE = re.compile(r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)|cron\(\S+( \S+){5}\)")


@rule(FUNCTION, at="check")
def function_settings(case: Case) -> None:
    """A function's name, numbers and environment are within Lambda's limits."""
    name = case["name"]
    if isinstance(name, str) and not re.fullmatch(r"[\w-]{1,64}", name):
        raise _invalid(f"Value '{name}' at 'functionName' must have at most 64 characters of [a-zA-Z0-9-_]")
    for setting, (low, high) in RANGES.items():
        value = case[setting]
        if isinstance(value, int) and not low <= value <= high:
            raise _invalid(f"Value '{value}' at '{setting}' must be in {low}-{high}")
    variables = (case["environment"] or {}).get("variables") or {}
    if taken := sorted({*variables} & {*RESERVED}):
        raise _invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(taken)}"
        )
    if len(json.dumps(variables)) > MOST_ENVIRONMENT:
        raise _invalid("Lambda was unable to configure your environment variables because they exceed the 4KB limit.")


@rule(FUNCTION, at="check")
def function_runtime(case: Case) -> None:
    """A function of an archive has a runtime that Lambda has, and says what to call."""
    runtime = case["runtime"]
    given = {name for name, value in case.inputs.items() if value is not None}
    if case["packageType"] != "Image" and not {"runtime", "handler"} <= given:
        raise _invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
    if len(given & {"code", "s3Bucket", "imageUri"}) != 1:
        raise _invalid("Please provide a source for function code: one of code, s3Bucket and imageUri.")
    if not isinstance(runtime, str):
        return
    model = case.session.caller.client("lambda", case.session.region).meta.service_model
    if runtime not in model.shape_for("Runtime").enum:
        raise _invalid(f"Value {runtime} at 'runtime' failed to satisfy constraint: it is no runtime of Lambda")
    if RETIRED.fullmatch(runtime):
        raise _invalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )


@rule(FUNCTION, at="create")
@rule(FUNCTION, at="update")
def function_role(case: Case) -> None:
    """A function's role exists, and Lambda may assume it."""
    arn = str(case["role"])
    refusal = _invalid("The role defined for the function cannot be assumed by Lambda.")
    if ":role/" not in arn:
        raise error("ValidationException", "CreateFunction", f"Value '{arn}' at 'role' is no ARN of a role")
    try:
        role = case.call("iam", "get_role", RoleName=arn.rpartition("/")[2])["Role"]
    except AwsError as failure:
        if failure.gone:
            raise refusal from None
        raise
    if not any(_trusts(statement) for statement in _many(role["AssumeRolePolicyDocument"]["Statement"])):
        raise refusal


@rule(FUNCTION, at="create")
@rule(FUNCTION, at="update")
def function_code(case: Case) -> None:
    """An archive is not too large, and holds what the handler names: Lambda would find out at the first call."""
    if case["code"] is None:
        return
    packed = zipped(case["code"])
    if len(packed) > MOST_PACKED:
        reason = f"Request must be smaller than {MOST_PACKED} bytes for the CreateFunction operation"
        raise error("RequestEntityTooLargeException", "CreateFunction", reason)
    runtime, handler = str(case["runtime"]), str(case["handler"])
    if not runtime.startswith("python"):
        return
    module, _, name = handler.rpartition(".")
    path = f"{module.replace('.', '/')}.py"
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        if path not in archive.namelist():
            raise _unimportable(f"Unable to import module '{module}': the archive has no {path}")
        if not _defines(archive.read(path).decode(), name):
            raise _unimportable(f"Handler '{name}' missing on module '{module}'")


@rule(FUNCTION, at="create")
@rule(FUNCTION, at="update")
def function_key(case: Case) -> None:
    """The key of a function's environment exists and is enabled."""
    arn = case["kmsKeyArn"]
    if not arn:
        return
    try:
        state = case.call("kms", "describe_key", KeyId=arn)["KeyMetadata"]["KeyState"]
    except AwsError as failure:
        if failure.gone:
            raise _invalid(f"The KMS key {arn} does not exist.") from None
        raise
    if state != "Enabled":
        raise error("KMSDisabledException", "CreateFunction", f"{arn} is {state}.")


@rule(PERMISSION, at="create")
def permission(case: Case) -> None:
    """A permission is for a function that exists, under an id that its policy does not have yet."""
    name, statement = case["function"], case["statementId"]
    try:
        case.call("lambda", "get_function", FunctionName=name)
        policy = json.loads(case.call("lambda", "get_policy", FunctionName=name)["Policy"])
    except AwsError as failure:
        if failure.gone and "Function not found" not in str(failure):
            return
        raise
    if any(one["Sid"] == statement for one in policy["Statement"]):
        reason = (
            f"The statement id ({statement}) provided already exists. "
            "Please provide a new statement id, or remove the existing statement."
        )
        raise error("ResourceConflictException", "AddPermission", reason)


@rule(PERMISSION, at="check")
def permission_form(case: Case) -> None:
    """A permission is for an action of Lambda; a service says for whom it acts."""
    action, statement = case["action"], case["statementId"]
    if isinstance(action, str) and not re.fullmatch(r"lambda:[*]|lambda:[a-zA-Z]+|[*]", action):
        raise error("ValidationException", "AddPermission", f"Value '{action}' at 'action' is no action of Lambda")
    if isinstance(statement, str) and not re.fullmatch(r"[\w-]{1,100}", statement):
        raise error("ValidationException", "AddPermission", f"Value '{statement}' at 'statementId' is no id")


@rule(RULE, at="check")
def schedule(case: Case) -> None:
    """A schedule is a rate with the right plural or a cron expression of six fields, on the default bus only."""
    text = case["scheduleExpression"]
    if text is None:
        return
    if not SCHEDULE.fullmatch(str(text)):
        raise error("ValidationException", "PutRule", "Parameter ScheduleExpression is not valid.")
    if case["eventBusName"] not in (None, "default"):
        reason = "ScheduleExpression is supported only on the default event bus."
        raise error("ValidationException", "PutRule", reason)


@rule(TARGET, at="create")
@rule(TARGET, at="update")
def target_function(case: Case) -> None:
    """A target that is a function exists, in the rule's region; its input is JSON."""
    arn, text = str(case["arn"]), case["input"]
    if text is not None:
        try:
            json.loads(text)
        except ValueError:
            reason = "JSON syntax error in input for target"
            raise error("ValidationException", "PutTargets", reason) from None
    if ":lambda:" not in arn:
        return
    if arn.split(":")[3] != case.session.region:
        reason = f"Provided Arn is not in the rule's region {case.session.region}: {arn}"
        raise error("ValidationException", "PutTargets", reason)
    try:
        case.call("lambda", "get_function", FunctionName=arn)
    except AwsError as failure:
        if failure.gone:
            reason = f"The function {arn} of the target does not exist."
            raise error("ResourceNotFoundException", "PutTargets", reason) from None
        raise


def _trusts(statement: Any) -> bool:
    principal = statement.get("Principal", {})
    services = _many(principal.get("Service")) if isinstance(principal, dict) else [LAMBDA]
    actions = _many(statement.get("Action"))
    return statement.get("Effect") == "Allow" and LAMBDA in services and bool({"sts:AssumeRole", "sts:*"} & {*actions})


def _defines(source: str, name: str) -> bool:
    try:
        body = ast.parse(source).body
    except SyntaxError as problem:
        raise _unimportable(f"Syntax error in module: {problem}") from None
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assigned = [target for one in body if isinstance(one, ast.Assign) for target in one.targets]
    return any(isinstance(one, functions) and one.name == name for one in body) or any(
        isinstance(one, ast.Name) and one.id == name for one in assigned
    )


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _invalid(message: str) -> AwsError:
    return error("InvalidParameterValueException", "CreateFunction", message)


def _unimportable(message: str) -> AwsError:
    # No code of AWS's: it takes the archive, and each call of the function fails.
    return error("Runtime.ImportModuleError", "CreateFunction", message)
