"""Pulumi's assets and archives: told apart by their mark, and packed into the zip file that AWS takes.

The engine sends them as objects with a signature
(https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go) and a hash of the content.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sandbox.protocol import HostError

__all__ = ["content_hash", "zipped"]

SIGNATURE = "4dabf18193072939515e22adb298388d"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
# The first moment that a zip file can tell: the same content gives the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)
MODE = 0o644


def content_hash(value: Any) -> str | None:
    """Return the hash of an asset's or archive's content; None for anything else.

    Two of the same content are the same wherever they came from.
    """
    if isinstance(value, Mapping) and value.get(SIGNATURE) in (ASSET, ARCHIVE):
        return str(value.get("hash") or "") or None
    return None


def zipped(archive: Any) -> bytes:
    """Return an archive as a zip file, the same for the same content.

    Raises:
        HostError: It is no archive, its files are not there, or it would have to come over the network.
    """
    if not isinstance(archive, Mapping) or archive.get(SIGNATURE) != ARCHIVE:
        raise HostError("not an archive: give pulumi.AssetArchive or pulumi.FileArchive")
    path = archive.get("path")
    if path and Path(path).suffix == ".zip":
        return _read(path)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in sorted(_members(archive)):
            entry = zipfile.ZipInfo(name, date_time=EPOCH)
            entry.external_attr = MODE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, content)
    return buffer.getvalue()


def _members(archive: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    if path := archive.get("path"):
        yield from _folder(Path(path))
        return
    if "assets" not in archive:
        raise HostError(f"archive {archive.get('uri')}: the sandbox fetches nothing over the network")
    for name, item in archive["assets"].items():
        if item.get(SIGNATURE) == ARCHIVE:
            yield from ((f"{name}/{inner}", content) for inner, content in _members(item))
        else:
            yield name, _content(item)


def _content(asset: Mapping[str, Any]) -> bytes:
    if asset.get("text") is not None:
        return str(asset["text"]).encode()
    if path := asset.get("path"):
        return _read(path)
    if asset.get("uri"):
        raise HostError(f"asset {asset['uri']}: the sandbox fetches nothing over the network")
    return b""


def _folder(path: Path) -> Iterator[tuple[str, bytes]]:
    if not path.is_dir():
        raise HostError(f"archive {path}: the sandbox takes folders and .zip files, and this is neither")
    for file in path.rglob("*"):
        if file.is_file():
            yield file.relative_to(path).as_posix(), file.read_bytes()


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise HostError(f"asset {path}: {error.strerror}") from None
