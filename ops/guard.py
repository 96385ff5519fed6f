"""What is refused before the engine changes anything: losses, the wrong account or region, a leap of the version."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ops import changes, checkpoint
from ops.changes import Change, Loss
from ops.checkpoint import Deployment
from ops.engine import Pulumi
from ops.errors import OpsError
from ops.recovery import Clients, aws_client
from ops.stateful import STATEFUL
from rules import support
from rules.faults import Fault
from rules.regions import PARTITION_OF_REGION

_PROJECT: Final = "platform"
_HOME: Final = ("aws:ec2/vpc:Vpc", "aws:eks/cluster:Cluster")
_RUNBOOK: Final = "docs/runbooks/replacement-refused.md"
_MOST_SETTINGS: Final = 5
# Kinds of access with which a cluster takes what `pulumi up` installs.
_INSTALLERS: Final = ("administrators", "breakGlass", "ciApply")


def check(
    pulumi: Pulumi,
    arguments: Sequence[str],
    allowed: Collection[str],
    clients: Clients | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> Mapping[str, Any] | None:
    """Refuse what would be regretted; return the preview that this took, None when it took none.

    Args:
        pulumi: The stack.
        arguments: What `pulumi up` or `pulumi preview` will be given.
        allowed: URNs that may be lost although they hold state; not those that are protected.
        clients: For tests.
        tell: Takes what is no reason to refuse, and still worth a line.

    Raises:
        OpsError: With one line for each thing. Nothing was changed.
    """
    config = changes.configuration(pulumi.config())
    deployment: Deployment = pulumi.export()["deployment"] or {}
    caller = identity(config, clients or aws_client)
    _refuse([*account_faults(config, caller), *settings_faults(config, deployment)])
    for line in access_warnings(config, caller):
        tell(line)
    # Without state there is nothing to lose, and a preview takes as long as the program does.
    if not any(resource["type"] in STATEFUL for resource in deployment.get("resources") or []):
        return None
    preview = pulumi.preview_steps(arguments)
    refused = [loss for loss in changes.losses(preview) if loss.protected or loss.urn not in allowed]
    # Options may set configuration, so what the preview was given counts.
    now = changes.configuration(preview.get("config") or {})
    before = pulumi.last_config() if refused else None
    changed = None if before is None else changes.settings_changed(changes.configuration(before), now)
    _refuse([*settings_faults(now, deployment), *(refusal(loss, changed) for loss in refused)])
    _refuse(changes.errors(preview))
    return preview


def identity(config: Mapping[str, Any], clients: Clients) -> Mapping[str, str]:
    """Ask AWS whose credentials these are; nothing when the settings cannot be compared with the answer.

    Raises:
        OpsError: AWS does not say.
    """
    wanted, region = _setting(config, "aws", "accountId"), _setting(config, "aws", "region")
    # A region that does not exist has no endpoint to ask; the settings say so better.
    if not isinstance(wanted, str) or region not in PARTITION_OF_REGION:
        return {}
    try:
        return dict(clients("sts", region, None).get_caller_identity())
    except (BotoCoreError, ClientError) as error:
        raise OpsError(f"AWS does not say whose credentials these are: {error}") from error


def account_faults(config: Mapping[str, Any], caller: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with the caller's account."""
    wanted = _setting(config, "aws", "accountId")
    if caller and caller["Account"] != wanted:
        text = f"the credentials are those of account {caller['Account']}; set AWS_PROFILE to a profile of {wanted}"
        yield Fault(("aws", "accountId"), text, wanted).line(_PROJECT)


def access_warnings(config: Mapping[str, Any], caller: Mapping[str, str]) -> Iterator[str]:
    """Yield that the cluster will not let the caller in: whoever creates it gets no access by that (control E4)."""
    access = _setting(config, "cluster", "access")
    if not caller or not isinstance(access, Mapping):
        return
    roles = [arn for kind in _INSTALLERS for arn in (access.get(kind) or {}).values()]
    # A session's ARN has the role's name and not its path.
    kind, _, rest = caller["Arn"].rpartition(":")[2].partition("/")
    name = rest.partition("/")[0]
    if kind != "assumed-role" or name not in [arn.rpartition("/")[2] for arn in roles]:
        text = (
            f"you act as {kind} {rest or caller['Arn']}, which is no role of {', '.join(_INSTALLERS)}; the cluster "
            "will refuse the installation of Argo CD to it: take such a role, or add yours"
        )
        yield "warning: " + Fault(("cluster", "access"), text).line(_PROJECT)


