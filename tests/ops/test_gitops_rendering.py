"""The renderer: what Argo CD makes of each kind of source, of ApplicationSets, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.errors import OpsError
from ops.gitops.charts import from_folder
from ops.gitops.objects import key, parse
from ops.gitops.rendering import Rendered, Renderer
from ops.gitops.running import tool
from tests.ops.demo_tree import application, chart, demo_project, ours, pack, replace, root

Render = Callable[[], dict[str, Rendered]]
_APPS = "tree/root/templates/applications.yaml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The demo project, with the chart of others at hand."""
    pack(tmp_path / "charts")
    return demo_project(tmp_path / "project")


@pytest.fixture
def render(project: Path) -> Render:
    """Render the demo project as it is now."""

    def run() -> dict[str, Rendered]:
        renderer = Renderer(project, tool, from_folder(project.parent / "charts"), "1.36")
        return {one.name: one for one in renderer.render(root(title="x"))}

    return run


def _image(rendered: Rendered, container: int = 0) -> Any:
    (thing,) = rendered.objects
    return thing["spec"]["template"]["spec"]["containers"][container]["image"]


def test_order_is_that_of_the_waves(render: Render) -> None:
    """The root comes first, then its children by wave; what an ApplicationSet makes has the set's wave."""
    assert [(name, one.wave) for name, one in render().items()] == [
        ("root", 0), ("plain", -1), ("web", 1), ("mixed", 2), ("service-one", 3), ("service-two", 3),
    ]  # fmt: skip


def test_objects_lie_where_argo_cd_puts_them(render: Render) -> None:
    """Without a namespace they get the destination's, and what lies in none loses its own, by CRDs of the tree too."""
    rendered = render()
    places = {str(key(thing)) for name in ("plain", "mixed") for thing in rendered[name].objects}
    assert places == {
        "Namespace/plain", "ConfigMap/plain/settings", "ConfigMap/mixed/other", "Room.example.com/r-mixed",
        "CustomResourceDefinition.apiextensions.k8s.io/rooms.example.com",
    }  # fmt: skip


def test_overlay_keeps_its_tag_by_an_asterisk(project: Path, render: Render) -> None:
    """`name=url:*` changes the place alone; `name=url` takes the overlay's tag away (kustomize edit set image)."""
    assert _image(render()["web"]) == "registry.example.com/web:1.0.0"
    replace(project, _APPS, "registry.example.com/web:*", "registry.example.com/web")
    assert _image(render()["web"]) == "registry.example.com/web"
    replace(project, _APPS, "web=registry.example.com/web", "side=registry.example.com/side:*")
    assert _image(render()["web"], 1) == "registry.example.com/side:7"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("namePrefix: a-, nameSuffix: -z", "a-web-z"),
        ("namespace: other", "other"),
        ("commonLabels: {team: demo}, labelWithoutSelector: true", "team: demo"),
        ("commonAnnotations: {team: demo}", "team: demo"),
        ("replicas: [{name: web, count: 4}]", "replicas: 4"),
        ("patches: [{patch: '- {op: add, path: /spec/paused, value: true}', target: {kind: Deployment}}]", "paused"),
    ],
    ids=["name", "namespace", "labels", "annotations", "replicas", "patches"],
)
def test_options_of_kustomize_take_effect(project: Path, render: Render, options: str, expected: str) -> None:
    """Each option that an Application may give a kustomization changes what comes of it, and not the checkout."""
    file = project / "tree/web/overlay/kustomization.yaml"
    before = file.read_text(encoding="utf-8")
    replace(project, _APPS, "images: ['web=registry.example.com/web:*']", options)
    assert expected in str(render()["web"].objects).replace("'", "")
    assert file.read_text(encoding="utf-8") == before


def test_patches_come_after_those_of_the_overlay(project: Path, render: Render) -> None:
    """An Application's patch has the last word over one of the same field in Git."""
    patch = "- {{op: add, path: /spec/replicas, value: {}}}"
    with (project / "tree/web/overlay/kustomization.yaml").open("a", encoding="utf-8") as file:
        file.write(f"patches: [{{patch: '{patch.format(2)}', target: {{kind: Deployment}}}}]\n")
    assert render()["web"].objects[0]["spec"]["replicas"] == 2
    mine = f"patches: [{{patch: '{patch.format(5)}', target: {{kind: Deployment}}}}]"
    replace(project, _APPS, "images: ['web=registry.example.com/web:*']", mine)
    assert render()["web"].objects[0]["spec"]["replicas"] == 5


