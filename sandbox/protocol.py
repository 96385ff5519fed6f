"""Base of the provider hosts: the engine's side of Pulumi's provider protocol, over plain Python values.

A host answers the real engine over gRPC. The engine attaches to it when `PULUMI_DEBUG_PROVIDERS` names its port
(https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from concurrent import futures
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc
from pulumi.runtime.rpc import UNKNOWN

# Pulumi's wire format marks special values by these constants (sdk/go/common/resource/properties.go).
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"

T = TypeVar("T")
Properties = dict[str, Any]

__all__ = [
    "CONNECTION",
    "UNKNOWN",
    "DiffResult",
    "HostError",
    "Properties",
    "ProviderHost",
    "has_unknown",
    "plain",
    "struct",
]


# The connection that the current request came by. The engine opens one for each provider instance of a program, and
# requests say nothing else about the instance. Empty when a method is called directly.
CONNECTION: ContextVar[str] = ContextVar("connection", default="")


class HostError(Exception):
    """What the emulated service refuses, said to the engine as the resource's error."""


@dataclass(frozen=True, kw_only=True)
class DiffResult:
    """What an update would do.

    Attributes:
        changed: Input properties that differ.
        replace: Those of them that force a replacement.
        delete_first: Whether the old resource goes before the new one comes.
    """

    changed: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    delete_first: bool = False


class ProviderHost(provider_pb2_grpc.ResourceProviderServicer):
    """A provider of one package that the engine attaches to.

    A subclass answers `check`, `diff`, `create`, `read`, `update`, `delete` and `invoke` with plain dicts.
    Secrets arrive in clear and are marked again by the engine; unknown values arrive as `UNKNOWN`, at preview only.
    Any `HostError` becomes the resource's error; any other exception does too, with its type in front.
    """

    package = ""
    version = "0.0.0"

    def __init__(self) -> None:
        self._server: grpc.Server | None = None

    # The subclass's part ------------------------------------------------------------------------------------------

    def configure(self, values: Properties) -> None:
        """Take the provider's configuration. Raise `HostError` when it cannot be served."""

    def check(self, token: str, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        """Return the inputs to use, with defaults and automatic names in. Raise `HostError` on a bad input."""
        raise NotImplementedError

    def diff(self, token: str, urn: str, state: Properties, olds: Properties, news: Properties) -> DiffResult:
        """Compare the old inputs (and the state) with the new inputs."""
        raise NotImplementedError

    def create(self, token: str, urn: str, inputs: Properties, preview: bool) -> tuple[str, Properties]:
        """Create and return (id, outputs). At preview create nothing; leave what is not known out of the outputs."""
        raise NotImplementedError

    def read(
        self, token: str, urn: str, rid: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties]:
        """Return (id, inputs, outputs) as they are now; an empty id when the resource is gone."""
        raise NotImplementedError

    def update(self, token: str, urn: str, rid: str, state: Properties, news: Properties, preview: bool) -> Properties:
        """Update in place and return the outputs."""
        raise NotImplementedError

    def update_from(
        self, token: str, urn: str, rid: str, state: Properties, olds: Properties, news: Properties, preview: bool
    ) -> Properties:
        """Update knowing the old inputs as well; a host whose updates go by difference overrides this one instead."""
        return self.update(token, urn, rid, state, news, preview)

    def delete(self, token: str, urn: str, rid: str, state: Properties) -> None:
        """Delete. A resource that is gone already is no error."""
        raise NotImplementedError

    def invoke(self, token: str, args: Properties) -> Properties:
        """Answer a provider function."""
        raise NotImplementedError

    # The protocol's part ------------------------------------------------------------------------------------------

    def serve(self, workers: int = 16) -> int:
        """Start on a free loopback port and return it."""
        server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=workers),
            interceptors=[_Connections()],
            options=[("grpc.max_receive_message_length", 400 << 20)],
        )
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(self, server)
        port = int(server.add_insecure_port("127.0.0.1:0"))
        server.start()
        self._server = server
        return port

    def stop(self) -> None:
        """Stop answering. Idempotent."""
        if self._server is not None:
            self._server.stop(grace=None).wait(5)
            self._server = None

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        # accept_* stay false: the engine then sends plain values and re-marks secrets itself.
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=self.version)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        changed = sorted(
            k
            for k in plain(request.news).keys() | plain(request.olds).keys()
            if plain(request.news).get(k) != plain(request.olds).get(k)
        )
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        # The engine cannot know yet whether secrets are accepted, and sends them marked.
        _answer(context, lambda: self.configure(_opened(plain(request.args))))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=False, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            inputs = self.check(
                _token(request.urn), request.urn, plain(request.olds), plain(request.news), request.randomSeed
            )
        except HostError as error:
            return provider_pb2.CheckResponse(
                inputs=request.news, failures=[provider_pb2.CheckFailure(reason=str(error))]
            )
        except Exception as error:  # noqa: BLE001 - said to the engine as the resource's error
            _abort(context, error)
        return provider_pb2.CheckResponse(inputs=struct(inputs))

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        news = plain(request.news)
        olds = plain(request.old_inputs)
        for name in request.ignoreChanges:
            _keep(olds, news, name)
        result = _answer(context, lambda: self.diff(_token(request.urn), request.urn, plain(request.olds), olds, news))
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if result.changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=list(result.changed),
            replaces=list(result.replace),
            deleteBeforeReplace=result.delete_first,
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        rid, outputs = _answer(
            context, lambda: self.create(_token(request.urn), request.urn, plain(request.properties), request.preview)
        )
        return provider_pb2.CreateResponse(id=rid, properties=struct(outputs))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        rid, inputs, outputs = _answer(
            context,
            lambda: self.read(
                _token(request.urn), request.urn, request.id, plain(request.inputs), plain(request.properties)
            ),
        )
        return provider_pb2.ReadResponse(id=rid, properties=struct(outputs), inputs=struct(inputs))

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        outputs = _answer(
            context,
            lambda: self.update_from(
                _token(request.urn),
                request.urn,
                request.id,
                plain(request.olds),
                plain(request.old_inputs),
                plain(request.news),
                request.preview,
            ),
        )
        return provider_pb2.UpdateResponse(properties=struct(outputs))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        _answer(context, lambda: self.delete(_token(request.urn), request.urn, request.id, plain(request.properties)))
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            answer = self.invoke(request.tok, plain(request.args))
        except HostError as error:
            return provider_pb2.InvokeResponse(failures=[provider_pb2.CheckFailure(reason=str(error))])
        except Exception as error:  # noqa: BLE001 - said to the engine as the resource's error
            _abort(context, error)
        response = provider_pb2.InvokeResponse()
        # `return` is a Python keyword, so the field can only be reached by its name.
        getattr(response, "return").CopyFrom(struct(answer))
        return response