def settings_faults(config: Mapping[str, Any], deployment: Deployment) -> Iterator[str]:
    """Yield the settings that the stack's state stands against."""
    providers = checkpoint.aws_providers(deployment)
    # What CloudFront takes lies in us-east-1, wherever the stack is: the cluster's network says where that is.
    home = checkpoint.aws_providers(deployment, _HOME) or providers
    regions = sorted({provider.region for provider in home})
    region = _setting(config, "aws", "region")
    if regions and isinstance(region, str) and region not in regions:
        text = f"the stack lies in {', '.join(regions)}, and no region can be left; write that, or make a new stack"
        yield Fault(("aws", "region"), text, region).line(_PROJECT)
    accounts = sorted({account for provider in providers for account in provider.accounts})
    account = _setting(config, "aws", "accountId")
    if accounts and isinstance(account, str) and account not in accounts:
        text = f"the stack lies in account {', '.join(accounts)}; write that, or make a new stack"
        yield Fault(("aws", "accountId"), text, account).line(_PROJECT)
    version = _setting(config, "cluster", "version")
    for recorded in checkpoint.cluster_versions(deployment):
        if isinstance(version, str) and (text := _leap(recorded, version)):
            yield Fault(("cluster", "version"), text, version).line(_PROJECT)


def refusal(loss: Loss, changed: Sequence[Change] | None) -> str:
    """Return the line about a loss.

    Args:
        loss: What would be lost.
        changed: Settings that differ from those of the last `up`; None when nobody knows them.
    """
    why = "; ".join(str(change) for change in loss.changes) or (
        "the program no longer has it" if loss.verb == "deleted" else "what it depends on is replaced"
    )
    if loss.protected:
        way = f"it is protected; if it is really to go, see {_RUNBOOK}"
    else:
        way = f"if it is really to go: --allow-loss '{loss.urn}'"
    lost = "the old one stays in AWS, and what it holds is not in the new one" if loss.retained else loss.row.loss
    return f"{loss.name} would be {loss.verb}: {why}{_origin(loss, changed)}; {lost}; {loss.row.instead}; {way}"


def _origin(loss: Loss, changed: Sequence[Change] | None) -> str:
    """Return which setting it comes from, as far as that is known."""
    if changed is None:
        return ""
    moves = [(change.old, change.new) for change in loss.changes]
    exact = [change.path for change in changed if (change.old, change.new) in moves]
    if exact:
        return f" (from {', '.join(exact)})"
    if not changed:
        return " (no setting has changed since the last `up`: it comes from the program or a provider)"
    paths = [change.path for change in changed]
    more = f" and {len(paths) - _MOST_SETTINGS} more" if len(paths) > _MOST_SETTINGS else ""
    return f" (settings changed since the last `up`: {', '.join(paths[:_MOST_SETTINGS])}{more})"


def _leap(recorded: str, wanted: str) -> str:
    """Return what speaks against going from one Kubernetes version to another; empty when nothing does."""
    try:
        old, new = support.release(recorded), support.release(wanted)
    except ValueError:
        # The settings say what is wrong with it.
        return ""
    if new < old:
        return f'the cluster is at {recorded}, and a control plane does not go back; write "{recorded}"'
    path = [f"{old[0]}.{minor}" for minor in range(old[1] + 1, new[1] + 1)]
    if len(path) > 1:
        steps = ", then ".join(f'"{step}"' for step in path)
        return f"the cluster is at {recorded}, and EKS goes up one minor at a time; write {steps}, an `up` each"
    return ""


def _setting(config: Mapping[str, Any], section: str, key: str) -> Any:
    content = config.get(f"{_PROJECT}:{section}")
    return content.get(key) if isinstance(content, Mapping) else None


def _refuse(lines: Sequence[str]) -> None:
    if lines:
        raise OpsError("\n".join(dict.fromkeys(lines)))
