"""The `capture` fixture: runs a Pulumi program without an engine and keeps every registration as sent to it."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

import hypothesis
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import mocks, settings
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import callback_pb2, resource_pb2
from pulumi.runtime.stack import run_in_stack

from tests.captures import STACK_TYPE, Capture, Registration, mark_secret, plain
from tests.remote_components import builders, construct, transformed
from tests.whole_stacks import WholeStack, capture_stack

# A busy machine is no failure, and examples are found again by their seed rather than in a local folder.
hypothesis.settings.register_profile("platform", deadline=None, derandomize=True)
hypothesis.settings.load_profile("platform")

ACCOUNT = "123456789012"
Function = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]

# What providers add to a resource, by type; {id}, {name}, {hash}, {partition}, {region} and {account} are filled in.
_TABLE = Path(__file__).parent / "captures" / "computed_outputs.json"
COMPUTED: Final[Mapping[str, Mapping[str, Any]]] = json.loads(_TABLE.read_text())


class RawMonitor(mocks.MockMonitor):
    """Answers the SDK like the engine would, and keeps what it was asked.

    A remote component's children are registered as its provider would, and transforms see them: a capture shows what
    AWS gets.
    """

    def __init__(
        self,
        capture: Capture,
        functions: Mapping[str, Function],
        computed: Mapping[str, Mapping[str, Any]],
        place: Mapping[str, str],
        preview: bool,
    ) -> None:
        """Keep what is asked in `capture`; the other arguments are those of `CaptureProgram`."""
        super().__init__(_NoMocks())
        self.capture, self.functions, self.place, self.preview = capture, functions, place, preview
        self.computed = {**COMPUTED, **computed}
        self.loop = asyncio.get_running_loop()
        self.states: dict[str, tuple[str, struct_pb2.Struct]] = {}
        self.transforms: dict[str, list[callback_pb2.Callback]] = {}
        self.parents: dict[str, str] = {}
        self.remote: set[str] = set()

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Qualify the type by all parents' types, as the engine does; the stock monitor keeps the last one only."""
        chain = parent.split("::")[2] if parent else ""
        qualified = type_ if chain in ("", STACK_TYPE) else f"{chain}${type_}"
        return f"urn:pulumi:{settings.get_stack()}::{settings.get_project()}::{qualified}::{name}"

    def _state(self, type_: str, name: str, object_: struct_pb2.Struct) -> tuple[str, struct_pb2.Struct]:
        """What the provider answers: the inputs and the computed outputs; at preview it knows the inputs only."""
        state = struct_pb2.Struct()
        state.CopyFrom(object_)
        if self.preview:
            return "", state
        row = self.computed.get(type_, {"id": "{name}"})
        hash_ = hashlib.sha256(f"{type_}{name}".encode()).hexdigest()[:17]
        physical = object_["name"] if "name" in object_ and isinstance(object_["name"], str) else f"{name}-{hash_[:7]}"
        words = {"name": physical, "hash": hash_, **self.place}
        words["id"] = str(_fill(row["id"], words))
        state.update({"name": physical} if "name" not in object_ else {})
        state.update(_fill({key: value for key, value in row.items() if key != "id"}, words))
        return words["id"], state

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        """Record the request as transforms leave it; refuse the same URN twice."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if urn in self.remote:
            # The provider of a remote component registers it in turn: the engine knows it already.
            self.remote.remove(urn)
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if urn in self.parents:
            raise ValueError(f"Duplicate resource URN '{urn}'; try giving it a unique name")
        self.parents[urn], self.transforms[urn] = request.parent, list(request.transforms)
        request = transformed(request, self._transforms_of(urn))
        self.capture.resources.append(Registration.of(urn, request))
        if request.remote:
            return self._construct(urn, request)
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        id_, state = self._state(request.type, request.name, request.object)
        for key in set(request.additionalSecretOutputs) & set(state):
            state.update({key: mark_secret(plain(state)[key])})
        self.states[urn] = id_, state
        # Outputs the table does not know stay unknown: better than the None that stock mocks give.
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_, object=state, unknown=True)

    def _construct(self, urn: str, request: Any) -> resource_pb2.RegisterResourceResponse:
        build = builders().get(request.type)
        if build is None:
            raise LookupError(f"nobody plays the remote component {request.type}; add it in tests/remote_components")
        self.remote.add(urn)
        built = construct(request, build, self.loop)
        dependencies = {
            key: resource_pb2.RegisterResourceResponse.PropertyDependencies(urns=deps.urns)
            for key, deps in built.stateDependencies.items()
        }
        return resource_pb2.RegisterResourceResponse(
            urn=built.urn, object=built.state, propertyDependencies=dependencies
        )

    def _transforms_of(self, urn: str) -> list[callback_pb2.Callback]:
        """Return the resource's own transforms, then its parents', the nearest first."""
        found: list[callback_pb2.Callback] = []
        while urn:
            found += self.transforms.get(urn, [])
            urn = self.parents.get(urn, "")
        return found

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        """Record the read and answer as if the resource existed."""
        self.capture.reads.append((request.type, request.name, request.id))
        urn = self.make_urn(request.parent, request.type, request.name)
        _, state = self._state(request.type, request.name, request.properties)
        return resource_pb2.ReadResourceResponse(urn=urn, properties=state)

    def RegisterResourceOutputs(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        """Record what a component shows."""
        self.capture.outputs[request.urn] = plain(request.outputs)
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802
        """Answer a provider function that the test provides; any other is an error."""
        arguments = plain(request.args)
        if request.tok == "pulumi:pulumi:getResource":
            return self._resource(arguments["urn"])
        self.capture.calls.append((request.tok, arguments))
        if request.tok not in self.functions:
            raise LookupError(f"the program called {request.tok}; give its answer in functions=")
        answer = self.functions[request.tok]
        result = {"return": dict(answer(arguments) if callable(answer) else answer)}
        return json_format.ParseDict(result, resource_pb2.ResourceInvokeResponse())

    def _resource(self, urn: str) -> resource_pb2.ResourceInvokeResponse:
        """Answer the SDK's question for what lies behind a reference, such as the child of a remote component."""
        id_, state = self.states[urn]
        result = {"return": {"urn": urn, "id": id_, "state": json_format.MessageToDict(state)}}
        return json_format.ParseDict(result, resource_pb2.ResourceInvokeResponse())


