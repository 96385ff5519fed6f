"""Sets of CRDs: where they are found and how they are read."""

from __future__ import annotations

from pathlib import Path

from sandbox import crds

_CRD = """kind: CustomResourceDefinition
spec:
  names:
    kind: Widget
  matchers: [=, '=~']
"""


def test_sets_are_those_of_the_set_up_and_those_kept_by_hand(tmp_path: Path) -> None:
    """A set is called as its tool without the ending; the publisher's goes before one kept by hand."""
    by_hand = crds.BY_HAND / "redis-operator"
    assert crds.folders({"argocd-crds": tmp_path, "helm": tmp_path})["argocd"] == tmp_path
    assert "helm" not in crds.folders({"helm": tmp_path})
    assert crds.folders({})["redis-operator"] == by_hand
    assert crds.folders({"redis-operator-crds": tmp_path})["redis-operator"] == tmp_path


def test_definitions_are_crds_alone_and_a_lone_equals_sign_is_text(tmp_path: Path) -> None:
    """What lies beside the CRDs is passed over, and what YAML 1.1 would make of `=` does not end the reading."""
    (tmp_path / "widgets.yaml").write_text(_CRD, encoding="utf-8")
    (tmp_path / "kustomization.yaml").write_text("resources: [widgets.yaml]\n", encoding="utf-8")
    (tmp_path / "empty.yaml").write_text("", encoding="utf-8")
    found = crds.definitions(tmp_path)
    assert list(found) == ["widgets.yaml"]
    assert found["widgets.yaml"]["spec"]["matchers"] == ["=", "=~"]


def test_only_the_kinds_asked_for_are_read(tmp_path: Path) -> None:
    """Of a large set no more is parsed than what is needed."""
    (tmp_path / "widgets.yaml").write_text(_CRD, encoding="utf-8")
    (tmp_path / "gadgets.yaml").write_text(_CRD.replace("Widget", "Gadget") + "not: [YAML", encoding="utf-8")
    assert list(crds.definitions(tmp_path, {"Widget"})) == ["widgets.yaml"]
