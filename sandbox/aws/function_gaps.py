"""What moto's Lambda lacks: settings that it forgets, and the promise that nothing is run.

Each function stands in for a method of moto's under the same name; what moto does rightly is left to moto's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse

__all__ = ["FUNCTION_GAPS"]

# What moto keeps under names of its own, besides what its update knows.
_HELD = {"TracingConfig": "tracing_config", "KMSKeyArn": "kms_key_arn"}
_CONFIGURATION = LambdaFunction.get_configuration
_INIT = LambdaFunction.__init__
_UPDATE = LambdaFunction.update_configuration


def _init(function: Any, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
    _INIT(function, account_id, spec, region, version)
    _remember(function, spec)


def _remember(function: Any, spec: dict[str, Any]) -> None:
    group = f"/aws/lambda/{function.function_name}"
    function.logging = {"LogFormat": "Text", "LogGroup": group, **spec.get("LoggingConfig", {})}
    function.dead_letters = spec.get("DeadLetterConfig", getattr(function, "dead_letters", None))


def _update(function: Any, changes: dict[str, Any]) -> Any:
    for name, attribute in _HELD.items():
        if name in changes:
            setattr(function, attribute, changes[name])
    if "EphemeralStorage" in changes:
        function.ephemeral_storage = changes["EphemeralStorage"]["Size"]
    _remember(function, {"LoggingConfig": function.logging, **changes})
    _UPDATE(function, changes)
    return function.get_configuration()


def _configuration(function: Any, on_create: bool = False) -> dict[str, Any]:
    told: dict[str, Any] = _CONFIGURATION(function, on_create)
    return {**told, "LoggingConfig": function.logging, "DeadLetterConfig": function.dead_letters}


def _invoke(_response: Any) -> Any:
    # moto would start a container.
    raise LambdaClientError("ServiceException", "the sandbox runs no functions")


FUNCTION_GAPS: tuple[tuple[type, str, Callable[..., Any]], ...] = (
    (LambdaFunction, "__init__", _init),
    (LambdaFunction, "get_configuration", _configuration),
    (LambdaFunction, "update_configuration", _update),
    (LambdaResponse, "invoke", _invoke),
    (LambdaResponse, "invoke_async", _invoke),
)
