"""The real Pulumi engine, driven through the Automation API on the sandbox's project folder."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pulumi import automation
from pulumi.automation import EngineEvent

OnEvent = Callable[[EngineEvent], None]
# The engine's colours, as in `<{%reset%}>`.
_COLORS: Final = re.compile(r"<\{%.*?%\}>")


class EngineError(Exception):
    """An operation of the engine failed; the message is what it printed."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A resource that an operation saw.

    Attributes:
        parent: Its parent's URN; empty for the stack itself.
        custom: Whether a provider makes it; a component's step lasts as long as all that it holds.
    """

    type: str
    parent: str
    custom: bool


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What one operation of the engine did.

    Attributes:
        seconds: Wall time.
        steps: How many resources were created, same, deleted, …
        resources: Every resource the operation saw, by URN.
        durations: Seconds that each resource's own step took, by URN.
        said: What the program told people, warnings included, line by line.
    """

    seconds: float
    steps: Mapping[str, int]
    resources: Mapping[str, Seen]
    durations: Mapping[str, float] = field(default_factory=dict)
    said: Sequence[str] = ()


class Engine:
    """One stack of the project.

    Args:
        project: Folder with Pulumi.yaml.
        stack: Name; made when it is not there.
        environment: Variables of the sandbox.
        pulumi: The engine's binary.
    """

    def __init__(self, project: Path, stack: str, environment: Mapping[str, str], pulumi: Path) -> None:
        options = automation.LocalWorkspaceOptions(
            work_dir=str(project),
            env_vars=dict(environment),
            pulumi_command=_command(project.parent / "engine", pulumi),
        )
        self._stack = automation.create_or_select_stack(stack_name=stack, work_dir=str(project), opts=options)

    def preview(
        self, on_event: OnEvent | None = None, *, expect_no_changes: bool = False, policy_packs: Sequence[Path] = ()
    ) -> Operation:
        """Preview. With `expect_no_changes`, raise `EngineError` if anything would change.

        A policy pack that finds something mandatory ends in an `EngineError`, too.
        """
        packs = [str(path) for path in policy_packs]
        return self._watch(
            lambda seen: self._stack.preview(on_event=seen, expect_no_changes=expect_no_changes, policy_packs=packs),
            on_event,
        )

    def up(self, on_event: OnEvent | None = None) -> Operation:
        """Bring the stack up."""
        return self._watch(lambda seen: self._stack.up(on_event=seen, show_secrets=False), on_event)

    def refresh(self, on_event: OnEvent | None = None, *, expect_no_changes: bool = False) -> Operation:
        """Read every resource and take over what changed."""
        return self._watch(
            lambda seen: self._stack.refresh(on_event=seen, expect_no_changes=expect_no_changes), on_event
        )

    def destroy(self, on_event: OnEvent | None = None) -> Operation:
        """Destroy the stack. The program runs along where hooks of it have a say."""
        hooked = self._hooked()
        return self._watch(lambda seen: self._stack.destroy(on_event=seen, run_program=hooked), on_event)

    def preview_destroy(self, on_event: OnEvent | None = None) -> Operation:
        """Preview a destroy. Raise `EngineError` where a resource is protected.

        `destroy` itself has no preview before it: it deletes what stands before the first protected resource.
        """
        hooked = self._hooked()
        return self._watch(
            lambda seen: self._stack.destroy(on_event=seen, preview_only=True, run_program=hooked), on_event
        )

    def outputs(self) -> dict[str, object]:
        """Return the stack's outputs; secret ones are masked."""
        return {name: "[secret]" if output.secret else output.value for name, output in self._stack.outputs().items()}

    def retained(self) -> frozenset[str]:
        """Return the ids of the resources that a destroy forgets without deleting them."""
        return frozenset(
            resource["id"] for resource in self.resources() if resource.get("retainOnDelete") and "id" in resource
        )

    def protected(self) -> list[str]:
        """Return the URNs of the resources that the engine refuses to delete."""
        return [resource["urn"] for resource in self.resources() if resource.get("protect")]

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources of the stack's state as the engine exports them, each after what it needs."""
        return list((self._stack.export_stack().deployment or {}).get("resources", []))

    def _hooked(self) -> bool | None:
        """Say whether a deletion calls a hook of the program; the engine refuses to delete without the program then."""
        names = ("BeforeDelete", "AfterDelete")
        found = (resource.get("resourceHooks") or {} for resource in self.resources())
        return True if any(hooks.get(name) for hooks in found for name in names) else None

    def _watch(self, run: Callable[[OnEvent], object], on_event: OnEvent | None) -> Operation:
        recorder = _Recorder(on_event)
        started = time.monotonic()
        try:
            run(recorder.take)
        except automation.CommandError as error:
            raise EngineError(_said(str(error))) from error
        return Operation(
            seconds=time.monotonic() - started,
            steps=dict(recorder.steps),
            resources=recorder.resources,
            durations=recorder.durations,
            said=tuple(recorder.said),
        )


def _command(root: Path, pulumi: Path) -> automation.PulumiCommand:
    """Return the binary in the form that the Automation API asks for: a root with `bin/pulumi` in it."""
    link = root / "bin" / "pulumi"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(pulumi)
    return automation.PulumiCommand(str(root))


class _Recorder:
    def __init__(self, forward: OnEvent | None) -> None:
        self._forward = forward
        self._started: dict[str, float] = {}
        self.steps: Counter[str] = Counter()
        self.resources: dict[str, Seen] = {}
        self.durations: dict[str, float] = {}
        self.said: list[str] = []

    def take(self, event: EngineEvent) -> None:
        if event.resource_pre_event is not None:
            step = event.resource_pre_event.metadata
            self._started[step.urn] = time.monotonic()
            state = step.new or step.old
            self.resources[step.urn] = Seen(
                type=step.type, parent=state.parent if state else "", custom=bool(state and state.custom)
            )
            self.steps[step.op.value] += 1
        if event.res_outputs_event is not None:
            urn = event.res_outputs_event.metadata.urn
            if urn in self._started:
                self.durations[urn] = time.monotonic() - self._started[urn]
        told = event.diagnostic_event
        if told is not None and told.severity in ("info", "warning") and not told.ephemeral:
            self.said += [line for line in _COLORS.sub("", told.message).splitlines() if line.strip()]
        if self._forward is not None:
            self._forward(event)


def _said(text: str) -> str:
    """Return the engine's own words out of the Automation API's report (code, stdout, stderr)."""
    keep = [
        line for line in text.splitlines() if line.strip() and not line.startswith((" code:", " stdout:", " stderr:"))
    ]
    return "\n".join(keep)
