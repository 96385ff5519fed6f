"""Command line of the sandbox: `python -m sandbox …`."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from sandbox.applications import ApplicationsError
from sandbox.durations.table import DurationsError
from sandbox.engine import EngineError
from sandbox.environment import CALLER
from sandbox.placement import PlacementError
from sandbox.project import ProjectError
from sandbox.steps import StepError
from sandbox.story import Story, StoryError, component_tree
from sandbox.tools import ToolsError
from sandbox.world import World, WorldError

CHECKOUT = Path.cwd()
_EXPECTED = (
    ApplicationsError,
    DurationsError,
    EngineError,
    PlacementError,
    ProjectError,
    StepError,
    StoryError,
    ToolsError,
    WorldError,
)

_NAP_SECONDS: Final = 0.5
app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
console = Console(width=None if sys.stdout.isatty() else 140)

StackOption = Annotated[str, typer.Option("--stack", help="Name of a stack, as in Pulumi.<stack>.yaml.")]
FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Where the sandbox keeps its state while it runs; removed at the end.")
]

PolicyPackOption = Annotated[
    Path | None, typer.Option("--policy-pack", help="Folder of a policy pack that has to find nothing mandatory.")
]


@app.command("try")
def play(stack: StackOption = "dev", folder: FolderOption = None) -> None:
    """Play a stack's whole life: preview, up, hand-over, preview without changes, destroy, nothing left."""

    def run(world: World) -> None:
        Story(console, world, stack).play()

    _in_world(stack, run, folder)


@app.command()
def preview(stack: StackOption = "dev", folder: FolderOption = None, policy_pack: PolicyPackOption = None) -> None:
    """Preview a stack offline, from nothing."""

    def run(world: World) -> None:
        packs = [] if policy_pack is None else [policy_pack.resolve()]
        operation = world.engine(stack).preview(policy_packs=packs)
        console.print(component_tree(stack, operation.resources))
        for line in operation.said:
            console.print(line, highlight=False, markup=False)
        if packs:
            console.print(f"policy pack {', '.join(pack.name for pack in packs)}: nothing mandatory found")
        steps = ", ".join(f"{count} to {step}" for step, count in operation.steps.items())
        console.print(f"{steps}; previewed in {operation.seconds:.1f} s", highlight=False)

    _in_world(stack, run, folder, kubernetes=False)


@app.command()
def shell(stack: StackOption = "dev", folder: FolderOption = None) -> None:
    """Open a shell in which pulumi, kubectl, argocd and the AWS CLI see the sandbox and nothing else."""

    def run(world: World) -> None:
        world.engine(stack)
        console.print(
            f"Pulumi project: {world.project.folder} (stack {stack}; your checkout's program, its own stack files)"
        )
        console.print(
            "Try: pulumi preview · pulumi up · kubectl get applications -n argocd -w · argocd app list · exit"
        )
        environment = world.environment | {"PULUMI_STACK": stack, "PS1": "sandbox$ "}
        subprocess.run([os.environ.get("SHELL", "/bin/sh")], cwd=world.project.folder, env=environment, check=False)

    _in_world(stack, run, folder)


@app.command()
def start(stack: StackOption = "dev", folder: FolderOption = None) -> None:
    """Run in the foreground until Ctrl-C, and print the environment for use in another terminal."""

    def run(world: World) -> None:
        world.engine(stack)
        for key in sorted(CALLER.keys() - world.environment.keys()):
            print(f"unset {key}")
        for key, value in sorted(world.environment.items()):
            if CALLER.get(key) != value:
                print(f"export {key}={shlex.quote(value)}")
        print(f"cd {shlex.quote(str(world.project.folder))}", flush=True)
        # Not signal.pause(): a signal that comes just before it would be waited for for ever.
        while True:
            time.sleep(_NAP_SECONDS)

    _in_world(stack, run, folder)


def _require(stack: str) -> None:
    if not (CHECKOUT / f"Pulumi.{stack}.yaml").is_file():
        known = ", ".join(sorted(path.name.split(".")[1] for path in CHECKOUT.glob("Pulumi.*.yaml")))
        raise WorldError(f"no stack {stack}: there is no Pulumi.{stack}.yaml; stacks here: {known or 'none'}")


def _in_world(stack: str, run: Callable[[World], None], folder: Path | None, *, kubernetes: bool = True) -> None:
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _require(stack)
        with _folder(folder) as place, World(CHECKOUT, place, kubernetes=kubernetes) as world:
            run(world)
    except _EXPECTED as error:
        console.print(f"[bold red]failed:[/bold red] {error}", highlight=False, markup=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as interrupt:
        console.print("stopped; nothing of the sandbox is left")
        raise typer.Exit(130) from interrupt


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="sandbox-") as temporary:
        yield Path(temporary) / "world"


if __name__ == "__main__":
    app()
