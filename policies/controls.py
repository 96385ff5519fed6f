"""Writes docs/controls.md: control, rules, tests, state in each stack. Run `python -m policies.controls`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from policies import waivers
from policies.catalog import all_rules
from policies.waivers import Waiver

CHECKOUT: Final = Path(__file__).parent.parent
PAGE: Final = CHECKOUT / "docs" / "controls.md"
_FILE: Final = Path(__file__).parent / "controls.yaml"
_KEYS: Final = {"text", "tests", "later", "note", "variant"}
# As `platform:variant` says it.
_VARIANTS: Final = ("eks", "self-managed")
_GROUPS: Final = {
    "N": "Network",
    "E": "Cluster",
    "I": "IAM",
    "W": "Nodes",
    "K": "Karpenter",
    "P": "Self-managed control plane",
    "D": "Data",
    "S": "Services beside the cluster, of this project's own",
    "T": "State, as far as the pack goes",
}


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """A stack that has a file, and the variant of the cluster that it asks for."""

    name: str
    variant: str


@dataclass(frozen=True, kw_only=True)
class Control:
    """One control.

    Attributes:
        variant: The one that it is about; empty: both.
        rules: The pack's rules that name it.
        tests: Test functions that prove it, as `path::function`.
        later: Why it is another issue's.
        note: About the proof.
    """

    id: str
    text: str
    variant: str
    rules: tuple[str, ...]
    tests: tuple[str, ...]
    later: str
    note: str

    def state(self, stack: StackFile, waived: Iterable[Waiver]) -> str:
        """Return proved, waived, later, open, or n/a if it is about the other variant."""
        if self.variant not in ("", stack.variant):
            return "n/a"
        if self.later:
            return "later"
        if any(self.is_waived_by(waiver, stack.name) for waiver in waived):
            return "waived"
        return "proved" if self.rules or self.tests else "open"

    def is_waived_by(self, waiver: Waiver, stack: str) -> bool:
        """Whether the waiver is of this control, or of one of its rules, in the stack."""
        return waiver.id in (self.id, *self.rules) and waiver.stack in (None, stack)


def load() -> tuple[Control, ...]:
    """Read controls.yaml.

    Raises:
        ValueError: A control has an unknown key or no text, or a rule names a control that is not there.
    """
    rows = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    named = {control for rule in all_rules() for control in rule.controls}
    if named - rows.keys():
        raise ValueError(f"{_FILE.name}: rules name {', '.join(sorted(named - rows.keys()))}; add it")
    return tuple(_control(id_, row) for id_, row in rows.items())


def stacks() -> list[StackFile]:
    """Return the stacks that have a file."""
    return [_stack(path) for path in sorted(CHECKOUT.glob("Pulumi.*.yaml"))]


def _stack(path: Path) -> StackFile:
    config = yaml.safe_load(path.read_text(encoding="utf-8"))["config"]
    return StackFile(name=path.name.split(".")[1], variant=config["platform:variant"])


def page(controls: Sequence[Control], waived: Sequence[Waiver], of: Sequence[StackFile]) -> str:
    """Return the text of docs/controls.md."""
    lines = [
        "# Controls",
        "",
        "What must hold, by what it is proved, and its state in each stack. `python -m policies.controls` writes it",
        "from [policies/controls.yaml](../policies/controls.yaml), the pack's rules and",
        "[policies/waivers.yaml](../policies/waivers.yaml); change those. n/a: it is about a part that only the other",
        "variant of the cluster has.",
        "",
        *_counts(controls, waived, of),
    ]
    for letter, title in _GROUPS.items():
        members = [control for control in controls if control.id.startswith(letter)]
        lines += ["", f"## {title}", "", *_table(members, waived, of)]
    lines += ["", "## Waivers", "", *_waivers(controls, waived)]
    return "\n".join(lines) + "\n"


def _control(id_: str, row: Mapping[str, object]) -> Control:
    if row.keys() - _KEYS or not row.get("text"):
        raise ValueError(f"{_FILE.name}: {id_} has no text, or a key other than {', '.join(sorted(_KEYS))}")
    tests, variant = row.get("tests", []), str(row.get("variant", ""))
    assert isinstance(tests, list)
    if variant not in ("", *_VARIANTS):
        raise ValueError(f"{_FILE.name}: {id_} is of variant {variant}; write {' or '.join(_VARIANTS)}")
    return Control(
        id=id_,
        text=str(row["text"]),
        variant=variant,
        rules=tuple(rule.id for rule in all_rules() if id_ in rule.controls),
        tests=tuple(map(str, tests)),
        later=str(row.get("later", "")),
        note=str(row.get("note", "")),
    )


def _counts(controls: Sequence[Control], waived: Sequence[Waiver], of: Sequence[StackFile]) -> Iterator[str]:
    states = ("proved", "waived", "open", "later", "n/a")
    yield _row("Stack", *states, "rules", "tests")
    yield _row(*["---"] * (len(states) + 3))
    rules = len({rule for control in controls for rule in control.rules})
    tests = len({test for control in controls for test in control.tests})
    for stack in of:
        found = Counter(control.state(stack, waived) for control in controls)
        yield _row(stack.name, *(str(found[state]) for state in states), str(rules), str(tests))


def _table(controls: Sequence[Control], waived: Sequence[Waiver], of: Sequence[StackFile]) -> Iterator[str]:
    yield _row("Control", "Asks for", "Rules", "Tests", *(stack.name for stack in of))
    yield _row(*["---"] * (4 + len(of)))
    for control in controls:
        text = " ".join(filter(None, (control.text, control.note, control.later)))
        rules = "<br>".join(f"`{rule}`" for rule in control.rules)
        tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in control.tests)
        yield _row(control.id, text, rules, tests, *(control.state(stack, waived) for stack in of))


def _waivers(controls: Sequence[Control], waived: Sequence[Waiver]) -> Iterator[str]:
    yield _row("Control", "Rule or check", "Resource", "Stack", "Reason", "Until")
    yield _row(*["---"] * 6)
    for waiver in waived:
        # What tests/iam finds is named by its control, as in I3-escalations.
        ids = (waiver.id, waiver.id.partition("-")[0])
        of = [control.id for control in controls if {control.id, *control.rules}.intersection(ids)]
        stack, until = waiver.stack or "all", str(waiver.expires)
        yield _row(", ".join(of), f"`{waiver.id}`", f"`{waiver.resource}`", stack, waiver.reason.strip(), until)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(load(), waivers.load(), stacks()), encoding="utf-8")


if __name__ == "__main__":
    main()