def test_chart_gets_what_the_application_says(render: Render) -> None:
    """The release is called as said, its namespace is the destination's, and a test of Helm's is not applied."""
    objects = {str(key(thing)): thing for thing in render()["mixed"].objects}
    assert objects["ConfigMap/mixed/other"]["data"] == {"size": "3", "namespace": "mixed"}
    assert objects["Room.example.com/r-mixed"]["metadata"]["labels"] == {"version": "v1.36.0"}
    assert not any(name.startswith("Pod") for name in objects)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("valuesObject: {size: 3}, values: 'size: 4'", "3"),
        ("values: 'size: 4'", "4"),
        ("valuesObject: {size: 3}, parameters: [{name: size, value: '5'}]", "5"),
        ("", "1"),
    ],
    ids=["object-over-text", "text", "parameter-over-object", "the-charts-own"],
)
def test_values_count_in_argo_cds_order(project: Path, render: Render, options: str, size: str) -> None:
    """The object hides the text, parameters come last, and without any the chart's own values count."""
    replace(
        project,
        _APPS,
        "releaseName: other, valuesObject: {size: 3}",
        f"releaseName: other{', ' * bool(options)}{options}",
    )
    objects = {str(key(thing)): thing for thing in render()["mixed"].objects}
    assert objects["ConfigMap/mixed/other"]["data"]["size"] == size


def test_crds_are_left_out_if_said_so(project: Path, render: Render) -> None:
    """The option skipCrds leaves out what lies in the folder crds; else it comes along."""
    replace(project, _APPS, "helm: {valuesObject: {}}", "helm: {skipCrds: true}")
    assert "CustomResourceDefinition" not in {thing["kind"] for thing in render()["mixed"].objects}


def test_charts_see_the_kinds_of_the_whole_tree(project: Path, render: Render) -> None:
    """A chart that asks which kinds there are gets the answer of the cluster in which the tree is complete."""
    asks = (
        '---\n{{ if .Capabilities.APIVersions.Has "%s" }}\napiVersion: v1\nkind: Secret\nmetadata: {name: %s}\n'
        "{{ end }}\n"
    )
    kinds = {"served": "example.com/v1/Room", "not-served": "example.com/v0", "argo": "argoproj.io/v1alpha1/AppProject"}
    pack(project.parent / "charts", template="".join(asks % (api, name) for name, api in kinds.items()))
    made = {thing["metadata"]["name"] for thing in render()["mixed"].objects if thing["kind"] == "Secret"}
    assert made == {"served", "argo"}


