"""The rows of the catalogue are whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.catalog import (
    TOOLS,
    UV,
    GoBuild,
    PinnedFiles,
    Release,
    Tool,
    this_platform,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("tool", [*TOOLS, UV], ids=lambda tool: tool.name)
def test_every_row_of_the_catalogue_is_whole(tool: Tool) -> None:
    """Templates fill on every platform, downloads are https, and each tool has a way without a publisher."""
    for way in tool.ways:
        if isinstance(way, Release):
            for machine in way.platforms:
                for template in (way.url, way.checksum):
                    filled = way.fill(template, tool.version, machine)
                    assert filled.startswith("https://")
                    assert tool.version in filled
                    assert "{" not in filled
        elif isinstance(way, GoBuild):
            module = (ROOT / "tools" / way.module / "go.mod").read_text()
            assert f" v{tool.version}" in module, "go.mod pins another version than versions.py"
    assert not isinstance(tool.ways[-1], Release | PinnedFiles)


def test_this_machine_is_spelt_as_go_does() -> None:
    """The platform of the tests is one of those that downloads exist for."""
    assert this_platform().os in {"linux", "darwin"}
    assert this_platform().arch in {"amd64", "arm64"}
