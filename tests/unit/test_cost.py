"""`platform cost`: known totals, what people read, what machines read, and what is refused."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner, Result

from components.prices.assumptions import MEANINGS, Assumptions
from components.prices.instances import INSTANCES
from components.prices.items import PRICES
from components.prices.price import Source
from ops.cli import app
from ops.cost import example
from ops.cost.assumed import assumptions
from ops.cost.estimate import COMPONENTS, StackCost, estimate, total
from ops.cost.stacks import known_stacks, load
from ops.errors import OpsError
from tests.whole_stacks import CHECKOUT, STACKS

SEOUL, TOKYO, VIRGINIA = "ap-northeast-2", "ap-northeast-1", "us-east-1"
TODAY = date(2026, 11, 21)
AMOUNT = {"type": "number", "minimum": 0}
TOTALS = {
    "fixed": AMOUNT,
    "usage": AMOUNT,
    "sum": AMOUNT,
    "unpriced": {"type": "array", "items": {"type": "string"}},
}


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has these keys, all of them, and no others."""
    return {"type": "object", "properties": properties, "required": sorted(properties), "additionalProperties": False}


TEXT, MAYBE_TEXT = {"type": "string", "minLength": 1}, {"type": ["string", "null"]}
PRICE = closed(
    {
        "usd": {"type": "number", "minimum": 0},
        "seen": MAYBE_TEXT,
        "inferred": MAYBE_TEXT,
        "sources": {"type": "array", "items": closed({"name": TEXT, "seen": MAYBE_TEXT, "url": MAYBE_TEXT})},
    }
)
LINE = closed(
    {
        "component": {"enum": list(COMPONENTS)},
        "item": TEXT,
        "kind": {"enum": ["fixed", "usage"]},
        "quantity": {"type": "number", "minimum": 0},
        "unit": TEXT,
        "price": {"anyOf": [{"type": "null"}, PRICE]},
        "amount": {"anyOf": [{"type": "null"}, AMOUNT]},
        "assumption": TEXT,
    }
)
LIMITS = closed({"instanceType": TEXT, "nodes": {"type": "integer"}, "amount": AMOUNT})
KARPENTER = closed(
    {
        "withoutSpot": AMOUNT,
        "atLimits": {"anyOf": [{"type": "null"}, LIMITS]},
        "unpricedTypes": {"type": "array", "items": TEXT},
    }
)
STACK = closed(
    {
        "stack": TEXT,
        "region": TEXT,
        "monthlyBudgetUsd": {"type": "integer"},
        "total": closed(TOTALS),
        "components": {"type": "array", "items": closed({"component": {"enum": list(COMPONENTS)}, **TOTALS})},
        # None in the variant without it.
        "karpenter": {"anyOf": [{"type": "null"}, KARPENTER]},
        "lines": {"type": "array", "items": LINE},
    }
)
SCHEMA = closed(
    {
        "currency": {"const": "USD"},
        "hoursPerMonth": {"const": 730},
        "assumptions": closed({name: closed({"value": {"type": "number"}, "meaning": TEXT}) for name in MEANINGS}),
        "stacks": {"type": "array", "items": STACK},
    }
)


def cost(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["cost", "--cwd", str(CHECKOUT), *arguments])


def machine(*arguments: str) -> dict[str, Any]:
    result = cost("--json", *arguments)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def of(stack: str, **changes: dict[str, Any]) -> StackCost:
    """Return the estimate of a stack, some values of its sections changed."""
    settings = load(CHECKOUT, stack, TODAY)
    sections = {name: getattr(settings, name).model_copy(update=values) for name, values in changes.items()}
    return estimate(stack, settings.model_copy(update=sections), Assumptions())


@pytest.mark.parametrize(
    ("region", "usd", "with_disks"),
    [
        (VIRGINIA, "91.10", "95.90"),
        (SEOUL, "113.88", "119.35"),
        (TOKYO, "119.14", "124.90"),
    ],
)
def test_three_nodes_cost_what_they_cost(region: str, usd: str, with_disks: str) -> None:
    """Three t3.medium, alone and with 20 GB each; the documents' $115 a month is Seoul's, within a percent."""
    found = example.nodes(region, 3, 0, Decimal(0))
    assert found == Decimal(usd)
    assert found + example.disks(region, 3) == Decimal(with_disks)
    assert (abs(found / 115 - 1) < Decimal("0.01")) == (region == SEOUL)