class _NoMocks(mocks.Mocks):
    """The stock monitor's constructor wants one; `RawMonitor` never asks it."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise NotImplementedError

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise NotImplementedError


def _fill(value: Any, words: Mapping[str, str]) -> Any:
    """Replace {word} in every text; not str.format, since documents have braces of their own."""
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace(f"{{{word}}}", text)
        return value
    if isinstance(value, Mapping):
        return {key: _fill(item, words) for key, item in value.items()}
    return [_fill(item, words) for item in value] if isinstance(value, list) else value


class CaptureProgram:
    """Runs a program and returns what it registered."""

    def __call__(
        self,
        program: Callable[[], object],
        *,
        project: str = "platform",
        stack: str = "dev",
        config: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        functions: Mapping[str, Function] | None = None,
        computed: Mapping[str, Mapping[str, Any]] | None = None,
        partition: str = "aws",
        region: str = "ap-northeast-2",
        preview: bool = False,
        expect: type[Exception] | None = None,
    ) -> Capture:
        """Run it.

        Args:
            program: Builds the resources, as a module's code would.
            project: The project's name.
            stack: The stack's name.
            config: Stack configuration with its namespaces, such as `platform:region`.
            secrets: The keys of it that are encrypted.
            functions: Answers of provider functions by token; a function that is missing here is an error.
            computed: Outputs of further resource types, in the form of computed_outputs.json.
            partition: Goes into the ARNs that providers compute.
            region: Goes into them, too.
            preview: What providers compute is unknown, as before a first `up`.
            expect: The exception that the program is to raise; it ends in `Capture.error`.
        """
        captured = Capture()
        place = {"partition": partition, "region": region, "account": ACCOUNT}

        async def run() -> None:
            monitor = RawMonitor(captured, functions or {}, computed or {}, place, preview)
            settings.reset_options(project=project, stack=stack, preview=preview, organization="organization")
            settings.SETTINGS.monitor, settings.SETTINGS.engine = monitor, mocks.MockEngine(None)
            set_all_config(dict(config or {}), list(secrets))
            await run_in_stack(build)

        def build() -> None:
            program()

        try:
            _run_apart(run)
        except Exception as error:
            if expect is None or not isinstance(error, expect):
                raise
            captured.error = error
        else:
            assert expect is None, f"the program was to raise {expect}"
        captured.exports = captured.outputs.pop(f"urn:pulumi:{stack}::{project}::{STACK_TYPE}::{project}-{stack}", {})
        return captured


def _run_apart(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run in a loop and a context of its own: nothing of a run, least of all a failed one, reaches the next."""
    with asyncio.Runner() as runner:
        # The SDK leaves the outputs of a failed program behind; the failure itself is raised all the same.
        runner.get_loop().set_exception_handler(lambda loop, context: None)
        runner.run(main(), context=contextvars.copy_context())


@pytest.fixture(scope="session")
def capture() -> CaptureProgram:
    """Run a program without an engine: `capture(program).of_type("aws:ec2/vpc:Vpc")`."""
    return CaptureProgram()


@pytest.fixture(scope="session")
def whole_stack(capture: CaptureProgram) -> WholeStack:
    """Return what a stack registers; each stack runs once."""
    return functools.cache(functools.partial(capture_stack, capture))
