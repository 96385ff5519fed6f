"""What was rendered, as a YAML stream, as files or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ops.gitops.objects import as_yaml
from ops.gitops.rendering import Part, Rendered
from ops.gitops.values import Root


def stream(rendered: Rendered) -> str:
    """Return an Application's objects as a YAML stream, each source below a line that names it."""
    return "".join(_documents(rendered))


def _documents(rendered: Rendered) -> Iterator[str]:
    # Of objects that come twice only the last one is applied.
    kept = {id(thing) for thing in rendered.objects}
    for part in rendered.parts:
        yield f"# Application {rendered.name} (wave {rendered.wave}) · source {part.name}\n"
        if part.missing:
            yield _values(part)
        for thing in part.objects:
            if id(thing) in kept:
                yield f"---\n{as_yaml(thing)}"


def _values(part: Part) -> str:
    values = as_yaml(part.values) if part.values else "{}\n"
    return f"# NOT RENDERED: {part.missing}\n# The values that the chart gets:\n" + "".join(
        f"#   {line}\n" for line in values.splitlines()
    )


def introduction(root: Root, stack: str) -> str:
    """Return the lines that say whose tree it is and which values are examples."""
    lines = [f"# Stack {stack}, Kubernetes {root.kubernetes or 'of an unknown version'}"]
    if root.examples:
        lines.append("# Examples, for only a deployed stack knows them (--deployed takes its own):")
        lines += [f"#   {path}" for path in root.examples]
    return "\n".join(lines) + "\n"


def write(folder: Path, root: Root, stack: str, rendered: Iterable[Rendered]) -> list[Path]:
    """Write one file per Application and return their names; files that are there are replaced, others stay."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for one in rendered:
        file = folder / f"{one.name}.yaml"
        file.write_text(introduction(root, stack) + stream(one), encoding="utf-8")
        written.append(file)
    return written


def document(root: Root, stack: str, rendered: Sequence[Rendered]) -> dict[str, Any]:
    """Return everything as plain values."""
    return {
        "stack": stack,
        "kubernetes": root.kubernetes or None,
        "examples": list(root.examples),
        "root": {"application": root.application, "project": root.project},
        "applications": [_application(one) for one in rendered],
    }


def _application(one: Rendered) -> dict[str, Any]:
    kept = {id(thing) for thing in one.objects}
    return {
        "name": one.name,
        "wave": one.wave,
        "namespace": one.application["spec"]["destination"].get("namespace"),
        "project": one.application["spec"].get("project"),
        "sources": [
            {
                "name": part.name,
                "source": part.source,
                "notRendered": part.missing or None,
                "objects": [thing for thing in part.objects if id(thing) in kept],
            }
            for part in one.parts
        ],
    }
