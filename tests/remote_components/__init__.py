"""What the engine does with a remote component: its provider registers the children, and transforms see each of them.

The provider is the sandbox's stand-in for pulumi-eks, called in the program's own loop. Transforms run over gRPC, as in
the engine (https://github.com/pulumi/pulumi/blob/master/pkg/resource/deploy/source_eval.go): the resource's own first,
then those of its parents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import grpc
from pulumi import Inputs, ResourceOptions
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, provider_pb2, resource_pb2

_Builder = Callable[[str, Inputs, ResourceOptions], ConstructResult]

# Options of a transform's answer by their names in a registration.
_OPTIONS: Final[Mapping[str, str]] = {
    "additional_secret_outputs": "additionalSecretOutputs",
    "custom_timeouts": "customTimeouts",
    "deleted_with": "deletedWith",
    "depends_on": "dependencies",
    "ignore_changes": "ignoreChanges",
    "protect": "protect",
    "replace_on_changes": "replaceOnChanges",
    "retain_on_delete": "retainOnDelete",
}


def builders() -> Mapping[str, _Builder]:
    """Return what builds each remote component; imported late, since the provider SDKs take a second to load."""
    from sandbox.eks.cluster import construct_cluster

    return {"eks:index:Cluster": construct_cluster}


def construct(request: Any, build: _Builder, loop: asyncio.AbstractEventLoop) -> provider_pb2.ConstructResponse:
    """Have the component's children registered and return its outputs; blocks, so call it outside of the loop."""
    return asyncio.run_coroutine_threadsafe(_construct(request, build), loop).result(60)


async def _construct(request: Any, build: _Builder) -> provider_pb2.ConstructResponse:
    servicer = ProviderServicer(Provider("0.0.0"), args=[], engine_address="")
    wanted = provider_pb2.ConstructRequest(
        name=request.name,
        type=request.type,
        parent=request.parent,
        inputs=request.object,
        providers=request.providers,
        dependencies=request.dependencies,
        protect=request.protect if request.HasField("protect") else None,
        ignoreChanges=request.ignoreChanges,
        replaceOnChanges=request.replaceOnChanges,
        inputDependencies={
            key: provider_pb2.ConstructRequest.PropertyDependencies(urns=deps.urns)
            for key, deps in request.propertyDependencies.items()
        },
    )
    inputs = await servicer._construct_inputs(wanted.inputs, wanted.inputDependencies)
    result = build(wanted.name, inputs, servicer._construct_options(wanted))
    return await servicer._construct_response(result)


def transformed(request: Any, transforms: Iterable[callback_pb2.Callback]) -> Any:
    """Return the registration as the transforms leave it, one after the other."""
    changed = resource_pb2.RegisterResourceRequest()
    changed.CopyFrom(request)
    for callback in transforms:
        answer = _invoke(changed, callback)
        changed.object.CopyFrom(answer.properties)
        if answer.HasField("options"):
            _take_options(changed, answer.options)
    return changed


def _invoke(request: Any, callback: callback_pb2.Callback) -> resource_pb2.TransformResponse:
    question = resource_pb2.TransformRequest(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        properties=request.object,
        options=_options(request),
    )
    message = callback_pb2.CallbackInvokeRequest(token=callback.token, request=question.SerializeToString())
    with grpc.insecure_channel(callback.target) as channel:
        response = callback_pb2_grpc.CallbacksStub(channel).Invoke(message, timeout=30)
    return resource_pb2.TransformResponse.FromString(response.response)


def _options(request: Any) -> resource_pb2.TransformResourceOptions:
    options = resource_pb2.TransformResourceOptions()
    for theirs, ours in _OPTIONS.items():
        _copy(request, ours, options, theirs)
    return options


def _take_options(request: Any, options: resource_pb2.TransformResourceOptions) -> None:
    for theirs, ours in _OPTIONS.items():
        request.ClearField(ours)
        _copy(options, theirs, request, ours)


def _copy(source: Any, field: str, target: Any, name: str) -> None:
    """Copy a field that is set; one that is absent stays so."""
    if field not in {descriptor.name for descriptor, _ in source.ListFields()}:
        return
    value = getattr(source, field)
    if isinstance(value, str | bool):
        setattr(target, name, value)
    elif hasattr(value, "CopyFrom"):
        getattr(target, name).CopyFrom(value)
    else:
        getattr(target, name).extend(value)
