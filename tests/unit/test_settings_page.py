"""docs/settings.md: the reference names every key of a stack's file, marks the optional ones, and names no other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from rules import sections
from rules.sections import MODELS, Freeze, Machine, Section, Taint, known_keys

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
ROW: Final = re.compile(r"^\| `(?P<key>[^`]+)` \|(?P<form>[^|]*)\|[^|]*\|[^|]*\|$", re.MULTILINE)


# Of both variants: `cluster` has the keys of either.
VARIANTS: Final = ("eks", "self-managed")
KNOWN_KEYS: Final = {
    path: tuple(dict.fromkeys(key for variant in VARIANTS for key in known_keys(variant).get(path, ())))
    for variant in VARIANTS
    for path in known_keys(variant)
}


def known(keys: Mapping[tuple[str, ...], tuple[str, ...]] = KNOWN_KEYS) -> set[str]:
    """Return every key as a dotted path; KNOWN_KEYS says nothing of what stands in lists or below names."""
    dotted = {".".join((*path, key)) for path, names in keys.items() for key in names}
    inside: dict[str, type[Section]] = {"karpenter.freezes[]": Freeze, "machines.workers.<name>": Machine}
    inside["machines.workers.<name>.taints[]"] = Taint
    below = {f"{path}.{field.alias}" for path, model in inside.items() for field in model.model_fields.values()}
    return {*dotted, *below, "tags", "variant"}


def rows(text: str) -> list[tuple[str, str]]:
    """Return key and form of each row of the page's tables."""
    return [(row["key"], row["form"]) for row in ROW.finditer(text)]


def optional() -> Iterator[str]:
    """Yield the last part of the path of each key that can be left out."""
    yield "variant"
    for model in vars(sections).values():
        if isinstance(model, type) and issubclass(model, Section):
            yield from (str(field.alias) for field in model.model_fields.values() if not field.is_required())


def test_page_has_every_key_once() -> None:
    """What the settings know is on the page, once each, and what is on the page the settings know."""
    found = [key for key, _ in rows(PAGE.read_text(encoding="utf-8"))]
    assert sorted(found) == sorted(known())


def test_page_has_every_section() -> None:
    """Each section has a heading of its own, in which its keys stand."""
    chapters = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert {chapter.partition("\n")[0] for chapter in chapters} == {
        *(name for models in MODELS.values() for name in models),
        "tags",
        "variant",
    }
    for chapter in chapters:
        assert {re.split(r"\W", key)[0] for key, _ in rows(chapter)} == {chapter.partition("\n")[0]}


def test_page_marks_what_can_be_left_out() -> None:
    """The mark stands where the models have a default, and nowhere else."""
    marked = {key for key, form in rows(PAGE.read_text(encoding="utf-8")) if "*optional*" in form}
    assert sorted(key.rpartition(".")[2] for key in marked) == sorted(optional())


@pytest.mark.parametrize("change", [("| `aws.region`", "| `aws.zone`"), ("| `policy.tier`", "| policy.tier")])
def test_changed_page_is_noticed(change: tuple[str, str]) -> None:
    """A key that does not exist, and one that has lost its row, make the page differ from the settings."""
    text = PAGE.read_text(encoding="utf-8").replace(*change)
    assert {key for key, _ in rows(text)} != known()
