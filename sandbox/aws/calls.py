"""Calls to AWS: cached clients, recipes in one line of text, parameters checked by botocore's service model."""

from __future__ import annotations

import json
import re
import threading
import uuid
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import jmespath
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from botocore.model import Shape
from botocore.parsers import ResponseParserError
from botocore.validate import ParamValidator
from jmespath import functions

from sandbox.aws.codec import coerce
from sandbox.protocol import HostError

__all__ = ["AwsError", "Caller", "Recipe", "pick", "recipe"]

# EKS calls answer after the real Kubernetes beside them has come up; everything else answers at once.
TIMEOUT_SECONDS = 900

# What botocore misses where a value is not known yet: a parameter, or the items of a list.
UNKNOWN_YET = re.compile(r"Missing required parameter|Invalid length for parameter .*, value: 0,")

RECIPE = re.compile(
    r"(?:if (?P<condition>[^:]+): )?"
    r"(?:(?P<service>\w+)\.)?(?P<operation>\w+)"
    r"(?P<inputs> \*)?(?: (?P<args>\{.*?\}))?"
    r"(?: -> (?P<result>.+))?",
    re.DOTALL,
)


class AwsError(HostError):
    """An AWS API's refusal, in AWS's wording.

    Attributes:
        code: AWS's error code, such as `ResourceInUseException`.
    """

    def __init__(self, code: str, operation: str, message: str) -> None:
        super().__init__(f"An error occurred ({code}) when calling the {operation} operation: {message}")
        self.code = code

    @property
    def gone(self) -> bool:
        """Whether the error says that the thing does not exist."""
        return bool(re.search(r"NotFound|NoSuchEntity|NonExistent|Nonexistent|DoesNotExist|NoSuch", self.code))


@dataclass(frozen=True)
class Recipe:
    """One AWS call in text: `if <path>: <service>.<operation> * {<parameters>} -> <path>`.

    All but the operation may be left out. `*` maps the inputs to parameters of the same name, the parameters are a
    JMESPath hash over the scope (`{name}` is short for `{name: name}`), the last path picks from the answer, and
    `$name` puts a scope value in as a literal.
    """

    operation: str
    inputs: bool
    args: str
    result: str
    condition: str
    service: str

    @property
    def names(self) -> set[str]:
        """Words in the parameters: the inputs that the recipe takes by name."""
        return set(re.findall(r"[a-z]\w*", self.args))


@cache
def recipe(text: str) -> Recipe:
    """Parse a recipe."""
    match = RECIPE.fullmatch(text)
    if not match:
        raise ValueError(f"not a recipe: {text}")
    part = match.groupdict()
    # What stands alone between braces and commas is a key that names its own value.
    args = re.sub(r"(?<=[{,])( ?)(\w+)(?=[,}])", r"\1\2: \2", part["args"] or "")
    return Recipe(
        part["operation"],
        bool(part["inputs"]),
        args,
        part["result"] or "",
        part["condition"] or "",
        part["service"] or "",
    )


