"""A Git server on loopback that serves the working tree as it is, committed or not."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final

from sandbox.certificates import ServerCertificate
from sandbox.tls_server import TlsServer

_BRANCH: Final = "main"
# The same content must give the same commit, on every machine and at any time.
_AUTHOR: Final = {
    "GIT_AUTHOR_NAME": "sandbox",
    "GIT_AUTHOR_EMAIL": "sandbox@example.com",
    "GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "sandbox",
    "GIT_COMMITTER_EMAIL": "sandbox@example.com",
    "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z",
}
# Nothing of the user's own configuration: hooks, templates, filters, a proxy.
_ENVIRONMENT: Final = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}


class GitServerError(Exception):
    """Git failed; the message carries what it said."""


class GitServer:
    """Serves a snapshot of a folder over HTTPS, read-only, as branch `main`.

    The snapshot holds what a commit of everything would: tracked and untracked files as they are on disk, less those
    that .gitignore names. The checkout itself is never written to.

    Args:
        source: The working tree; a Git checkout, or any folder.
        folder: Gets the bare repository.
        certificate: The server's certificate; clients must trust its authority.
    """

    def __init__(self, source: Path, folder: Path, certificate: ServerCertificate) -> None:
        self._source = source
        self._repository = folder / "repository.git"
        self._lock = threading.Lock()
        self._server = TlsServer(type("Handler", (_Handler,), {"root": folder}), certificate)
        self.certificate = certificate

    @property
    def url(self) -> str:
        """URL of the repository."""
        return f"{self._server.url}/{self._repository.name}"

    def start(self) -> None:
        """Take the first snapshot and serve it."""
        shutil.rmtree(self._repository, ignore_errors=True)
        self._repository.mkdir(parents=True)
        self._git("init", "--quiet", "--bare", f"--initial-branch={_BRANCH}", ".", cwd=self._repository)
        # Git's own default is to rewrite line ends by the machine it runs on.
        self._git("config", "core.autocrlf", "false")
        # Argo CD asks for commits by their number.
        self._git("config", "uploadpack.allowAnySHA1InWant", "true")
        self.refresh()
        self._server.start()

    def stop(self) -> None:
        """Stop to serve. Idempotent."""
        self._server.stop()

    def refresh(self, revisions: Iterable[str] = ()) -> str:
        """Commit the working tree as it is now, if it changed, and return the commit.

        Args:
            revisions: Further branches or tags under which it is served; `HEAD` and the branch itself need no mention.
        """
        with self._lock:
            wanted = set(self._files())
            indexed = set(_split(self._git("ls-files", "-z")))
            # The index stays from one snapshot to the next, so that only changed files are read.
            self._git("update-index", "-z", "--force-remove", "--stdin", given=_joined(indexed - wanted))
            self._git("update-index", "-z", "--add", "--remove", "--stdin", given=_joined(wanted))
            tree = self._git("write-tree").strip()
            head = self._git("rev-parse", "--verify", "--quiet", _BRANCH, check=False).strip()
            if head and self._git("rev-parse", f"{head}^{{tree}}").strip() == tree:
                commit = head
            else:
                commit = self._git("commit-tree", tree, *(["-p", head] if head else []), "-m", "Working tree").strip()
            for revision in {_BRANCH, *revisions} - {"HEAD"}:
                self._git("update-ref", f"refs/heads/{revision}", commit)
            return commit

    def _files(self) -> Iterator[str]:
        """Yield the paths to serve; a tracked file that is gone from disk may be among them."""
        if (
            self._run(
                ["git", "-c", "safe.directory=*", "rev-parse", "--is-inside-work-tree"], cwd=self._source, check=False
            ).strip()
            == "true"
        ):
            listing = [
                "git",
                "-c",
                "safe.directory=*",
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
                "--deduplicate",
            ]
        else:
            # A folder outside Git, such as an unpacked archive: the bare repository reads its .gitignore.
            listing = [
                "git",
                f"--git-dir={self._repository}",
                "--work-tree=.",
                "ls-files",
                "-z",
                "--others",
                "--cached",
                "--exclude-standard",
            ]
        for path in _split(self._run(listing, cwd=self._source)):
            # Git names a repository inside by its folder; it is no part of this tree.
            file = self._source / path
            if not path.endswith("/") and (file.is_symlink() or not file.is_dir()):
                yield path

    def _git(self, *words: str, given: str = "", cwd: Path | None = None, check: bool = True) -> str:
        access = [] if cwd else [f"--git-dir={self._repository}", f"--work-tree={self._source}"]
        return self._run(["git", *access, *words], cwd=cwd or self._source, given=given, check=check)

    def _run(self, command: Sequence[str], *, cwd: Path, given: str = "", check: bool = True) -> str:
        done = subprocess.run(
            command,
            cwd=cwd,
            input=given.encode("utf-8", "surrogateescape"),
            capture_output=True,
            env=_environment(_AUTHOR),
            check=False,
        )
        if check and done.returncode:
            raise GitServerError(f"{' '.join(command[:6])} failed: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode("utf-8", "surrogateescape")


def _environment(more: dict[str, str]) -> dict[str, str]:
    # GIT_DIR and its like are set when this runs inside a hook; they would turn to another repository.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return kept | _ENVIRONMENT | more


def _split(listing: str) -> list[str]:
    return [path for path in listing.split("\0") if path]


def _joined(paths: set[str]) -> str:
    return "".join(f"{path}\0" for path in sorted(paths))


class _Handler(BaseHTTPRequestHandler):
    """Hands requests to Git's own CGI program, those of a fetch only."""

    protocol_version = "HTTP/1.1"
    root = Path()

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path.endswith("/info/refs") and "service=git-receive-pack" in query:
            self._send(403, [], b"this server is read-only\n")
        elif path.endswith(("/info/refs", "/HEAD")):
            self._fetch(path, query, b"")
        else:
            self._send(404, [], b"no such page\n")

    def do_POST(self) -> None:
        path, _, query = self.path.partition("?")
        body = self._body()
        if path.endswith("/git-upload-pack"):
            self._fetch(path, query, body)
        else:
            self._send(403, [], b"this server is read-only\n")

    def log_message(self, *_: object) -> None:
        """Stay silent: a client reports its own failures."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _fetch(self, path: str, query: str, body: bytes) -> None:
        variables = {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        command = ["git", "http-backend"]
        done = subprocess.run(command, input=body, capture_output=True, env=_environment(variables), check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [line.partition(": ")[::2] for line in head.decode("latin-1").split("\r\n") if line]
        failed = "500" if done.returncode else "200"
        status = next((value for name, value in headers if name == "Status"), failed)
        self._send(int(status.split()[0]), [pair for pair in headers if pair[0] != "Status"], content)

    def _send(self, status: int, headers: Iterable[Sequence[str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