def test_set_makes_an_application_of_each_element(render: Render) -> None:
    """Its templates are filled in, by name and by index; each gets the finalizer that Argo CD adds."""
    rendered = render()
    for name, part in (("one", "first"), ("two", "second")):
        made = rendered[f"service-{name}"]
        assert made.application["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
        assert made.application["metadata"]["namespace"] == "argocd"
        (thing,) = made.objects
        assert (thing["metadata"]["name"], thing["metadata"]["namespace"]) == (f"{name}-web", "services")
        assert thing["metadata"]["annotations"] == {"part": part}


def test_last_of_two_equal_objects_is_applied(project: Path, render: Render) -> None:
    """As in Argo CD, which warns of it."""
    replace(project, "tree/local/templates/room.yaml", "apiVersion", "apiVersion: v1\nkind: ConfigMap\nmetadata: "
            "{name: other}\ndata: {from: local}\n---\napiVersion")  # fmt: skip
    mixed = render()["mixed"]
    assert [str(one) for one in mixed.twice] == ["ConfigMap/mixed/other"]
    assert [thing["data"] for thing in mixed.objects if thing["kind"] == "ConfigMap"] == [{"from": "local"}]


def test_missing_chart_is_shown_as_missing(project: Path, render: Render) -> None:
    """It has no objects and says why; the other source of the same Application is rendered."""
    replace(project, _APPS, "targetRevision: 1.2.3", "targetRevision: 9.9.9")
    missing, present = render()["mixed"].parts
    assert (missing.objects, missing.values) == ((), {"size": 3})
    assert missing.missing.endswith("has no other-9.9.9.tgz")
    assert present.objects
    assert not present.missing


_WRONG = [
    ("path: tree/plain", "path: tree/plane", "Application plain, tree/plane: there is no such folder"),
    (ours("tree/plain"), ours("tree/plain").replace("demo.git", "x.git"), "is another repository than"),
    ("path: tree/plain", "path: tree/plain, ref: values", "refer to are not rendered here"),
    ("path: tree/plain", "path: tree/plain, plugin: {name: x}", "plugins are not rendered here"),
    ("path: tree/plain", "path: tree/plain, directory: {jsonnet: {}}", "directory.jsonnet of a source"),
    ("valuesObject: {size: 3}", "valuesObject: {size: x}", "at '/size': got string, want integer"),
    ("valuesObject: {size: 3}", "fileParameters: []", "helm.fileParameters of a source is not rendered here"),
    ("helm: {valuesObject: {}}", "helm: {valueFiles: [x.yaml]}", "value file x.yaml does not exist"),
    ("kustomize: {images:", "kustomize: {version: v9, images:", "kustomize.version of a source is not rendered"),
    ("web:*'", "web:${ARGOCD_APP_REVISION}'", "build environment is not known here"),
    ("path: tree/local, helm: {valuesObject: {}}", "path: tree/local, helm: {a: 1}, kustomize: {b: 1}", "not both"),
    ("name: plain\n", "name: web\n", "there are two Applications called web"),
    ("name: one,", "name: two,", "makes two Applications called service-two"),
    ("goTemplate: true", "goTemplate: false", "ApplicationSet services: without goTemplate"),
    ("- list:", "- git:", "generator git is not rendered here"),
    ("{{ .name }}", "{{ .nam }}", "an element has no nam"),
    ("{{ .name }}", "{{ .name | upper }}", "is not rendered here"),
    ("{{ .name }}", "{{ .labels }}", "labels of an element is no text"),
    ("{{ .name }}", "{{- .name }}", "white space"),
]


@pytest.mark.parametrize(("old", "new", "complaint"), _WRONG, ids=[complaint for *_, complaint in _WRONG])
def test_what_is_wrong_is_named(project: Path, render: Render, old: str, new: str, complaint: str) -> None:
    """A source that Argo CD would refuse, or that this renderer does not know, ends in one line."""
    replace(project, _APPS, old, new)
    with pytest.raises(OpsError) as refusal:
        render()
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_application_that_brings_itself_ends(project: Path, render: Render) -> None:
    """A circle is refused instead of followed for ever."""
    replace(project, _APPS, application("plain", -1, ours("tree/plain")), application("root", -1, ours("tree/root")))
    with pytest.raises(OpsError, match="two Applications called root"):
        render()


def test_wrong_yaml_is_named(project: Path, render: Render) -> None:
    """A file that is no YAML, and one without objects, are named."""
    (project / "tree/plain/a.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(OpsError, match=r"a\.yaml: while parsing"):
        render()
    (project / "tree/plain/a.yaml").write_text("- no object\n", encoding="utf-8")
    with pytest.raises(OpsError, match=r"a\.yaml: has a document that is no Kubernetes object"):
        render()


def test_only_hooks_that_argo_cd_runs_are_kept() -> None:
    """Objects of its own hooks and of those of Helm's that it knows stay; lists are taken apart."""
    hooks = ["test", "pre-rollback", "pre-install", "test,post-install", "crd-install"]
    items = [
        {"kind": "Job", "metadata": {"name": hook, "annotations": {"helm.sh/hook": hook}}} for hook in hooks
    ]  # fmt: skip
    both = {"kind": "Job", "metadata": {"annotations": {"helm.sh/hook": "test", "argocd.argoproj.io/hook": "Sync"}}}
    text = str({"kind": "List", "items": [*items, both]})
    assert [(thing["metadata"].get("name")) for thing in parse(text, "x")] == [*hooks[2:], None]


def test_same_source_is_rendered_once(project: Path) -> None:
    """Two trees of one renderer share what is the same; the values of one do not reach the other."""
    runs: list[str] = []

    def counted(name: str) -> Path:
        runs.append(name)
        return tool(name)

    renderer = Renderer(project, counted, from_folder(project.parent / "charts"))
    first = renderer.render(root(title="x"))
    count = len(runs)
    renderer.render(root(title="x"))
    assert len(runs) == count
    renderer.render(root(title="y"))
    assert len(runs) == count + 1
    assert first[0].name == "root"


def test_chart_is_a_source_of_its_own_version(project: Path, render: Render) -> None:
    """Another version of a chart is another package."""
    pack(project.parent / "charts", "2.0.0", template="---\napiVersion: v1\nkind: Secret\nmetadata: {name: new}\n")
    replace(project, _APPS, chart("releaseName: other, valuesObject: {size: 3}"), chart("releaseName: a", "2.0.0"))
    assert "Secret/mixed/new" in {str(key(thing)) for thing in render()["mixed"].objects}