@pytest.mark.parametrize(
    ("on_demand", "on_spot", "discount", "usd"),
    [(0, 3, "0.65", "39.86"), (1, 2, "0.65", "64.53"), (1, 2, "0.40", "83.51"), (2, 0, "0", "75.92")],
)
def test_spot_mix_of_the_documents(on_demand: int, on_spot: int, discount: str, usd: str) -> None:
    """The documents' $40 holds for all three nodes on spot at 65 % off; any mix costs more."""
    assert example.nodes(SEOUL, on_demand, on_spot, Decimal(discount)) == Decimal(usd)


def test_small_stack_costs_twice_the_nodes() -> None:
    """Two nodes with disks, control plane, one NAT gateway, one load balancer and a key, in Seoul."""
    assert total(example.small_stack(SEOUL)) == Decimal("224.02")


def test_example_is_shown() -> None:
    """`--example` shows the figures and says that the discount has no source."""
    shown = cost("--example").stdout
    assert all(figure in shown for figure in ("113.88", "39.86", "64.53", "83.51", "224.02"))
    assert "No source" in shown


@pytest.mark.parametrize("stack", STACKS)
def test_sums_add_up(stack: str) -> None:
    """The components' sums are the total, and fixed and usage are each of them."""
    found = of(stack)
    assert sum(found.total(component) for component in COMPONENTS) == found.total()
    assert found.total(kind="fixed") + found.total(kind="usage") == found.total()
    own = {"self_managed"} if stack == "nodes14" else {"eks", "karpenter"}
    assert set(found.components) == set(COMPONENTS) - ({"self_managed", "eks", "karpenter"} - own)


def test_prod_costs_more_than_dev() -> None:
    """Three NAT gateways instead of one, and higher limits."""
    assert of("prod").total("network", "fixed") - of("dev").total("network", "fixed") == Decimal("93.44")
    assert of("prod").total() > of("dev").total()


def test_json_keeps_its_form() -> None:
    """Every key is there and no other, amounts have two decimals, and stacks come in the order asked for."""
    names = ["prod", "dev", "nodes14"]
    found = machine(*(word for name in names for word in ("--stack", name)))
    jsonschema.validate(found, SCHEMA)
    assert [stack["stack"] for stack in found["stacks"]] == names
    assert [stack["karpenter"] is None for stack in found["stacks"]] == [False, False, True]
    for stack in found["stacks"]:
        amounts = [line["amount"] for line in stack["lines"] if line["amount"] is not None]
        assert amounts == [round(amount, 2) for amount in amounts]
        assert sum(amounts) == pytest.approx(stack["total"]["sum"])


def test_all_stacks_are_estimated_when_none_is_named() -> None:
    """Without --stack the table has a column for every stack file."""
    assert [stack["stack"] for stack in machine()["stacks"]] == STACKS


def test_what_has_no_price_is_said() -> None:
    """The sum is marked, and each item and type without a source is named."""
    shown = cost("--stack", "dev").stdout
    found = of("dev")
    assert found.unpriced()
    assert f"{found.total():.2f}*" in shown
    for text in (*(line.item for line in found.unpriced()), *found.unpriced_types):
        assert text in shown


def test_assumptions_are_printed_with_their_values() -> None:
    """Whatever is assumed stands under the table, the user's value in place of the default."""
    shown = cost("--stack", "dev", "--assume", "traffic_gb=777").stdout
    assert all(f"  {name} " in shown for name in MEANINGS)
    assert "777  GB that nodes exchange" in shown


def test_lines_are_shown_on_demand() -> None:
    """`--lines` shows each thing that is paid for, with price and month."""
    shown = cost("--stack", "dev", "--lines").stdout
    for line in of("dev").lines:
        amount = "no source" if line.amount is None else f"{line.amount:.2f}"
        row = rf"^ +{line.component} +{re.escape(line.item)} .* {amount} .*{re.escape(line.assumption)} *$"
        assert re.search(row, shown, re.MULTILINE), row
    assert "0.059 / h" in shown
    assert "0.059 / h" not in cost("--stack", "dev").stdout


def test_budget_that_does_not_do_is_said() -> None:
    """A stack that is estimated above its own budget is named; one below it is not."""
    shown = cost("--stack", "dev", "--stack", "prod", "--assume", "traffic_gb=100000").stdout
    assert "dev is " in shown
    assert "over its budget, observability.monthlyBudgetUsd" in shown
    assert "over its budget" not in cost("--stack", "prod").stdout


def test_options_change_the_estimate() -> None:
    """Spot share and discount, as options of their own or as assumptions, change Karpenter's part alone."""
    usual, dear = machine("-s", "dev")["stacks"][0], machine("-s", "dev", "--spot-share", "0")["stacks"][0]
    assert dear["components"][2]["sum"] == usual["karpenter"]["withoutSpot"] > usual["components"][2]["sum"]
    changed = [one for one, other in zip(usual["components"], dear["components"], strict=True) if one != other]
    assert [component["component"] for component in changed] == ["karpenter"]
    assert machine("-s", "dev", "--assume", "spot_discount=0.1") == machine("-s", "dev", "--spot-discount", "0.1")


