"""Paths of the command-line tools, as `make setup` left them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


class ToolsError(Exception):
    """A tool is not there; the message says what to do."""


def load_tools(checkout: Path) -> Mapping[str, Path]:
    """Return path by tool from the file `.tools.json` in the checkout. Raise `ToolsError` if one has gone."""
    listing = checkout / ".tools.json"
    if not listing.is_file():
        raise ToolsError(f"{listing} is not there: run `make setup`")
    tools = {name: Path(path) for name, path in json.loads(listing.read_text(encoding="utf-8")).items()}
    gone = sorted(name for name, path in tools.items() if not path.exists())
    if gone:
        raise ToolsError(f"no longer where make setup left them: {', '.join(gone)}: run `make setup`")
    return tools
