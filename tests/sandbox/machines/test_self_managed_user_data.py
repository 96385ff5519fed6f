"""User data is decoded as cloud-init decodes it, and what cloud-init or EC2 would refuse is refused."""

from __future__ import annotations

import base64
import gzip
import os

import pytest
import yaml

from sandbox.machines.description import DescriptionError, filled, read_description
from sandbox.machines.user_data import UserDataError, WrittenFile, mounted, written_files


def _encoded(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _config(*files: dict[str, object]) -> str:
    return _encoded("#cloud-config\n" + yaml.safe_dump({"write_files": list(files)}))


def test_every_encoding_of_a_file_is_read() -> None:
    """Plain text, base64, gzip and both; a later entry of a path replaces it, or is appended."""
    packed = base64.b64encode(gzip.compress(b"packed")).decode()
    found = written_files(
        _config(
            {"path": "/plain", "content": "text", "permissions": "0600"},
            {"path": "/base64", "content": base64.b64encode(b"coded").decode(), "encoding": "b64"},
            {"path": "/both", "content": packed, "encoding": "gz+b64"},
            {"path": "/gzip", "content": gzip.compress(b"bytes"), "encoding": "gzip"},
            {"path": "/plain", "content": " and more", "append": True},
        )
    )
    assert {path: file.content for path, file in found.items()} == {
        "/plain": b"text and more",
        "/base64": b"coded",
        "/both": b"packed",
        "/gzip": b"bytes",
    }
    assert found["/base64"].mode == 0o644


@pytest.mark.parametrize(
    ("encoded", "said"),
    [
        ("not base64!", "is not base64"),
        (base64.b64encode(os.urandom(17000)).decode(), "EC2 takes 16384"),
        (_encoded("write_files: []\n"), "does not begin with #cloud-config"),
        (_encoded("#cloud-config\n{"), "is not YAML"),
        (_encoded("#cloud-config\n[]"), "is not a YAML mapping"),
        (base64.b64encode(b"\x1f\x8bbroken").decode(), "cannot be read"),
        (_config({"path": "relative", "content": ""}), "without an absolute path"),
        (_config({"path": "/a", "content": "", "encoding": "zip"}), "which cloud-init does not know"),
        (_config({"path": "/a", "content": "text", "encoding": "gz"}), "is not gz"),
    ],
)
def test_what_cannot_be_read_is_refused(encoded: str, said: str) -> None:
    """The reason names what is wrong."""
    with pytest.raises(UserDataError, match=said):
        written_files(encoded)


def test_mount_points_that_units_wait_for() -> None:
    """Only systemd's own files count, with every path of the line."""
    files = {
        "/etc/systemd/system/a.service": WrittenFile(b"[Unit]\nRequiresMountsFor=/data /more\n", 0o644),
        "/etc/notes": WrittenFile(b"RequiresMountsFor=/elsewhere\n", 0o644),
    }
    assert mounted(files) == ["/data", "/more"]


def test_description_names_each_parameter_once() -> None:
    """What is both a file's and a blank's parameter is read once; other keys are the script's own."""
    text = b'{"kubernetes": "1.36.4", "files": {"/a": "p"}, "blanks": {"@B@": "p", "@C@": "q"}, "role": "any"}'
    found = read_description(text)
    assert (found.parameters, found.rendered) == (("p", "q"), {})
    assert filled(b"x @B@ @C@ @D@", {"@B@": "1", "@C@": "2"}) == b"x 1 2 @D@"


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"kubernetes": "1", "files": []}x'])
def test_unreadable_description_is_refused(text: bytes) -> None:
    """A machine without a readable description says so."""
    with pytest.raises(DescriptionError, match="cannot be read"):
        read_description(text)
