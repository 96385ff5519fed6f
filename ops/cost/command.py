"""The command `cost`."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ops.errors import OpsError

Stacks = Annotated[list[str], typer.Option("--stack", "-s", help="A stack's name, once for each; without it, all.")]
Folder = Annotated[Path, typer.Option("--cwd", "-C", help="Folder of Pulumi.yaml.", file_okay=False, exists=True)]
SpotShare = Annotated[
    float | None, typer.Option(min=0, max=1, help="Share of Karpenter's nodes that is on spot: 0.7 unless said.")
]
SpotDiscount = Annotated[
    float | None, typer.Option(min=0, max=0.99, help="What spot saves: 0.4 unless said; no source has Seoul's.")
]
Assume = Annotated[list[str], typer.Option(help="NAME=VALUE: another amount for what is assumed, such as traffic_gb.")]
EveryLine = Annotated[bool, typer.Option("--lines", help="Show each thing that is paid for.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, with the source of every price.")]
Example = Annotated[bool, typer.Option("--example", help="Show the documents' example of three nodes instead.")]


def cost_command(
    stack: Stacks = [],  # noqa: B006 - typer reads the default and never changes it
    cwd: Folder = Path(),
    spot_share: SpotShare = None,
    spot_discount: SpotDiscount = None,
    assume: Assume = [],  # noqa: B006 - as above
    lines: EveryLine = False,
    json_: Json = False,
    example: Example = False,
) -> None:
    """Estimate what stacks cost a month, from their files alone: no credentials, nothing is asked."""
    from rich.console import Console

    from ops.cost.assumed import assumptions
    from ops.cost.document import document
    from ops.cost.estimate import estimate
    from ops.cost.report import LINES_WIDTH, show, show_example
    from ops.cost.stacks import known_stacks, load

    console = Console(width=max(Console().width, LINES_WIDTH) if lines else None)
    if example:
        show_example(console)
        return
    try:
        given = {"spot_share": spot_share, "spot_discount": spot_discount}
        assumed = assumptions(assume, {name: value for name, value in given.items() if value is not None})
        names = list(dict.fromkeys(stack)) or known_stacks(cwd)
        if not names:
            raise OpsError("there is no Pulumi.<stack>.yaml here; name the folder that has them with --cwd")
        costs = [estimate(name, load(cwd, name, date.today()), assumed) for name in names]
    except OpsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    if json_:
        typer.echo(json.dumps(document(costs, assumed), indent=2))
    else:
        show(console, costs, assumed, every_line=lines)
