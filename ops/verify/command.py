"""The command `verify`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ops.errors import OpsError
from ops.verify.checks import Row, report

Stack = Annotated[str, typer.Option("--stack", "-s", help="The stack's name.")]
Folder = Annotated[Path, typer.Option("--cwd", "-C", help="Folder of Pulumi.yaml.", file_okay=False, exists=True)]
Kubeconfig = Annotated[
    Path | None, typer.Option(help="File to ask the cluster with; without it the one that kubectl takes.")
]
Context = Annotated[str | None, typer.Option(help="Of the kubeconfig; without it the current one.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_COLORS = {"pass": "green", "fail": "red", "absent": "yellow"}


def verify_command(
    stack: Stack, cwd: Folder = Path(), kubeconfig: Kubeconfig = None, context: Context = None, json_: Json = False
) -> None:
    """Say row by row whether the cluster is what the stack's file asks for.

    Ends with 0 when no row fails, with 1 when one does, with 2 when the cluster cannot be asked.
    """
    from ops.cost.stacks import load
    from ops.verify.observed import observe
    from rules.machines import cluster_spec
    from settings import SelfManagedSettings

    try:
        settings = load(cwd, stack, date.today())
        if not isinstance(settings, SelfManagedSettings):
            raise OpsError(f"stack {stack} is on EKS, and the report is of machines; name a self-managed stack")
        spec = cluster_spec(settings.aws, settings.cluster, settings.network, settings.machines, settings.storage)
        rows = report(spec, observe(kubeconfig, context))
    except OpsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    if json_:
        typer.echo(json.dumps({"stack": stack, "cluster": spec.name, "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        _show(stack, rows)
    raise typer.Exit(1 if any(row.state == "fail" for row in rows) else 0)


def _show(stack: str, rows: tuple[Row, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{stack}: is it what its file asks for", title_justify="left")
    for heading in ("id", "check", "expected", "found", "state"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(row.id, row.check, row.expected, row.found, f"[{_COLORS[row.state]}]{row.state}[/]")
    Console().print(table)
