"""Official downloads: HTTPS only, verified with the publisher's checksum, quick to give up without a network."""

from __future__ import annotations

import hashlib
import http.client
import queue
import ssl
import tarfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tools.catalog import PinnedFiles, Platform, Release, Tool
from tools.store import SetupError, UnavailableError

_CHUNK = 1 << 20
_OPEN_SECONDS = 6.0
_READ_SECONDS = 20.0
_HEARTBEAT_SECONDS = 15.0


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https":
            fp.close()
        _require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_https(url: str) -> None:
    if urlsplit(url).scheme != "https":
        raise UnavailableError(f"{url} is not https")


class Downloader:
    """Fetches files; a host that did not answer once is not asked again.

    Args:
        say: Where progress goes.
        context: Certificates to trust; the system's by default.
        open_seconds: How long a host may take to answer, name lookup included.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        context: ssl.SSLContext | None = None,
        open_seconds: float = _OPEN_SECONDS,
    ) -> None:
        self._say = say
        self._open_seconds = open_seconds
        self._silent: dict[str, str] = {}
        handler = urllib.request.HTTPSHandler(context=context or ssl.create_default_context())
        self._opener = urllib.request.build_opener(handler, _HttpsOnly())

    def text(self, url: str) -> str:
        """Fetch a small text."""
        try:
            with self._open(url) as answer:
                return bytes(answer.read(_CHUNK)).decode()
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
            raise UnavailableError(f"{url}: {_reason(error)}") from error

    def file(self, url: str, target: Path) -> str:
        """Fetch a file and return its SHA-256."""
        digest, done, told = hashlib.sha256(), 0, time.monotonic()
        try:
            with self._open(url) as answer, target.open("wb") as out:
                size = int(answer.headers.get("Content-Length") or 0)
                while chunk := answer.read(_CHUNK):
                    digest.update(chunk)
                    done += out.write(chunk)
                    if time.monotonic() - told > _HEARTBEAT_SECONDS:
                        told = time.monotonic()
                        self._say(f"  {target.name}: {done >> 20} of {size >> 20 or '?'} MB")
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(f"{url}: {_reason(error)}") from error
        if size and done != size:
            raise UnavailableError(f"{url}: ended after {done} of {size} bytes")
        return digest.hexdigest()

    def _open(self, url: str) -> Any:
        _require_https(url)
        host = urlsplit(url).netloc
        if host in self._silent:
            raise UnavailableError(f"{url}: {self._silent[host]}")
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._opener.open(url, timeout=_READ_SECONDS))
            except Exception as error:  # noqa: BLE001 (handed to the caller's thread)
                answers.put(error)

        # A thread, because no time limit of the socket covers the name lookup.
        threading.Thread(target=ask, daemon=True).start()
        try:
            answer = answers.get(timeout=self._open_seconds)
        except queue.Empty:
            answer = TimeoutError(f"no answer within {self._open_seconds:.0f} s")
        if isinstance(answer, UnavailableError):
            raise answer
        if isinstance(answer, urllib.error.HTTPError):
            answer.close()
            raise UnavailableError(f"{url}: HTTP {answer.code}") from answer
        if isinstance(answer, Exception):
            self._silent[host] = f"{host} is not reachable ({_reason(answer)})"
            raise UnavailableError(f"{url}: {self._silent[host]}") from answer
        return answer


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", error)
    return str(inner) or type(inner).__name__


def published_sha256(text: str, name: str) -> str:
    """Find a file's SHA-256 in what the publisher wrote: it alone, or lines of sum and name."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    for words in lines:
        if len(words) == 2 and words[1].removeprefix("*").removeprefix("./") == name:
            return words[0].lower()
    if len(lines) == 1 and len(lines[0]) == 1:
        return lines[0][0].lower()
    raise UnavailableError(f"no checksum published for {name}")


def fetch_release(downloader: Downloader, way: Release, tool: Tool, machine: Platform, work: Path) -> str:
    """Download, verify and unpack; say from where."""
    if machine not in way.platforms:
        raise UnavailableError(f"the publisher has no build for {machine.os}/{machine.arch}")
    url = way.fill(way.url, tool.version, machine)
    name = urlsplit(url).path.rsplit("/", 1)[-1]
    expected = published_sha256(downloader.text(way.fill(way.checksum, tool.version, machine)), name)
    archive = work / "download"
    _require_sha256(tool, url, downloader.file(url, archive), expected)
    if not way.member:
        archive.replace(work / tool.name)
        return f"downloaded from {urlsplit(url).netloc}"
    _unpack(archive, name, way.fill(way.member, tool.version, machine), work / tool.name)
    for extra in way.extras:
        _unpack(archive, name, extra, work / extra.rsplit("/", 1)[-1])
    archive.unlink()
    return f"downloaded from {urlsplit(url).netloc}"


def fetch_files(downloader: Downloader, way: PinnedFiles, tool: Tool, work: Path) -> str:
    """Download the files of a data set; say from where."""
    base = way.url.format(version=tool.version)
    for name, expected in way.sha256.items():
        _require_sha256(tool, base + name, downloader.file(base + name, work / name), expected)
    return f"downloaded from {urlsplit(base).netloc}"


def _require_sha256(tool: Tool, url: str, found: str, expected: str) -> None:
    if found != expected:
        raise SetupError(
            f"{tool.name} {tool.version}: {url} has SHA-256 {found}, expected {expected}. Refused: nothing was kept. "
            "Try again; if it stays so, the file or the checksum was changed on its way."
        )


def _unpack(archive: Path, name: str, member: str, target: Path) -> None:
    try:
        if name.endswith(".zip"):
            with zipfile.ZipFile(archive) as bundle, bundle.open(member) as source:
                _copy(source, target)
            return
        with tarfile.open(archive) as tar:
            entry = tar.extractfile(member)
            if entry is None:
                raise KeyError(member)
            with entry:
                _copy(entry, target)
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise UnavailableError(f"{name} does not hold {member}") from error


def _copy(source: IO[bytes], target: Path) -> None:
    with target.open("wb") as out:
        while chunk := source.read(_CHUNK):
            out.write(chunk)
