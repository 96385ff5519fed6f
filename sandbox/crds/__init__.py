"""The kinds that operators bring: their publishers' CRDs as `make setup` left them, and those kept by hand."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

BY_HAND: Final = Path(__file__).parent / "by_hand"
_ENDING: Final = "-crds"
# As controller-gen writes the name of the kind that a CRD defines.
_KIND: Final = re.compile(r"^    kind: (\w+)$", re.MULTILINE)


# The C parser, where there is one, takes a tenth of the time; CRDs are large.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Takes a lone `=`, as in the Prometheus operator's matchers, for what it is: YAML 1.1 has a meaning for it."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


def folders(tools: Mapping[str, Path]) -> dict[str, Path]:
    """Return the folder of each set: `argocd` for the tool `argocd-crds`, and the sets in by_hand/.

    Args:
        tools: Path by tool, as of `sandbox.tools.load_tools`.
    """
    real = {name.removesuffix(_ENDING): path for name, path in tools.items() if name.endswith(_ENDING)}
    return {path.name: path for path in sorted(BY_HAND.iterdir()) if path.is_dir()} | real


def definitions(folder: Path, kinds: Container[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return the CRDs of a set by file name. Anything else that lies beside them is passed over.

    Args:
        folder: Of the set.
        kinds: Pass over a file that names another one where controller-gen does, without parsing it.
    """
    found = {}
    for file in sorted(folder.glob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        named = _KIND.search(text)
        if kinds is not None and named and named[1] not in kinds:
            continue
        crd = yaml.load(text, Loader=_Loader)  # noqa: S506 - built on one of the safe ones
        if isinstance(crd, dict) and crd.get("kind") == "CustomResourceDefinition":
            found[file.name] = crd
    return found
