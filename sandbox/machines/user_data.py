"""What an instance's user data writes: cloud-init's `write_files`, decoded as cloud-init does."""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

# EC2 takes no more, before base64.
_LIMIT: Final = 16384
_UNITS: Final = "/etc/systemd/system/"
_REQUIRES: Final = re.compile(r"(?m)^RequiresMountsFor=(.*)$")
_HEADER: Final = "#cloud-config"
# cloud-init's spellings: https://cloudinit.readthedocs.io/en/latest/reference/modules.html#write-files
_GZIP: Final = {"gz", "gzip"}
_BASE64: Final = {"b64", "base64"}
_BOTH: Final = {"gz+base64", "gzip+base64", "gz+b64", "gzip+b64"}
_PLAIN: Final = {"", "text/plain"}


class UserDataError(Exception):
    """cloud-init would not understand the user data, or EC2 would not take it."""


@dataclass(frozen=True)
class WrittenFile:
    """A file that user data writes."""

    content: bytes
    mode: int


def written_files(encoded: str) -> dict[str, WrittenFile]:
    """Return the files of user data by path. Raise `UserDataError` where cloud-init would fail."""
    config = _cloud_config(encoded)
    found: dict[str, WrittenFile] = {}
    for entry in config.get("write_files") or []:
        if not isinstance(entry, Mapping) or not str(entry.get("path", "")).startswith("/"):
            raise UserDataError(f"write_files: an entry without an absolute path: {entry!r}")
        path = str(entry["path"])
        content = _content(path, entry)
        before = found[path].content if entry.get("append") and path in found else b""
        found[path] = WrittenFile(before + content, int(str(entry.get("permissions", "0644")), 8))
    return found


def mounted(files: Mapping[str, WrittenFile]) -> list[str]:
    """Return the mount points that a systemd unit among the files waits for: each is a volume of its own."""
    units = [file.content.decode(errors="replace") for path, file in files.items() if path.startswith(_UNITS)]
    return sorted({path for text in units for line in _REQUIRES.findall(text) for path in line.split()})


def _cloud_config(encoded: str) -> Mapping[str, Any]:
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise UserDataError(f"user data is not base64: {error}") from error
    if len(data) > _LIMIT:
        raise UserDataError(f"user data has {len(data)} bytes, EC2 takes {_LIMIT}")
    try:
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserDataError(f"user data cannot be read: {error}") from error
    if not text.startswith(_HEADER):
        raise UserDataError(f"user data does not begin with {_HEADER}: cloud-init would not take it for a cloud-config")
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserDataError(f"user data is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(config, Mapping):
        raise UserDataError("user data is not a YAML mapping")
    return config


def _content(path: str, entry: Mapping[str, Any]) -> bytes:
    encoding, content = str(entry.get("encoding", "")).lower(), entry.get("content", "")
    data = content if isinstance(content, bytes) else str(content).encode()
    if encoding not in _PLAIN | _GZIP | _BASE64 | _BOTH:
        raise UserDataError(f"write_files: {path} has encoding {encoding!r}, which cloud-init does not know")
    try:
        if encoding in _BASE64 | _BOTH:
            data = base64.b64decode(data)
        if encoding in _GZIP | _BOTH:
            data = gzip.decompress(data)
    except (binascii.Error, OSError, EOFError, zlib.error) as error:
        raise UserDataError(f"write_files: {path} is not {encoding}: {error}") from error
    return data
