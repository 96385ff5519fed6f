"""The language host: runs the Python program for the real engine, each run in a process of its own.

The engine attaches to it by `PULUMI_DEBUG_LANGUAGES=python:PORT`, so the official language plugin need not be there.
A process per run, because a second run in one process would see the first one's modules and state.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import runpy
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent import futures
from importlib.metadata import distributions
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, language_pb2, language_pb2_grpc, plugin_pb2

_PROTOCOL_FD = "SANDBOX_RESULT_FD"
_ENGINE = "SANDBOX_ENGINE_ADDRESS"
# A good answer serialises to nothing; the mark tells it from a process that died.
_DONE = b"done:"


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine's questions about a Python program and runs it.

    Args:
        environment: Variables that the program's process gets on top of the caller's.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(environment or {})
        self._engines: dict[str, str] = {}
        self._server: grpc.Server | None = None
        self._running: set[subprocess.Popen[bytes]] = set()

    def serve(self) -> int:
        """Start on a free loopback port and return it."""
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
        language_pb2_grpc.add_LanguageRuntimeServicer_to_server(self, server)
        port = int(server.add_insecure_port("127.0.0.1:0"))
        server.start()
        self._server = server
        return port

    def stop(self) -> None:
        """End running programs, wait for their ends and stop answering. Idempotent."""
        running = tuple(self._running)
        for process in running:
            process.kill()
        for process in running:
            # Killed is not gone: until then it holds its connections, and its id is found.
            process.wait(30)
        if self._server is not None:
            self._server.stop(grace=None).wait(5)
            self._server = None

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        # Run comes over the same connection and does not name the engine, so the peer links the two.
        self._engines[context.peer()] = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version="0.0.0")

    def GetRequiredPlugins(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:
        # `make setup` owns the environment that this process runs in.
        yield language_pb2.InstallDependenciesResponse(
            stdout=b"dependencies are those of the sandbox's own environment\n"
        )

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.RuntimeOptionsResponse()

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:
        found = sorted({(d.metadata["Name"], d.version) for d in distributions()})
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in found]
        )

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        for process in tuple(self._running):
            process.terminate()
        return empty_pb2.Empty()

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:
        engine = self._engines.get(context.peer(), "")
        read_fd, write_fd = os.pipe()
        process = self._start(request.pwd, engine, write_fd)
        # The engine may die; then nobody reads the program's registrations and it must not linger.
        context.add_callback(process.kill)
        self._running.add(process)
        # Taking a large program's modules down takes half a second, for which nobody has to wait.
        threading.Thread(target=self._reap, args=(process,), daemon=True).start()
        assert process.stdin is not None
        assert process.stdout is not None
        with os.fdopen(read_fd, "rb") as results, process.stdin, process.stdout:
            process.stdin.write(request.SerializeToString())
            process.stdin.close()
            _relay(process.stdout, engine)
            answer = results.read()
        if not answer:
            code = process.wait()
            return language_pb2.RunResponse(error=f"the program's process ended with code {code} before it finished")
        return language_pb2.RunResponse.FromString(answer.removeprefix(_DONE))

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._running.discard(process)

    def _start(self, folder: str, engine: str, write_fd: int) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.language"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(write_fd,),
            env={
                **os.environ,
                **self._environment,
                _PROTOCOL_FD: str(write_fd),
                _ENGINE: engine,
                "PYTHONPATH": _python_path(),
            },
        )
        # Only the program may hold the writing end, or reading would never see its end.
        os.close(write_fd)
        return process


def _python_path() -> str:
    return str(Path(__file__).resolve().parent.parent)


def _relay(stream: IO[bytes], engine: str) -> None:
    """Send what the program prints to the engine's log, line by line, as the official host does."""
    with grpc.insecure_channel(engine) as channel:
        stub = engine_pb2_grpc.EngineStub(channel)
        for line in stream:
            text = line.decode(errors="replace").rstrip("\n")
            if text:
                stub.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text))


def run_program(request: Any, engine: str) -> Any:
    """Run the program that a RunRequest names in this process and return its RunResponse."""
    import pulumi.runtime
    from pulumi import RunError, log
    from pulumi.runtime.config import set_all_config

    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=request.project,
            stack=request.stack,
            monitor=request.monitor_address,
            engine=engine,
            parallel=request.parallel,
            dry_run=request.dryRun,
            organization=request.organization or "organization",
            root_directory=request.info.root_directory,
        )
    )
    set_all_config(dict(request.config), list(request.configSecretKeys))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        _run_in_loop(lambda: _execute(request), max(request.parallel, 1) * 4)
    except RunError as error:
        log.error(str(error))
        return language_pb2.RunResponse(bail=True)
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.UNAVAILABLE:
            log.error(f"RPC error: {error.details()}")
        return language_pb2.RunResponse(bail=True)
    except Exception:  # noqa: BLE001 - whatever the program raises is the program's failure, said with its traceback
        log.error(f"the program failed:\n{traceback.format_exc()}")
        return language_pb2.RunResponse(bail=True)
    return language_pb2.RunResponse()


def _execute(request: Any) -> None:
    program = Path(request.info.program_directory or request.pwd) / (request.info.entry_point or request.program or ".")
    path = program / "__main__.py" if program.is_dir() else program
    sys.path.insert(0, str(path.parent))
    sys.argv = [str(path), *request.args]
    runpy.run_path(str(path), run_name="__main__")


def _run_in_loop(program: Callable[[], None], workers: int) -> None:
    import pulumi.runtime

    loop = asyncio.new_event_loop()
    loop.set_default_executor(futures.ThreadPoolExecutor(max_workers=workers))
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(program))
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                loop.run_until_complete(task)
        loop.close()


def main() -> None:
    """Run one program: the request on standard input, the answer on the descriptor that the host names."""
    # The process lives for seconds and keeps nearly all it makes: collecting garbage only costs time.
    gc.disable()
    request = language_pb2.RunRequest.FromString(sys.stdin.buffer.read())
    descriptor = int(os.environ.pop(_PROTOCOL_FD))
    response = run_program(request, os.environ.pop(_ENGINE))
    sys.stdout.flush()
    # The host reads what is printed up to its end, then the answer.
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
        os.dup2(nowhere.fileno(), sys.stderr.fileno())
    with os.fdopen(descriptor, "wb") as results:
        results.write(_DONE + response.SerializeToString())


if __name__ == "__main__":
    main()