class Caller:
    """Calls AWS at one endpoint. Safe for threads.

    Args:
        endpoint: URL of the emulated AWS.
        account: Account id that the endpoint serves.
    """

    def __init__(self, endpoint: str, account: str) -> None:
        self.endpoint = endpoint
        self.account = account
        self._session = boto3.Session(aws_access_key_id="sandbox", aws_secret_access_key="sandbox")
        self._clients: dict[tuple[str, str], BaseClient] = {}
        self._creating = threading.Lock()
        self._calling = threading.Lock()

    def client(self, service: str, region: str) -> BaseClient:
        """Return the client of a service in a region, made once."""
        with self._creating:
            if (service, region) not in self._clients:
                config = Config(
                    retries={"total_max_attempts": 1}, read_timeout=TIMEOUT_SECONDS, max_pool_connections=32
                )
                self._clients[service, region] = self._session.client(
                    service, region_name=region, endpoint_url=self.endpoint, config=config
                )
            return self._clients[service, region]

    def regions(self) -> list[str]:
        """Return the regions of AWS."""
        return list(self._session.get_available_regions("ec2"))

    def shape(self, service: str, region: str, operation: str) -> Shape:
        """Return the shape of an operation's parameters.

        Raises:
            ValueError: The service has no such operation, so a row is wrong.
        """
        client = self.client(service, region)
        if operation not in client.meta.method_to_api_mapping:
            raise ValueError(f"{service} has no operation {operation}")
        return client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).input_shape

    def call(self, service: str, region: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call and return the answer.

        Raises:
            AwsError: AWS refused.
        """
        client = self.client(service, region)
        shape = self.shape(service, region, operation)
        method: Callable[..., dict[str, Any]] = getattr(client, operation)
        # moto's backends are plain dicts without locks. EKS is our own, has locks, and may take seconds.
        with _Unlocked() if service == "eks" else self._calling:
            try:
                return method(**(coerce(params, shape) if shape else {}))
            except ParamValidationError as error:
                raise HostError(str(error)) from None
            except ClientError as error:
                detail = error.response["Error"]
                raise AwsError(detail["Code"], error.operation_name, detail.get("Message", "")) from None
            except ResponseParserError:
                # moto answers a failure of its own with a page for people.
                raise HostError(f"moto failed in {service} {operation}; its log, aws.log, says how") from None

    def problems(
        self, service: str, region: str, operation: str, params: Mapping[str, Any], partial: bool
    ) -> list[str]:
        """Return what botocore finds wrong with parameters. When `partial`, missing ones are no problem."""
        shape = self.shape(service, region, operation)
        # botocore gives a request its token itself.
        members = shape.members.items()
        tokens = {name: str(uuid.uuid4()) for name, member in members if member.metadata.get("idempotencyToken")}
        report = ParamValidator().validate(coerce({**tokens, **params}, shape), shape).generate_report()
        lines = [line for line in report.splitlines() if line]
        return [line for line in lines if not (partial and UNKNOWN_YET.match(line))]


def pick(expression: str, data: Any, scope: Mapping[str, Any]) -> Any:
    """Evaluate a JMESPath expression over data, `$name` standing for a literal from the scope."""
    # JMESPath has no way to look outside of a filter, so the scope's values go in as text.
    text = re.sub(
        r"\$(\w+)",
        lambda match: (
            "`" + json.dumps(scope.get(match[1])).replace("`", "\\`") + "`" if match[1] in scope else match[0]
        ),
        expression,
    )
    return jmespath.search(text, data, FUNCTIONS)


class _Functions(functions.Functions):  # type: ignore[misc] # jmespath has no types
    @functions.signature({"types": ["string", "null"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_after(self, text: str | None, separator: str) -> str | None:
        """Return what follows a separator; null when it is not there."""
        return text.partition(separator)[2] or None if text else None

    @functions.signature({"types": ["string", "null"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_split(self, text: str | None, separator: str) -> list[str]:
        """Return the parts between separators."""
        return text.split(separator) if text else []

    @functions.signature({"types": ["string"]}, {"types": ["string"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_replace(self, text: str, old: str, new: str) -> str:
        """Return the text with one part replaced."""
        return text.replace(old, new)

    @functions.signature({"types": ["string"]})  # type: ignore[untyped-decorator] # jmespath has no types
    def _func_crc32(self, text: str) -> int:
        """Return the checksum that the provider makes some of its ids of."""
        return zlib.crc32(text.encode())

    @functions.signature({"types": ["string"]}, {"types": ["string", "null"]})  # type: ignore[untyped-decorator]
    def _func_where(self, name: str, value: str | None) -> dict[str, object]:
        """Return one of EC2's filters."""
        return {"Name": name, "Values": [value]}


FUNCTIONS = jmespath.Options(custom_functions=_Functions())


class _Unlocked:
    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...
