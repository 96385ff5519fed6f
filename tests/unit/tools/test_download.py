"""A download is verified before it is kept, and a closed network is noticed quickly."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import stat
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.tools import GO, PROGRAM, Site, World, widget
from tools.catalog import (
    ModuleFiles,
    PinnedFiles,
    Release,
    Tool,
)
from tools.download import Downloader, published_sha256
from tools.store import SetupError, UnavailableError


def test_download_is_kept_executable_under_tool_and_version(world: World, site: Site, tmp_path: Path) -> None:
    """The result lies where every clone looks for it and can be run."""
    site.publish("widget-linux-amd64", PROGRAM)
    path, _ = world.setup.provide(widget(site))
    assert path == tmp_path / "cache" / "widget" / "1.2.3" / "widget"
    assert path.read_bytes() == PROGRAM
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".lock", "widget"]


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_archive_gives_its_members_and_nothing_else(world: World, site: Site, kind: str) -> None:
    """The tool and its named companions come out; other members, also those that climb out, stay inside."""
    members = {"pack/widget": PROGRAM, "pack/widget-helper": b"helper", "../../escaped": b"no"}
    packed = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(packed, "w") as bundle:
            for name, content in members.items():
                bundle.writestr(name, content)
    else:
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for name, content in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    site.publish(f"widget.{kind}", packed.getvalue())
    url = f"{site.url}/widget.{kind}"
    way = Release(url=url, checksum=url + ".sha256", member="pack/widget", extras=("pack/widget-helper",))
    path, _ = world.setup.provide(widget(site, ways=(way,)))
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".lock", "widget", "widget-helper"]
    assert path.read_bytes() == PROGRAM
    assert not list(world.setup.store.root.parent.rglob("escaped"))


def test_wrong_checksum_is_refused(world: World, site: Site) -> None:
    """A file that is not what its publisher says ends the set-up, and nothing of it is kept."""
    world.install("go", GO)
    site.publish("widget-linux-amd64", PROGRAM, sha256="0" * 64)
    with pytest.raises(SetupError, match=r"widget 1\.2\.3: .* expected 0{64}\. Refused"):
        world.setup.provide(widget(site))
    assert [entry.name for entry in world.setup.store.folder(widget(site)).iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ABC\n", "abc"),
        ("abc  widget\n", "abc"),
        ("111  other\nabc *widget\n", "abc"),
        ("111  widget.sbom\nabc  ./widget\n", "abc"),
        ("111  other\n", None),
        ("", None),
    ],
)
def test_published_checksum_is_found_by_name(text: str, expected: str | None) -> None:
    """The sum of the very file counts; a list without it is no checksum."""
    if expected is None:
        with pytest.raises(UnavailableError, match="no checksum published for widget"):
            published_sha256(text, "widget")
    else:
        assert published_sha256(text, "widget") == expected


def test_plain_http_is_refused_also_after_a_redirect(world: World, site: Site) -> None:
    """Nothing comes over a connection that anyone on the way can change."""
    with pytest.raises(UnavailableError, match=r"http://example\.com/widget is not https"):
        world.setup.downloader.text("http://example.com/widget")
    site.redirects["/widget"] = "http://127.0.0.1/widget"
    with pytest.raises(UnavailableError, match=r"http://127\.0\.0\.1/widget is not https"):
        world.setup.downloader.text(f"{site.url}/widget")


def test_silent_host_is_asked_once(site: Site) -> None:
    """A host that does not answer costs its time limit once, not once per tool; others are asked still."""
    downloader = Downloader(print, site.context, open_seconds=0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        for name in ("first", "second"):
            with pytest.raises(UnavailableError, match=rf"{name}: {host} is not reachable \(no answer within"):
                downloader.text(f"https://{host}/{name}")
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
    site.files["/up"] = b"yes"
    assert downloader.text(f"{site.url}/up") == "yes"


def _data(site: Site, sha256: dict[str, str]) -> Tool:
    ways = (
        PinnedFiles(url=site.url + "/v{version}/", sha256=sha256),
        ModuleFiles(module="example.com/widget", folder="crds", sha256=sha256),
    )
    return Tool(name="widget-crds", version="1.2.3", ways=ways, files=tuple(sha256))


def test_data_files_are_checked_against_the_pinned_sum(world: World, site: Site) -> None:
    """Files nobody publishes a checksum for are compared with the one in the catalogue."""
    site.files["/v1.2.3/a.yaml"] = b"kind: A\n"
    tool = _data(site, {"a.yaml": hashlib.sha256(b"kind: A\n").hexdigest()})
    path, origin = world.setup.provide(tool)
    assert (path / "a.yaml").read_bytes() == b"kind: A\n"
    assert origin.startswith("downloaded")
    with pytest.raises(SetupError, match=r"a\.yaml has SHA-256 .*Refused"):
        world.setup.provide(replace(_data(site, {"a.yaml": "0" * 64}), name="other-crds"))


def test_data_files_come_from_the_module_where_the_site_is_closed(world: World, site: Site, tmp_path: Path) -> None:
    """The Go module carries the same files."""
    crds = tmp_path / "module" / "crds"
    crds.mkdir(parents=True)
    (crds / "a.yaml").write_text("kind: A\n")
    answer = json.dumps({"Dir": str(crds.parent)})
    world.install("go", GO.replace("*) exit 1", f"mod) echo '{answer}' ;;\n*) exit 1"))
    tool = _data(site, {"a.yaml": hashlib.sha256(b"kind: A\n").hexdigest()})
    path, origin = world.setup.provide(tool)
    assert origin == "copied from example.com/widget@v1.2.3"
    assert (path / "a.yaml").read_text() == "kind: A\n"
