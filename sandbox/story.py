"""`try`: a stack's whole life, told while it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from pulumi.automation import EngineEvent, OpType
from rich.console import Console
from rich.table import Table
from rich.tree import Tree

from sandbox.applications import Application, ApplicationWatch, applications
from sandbox.durations.telling import Durations
from sandbox.engine import Engine, EngineError, Operation, Seen
from sandbox.leftovers import Inventory, Leftover, leftovers, why_kept
from sandbox.placement import placement
from sandbox.waves import Observer, WaveOrder
from sandbox.world import World

# The whole tree on two busy cores; a rehearsal has ten minutes for all.
_HAND_OVER_SECONDS = 420
_ROOT = "root"


class StoryError(Exception):
    """What should have held did not."""


@dataclass
class _Clock:
    chapters: dict[str, float] = field(default_factory=dict)


class Story:
    """Plays preview, up, hand-over, preview without changes, destroy, and checks that nothing is left.

    Before the destroy of a stack with protected resources it shows that a destroy is refused, and takes the
    protection off by `[tool.sandbox.unprotect]`.

    Args:
        console: Where it is told; plain lines when it is not a terminal.
        world: A started sandbox.
        stack: Name of the stack to play.
    """

    def __init__(self, console: Console, world: World, stack: str) -> None:
        self._console = console
        self._world = world
        self._stack = stack
        self._clock = _Clock()

    def play(self) -> None:
        """Play the whole life. Raise `StoryError`, `StepError`, `EngineError` or `DurationsError` where it breaks."""
        started = time.monotonic()
        before = self._world.inventory()
        engine = self._world.engine(self._stack)
        with self._chapter("preview", "what `pulumi up` would build"):
            self._count("to create", engine.preview())
        order = WaveOrder(_ROOT)
        with Observer(lambda: applications(self._world.control_plane.api), order):
            operation = self._live(engine, order)
            retained, durations = engine.retained(), self._durations(engine)
            with self._chapter("destroy", "the root Application first, then everything under it"):
                self._count("deleted", engine.destroy(self._tell))
                durations.tell_destroy(self._console)
        self._in_order(order)
        if order.gone:
            self._console.print(f"  gone, in this order: {', '.join(order.gone)}", highlight=False)
        self._nothing_left(before, retained)
        self._time_line(time.monotonic() - started, operation)

    def _live(self, engine: Engine, order: WaveOrder) -> Operation:
        """Play what comes between preview and destroy."""
        with self._chapter("up", "VPC, cluster, nodes, Karpenter's AWS side, Argo CD, root Application"):
            operation = engine.up(self._tell)
            self._count("created", operation)
            self._console.print(component_tree(self._stack, operation.resources))
            self._durations(engine).tell_up(self._console)
        self._steps("operator", "up")
        with self._chapter("hand-over", "Argo CD takes the tree over, wave by wave"):
            self._hand_over()
            self._in_order(order)
        with self._chapter("placement", "where the scheduler put the pods"):
            self._placed()
        self._steps("check", "healthy")
        with self._chapter("no changes", "the same program again"):
            self._count("unchanged", engine.preview(expect_no_changes=True))
        if protected := engine.protected():
            self._take_protection_off(engine, protected)
        return operation

    def _steps(self, chapter: str, when: str) -> None:
        """Run what the project has an operator do, or judges a stack by."""
        for step in self._world.project.steps(self._stack, when):
            with self._chapter(chapter, " ".join(step.words(self._stack))):
                said = step.run(self._stack, self._world.checkout, self._world.environment)
                self._console.print(said.rstrip(), markup=False, highlight=False)

    def _in_order(self, order: WaveOrder) -> None:
        if order.faults:
            raise StoryError(f"not in the order of the waves: {'; '.join(order.faults)}")

    def _placed(self) -> None:
        found = placement(self._world.control_plane.api, self._world.project.placement(self._stack))
        table = Table("namespace", "pods", "nodes", box=None, pad_edge=False)
        for namespace, count, nodes in found.table:
            table.add_row(namespace, str(count), nodes)
        self._console.print(table)
        if found.faults:
            raise StoryError("pods are not where they should be:\n" + "\n".join(found.faults))

    def _durations(self, engine: Engine) -> Durations:
        project = self._world.project
        return Durations(engine.resources(), project.reasons, project.limits(self._stack))

    def _take_protection_off(self, engine: Engine, protected: Sequence[str]) -> None:
        with self._chapter("protected", f"{len(protected)} resources are protected: a destroy is refused"):
            self._refused(engine, protected)
        with self._chapter("unprotect", "what the program says about protection, and nothing else"):
            values = self._world.project.unprotect(self._stack)
            if not values:
                raise StoryError("[tool.sandbox.unprotect] in pyproject.toml names no value that takes protection off")
            for key, value in values.items():
                self._console.print(f"  {key}: {json.dumps(value)}", highlight=False)
            operation = engine.up(self._tell)
            self._count("seen", operation)
            if more := operation.steps.keys() - {"same", "update"}:
                raise StoryError(f"taking protection off did more than that: {', '.join(sorted(more))}")
            if left := engine.protected():
                raise StoryError(f"still protected: {', '.join(left)}")

    def _refused(self, engine: Engine, protected: Sequence[str]) -> None:
        before = self._world.inventory()
        try:
            engine.preview_destroy()
        except EngineError as error:
            named = [urn for urn in protected if urn in str(error)]
            if not named:
                raise StoryError(f"the destroy failed, but not because of protection:\n{error}") from error
            for urn in named:
                kind, name = urn.split("::")[2].rpartition("$")[2], urn.rpartition("::")[2]
                self._console.print(f"  refused: {short_type(kind)} [dim]{name}[/dim] is protected", highlight=False)
        else:
            raise StoryError(f"a destroy was not refused, although {len(protected)} resources are protected")
        if changed := leftovers(before, self._world.inventory()):
            raise StoryError(f"the refused destroy changed something: {'; '.join(str(one) for one in changed)}")

    @contextmanager
    def _chapter(self, name: str, about: str) -> Iterator[None]:
        self._console.print(f"\n[bold]{name}[/bold]  {about}")
        started = time.monotonic()
        yield
        seconds = time.monotonic() - started
        self._clock.chapters[name] = self._clock.chapters.get(name, 0) + seconds
        self._console.print(f"  [green]done[/green] in {seconds:.1f} s")

    def _tell(self, event: EngineEvent) -> None:
        done = event.res_outputs_event
        if done is None or done.metadata.op in (OpType.SAME, OpType.READ):
            return
        kind, name = done.metadata.type, done.metadata.urn.rpartition("::")[2]
        verb = {OpType.CREATE: "+", OpType.DELETE: "-", OpType.UPDATE: "~"}.get(
            done.metadata.op, done.metadata.op.value
        )
        self._console.print(f"  {verb} {short_type(kind)} [dim]{name}[/dim]", highlight=False)

    def _count(self, what: str, operation: Operation) -> None:
        steps = ", ".join(f"{count} {step}" for step, count in sorted(operation.steps.items()))
        self._console.print(f"  {len(operation.resources)} resources {what} ({steps})", highlight=False)

    def _hand_over(self) -> None:
        watch = ApplicationWatch(self._world.kubeconfig)
        told: dict[str, set[str]] = {}

        def tell(application: Application) -> None:
            state = _state(application)
            if state not in told.setdefault(application.name, set()):
                told[application.name].add(state)
                line = f"{watch.seconds:6.1f} s  wave {application.wave:>3}  {application.name:<28} {state}"
                self._console.print(f"  {line}", highlight=False)

        watch.until_healthy(_ROOT, timeout=_HAND_OVER_SECONDS, on_change=tell)

    def _nothing_left(self, before: Inventory, retained: frozenset[str]) -> None:
        aws = leftovers(before, self._world.inventory(), retained)
        kubernetes = [
            Leftover(place="Kubernetes", kind=kind, name=name, kept=why_kept("Kubernetes", name, retained))
            for kind, name in self._world.leftovers()
        ]
        for leftover in (*aws, *kubernetes):
            style, word = ("dim", "kept") if leftover.reason else ("red", "left")
            self._console.print(f"  [{style}]{word}: {leftover}[/{style}]", highlight=False)
        left = [[str(leftover) for leftover in found if not leftover.reason] for found in (aws, kubernetes)]
        counts = [len(found) for found in left]
        self._console.print(f"\n[bold]{counts[0]} left in AWS, {counts[1]} left in Kubernetes[/bold]")
        if any(counts):
            # Once more: what is kept on purpose is a long list, at whose end nobody would see these.
            raise StoryError("destroy left something behind:\n" + "\n".join(left[0] + left[1]))

    def _time_line(self, total: float, up: Operation) -> None:
        table = Table("where the time went", "seconds", box=None, pad_edge=False)
        for chapter, seconds in self._clock.chapters.items():
            table.add_row(chapter, f"{seconds:.1f}")
        own = {urn: seconds for urn, seconds in up.durations.items() if up.resources[urn].custom}
        for urn, seconds in sorted(own.items(), key=lambda item: -item[1])[:3]:
            table.add_row(f"  slowest in up: {urn.rpartition('::')[2]}", f"{seconds:.1f}")
        self._console.print(table)
        self._console.print(f"[bold]{total:.0f} s in all[/bold]")


def _state(application: Application) -> str:
    """Return what is worth a line: on its way there an Application flickers between many states."""
    if application.good:
        return "[green]Synced, Healthy[/green]"
    return "[red]Degraded[/red]" if application.health == "Degraded" else "comes"


def short_type(token: str) -> str:
    """Return `aws:ec2:Vpc` for `aws:ec2/vpc:Vpc`: the part a reader knows."""
    package, module, name = [*token.split(":"), "", ""][:3]
    return f"{package}:{module.partition('/')[0]}:{name}"


def component_tree(stack: str, resources: Mapping[str, Seen]) -> Tree:
    """Return the components under the stack, each with the number of resources that it and its components hold."""
    children: dict[str, list[str]] = {}
    for urn, seen in resources.items():
        children.setdefault(seen.parent, []).append(urn)

    def count(urn: str) -> int:
        return sum(1 + count(child) for child in children.get(urn, ()))

    def grow(branch: Tree, urn: str) -> None:
        for child in sorted(children.get(urn, ())):
            if children.get(child) and not resources[child].type.startswith("aws:"):
                kind, name = short_type(resources[child].type), child.rpartition("::")[2]
                grow(branch.add(f"{kind} [dim]{name}[/dim]  {count(child)} resources"), child)

    roots = [urn for urn, seen in resources.items() if seen.type == "pulumi:pulumi:Stack"]
    tree = Tree(f"[bold]{stack}[/bold]  {len(resources)} resources")
    for root in roots:
        grow(tree, root)
    return tree