@pytest.mark.parametrize(
    ("region", "priced"), [(VIRGINIA, True), (TOKYO, True), ("eu-west-1", False), ("cn-north-1", False)]
)
def test_another_region_has_its_own_prices(region: str, priced: bool) -> None:
    """A stack elsewhere gets that region's prices; where there are none, cluster and nodes are said to have none."""
    found = of("dev", aws={"region": region})
    cluster = [line for line in found.lines if line.component == "eks" and line.kind == "fixed"]
    assert {line.price is not None for line in cluster} == {priced}
    assert found.total() != of("dev").total()
    assert (found.at_limits is not None) == priced


@pytest.mark.parametrize("arguments", [("--stack", "stage"), ("--stack", "organization/platform/stage")])
def test_unknown_stack_is_one_line(arguments: tuple[str, ...]) -> None:
    """A stack without a file ends in one line that names those there are."""
    result = cost(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.endswith("there is no Pulumi.stage.yaml; known stacks: dev, nodes14, prod\n")
    assert result.stderr.count("\n") == 1


def test_folder_without_stacks_is_one_line(tmp_path: Path) -> None:
    """A folder without stack files gives no empty table, but a line that says how to name another."""
    result = cost("--cwd", str(tmp_path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: there is no Pulumi.<stack>.yaml here; name the folder that has them with --cwd\n"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["trafic_gb=1"], "trafic_gb is not assumed; there are traffic_gb, "),
        (["traffic_gb"], "nothing is not a number; write traffic_gb=1.5"),
        (["traffic_gb=lots"], "lots is not a number"),
        (["traffic_gb=-1"], "traffic_gb=-1: not a number from 0 on"),
        (["spot_share=2"], "spot_share=2: not from 0 to 1"),
    ],
)
def test_bad_assumption_is_one_line(texts: list[str], said: str) -> None:
    """An unknown name and a value that is no amount are refused with what would do."""
    with pytest.raises(OpsError) as raised:
        assumptions(texts, {})
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def write(folder: Path, name: str, content: object) -> Path:
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    (folder / f"Pulumi.{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_faults_of_a_stack_are_those_of_its_settings(tmp_path: Path) -> None:
    """A bad value ends in the same line as at `pulumi preview`, with the file's name before it."""
    content = yaml.safe_load((CHECKOUT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    content["config"]["platform:network"]["nat"] = "double"
    with pytest.raises(OpsError, match=r"^Pulumi\.dev\.yaml: platform:network\.nat = \"?double"):
        load(write(tmp_path, "dev", content), "dev", TODAY)


def test_sections_may_stand_as_json_text(tmp_path: Path) -> None:
    """The engine takes an object as text too, as `pulumi config set` without --path writes it."""
    content = yaml.safe_load((CHECKOUT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    content["config"] = {
        key: json.dumps(value) if isinstance(value, dict) else value for key, value in content["config"].items()
    }
    assert load(write(tmp_path, "dev", content), "dev", TODAY) == load(CHECKOUT, "dev", TODAY)


@pytest.mark.parametrize("text", ["", "config: 1", "config: {", "- a"])
def test_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """A stack file without configuration, or that is no YAML, is named in one line."""
    with pytest.raises(OpsError, match=r"^Pulumi\.dev\.yaml: ") as raised:
        load(write(tmp_path, "dev", text), "dev", TODAY)
    assert "\n" not in str(raised.value)


def test_folder_without_stacks_says_so(tmp_path: Path) -> None:
    """Where there is no stack file, none is known."""
    assert known_stacks(tmp_path) == []
    with pytest.raises(OpsError, match="known stacks: none"):
        load(tmp_path, "dev", TODAY)


def sources() -> set[Source]:
    tables = [*(row.by_region for row in PRICES.values()), *INSTANCES.values()]
    return {source for table in tables for known in table.values() for source in known.sources}


def test_page_has_every_source_and_figure() -> None:
    """docs/cost.md lists each source that a price has, with month and address, and the example as it is reckoned."""
    page = (CHECKOUT / "docs" / "cost.md").read_text(encoding="utf-8")
    for source in sources():
        ends = f" | {source.seen or 'no date'} | {source.url or 'no address'}"
        assert any(line.startswith(f"| {source.name}") and ends in line for line in page.splitlines())
    for what, amount in example.rows():
        assert f"| {what} | {amount} |" in page