class _Connections(grpc.ServerInterceptor):  # type: ignore[misc]
    """Notes in `CONNECTION` where each request came from."""

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler

        def noted(request: Any, context: grpc.ServicerContext) -> Any:
            CONNECTION.set(context.peer())
            return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(noted, handler.request_deserializer, handler.response_serializer)


def plain(message: struct_pb2.Struct) -> Properties:
    """Return a protocol struct as a dict; whole floats become ints (the protocol knows only doubles)."""
    return {key: _whole(value) for key, value in json_format.MessageToDict(message).items()}


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return a dict as a protocol struct."""
    return json_format.ParseDict(dict(values), struct_pb2.Struct())


def has_unknown(value: Any) -> bool:
    """Say whether a value is, or holds, the marker of a value that is known only after `up`."""
    if isinstance(value, Mapping):
        return any(map(has_unknown, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(has_unknown, value))
    return bool(value == UNKNOWN)


def _opened(value: Any) -> Any:
    """Return a value without the marks of secrets."""
    if isinstance(value, dict) and value.get(_SIGNATURE) == _SECRET:
        return _opened(value["value"])
    if isinstance(value, dict):
        return {key: _opened(item) for key, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, list) else value


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value


def _token(urn: str) -> str:
    # urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>
    return urn.split("::", 3)[2].rpartition("$")[2]


def _keep(olds: Properties, news: Properties, path: str) -> None:
    """Carry an ignored property over from the old inputs. The engine does it for `news` of Check, not for Diff."""
    head, _, rest = path.partition(".")
    if rest and isinstance(news.get(head), dict) and isinstance(olds.get(head), dict):
        _keep(olds[head], news[head], rest)
    elif not rest and head in olds:
        news[head] = olds[head]


def _answer(context: grpc.ServicerContext, call: Callable[[], T]) -> T:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - said to the engine as the resource's error
        _abort(context, error)


def _place(error: Exception) -> str:
    """Say where a host itself went wrong."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _abort(context: grpc.ServicerContext, error: Exception) -> NoReturn:
    text = str(error) if isinstance(error, HostError) else f"{type(error).__name__}: {error}{_place(error)}"
    context.abort(grpc.StatusCode.UNKNOWN, text)
    raise AssertionError("abort raises")
