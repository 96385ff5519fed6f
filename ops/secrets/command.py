"""`secrets`: which entries of the stack have a value, and the ways to give them one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ops.engine import Pulumi
from ops.errors import OpsError
from ops.secrets.store import State, Store, read, store

app = typer.Typer(no_args_is_help=True, help="Values of the stack's entries in Secrets Manager; none is ever shown.")

Stack = Annotated[str, typer.Option("--stack", "-s", help="The stack's name.")]
Folder = Annotated[Path, typer.Option("--cwd", "-C", help="Folder of Pulumi.yaml.", file_okay=False, exists=True)]
Name = Annotated[str, typer.Argument(help="As in platform:secrets.entries, without the prefix.")]

_SAYS = {
    "value": "has a value, last changed {changed}",
    "empty": "has no value",
    "deleted": "deleted, can still be had back: `make up`",
    "missing": "does not exist yet: `make up`",
}


@app.command("list")
def list_command(stack: Stack, cwd: Folder = Path()) -> None:
    """Say which entries exist and have a value. Ends with 1 unless all have one."""
    with _store(stack, cwd) as found:
        states = found.states()
    width = max((len(state.name) for state in states), default=0)
    for state in states:
        typer.echo(f"{state.name:{width}}  {_said(state)}")
    if any(state.found != "value" for state in states):
        raise typer.Exit(1)


@app.command("put")
def put_command(stack: Stack, name: Name, cwd: Folder = Path()) -> None:
    """Give an entry a value: from standard input, or typed without being shown."""
    with _store(stack, cwd) as found:
        written = found.put(name, lambda: read(sys.stdin.isatty(), sys.stdin.read, _prompt))
        typer.echo(f"put  {written}")


@app.command("generate")
def generate_command(
    stack: Stack,
    name: Name,
    key: Annotated[str, typer.Option(help="Under which the password stands in the JSON value.")] = "password",
    username: Annotated[str | None, typer.Option(help="Stands beside it under `username`.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Although there is a value, which may be in use.")] = False,
    cwd: Folder = Path(),
) -> None:
    """Give an entry a password that nobody has seen."""
    with _store(stack, cwd) as found:
        typer.echo(f"put  {found.generate(name, key, username=username, replace=replace)}")


def _said(state: State) -> str:
    return _SAYS[state.found].format(changed=state.changed)


def _prompt() -> str:
    return str(typer.prompt("value", hide_input=True, confirmation_prompt=True))


@contextmanager
def _store(stack: str, cwd: Path) -> Iterator[Store]:
    try:
        yield store(Pulumi(cwd, stack))
    except OpsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
