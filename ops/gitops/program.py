"""Runs the project's program without an engine and writes down the root Application that it asks for.

Started as a program of its own in the folder of Pulumi.yaml, so that any revision's program can be asked:
`python -P program.py STACK ANSWER`. It imports nothing of `ops`, and asks nobody: no cluster, no cloud, no backend.

The run is a preview: what only a provider computes is unknown, and nothing that depends on it is computed. For what the
hand-over passes on of it there are examples, so that the hand-over is complete.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import os
import re
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from google.protobuf import json_format, struct_pb2
from pulumi.runtime import mocks, settings
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.rpc import UNKNOWN
from pulumi.runtime.stack import run_in_stack

# What the hand-over takes of a resource and no input says: by type, each output and what a deployed stack would have in
# its place. <hash> are hexadecimal digits, of the length that follows; <name> is the physical name, or the logical one;
# region and account are those of the resource's provider.
EXAMPLES: Final[Mapping[str, Mapping[str, str]]] = {
    "aws:acm/certificate:Certificate": {
        "arn": "arn:<partition>:acm:<region>:<account>:certificate/<hash 8>-0000-4000-8000-000000000000"
    },
    "aws:cloudfront/distribution:Distribution": {"domainName": "d<hash 13>.cloudfront.net"},
    "aws:cognito/userPool:UserPool": {
        "id": "<region>_<hash 9>",
        "endpoint": "cognito-idp.<region>.amazonaws.com/<region>_<hash 9>",
    },
    "aws:cognito/userPoolClient:UserPoolClient": {"id": "<hash 26>"},
    "aws:ec2/vpc:Vpc": {"id": "vpc-0<hash 16>"},
    "aws:ecr/repository:Repository": {"repositoryUrl": "<account>.dkr.ecr.<region>.amazonaws.com/<name>"},
    "aws:efs/accessPoint:AccessPoint": {"id": "fsap-0<hash 16>"},
    "aws:efs/fileSystem:FileSystem": {"id": "fs-0<hash 16>"},
    "aws:iam/policy:Policy": {"arn": "arn:<partition>:iam::<account>:policy/<name>"},
    "aws:iam/role:Role": {"arn": "arn:<partition>:iam::<account>:role/<name>"},
    "aws:sns/topic:Topic": {"arn": "arn:<partition>:sns:<region>:<account>:<name>"},
    "aws:wafv2/webAcl:WebAcl": {
        "arn": "arn:<partition>:wafv2:<region>:<account>:regional/webacl/<name>/<hash 8>-0000-4000-8000-000000000000"
    },
}
# Outputs that are inputs, or the id, once the resource is there.
_SAME: Final[Mapping[str, Mapping[str, str]]] = {
    "aws:s3/bucket:Bucket": {"id": "bucket"},
    "aws:secretsmanager/secret:Secret": {"id": "name"},
    "aws:sns/topic:Topic": {"id": "arn"},
    "aws:sqs/queue:Queue": {"id": "name"},
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": {"id": "resourceArn"},
}
_KINDS: Final = {
    "root": ("kubernetes:argoproj.io/v1alpha1:Application", "root"),
    "project": ("kubernetes:argoproj.io/v1alpha1:AppProject", "bootstrap"),
}
_ACCOUNT: Final = "123456789012"
_REGION: Final = "eu-west-1"
_PLACEHOLDER: Final = re.compile(r"<(\w+)(?: (\d+))?>")


class Monitor(mocks.MockMonitor):
    """Answers the SDK as an engine does at preview, with the examples for what is unknown then.

    Args:
        stack: The stack's name, by which one stack's examples differ from another's.
        functions: What providers' functions answer.

    Attributes:
        found: The objects that are looked for, by what they are here.
        made: The examples that were given.
    """

    def __init__(self, stack: str, functions: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(_NoMocks())
        self.found: dict[str, Any] = {}
        self.made: set[str] = set()
        self._stack, self._functions = stack, functions
        self._states: dict[str, tuple[str, struct_pb2.Struct]] = {}
        self._places: dict[str, tuple[str, str]] = {}

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802 - gRPC's name
        """Answer with the inputs and the examples; keep what is looked for."""
        urn = self.make_urn(request.parent, request.type, request.name)
        state = struct_pb2.Struct()
        state.CopyFrom(request.object)
        inputs = json_format.MessageToDict(request.object)
        if request.type == "pulumi:providers:aws":
            account = (_listed(inputs.get("allowedAccountIds")) or [_ACCOUNT])[0]
            self._places[urn] = account, inputs.get("region", _REGION)
        for what, (type_, name) in _KINDS.items():
            if (request.type, (inputs.get("metadata") or {}).get("name")) == (type_, name):
                self.found[what] = inputs
        place = self._places.get(request.provider.rpartition("::")[0], (_ACCOUNT, _REGION))
        outputs = self._outputs(request.type, request.name, inputs, place)
        id_ = outputs.pop("id", "")
        state.update(outputs)
        self._states[urn] = id_, state
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_, object=state)

    def _outputs(self, type_: str, name: str, inputs: Mapping[str, Any], place: tuple[str, str]) -> dict[str, str]:
        said = inputs.get("name")
        account, region = place
        words = {
            "account": account,
            "region": region,
            "partition": _partition(region),
            "name": said if isinstance(said, str) and said != UNKNOWN else name,
            "hash": hashlib.sha256(f"{self._stack} {type_} {name}".encode()).hexdigest(),
        }
        outputs = {
            key: _PLACEHOLDER.sub(lambda found: words[found[1]][: int(found[2]) if found[2] else None], text)
            for key, text in EXAMPLES.get(type_, {}).items()
            if key not in inputs
        }
        self.made.update(outputs.values())
        for key, same in _SAME.get(type_, {}).items():
            if same in inputs or same in outputs:
                outputs[key] = inputs.get(same) or outputs[same]
        return outputs

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:  # noqa: N802 - gRPC's name
        """Answer as if the resource were as the program says."""
        urn = self.make_urn(request.parent, request.type, request.name)
        return resource_pb2.ReadResourceResponse(urn=urn, properties=request.properties)

    def Invoke(self, request: Any) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802 - gRPC's name
        """Answer the SDK's own question, and those to a provider's functions."""
        arguments = json_format.MessageToDict(request.args)
        answer: Mapping[str, Any] = self._functions.get(request.tok, {})
        if request.tok == "pulumi:pulumi:getResource":
            id_, state = self._states[arguments["urn"]]
            answer = {"urn": arguments["urn"], "id": id_, "state": json_format.MessageToDict(state)}
        return json_format.ParseDict({"return": answer}, resource_pb2.ResourceInvokeResponse())


class _NoMocks(mocks.Mocks):
    """The stock monitor's constructor wants one; this one never asks it."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise NotImplementedError

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise NotImplementedError


