"""Rows of Lambda."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import functions

# The archive is packed where the parameter is bytes (codec.py).
CODE = "code s3Bucket s3Key s3ObjectVersion imageUri sourceKmsKeyArn architectures"
CONFIGURATION = (
    "deadLetterConfig description environment ephemeralStorage handler kmsKeyArn layers loggingConfig memorySize role"
    " runtime timeout tracingConfig vpcConfig"
)
INVOKE = (
    "join('', ['arn:', partition, ':apigateway:', region, ':lambda:path/2015-03-31/functions/', {}, '/invocations'])"
)

ROWS = (
    Row(
        token="aws:lambda/function:Function",
        service="lambda",
        create="create_function *",
        id="{name}",
        read=(
            "get_function {FunctionName: name} -> merge(Configuration, {Tags: Tags,"
            " reservedConcurrentExecutions: Concurrency.ReservedConcurrentExecutions || `-1`})",
        ),
        set={
            CODE: "update_function_code * {FunctionName: id}",
            CONFIGURATION: "update_function_configuration * {FunctionName: id}",
            "reservedConcurrentExecutions": functions.set_concurrency,
        },
        unset={
            "description": "update_function_configuration {FunctionName: id, Description: ''}",
            "environment": "update_function_configuration {FunctionName: id, Environment: {Variables: `{}`}}",
            "kmsKeyArn": "update_function_configuration {FunctionName: id, KMSKeyArn: ''}",
        },
        delete=("if !skipDestroy: delete_function {FunctionName: id}",),
        nest="Code",
        rename={"name": "FunctionName", "code": "ZipFile"},
        out={
            "arn": "FunctionArn",
            "codeSha256": "CodeSha256",
            "invokeArn": INVOKE.format("FunctionArn"),
            "qualifiedArn": "join(':', [FunctionArn, Version])",
            "qualifiedInvokeArn": INVOKE.format("join(':', [FunctionArn, Version])"),
            "sourceCodeSize": "CodeSize",
            # Lambda tells these of every function.
            "snapStart": "SnapStart.ApplyOn != 'None' && SnapStart || `null`",
        },
        local=("publish", "skipDestroy", "sourceCodeHash"),
        defaults={
            "memorySize": 128,
            "packageType": "Zip",
            "publish": False,
            "reservedConcurrentExecutions": -1,
            "skipDestroy": False,
            "timeout": 3,
        },
        computed=(
            "architectures",
            "codeSha256",
            "ephemeralStorage",
            "loggingConfig",
            "sourceCodeHash",
            "tracingConfig",
        ),
        moves=("codeSha256", "lastModified", "sourceCodeSize"),
        auto=AutoName(limit=64),
        tags="lambda",
    ),
    Row(
        token="aws:lambda/permission:Permission",
        service="lambda",
        create="add_permission *",
        id="$statementId",
        imported="{function}/{statementId}",
        derive={"statementId": "statementId || id"},
        read=(functions.read_permission,),
        delete=("remove_permission {FunctionName: function, StatementId: id, Qualifier: qualifier}",),
        rename={"function": "FunctionName"},
        out={"function": "function"},
        name="statementId",
        auto=AutoName(input="statementId", limit=100),
    ),
)
