"""The set-up takes the first way that is open, and says what to do when none is."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.tools import GO, PROGRAM, Site, World, widget
from tools import python_env
from tools import setup as program
from tools.build import run_with_life
from tools.catalog import Platform, Release
from tools.setup import main, provide_all, write_paths
from tools.store import SetupError


def test_unreachable_publisher_leads_to_the_build(world: World, site: Site) -> None:
    """Where the download is closed, the pinned module is built."""
    world.install("go", GO)
    closed = Release(url="https://127.0.0.1:9/widget", checksum="https://127.0.0.1:9/widget.sha256")
    path, origin = world.setup.provide(widget(site, ways=(closed, widget(site).ways[1])))
    assert origin == "built from tools/widget"
    assert path.read_text() == "#!/bin/sh\necho built\n"
    assert any("building from tools/widget" in line for line in world.said)


def test_missing_release_leads_to_the_build(world: World, site: Site) -> None:
    """A publisher that answers 404, or builds nothing for this machine, is passed over."""
    world.install("go", GO)
    assert world.setup.provide(widget(site))[1] == "built from tools/widget"
    release = widget(site).ways[0]
    assert isinstance(release, Release)
    elsewhere = replace(release, platforms=(Platform("plan9", "mips"),))
    tool = widget(site, name="gadget", ways=(elsewhere, widget(site).ways[1]))
    assert world.setup.provide(tool)[1] == "built from tools/widget"


def test_no_way_open_is_one_error_with_the_ways_out(
    world: World, site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the tool, the version, what was tried and what helps."""
    monkeypatch.setenv("PATH", str(world.path))
    with pytest.raises(SetupError) as caught:
        world.setup.provide(widget(site))
    told = str(caught.value)
    assert told.startswith("widget 1.2.3 is not to be had here.")
    for part in (
        "PATH: not there",
        f"download: {site.url}/widget-linux-amd64.sha256: HTTP 404",
        "build: no go on PATH; Go 1.26.0 or newer is needed",
        f"copy {world.setup.store.folder(widget(site))} from a machine that has it",
        f"let this machine reach {site.url}/widget-linux-amd64",
        "install Go 1.26.0 or newer",
        "put widget on PATH (the minor of 1.2.3)",
    ):
        assert part in told


def test_go_that_is_too_old_is_said(world: World, site: Site) -> None:
    """An old Go that may not fetch a newer one is named with the version that is needed."""
    world.install("go", GO.replace("1.26.8", "1.24.1"))
    with pytest.raises(SetupError, match=r"is 1\.24\.1; Go 1\.26\.0 or newer is needed"):
        world.setup.provide(widget(site))


def test_failed_build_says_the_last_lines(world: World, site: Site) -> None:
    """What the compiler said last stands in the error."""
    world.install("go", GO.replace("echo internal/abi", "echo undefined: frobnicate; exit 2"))
    with pytest.raises(SetupError, match=r"ended with 2: undefined: frobnicate"):
        world.setup.provide(widget(site))


def test_long_command_shows_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that takes long says so while it runs."""
    monkeypatch.setattr("tools.build._HEARTBEAT_SECONDS", 0.1)
    said: list[str] = []
    run_with_life(("sh", "-c", "echo runtime; sleep 0.5"), "widget", said.append)
    assert any("1 steps, now runtime" in line for line in said)


def test_second_set_up_finds_everything(world: World, site: Site) -> None:
    """What is there is not fetched, built or asked again."""
    site.publish("widget-linux-amd64", PROGRAM)
    world.setup.provide(widget(site))
    site.asked.clear()
    assert world.setup.provide(widget(site))[1] == "cached"
    assert site.asked == []


def test_result_appears_whole_or_not_at_all(world: World, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set-up that dies in the middle leaves no tool; the next one cleans up after it."""
    site.publish("widget-linux-amd64", PROGRAM)
    folder = world.setup.store.folder(widget(site))

    def die(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            world.setup.provide(widget(site))
    assert not world.setup.store.holds(widget(site))
    (folder / ".part-1").mkdir()  # as a SIGKILL leaves it
    world.setup.provide(widget(site))
    assert sorted(entry.name for entry in folder.iterdir()) == [".lock", "widget"]


def test_two_set_ups_at_once_fetch_once(world: World, site: Site) -> None:
    """The second set-up waits for the first and takes its result."""
    site.publish("widget-linux-amd64", PROGRAM)
    origins: list[str] = []

    def provide() -> None:
        origins.append(world.setup.provide(widget(site))[1])

    with world.setup.store.claim(widget(site), world.said.append):
        other = threading.Thread(target=provide)
        other.start()
        time.sleep(0.2)
        assert origins == []
        (world.setup.store.folder(widget(site)) / "widget").write_bytes(PROGRAM)
        world.setup.store.path(widget(site)).chmod(0o755)
    other.join(5)
    assert origins == ["cached"]
    assert site.asked == []


def test_brief_leaves_out_what_was_there(world: World, site: Site) -> None:
    """A brief run speaks of news only; a full one names the way of each tool."""
    site.publish("widget-linux-amd64", PROGRAM)
    provide_all(world.setup, [widget(site)], brief=True)
    assert world.said[-1].startswith("widget")
    world.said.clear()
    provide_all(world.setup, [widget(site)], brief=True)
    assert world.said == []
    provide_all(world.setup, [widget(site)], brief=False)
    assert "cached" in world.said[0]


def test_paths_are_written_for_the_sandbox(tmp_path: Path) -> None:
    """The file maps tools to paths, keeps those not provided now and drops tools that are no more."""
    file = tmp_path / ".tools.json"
    file.write_text(json.dumps({"helm": "/old/helm", "etcd": "/opt/etcd", "gone": "/opt/gone"}))
    write_paths(file, {"helm": Path("/new/helm")})
    assert json.loads(file.read_text()) == {"etcd": "/opt/etcd", "helm": "/new/helm"}


def test_python_environment_is_made_once_per_lock_file(tmp_path: Path) -> None:
    """The environment is made anew when the lock file changes, and only then."""
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).write_text("1\n")
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nmkdir -p .venv/bin; touch .venv/bin/python\n')
    uv.chmod(0o755)
    assert not python_env.is_current(tmp_path)
    python_env.synchronise(tmp_path, uv, print)
    assert (tmp_path / "asked").read_text() == "sync --frozen --compile-bytecode\n"
    assert python_env.is_current(tmp_path)
    (tmp_path / "uv.lock").write_text("2\n")
    assert not python_env.is_current(tmp_path)


def test_unknown_tool_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error in --only names the tools there are."""
    with pytest.raises(SystemExit):
        main(["--only", "kubeform"])
    assert "no such tool: kubeform (there are pulumi, " in capsys.readouterr().err


def test_error_of_the_set_up_is_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ends with 1 and the error, without a traceback."""

    def refuse(*_: object, **__: object) -> None:
        raise SetupError("helm 4.2.4 is not to be had here.")

    monkeypatch.setattr(program, "provide_all", refuse)
    assert main(["--only", "helm"]) == 1
    assert capsys.readouterr().err == "set-up: helm 4.2.4 is not to be had here.\n"
