"""The commands below `gitops`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.errors import OpsError

if TYPE_CHECKING:
    from ops.gitops.charts import Charts
    from ops.gitops.rendering import Rendered
    from ops.gitops.values import Root

# Exit codes. The first is that of `diff`, the second that of every command here that cannot go on; typer's own for
# unknown options is 2.
DIFFERENT = 1
FAILED = 2
CHARTS_MISSING = 3

app = typer.Typer(no_args_is_help=True, help="What Argo CD will apply.")

Stack = Annotated[str, typer.Option("--stack", "-s", help="The stack's name.")]
Folder = Annotated[Path, typer.Option("--cwd", "-C", help="Folder of Pulumi.yaml.", file_okay=False, exists=True)]
Only = Annotated[list[str], typer.Option("--application", "-a", help="Only this Application; once for each.")]
Output = Annotated[Path | None, typer.Option(file_okay=False, help="Write one file per Application to this folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Diff = Annotated[str | None, typer.Option(metavar="REV", help="Show what differs from this revision instead.")]
Deployed = Annotated[bool, typer.Option("--deployed", help="Take the values out of the stack's state.")]
Require = Annotated[bool, typer.Option("--require-charts", help="End with 3 if a chart cannot be had.")]
From = Annotated[
    Path | None, typer.Option(file_okay=False, exists=True, help="Take charts (NAME-VERSION.tgz) from this folder.")
]


@app.callback()
def _group() -> None:
    """Keep `render` a command of its own, although it is the only one."""


@app.command("render")
def render_command(  # noqa: PLR0913, PLR0917 - each is an option of the command
    stack: Stack,
    cwd: Folder = Path(),
    application: Only = [],  # noqa: B006 - typer reads the default and never changes it
    output: Output = None,
    json_: Json = False,
    diff: Diff = None,
    deployed: Deployed = False,
    require_charts: Require = False,
    charts_from: From = None,
) -> None:
    """Show what Argo CD will apply, per Application: from the files alone, without credentials.

    With --diff the exit code is 1 if there is a difference. What cannot be done ends with 2, a chart that cannot be had
    and is required with 3.
    """
    from ops.gitops.charts import Pulled, from_folder
    from ops.gitops.document import document, introduction, stream, write
    from ops.gitops.running import tool

    with _told():
        if output is not None and (json_ or diff is not None):
            raise OpsError("--output goes with neither --json nor --diff")
        charts = Pulled(tool) if charts_from is None else from_folder(charts_from)
        root = _root(cwd, stack, deployed=deployed)
        rendered = _chosen(_rendered(cwd, root, charts), application, stack, strict=diff is None)
        different = False
        if diff is not None:
            different = _show_difference(cwd, stack, diff, (root, rendered), charts, application, json_, deployed)
        elif json_:
            typer.echo(json.dumps(document(root, stack, rendered), indent=2))
        elif output is not None:
            for file in write(output, root, stack, rendered):
                typer.echo(file)
        else:
            typer.echo(introduction(root, stack) + "".join(map(stream, rendered)), nl=False)
        missing = _tell(rendered)
    if missing and require_charts:
        raise typer.Exit(CHARTS_MISSING)
    raise typer.Exit(DIFFERENT if different else 0)


def _root(folder: Path, stack: str, *, deployed: bool) -> Root:
    from ops.gitops.values import of_program, of_state

    return of_state(folder, stack) if deployed else of_program(folder, stack)


def _rendered(folder: Path, root: Root, charts: Charts) -> list[Rendered]:
    from ops.gitops.rendering import Renderer
    from ops.gitops.running import tool

    return Renderer(folder.resolve(), tool, charts, root.kubernetes).render(root.application)


def _show_difference(
    folder: Path,
    stack: str,
    revision: str,
    now: tuple[Root, list[Rendered]],
    charts: Charts,
    only: Sequence[str],
    json_: bool,
    deployed: bool,
) -> bool:
    """Show what differs and return whether anything does. A deployed stack's values are those of both sides."""
    from ops.gitops.difference import compare
    from ops.gitops.revision import checked_out
    from ops.gitops.running import tool

    root, rendered = now
    with checked_out(folder, revision, tool) as then:
        past = root if deployed else _root(then, stack, deployed=False)
        before = _chosen(_rendered(then, past, charts), only, stack, strict=False)
    if unknown := sorted(set(only) - {one.name for one in [*before, *rendered]}):
        raise OpsError(f"stack {stack} has no Application {unknown[0]}, nor had it at {revision}")
    difference = compare(before, rendered)
    typer.echo(json.dumps(difference.document(), indent=2) if json_ else difference.text(), nl=json_)
    return bool(difference)


def _chosen(rendered: list[Rendered], only: Sequence[str], stack: str, *, strict: bool) -> list[Rendered]:
    names = [one.name for one in rendered]
    if strict and (unknown := [name for name in only if name not in names]):
        raise OpsError(f"stack {stack} has no Application {unknown[0]}; there are {', '.join(names)}")
    return [one for one in rendered if not only or one.name in only]


def _tell(rendered: Sequence[Rendered]) -> bool:
    """Say what is not as it should be; return whether a chart is missing."""
    missing = [(one.name, part) for one in rendered for part in one.parts if part.missing]
    for name, part in missing:
        typer.echo(f"note: Application {name}: chart {part.source['chart']} is not rendered: {part.missing}", err=True)
    for one in rendered:
        for twice in one.twice:
            typer.echo(f"warning: Application {one.name}: {twice} comes twice; the last one is applied", err=True)
    return bool(missing)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OpsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(FAILED) from error
