"""What stacks cost, what clusters are and get, the values of secrets; `up`, `preview`, `down` around Pulumi's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.adoption import adopt
from ops.cost.command import cost_command
from ops.down import end_syncs, refuse_protected
from ops.engine import Pulumi
from ops.errors import OpsError
from ops.gitops import command as gitops
from ops.guard import check
from ops.recovery import Choices, Report, recover
from ops.secrets import command as secrets
from ops.verify.command import verify_command

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
app.command("cost")(cost_command)
app.command("verify")(verify_command)
app.add_typer(gitops.app, name="gitops")
app.add_typer(secrets.app, name="secrets")

_SELF_MANAGED = "self-managed"

Stack = Annotated[str, typer.Option("--stack", "-s", help="The stack's name.")]
Folder = Annotated[Path, typer.Option("--cwd", "-C", help="Folder of Pulumi.yaml.", file_okay=False, exists=True)]
Force = Annotated[bool, typer.Option("--force-unlock", help="Unlock although the holder may live. Ask them first.")]
Settle = Annotated[
    float, typer.Option(min=0, help="Seconds after the last write of the state in which AWS may not show all yet.")
]
Adopt = Annotated[list[str], typer.Option(help="<urn>=<id>: take this resource for that pending create.")]
Drop = Annotated[list[str], typer.Option(help="<urn>: forget this pending create.")]
Kubeconfig = Annotated[
    Path | None, typer.Option(help="To end syncs with; without it the stack's own.", exists=True, dir_okay=False)
]
Allow = Annotated[
    list[str], typer.Option("--allow-loss", help="<urn>: let this go although it holds state. Not what is protected.")
]


@app.command("up", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def up_command(
    context: typer.Context,
    stack: Stack,
    cwd: Folder = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force_unlock: Force = False,
    settle: Settle = 20,
    allow_loss: Allow = [],  # noqa: B006 - typer reads the default and never changes it
) -> None:
    """Recover if the last `up` was killed, refuse what would be regretted, adopt what was kept, then run `pulumi up`.

    Further options go to it.
    """
    pulumi = Pulumi(cwd, stack)
    _recover(pulumi, Choices(force_unlock=force_unlock, settle=settle), quiet=False)
    preview = _guard(pulumi, context.args, allow_loss)
    found = _adopt(pulumi, context.args, preview, dry=not yes)
    if found and not yes:
        typer.confirm("Take them over?", abort=True)
        _adopt(pulumi, context.args, preview, dry=False)
    if found:
        # What was taken over may be among what would be lost now.
        _guard(pulumi, context.args, allow_loss)
    raise typer.Exit(pulumi.up([*(["--yes"] if yes else []), *context.args]))


@app.command("preview", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def preview_command(
    context: typer.Context,
    stack: Stack,
    cwd: Folder = Path(),
    allow_loss: Allow = [],  # noqa: B006 - typer reads the default and never changes it
) -> None:
    """Refuse what `up` would refuse, then run `pulumi preview`. Further options go to it."""
    pulumi = Pulumi(cwd, stack)
    _adopt(pulumi, context.args, _guard(pulumi, context.args, allow_loss), dry=True)
    raise typer.Exit(pulumi.preview(context.args))


@app.command("down", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def down_command(
    context: typer.Context,
    stack: Stack,
    cwd: Folder = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    kubeconfig: Kubeconfig = None,
    force_unlock: Force = False,
    settle: Settle = 20,
) -> None:
    """Recover if the last run was killed, end the syncs that would hold a destroy up, then run `pulumi destroy`.

    Further options go to it.
    """
    pulumi = Pulumi(cwd, stack)
    _recover(pulumi, Choices(force_unlock=force_unlock, settle=settle), quiet=False)
    with _told():
        refuse_protected(pulumi.export())
        known = kubeconfig.read_text(encoding="utf-8") if kubeconfig else pulumi.outputs().get("kubeconfig")
        runs = pulumi.config().get("platform:variant", {}).get("value") == _SELF_MANAGED
    if not yes:
        typer.confirm(f"Destroy {stack}? Its syncs are ended first; Pulumi shows what goes and asks again.", abort=True)
    if known:
        _end_syncs(known)
    # What happens before a machine goes is in the program.
    words = [*(["--run-program"] if runs else []), *(["--yes"] if yes else []), *context.args]
    raise typer.Exit(pulumi.destroy(words))


def _end_syncs(kubeconfig: str) -> None:
    try:
        ended = end_syncs(kubeconfig)
    except OpsError as error:
        typer.echo(f"warning: {error}; a sync that waits would hold the destroy up, half an hour at most", err=True)
    else:
        if ended:
            typer.echo(f"ended the syncs of {', '.join(sorted(ended))}: Argo CD deletes nothing while they wait")


@app.command("recover")
def recover_command(
    stack: Stack,
    cwd: Folder = Path(),
    json_: Annotated[bool, typer.Option("--json", help="Say what was done as JSON.")] = False,
    force_unlock: Force = False,
    settle: Settle = 20,
    adopt: Adopt = [],  # noqa: B006 - typer reads the default and never changes it
    drop: Drop = [],  # noqa: B006 - as above
) -> None:
    """Bring a stack whose `up` was killed back in order. Without anything to do, says nothing."""
    ids = dict(_pair(text) for text in adopt)
    choices = Choices(force_unlock=force_unlock, settle=settle, adopt=ids, drop=tuple(drop))
    report = _recover(Pulumi(cwd, stack), choices, quiet=json_)
    if json_:
        typer.echo(json.dumps(report.as_dict(), indent=2))


def _recover(pulumi: Pulumi, choices: Choices, *, quiet: bool) -> Report:
    with _told():
        return recover(pulumi, choices, (lambda _: None) if quiet else typer.echo)


def _guard(pulumi: Pulumi, arguments: list[str], allowed: list[str]) -> Mapping[str, Any] | None:
    with _told():
        return check(pulumi, arguments, allowed, tell=lambda line: typer.echo(line, err=True))


def _adopt(pulumi: Pulumi, arguments: list[str], preview: Mapping[str, Any] | None, *, dry: bool) -> bool:
    with _told():
        return bool(adopt(pulumi, arguments, preview, typer.echo, dry=dry))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OpsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


def _pair(text: str) -> tuple[str, str]:
    # Ids may hold an equals sign, URNs do not.
    urn, separator, id_ = text.partition("=")
    if not (separator and id_):
        raise typer.BadParameter(f"{text}: not of the form <urn>=<id>")
    return urn, id_