def functions(domain: str) -> dict[str, dict[str, Any]]:
    """Return what providers' functions answer in an account in which nothing is wrong.

    Args:
        domain: The stack's domain; it lies below the zone that is found, so that it may be delegated.
    """
    return {
        "aws:iam/getRoles:getRoles": {"arns": [], "names": []},
        "aws:route53/getZone:getZone": {"name": domain.partition(".")[2], "privateZone": False},
    }


def _listed(value: Any) -> list[str]:
    """Return a provider's list: it takes them as JSON text."""
    return list(json.loads(value) if isinstance(value, str) else value or [])


def _partition(region: str) -> str:
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def configuration(folder: Path, stack: str) -> tuple[str, dict[str, str]]:
    """Return the project's name and the stack's configuration as the engine hands it to a program.

    Values that are encrypted come as the text `secret`: nobody here can read them.
    """
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text(encoding="utf-8"))["name"]
    content = yaml.safe_load((folder / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")) or {}
    config = {}
    for key, value in (content.get("config") or {}).items():
        plain = "secret" if isinstance(value, dict) and list(value) == ["secure"] else value
        config[key if ":" in key else f"{project}:{key}"] = plain if isinstance(plain, str) else json.dumps(plain)
    return project, config


def paths(value: Any, wanted: set[str], path: str = "") -> Iterator[str]:
    """Yield where, as dotted paths, a value has a text that contains one of the wanted ones."""
    if isinstance(value, str):
        if any(text in value for text in wanted):
            yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, wanted, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, wanted, f"{path}[{index}]")


def answer(folder: Path, stack: str) -> dict[str, Any]:
    """Run the program and return what was found, with the paths of examples and of what stayed unknown."""
    project, config = configuration(folder, stack)
    edge = json.loads(config.get(f"{project}:edge", "{}"))
    monitor = Monitor(stack, functions(edge.get("domain") or ""))

    def program() -> None:
        runpy.run_path(str(folder / "__main__.py"), run_name="__main__")

    async def run() -> None:
        settings.reset_options(project=project, stack=stack, preview=True, organization="organization")
        settings.SETTINGS.monitor, settings.SETTINGS.engine = monitor, mocks.MockEngine(None)
        set_all_config(config, [])
        await run_in_stack(program)

    asyncio.run(run())
    root = monitor.found.get("root")
    return {
        "root": _whole(root),
        "project": _whole(monitor.found.get("project")),
        "examples": sorted(paths(root, monitor.made)),
        "unknown": sorted(paths(root, {UNKNOWN})),
    }


def _whole(value: Any) -> Any:
    """Return the value with whole numbers as such: protobuf has one kind of number."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def main() -> None:
    """Write the answer as JSON, or end with the program's own complaint."""
    stack, target = sys.argv[1:]
    # A short life: nothing that is made in it is worth looking for again.
    gc.disable()
    folder = Path.cwd()
    sys.path.insert(0, str(folder))
    try:
        found = answer(folder, stack)
    except Exception as error:  # noqa: BLE001 - whatever a program raises is told to whoever asked
        sys.stderr.write(str(error) or type(error).__name__)
        code = 1
    else:
        Path(target).write_text(json.dumps(found), encoding="utf-8")
        code = 0
    sys.stderr.flush()
    # Without taking the SDKs' hundred thousand objects down one by one.
    os._exit(code)


if __name__ == "__main__":
    main()
