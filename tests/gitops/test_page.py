"""docs/gitops.md and the tree say the same: every Application, its wave, its namespace, and what it is required by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import pytest

from tests.gitops.tree import CHECKOUT, WAVE, Tree

_PAGE: Final = (CHECKOUT / "docs/gitops.md").read_text(encoding="utf-8")
_HEADINGS: Final = {"eks": "## Applications on EKS", "self-managed": "## Applications on a self-managed cluster"}
_ROW: Final = re.compile(
    r"^\| `(?P<name>[a-z-]+)` \| (?P<wave>-?\d+) \| (?P<namespace>[a-z-]+) \| (?P<brings>.+) \| (?P<ids>.+) \|$"
)
_ID: Final = re.compile(r"[PGVKDCX]-\d\d")
# Their objects lie in namespaces of their own.
_MANY: Final = {"namespaces": "many"}


class Place(NamedTuple):
    """Where an Application stands."""

    wave: int
    namespace: str


def _table(variant: str, page: str = _PAGE) -> dict[str, Place]:
    section = page.split(_HEADINGS[variant])[1].split("\n## ", maxsplit=1)[0]
    rows = [row for line in section.splitlines() if (row := _ROW.match(line))]
    for row in rows:
        assert all(_ID.fullmatch(one) for one in row["ids"].split(", ")), row["name"]
    return {row["name"]: Place(int(row["wave"]), row["namespace"]) for row in rows}


def _picture(page: str = _PAGE) -> dict[str, list[tuple[int, str]]]:
    """Return the waves as drawn: both variants side by side, from the same column on."""
    block = page.split("## Waves")[1].split("```")[1].strip("\n").splitlines()
    column = block[0].index("self-managed")
    drawn: dict[str, list[tuple[int, str]]] = {}
    for variant, part in (("eks", slice(0, column - 1)), ("self-managed", slice(column - 1, None))):
        drawn[variant] = list(_drawn(line[part] for line in block[1:]))
    return drawn


def _drawn(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    for line in lines:
        wave, *names = re.sub(r"\(.*\)", "", line).split() or [""]
        yield from ((int(wave), name) for name in names)


def _found(tree: Tree) -> dict[str, Place]:
    sets = [thing for thing in tree.root if thing["kind"] == "ApplicationSet"]
    found = {}
    for application in tree.applications:
        name, annotations = application["metadata"]["name"], application["metadata"].get("annotations", {})
        wave = annotations[WAVE] if WAVE in annotations else sets[0]["metadata"]["annotations"][WAVE]
        found[name] = Place(int(wave), _MANY.get(name, application["spec"]["destination"]["namespace"]))
    return found


def _trees(tree: Tree, self_managed_tree: Tree) -> Mapping[str, Tree]:
    return {"eks": tree, "self-managed": self_managed_tree}


@pytest.mark.parametrize("variant", _HEADINGS)
def test_the_page_lists_every_application(variant: str, tree: Tree, self_managed_tree: Tree) -> None:
    """No Application is missing or too many, and each comes in the wave and to the namespace that the page says."""
    assert _found(_trees(tree, self_managed_tree)[variant]) == _table(variant)


def test_the_documents_count() -> None:
    """D-14: with the root there are seventeen on a self-managed cluster, seven of them APIs."""
    names = _table("self-managed")
    assert len(names) + 1 == 17
    assert sum(name.startswith("api-") for name in names) == 7


@pytest.mark.parametrize("variant", _HEADINGS)
def test_the_picture_shows_the_table(variant: str) -> None:
    """What is drawn is what is listed."""
    shown = {name: "api-<domain>" if name.startswith("api-") else name for name in _table(variant)}
    assert set(_picture()[variant]) == {(place.wave, shown[name]) for name, place in _table(variant).items()}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| `karpenter` | 5 |", "| `karpenter` | 6 |"),
        ("| `petclinic` | 15 | petclinic |", "| `petclinic` | 15 | guestbook |"),
        ("| `metrics-server` | 0 |", "| `metrics` | 0 |"),
    ],
)
def test_another_page_is_noticed(old: str, new: str, tree: Tree) -> None:
    """A wave, a namespace or a name that the tree does not have is found."""
    assert old in _PAGE
    assert _found(tree) != _table("eks", _PAGE.replace(old, new))
