"""The `pulumi` command line, and who holds a stack's lock in a backend of one's own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from ops.errors import OpsError

# Which tools `make setup` brought, and where they are.
_LISTING = Path(__file__).resolve().parent.parent / ".tools.json"
# Steps that go at once; the model of `up` gets no shorter beyond 24.
PARALLEL = 32
# Options of `pulumi up` that `pulumi preview` does not know.
_UP_ONLY = frozenset({"--skip-preview", "-f", "--yes", "-y", "--continue-on-error", "--strict"})


class Pulumi:
    """One stack of the project in a folder.

    Args:
        folder: Where Pulumi.yaml is.
        stack: The stack's name, with or without organization and project.
    """

    def __init__(self, folder: Path, stack: str) -> None:
        self._folder = folder
        self._stack = stack

    def export(self) -> dict[str, Any]:
        """Return the stack's state; secrets stay encrypted."""
        return dict(json.loads(self._run("stack", "export", "--stack", self._stack)))

    def import_(self, state: dict[str, Any]) -> None:
        """Make this the stack's state, less its pending operations. The backend keeps the one before."""
        self._run("stack", "import", "--stack", self._stack, stdin=json.dumps(state))

    def refresh(self, urns: Sequence[str]) -> None:
        """Take over what the providers read of these resources."""
        targets = [word for urn in urns for word in ("--target", urn)]
        self._run("refresh", "--stack", self._stack, "--yes", "--skip-preview", *targets)

    def cancel(self) -> None:
        """Take every lock off the stack."""
        self._run("cancel", "--stack", self._stack, "--yes")

    def config(self) -> dict[str, Any]:
        """Return the stack's configuration by key; secret values are left out."""
        return dict(json.loads(self._run("config", "--stack", self._stack, "--json")))

    def others(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the project's other stacks in the backend, each with its state; a call of `pulumi` for each."""
        own = self._stack.rpartition("/")[2]
        for name in [stack["name"] for stack in json.loads(self._run("stack", "ls", "--json"))]:
            if name.rpartition("/")[2] != own:
                yield name, Pulumi(self._folder, name).export()

    def last_config(self) -> dict[str, Any] | None:
        """Return the configuration of the last `up` that succeeded; None when the backend knows of none."""
        history = json.loads(self._run("stack", "history", "--stack", self._stack, "--json", "--page-size", "50"))
        runs = (run for run in history or [] if run["kind"] == "update" and run["result"] == "succeeded")
        last = next(runs, None)
        return None if last is None else dict(last.get("config") or {})

    def preview_steps(self, arguments: Sequence[str]) -> dict[str, Any]:
        """Return what a preview says, protection left aside: of what is protected the engine shows no step else.

        Args:
            arguments: Options of `pulumi up`; those that `pulumi preview` does not have are left out.
        """
        options = [word for word in arguments if word not in _UP_ONLY]
        words = ["preview", "--stack", self._stack, "--json", "--ignore-protect", *options]
        done = self._do(words)
        try:
            return dict(json.loads(done.stdout))
        except ValueError:
            raise _failure(words, done) from None

    def preview(self, arguments: Sequence[str]) -> int:
        """Run `pulumi preview` for the user to see; return its exit code."""
        return self._show("preview", arguments)

    def up(self, arguments: Sequence[str]) -> int:
        """Run `pulumi up` for the user to see and answer; return its exit code.

        Unless the arguments say how many steps go at once, more do than the engine's four per core: all of them wait
        for AWS, and on a small machine the control plane would wait for its turn (docs/architecture.md).
        """
        said = any(word.partition("=")[0] in ("--parallel", "-p") for word in arguments)
        return self._show("up", [*arguments, *([] if said else [f"--parallel={PARALLEL}"])])

    def destroy(self, arguments: Sequence[str]) -> int:
        """Run `pulumi destroy` for the user to see and answer; return its exit code."""
        return self._show("destroy", arguments)

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, secrets among them in the clear."""
        return dict(json.loads(self._run("stack", "output", "--stack", self._stack, "--show-secrets", "--json")))

    def lock_holders(self) -> list[Holder]:
        """Return who holds locks: in a folder or an S3 bucket. Other backends say so themselves when they refuse."""
        url = urlsplit(json.loads(self._run("whoami", "--json"))["url"])
        where = f".pulumi/locks/organization/{self._qualified()}/"
        texts: Iterator[bytes] = iter(())
        if url.scheme == "file":
            texts = _files(self._folder / Path(url.netloc + url.path).expanduser() / where)
        elif url.scheme == "s3":
            prefix = f"{url.path.strip('/')}/{where}".lstrip("/")
            texts = _objects(url.netloc, prefix, {key: values[0] for key, values in parse_qs(url.query).items()})
        return [Holder.of(json.loads(text)) for text in texts]

    def _qualified(self) -> str:
        *_, project, stack = ["", *self._stack.split("/")]
        if not project:
            project = yaml.safe_load((self._folder / "Pulumi.yaml").read_text(encoding="utf-8"))["name"]
        return f"{project}/{stack}"

    def _show(self, command: str, arguments: Sequence[str]) -> int:
        words = ["pulumi", command, "--stack", self._stack, *arguments]
        with subprocess.Popen(words, cwd=self._folder, env=_environment()) as process:
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    # The terminal told the engine as well. It ends what is under way and lets go of its lock, unless
                    # somebody kills it meanwhile, as `subprocess.run` would; told again, it ends at once.
                    continue

    def _run(self, *words: str, stdin: str | None = None) -> str:
        done = self._do(words, stdin)
        if done.returncode:
            raise _failure(words, done)
        return done.stdout

    def _do(self, words: Sequence[str], stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", *words, "--non-interactive"]
        try:
            return subprocess.run(
                command, cwd=self._folder, env=_environment(), input=stdin, capture_output=True, text=True, check=False
            )
        except FileNotFoundError as error:
            raise OpsError("pulumi is neither in PATH nor brought by `make setup`; run `make setup`") from error


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who took a lock (https://github.com/pulumi/pulumi/blob/master/pkg/backend/diy/lock.go)."""

    pid: int
    user: str
    host: str
    since: str

    @classmethod
    def of(cls, content: dict[str, Any]) -> Holder:
        """Return what a lock's file says."""
        return cls(
            pid=int(content["pid"]), user=content["username"], host=content["hostname"], since=content["timestamp"][:19]
        )

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, process {self.pid}, since {self.since}Z"

    @property
    def dead(self) -> bool:
        """Whether the process is provably gone: it ran on this host, and no `pulumi` of that number runs here now."""
        return self.host == socket.gethostname() and not _is_pulumi(self.pid)


def _is_pulumi(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        # "pid (command) state …"; a zombie only waits for its parent to ask.
        command, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").partition("(")[2].rpartition(")")
    except OSError:
        # No /proc here: what cannot be looked into counts as alive.
        return True
    return command.startswith("pulumi") and rest.split()[0] != "Z"


def _failure(words: Sequence[str], done: subprocess.CompletedProcess[str]) -> OpsError:
    said = "\n".join(line for line in (done.stdout + done.stderr).splitlines() if line.strip())
    return OpsError(f"`pulumi {' '.join(words[:2])}` failed:\n{said}")


def _files(folder: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in sorted(folder.glob("*.json")))


def _objects(bucket: str, prefix: str, query: dict[str, str]) -> Iterator[bytes]:
    import boto3

    session = boto3.Session(profile_name=query.get("profile"))
    client = session.client("s3", region_name=query.get("region"), endpoint_url=query.get("endpoint"))
    for item in client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
        yield client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()


def _environment() -> dict[str, str]:
    """The user's own; where PATH has no pulumi, with the one that `make setup` brought."""
    path = os.environ.get("PATH", os.defpath)
    if shutil.which("pulumi", path=path) is None and _LISTING.is_file():
        path = os.pathsep.join((path, str(Path(json.loads(_LISTING.read_text(encoding="utf-8"))["pulumi"]).parent)))
    return {**os.environ, "PATH": path, "PULUMI_SKIP_UPDATE_CHECK": "true"}
