"""A tool on PATH is taken when its version serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.tools import PROGRAM, Site, World, widget
from tools.fits import parse, same_major_from, same_minor, within_one_minor


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("v3.259.0", (3, 259, 0)),
        ("Kubernetes v1.36.4", (1, 36, 4)),
        ("argocd: v3.5.1+unknown", (3, 5, 1)),
        ("etcd Version: 3.6.16\nGit SHA: 1.0", (3, 6, 16)),
        ("kwok version v0.7.0 go1.26.8 (linux/amd64)", (0, 7, 0)),
        ("go1.26", (1, 26, 0)),
        ("development", None),
        ("", None),
    ],
)
def test_first_version_of_what_a_tool_prints_counts(printed: str, expected: object) -> None:
    """The first version in the output is the tool's."""
    assert parse(printed) == expected


@pytest.mark.parametrize(
    ("rule", "found", "pinned", "serves"),
    [
        (same_minor, "1.36.9", "1.36.4", True),
        (same_minor, "1.35.4", "1.36.4", False),
        (same_minor, "2.36.4", "1.36.4", False),
        (same_minor, "development", "0.8.0", False),
        (within_one_minor, "1.37.0", "1.36.4", True),
        (within_one_minor, "1.35.0", "1.36.4", True),
        (within_one_minor, "1.34.9", "1.36.4", False),
        (within_one_minor, "2.36.0", "1.36.4", False),
        (same_major_from, "3.259.0", "3.259.0", True),
        (same_major_from, "3.300.1", "3.259.0", True),
        (same_major_from, "3.258.9", "3.259.0", False),
        (same_major_from, "4.0.0", "3.259.0", False),
    ],
)
def test_version_on_path_fits_or_not(rule: object, found: str, pinned: str, serves: bool) -> None:
    """Each rule accepts what it names and nothing beside."""
    assert callable(rule)
    assert rule(found, pinned) is serves


def test_fitting_tool_on_path_is_taken(world: World, site: Site) -> None:
    """A tool that fits is used where it is; nothing is downloaded."""
    program = world.install("widget", "#!/bin/sh\necho widget v1.2.9\n")
    assert world.setup.provide(widget(site)) == (program, f"from PATH, {program}")
    assert site.asked == []


def test_answer_of_a_tool_on_path_is_remembered_until_it_changes(world: World, site: Site, tmp_path: Path) -> None:
    """A program is asked for its version once, and again when it is another."""
    script = f"#!/bin/sh\necho x >> {tmp_path}/asked\necho widget v1.2.9\n"
    world.install("widget", script)
    for _ in range(3):
        world.setup.provide(widget(site))
    assert (tmp_path / "asked").read_text().count("x") == 1
    world.install("widget", script + "# newer\n")
    world.setup.provide(widget(site))
    assert (tmp_path / "asked").read_text().count("x") == 2


@pytest.mark.parametrize("script", ["#!/bin/sh\necho widget v1.3.0\n", "#!/bin/sh\nexit 1\n", "#!/bin/sh\necho dev\n"])
def test_tool_on_path_that_does_not_fit_is_left(world: World, site: Site, script: str) -> None:
    """A wrong version, a failure or no version at all leads to the download."""
    world.install("widget", script)
    site.publish("widget-linux-amd64", PROGRAM)
    path, origin = world.setup.provide(widget(site))
    assert path == world.setup.store.path(widget(site))
    assert origin.startswith("downloaded from 127.0.0.1")
