"""An estimate for people: stacks side by side, then what was assumed, then what has no price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from components.prices.assumptions import MEANINGS, Assumptions
from components.prices.line import Line
from components.prices.price import HOURS
from ops.cost.estimate import COMPONENTS, StackCost
from ops.cost.example import SEOUL, rows

# What a table of every line takes. It is printed so wide on a narrower terminal too, rather than cut.
LINES_WIDTH: Final = 190


def show(console: Console, stacks: Sequence[StackCost], assumed: Assumptions, *, every_line: bool) -> None:
    """Print the estimate.

    Args:
        console: Where to.
        stacks: In the order of the columns.
        assumed: What they rest on.
        every_line: Whether each thing that is paid for is shown, too.
    """
    title = f"USD a month of {HOURS} hours: list prices on demand, without free tier, discounts and tax"
    console.print(title, highlight=False, soft_wrap=True)
    console.print(_side_by_side(stacks))
    if every_line:
        for stack in stacks:
            console.print(_all_lines(stack))
    for text in (*_karpenter(stacks), *_budgets(stacks), "", *_assumptions(assumed), "", *_unpriced(stacks)):
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def show_example(console: Console) -> None:
    """Print the documents' example."""
    table = Table(title="Three t3.medium in Seoul, USD a month", box=SIMPLE_HEAD, title_justify="left")
    table.add_column("nodes")
    table.add_column("USD", justify="right")
    for row in rows(SEOUL):
        table.add_row(row.what, f"{row.amount:.2f}")
    console.print(table)
    text = "65 % is what the documents say; 40 % is to plan with. No source says either of Seoul (docs/cost.md)."
    console.print(text, highlight=False, soft_wrap=True)


def _side_by_side(stacks: Sequence[StackCost]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_footer=True)
    table.add_column("component", footer="total")
    for stack in stacks:
        footers = [_money(stack.total(kind="fixed")), _money(stack.total(kind="usage")), _sum(stack)]
        for heading, footer in zip((f"{stack.stack} fixed", "usage", "sum"), footers, strict=True):
            table.add_column(heading, footer=footer, justify="right")
    for component in [one for one in COMPONENTS if any(one in stack.components for stack in stacks)]:
        cells: list[str] = []
        for stack in stacks:
            if component not in stack.components:
                cells += ["", "", ""]
                continue
            cells += [_money(stack.total(component, "fixed")), _money(stack.total(component, "usage"))]
            cells.append(_sum(stack, component))
        table.add_row(component, *cells)
    return table


def _all_lines(stack: StackCost) -> Table:
    table = Table(title=f"{stack.stack}, {stack.region}", box=SIMPLE_HEAD, title_justify="left")
    for heading in ("component", "item"):
        table.add_column(heading, no_wrap=True)
    for heading in ("quantity", "price", "USD"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("seen", "from"):
        table.add_column(heading, no_wrap=True)
    for line in stack.lines:
        table.add_row(
            line.component, line.item, _quantity(line), _price(line), _money(line.amount), _seen(line), line.assumption
        )
    return table


def _karpenter(stacks: Sequence[StackCost]) -> Iterator[str]:
    scaled = [stack for stack in stacks if "karpenter" in stack.components]
    if scaled:
        yield "Karpenter's nodes are reckoned at an average; they go from none to the limits:"
    for stack in scaled:
        average = f"{_money(stack.total('karpenter'))} on average, {_money(stack.on_demand)} without spot"
        most = "no type with a price"
        if stack.at_limits is not None:
            name, nodes, amount = stack.at_limits
            most = f"{_money(amount)} at the limits ({nodes} x {name} on demand with disks, the dearest with a price)"
        yield f"  {stack.stack}: {average}, {most}"


def _budgets(stacks: Sequence[StackCost]) -> Iterator[str]:
    for stack in stacks:
        over = stack.total() - stack.budget
        if over > 0:
            yield f"{stack.stack} is {_money(over)} over its budget, observability.monthlyBudgetUsd = {stack.budget}"


def _assumptions(assumed: Assumptions) -> Iterator[str]:
    yield "Assumed; --assume NAME=VALUE changes it:"
    for name, meaning in MEANINGS.items():
        yield f"  {name:<22} {getattr(assumed, name).normalize():>5f}  {meaning}"


def _unpriced(stacks: Sequence[StackCost]) -> Iterator[str]:
    if not any(stack.unpriced() or stack.unpriced_types for stack in stacks):
        return
    yield "* No source has these prices, so no sum has them (docs/cost.md names the regions that have most):"
    for stack in stacks:
        items = dict.fromkeys(line.item for line in stack.unpriced())
        if items:
            yield f"  {stack.stack}, {stack.region}: {'; '.join(items)}"
        if stack.unpriced_types:
            yield f"  {stack.stack}, types that Karpenter may make as well: {', '.join(stack.unpriced_types)}"


def _sum(stack: StackCost, component: str | None = None) -> str:
    return f"{_money(stack.total(component))}{'*' if stack.unpriced(component) else ' '}"


def _money(amount: Decimal | None) -> str:
    return "no source" if amount is None else f"{amount:,.2f}"


def _quantity(line: Line) -> str:
    return f"{round(line.quantity, 3).normalize():f}"


def _price(line: Line) -> str:
    return "" if line.price is None else f"{line.price.usd.normalize():f} / {line.unit}"


def _seen(line: Line) -> str:
    if line.price is None:
        return ""
    return line.price.seen if line.price.inferred is None else f"{line.price.seen} inferred".strip()
