"""A small project with a GitOps tree of each kind of source, for what is to be wrong in one place at a time."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = "https://git.example.com/demo.git"
CHARTS: Final = "https://charts.example.com"
_PROGRAM: Final = f"""
import pulumi

config = pulumi.Config()
if config.get("broken"):
    raise ValueError("demo:broken is said\\nand has to go")
network = pulumi.CustomResource("aws:ec2/vpc:Vpc", "network", {{"cidrBlock": "10.0.0.0/16"}})
queue = pulumi.CustomResource("aws:sqs/queue:Queue", "queue", {{"name": "demo-queue"}})
values = {{"network": network.id, "queue": queue.id, "title": config.require("title")}}
values["tags"] = config.get_object("tags")
source = {{"repoURL": "{REPOSITORY}", "targetRevision": "main", "path": "tree/root"}}
source["helm"] = {{"valuesObject": values}}
target = {{"server": "https://kubernetes.default.svc", "namespace": "argocd"}}
for kind, name, spec in (
    ("AppProject", "bootstrap", {{"description": "The root."}}),
    ("Application", "root", {{"project": "bootstrap", "source": source, "destination": target}}),
):
    pulumi.CustomResource(
        f"kubernetes:argoproj.io/v1alpha1:{{kind}}",
        name,
        {{"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {{"name": name}}, "spec": spec}},
    )
"""
_CHART: Final = "apiVersion: v2\nname: demo\nversion: 0.0.0\n"
_APPLICATION: Final = """
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
  annotations: {{argocd.argoproj.io/sync-wave: "{wave}"}}
spec:
  project: demo
  destination: {{server: https://kubernetes.default.svc, namespace: {name}}}
{source}"""


def ours(path: str, more: str = "") -> str:
    """Return a source of this repository as YAML."""
    comma = ", " if more else ""
    return f"{{repoURL: {REPOSITORY}, targetRevision: main, path: {path}{comma}{more}}}"


def chart(more: str, version: str = "1.2.3") -> str:
    """Return a source that is a chart of others as YAML."""
    return f"{{repoURL: {CHARTS}, targetRevision: {version}, chart: other, helm: {{{more}}}}}"


def application(name: str, wave: int, *sources: str) -> str:
    """Return an Application as YAML."""
    one = f"  source: {sources[0]}\n"
    several = "  sources:\n" + "".join(f"    - {source}\n" for source in sources)
    return _APPLICATION.format(name=name, wave=wave, source=one if len(sources) == 1 else several)


_SET: Final = f"""
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: services
  annotations: {{argocd.argoproj.io/sync-wave: "3"}}
spec:
  goTemplate: true
  generators:
    - list:
        elements:
          - {{name: one, labels: {{"app.kubernetes.io/part-of": first}}}}
          - {{name: two, labels: {{"app.kubernetes.io/part-of": second}}}}
  template:
    metadata:
      name: 'service-{{{{`{{{{ .name }}}}`}}}}'
    spec:
      project: demo
      destination: {{server: https://kubernetes.default.svc, namespace: services}}
      source:
        repoURL: {REPOSITORY}
        targetRevision: main
        path: tree/web/overlay
        kustomize:
          namePrefix: '{{{{`{{{{.name}}}}`}}}}-'
          commonAnnotations: {{part: '{{{{`{{{{ index .labels "app.kubernetes.io/part-of" }}}}`}}}}'}}
"""
_TREE: Final = {
    "Pulumi.yaml": "name: demo\nruntime: python\n",
    "Pulumi.test.yaml": "config:\n  demo:title: first\n  demo:tags: {team: demo}\n  demo:cluster: {version: '1.36'}\n",
    "__main__.py": _PROGRAM,
    "tree/root/Chart.yaml": _CHART,
    "tree/root/values.schema.json": '{"additionalProperties": false, "properties": '
    '{"network": {"pattern": "^vpc-[0-9a-f]+$"}, "queue": {}, "title": {"maxLength": 8}, "tags": {}}}',
    "tree/root/templates/applications.yaml": application("plain", -1, ours("tree/plain"))
    + application("web", 1, ours("tree/web/overlay", "kustomize: {images: ['web=registry.example.com/web:*']}"))
    + application(
        "mixed", 2, chart("releaseName: other, valuesObject: {size: 3}"), ours("tree/local", "helm: {valuesObject: {}}")
    )
    + _SET,
    "tree/plain/a.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: plain, namespace: nowhere}\n",
    "tree/plain/b.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}',
    "tree/plain/notes.txt": "not read",
    "tree/web/base/web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: "
    "{containers: [{name: web, image: web}, {name: side, image: 'side:7'}]}}}\n",
    "tree/web/base/kustomization.yaml": "resources: [web.yaml]\n",
    "tree/web/overlay/kustomization.yaml": "resources: [../base]\nimages: [{name: web, newTag: 1.0.0}]\n",
    "tree/local/Chart.yaml": _CHART,
    "tree/local/crds/crd.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
    "metadata: {name: rooms.example.com}\nspec:\n  group: example.com\n  scope: Cluster\n"
    "  names: {kind: Room, plural: rooms}\n  versions: [{name: v1, served: true}, {name: v0, served: false}]\n",
    "tree/local/templates/room.yaml": "apiVersion: example.com/v1\nkind: Room\nmetadata: {namespace: x,"
    " name: 'r-{{ .Release.Name }}', labels: {version: '{{ .Capabilities.KubeVersion.Version }}'}}\n",
}


def demo_project(folder: Path) -> Path:
    """Write the project to a folder and return it."""
    for name, text in _TREE.items():
        change(folder, name, text)
    return folder


def change(folder: Path, name: str, text: str) -> None:
    """Write one of its files anew."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def replace(folder: Path, name: str, old: str, new: str) -> None:
    """Change a text in one of its files, which must be there."""
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    change(folder, name, text.replace(old, new))


def committed(folder: Path) -> None:
    """Make the project a git repository with one commit."""
    identity = ["-c", "user.name=demo", "-c", "user.email=demo@example.com", "-c", "commit.gpgsign=false"]
    for words in (["init", "--quiet"], ["add", "--all"], [*identity, "commit", "--quiet", "--message", "first"]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def pack(folder: Path, version: str = "1.2.3", template: str = "") -> Path:
    """Pack the chart of others: a ConfigMap that shows what it got, a test of Helm's, and what else is given."""
    files = {
        "Chart.yaml": f"apiVersion: v2\nname: other\nversion: {version}\n",
        "values.yaml": "size: 1\n",
        "values.schema.json": '{"properties": {"size": {"type": "integer"}}}',
        "templates/all.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\n"
        "data: {size: '{{ .Values.size }}', namespace: '{{ .Release.Namespace }}'}\n---\napiVersion: v1\nkind: Pod\n"
        "metadata: {name: probe, annotations: {helm.sh/hook: test}}\n" + template,
    }
    folder.mkdir(parents=True, exist_ok=True)
    package = folder / f"other-{version}.tgz"
    with tarfile.open(package, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"other/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return package


def root(**values: Any) -> dict[str, Any]:
    """Return a root Application that passes these values on."""
    source = {"repoURL": REPOSITORY, "targetRevision": "main", "path": "tree/root", "helm": {"valuesObject": values}}
    return {"metadata": {"name": "root"}, "spec": {"source": source, "destination": {"namespace": "argocd"}}}
