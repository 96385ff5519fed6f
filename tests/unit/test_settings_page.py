"""docs/settings.md: the reference names every key of a stack's file, marks the optional ones, and names no other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from rules import sections
from rules.sections import ADAPTERS, KNOWN_KEYS, Freeze, Section

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
ROW: Final = re.compile(r"^\| `(?P<key>[^`]+)` \|(?P<form>[^|]*)\|[^|]*\|[^|]*\|$", re.MULTILINE)


def known(keys: Mapping[tuple[str, ...], tuple[str, ...]] = KNOWN_KEYS) -> set[str]:
    """Return every key as a dotted path; a freeze stands in a list, of which KNOWN_KEYS says nothing."""
    dotted = {".".join((*path, key)) for path, names in keys.items() for key in names}
    return {*dotted, *(f"karpenter.freezes[].{field.alias}" for field in Freeze.model_fields.values()), "tags"}


def rows(text: str) -> list[tuple[str, str]]:
    """Return key and form of each row of the page's tables."""
    return [(row["key"], row["form"]) for row in ROW.finditer(text)]


def optional() -> Iterator[str]:
    """Yield the last part of the path of each key that can be left out."""
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
    assert {chapter.partition("\n")[0] for chapter in chapters} == set(ADAPTERS)
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
