"""The copy of Argo CD's objects: what makes it, as whom, and that nothing of it lies about (requirement G-58)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from components.identity.policies.backups import PREFIX
from components.identity.policies.controllers import CONTROLLERS
from ops.gitops.objects import Object
from tests.gitops.tree import CHECKOUT, Break, Rule, Tool, Tree, assert_noticed, edit, helm

_JOB: Final = "CronJob/argocd-backup"
_POD: Final = ("spec", "jobTemplate", "spec", "template", "spec")
_ACCOUNT: Final = CONTROLLERS["argocd-backup"]
# What `argocd admin export` asks the API for
# (https://github.com/argoproj/argo-cd/blob/v3.4.4/cmd/argocd/commands/admin/backup.go).
_READ: Final = {
    ("", "configmaps/argocd-cm"): {"get"},
    ("", "configmaps/argocd-cmd-params-cm"): {"get"},
    ("", "configmaps/argocd-rbac-cm"): {"get"},
    ("", "configmaps/argocd-ssh-known-hosts-cm"): {"get"},
    ("", "configmaps/argocd-tls-certs-cm"): {"get"},
    ("", "secrets"): {"list"},
    ("argoproj.io", "applications"): {"list"},
    ("argoproj.io", "applicationsets"): {"list"},
    ("argoproj.io", "appprojects"): {"list"},
}


def _pod(tree: Tree) -> dict[str, Any]:
    at: Any = tree.get(_JOB)
    for key in _POD:
        at = at[key]
    pod: dict[str, Any] = at
    return pod


def _upload(tree: Tree) -> dict[str, Any]:
    (container,) = _pod(tree)["containers"]
    named: dict[str, Any] = container
    return named


def it_runs_four_times_a_day(tree: Tree) -> Iterator[str]:
    spec = tree.get(_JOB)["spec"]
    if (spec["schedule"], spec.get("timeZone")) != ("17 */6 * * *", "Etc/UTC"):
        yield "the schedule is another one"
    if spec["concurrencyPolicy"] != "Forbid" or spec.get("suspend"):
        yield "two may run at once, or none"


def it_writes_where_its_role_may(tree: Tree) -> Iterator[str]:
    """The role is another program's; its prefix and the service account are compared with what stands there."""
    environment = {row["name"]: row.get("value") for row in _upload(tree)["env"]}
    if environment.get("BUCKET") != tree.handover["storage"]["backupsBucket"]:
        yield "the bucket is another one"
    if f'"s3://$BUCKET/{PREFIX}argocd_' not in _upload(tree)["args"][0]:
        yield f"what it writes does not lie below {PREFIX}"
    account = tree.get(f"ServiceAccount/{_ACCOUNT.service_account}")["metadata"]
    if account["namespace"] != _ACCOUNT.namespace or _pod(tree)["serviceAccountName"] != account["name"]:
        yield "the pod is not who the role trusts"


def it_reads_what_the_export_asks_for(tree: Tree) -> Iterator[str]:
    role = tree.get("Role/argocd-backup")
    may: dict[tuple[str, str], set[str]] = {}
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames", [""]):
                    key = (group, f"{resource}/{name}".rstrip("/"))
                    may.setdefault(key, set()).update(rule["verbs"])
    if may != _READ:
        yield f"the role may read {sorted(may)}"
    if role["metadata"]["namespace"] != "argocd":
        yield "the role is for another namespace"


def nothing_is_left_on_the_node(tree: Tree) -> Iterator[str]:
    """The file holds Secrets in clear: in memory, and gone with the pod."""
    volumes = {volume["name"]: volume for volume in _pod(tree)["volumes"]}
    if volumes["backup"].get("emptyDir", {}).get("medium") != "Memory":
        yield "the file lies on the node's disk"
    for container in (*_pod(tree)["initContainers"], _upload(tree)):
        if container["securityContext"].get("readOnlyRootFilesystem") is not True:
            yield f"{container['name']} may write beside it"


_BREAKS: dict[Rule, list[Break]] = {
    it_runs_four_times_a_day: [
        edit(_JOB, "spec", "schedule", to="17 6 * * *"),
        edit(_JOB, "spec", "concurrencyPolicy", to="Allow"),
        edit(_JOB, "spec", "suspend", to=True),
    ],
    it_writes_where_its_role_may: [
        edit(_JOB, *_POD, "containers", 0, "args", to=["aws s3 cp /backup/argocd.yaml s3://$BUCKET/"]),
        edit(_JOB, *_POD, "containers", 0, "env", to=[]),
        edit(_JOB, *_POD, "serviceAccountName", to="default"),
    ],
    it_reads_what_the_export_asks_for: [
        edit("Role/argocd-backup", "rules", 1, "verbs", to=["get", "list"]),
        edit("Role/argocd-backup", "rules", 0, "resourceNames"),
        edit("Role/argocd-backup", "rules", 2, "resources", to=["applications", "appprojects"]),
        edit("Role/argocd-backup", "metadata", "namespace", to="kube-system"),
    ],
    nothing_is_left_on_the_node: [
        edit(_JOB, *_POD, "volumes", 0, "emptyDir", to={}),
        edit(_JOB, *_POD, "initContainers", 0, "securityContext", "readOnlyRootFilesystem", to=False),
    ],
}


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_control_holds(rule: Rule, tree: Tree, self_managed_tree: Tree) -> None:
    """Both variants keep the rule."""
    assert [*rule(tree), *rule(self_managed_tree)] == []


@pytest.mark.parametrize(
    ("rule", "break_"),
    [
        pytest.param(rule, break_, id=f"{rule.__name__}-{number}")
        for rule, breaks in _BREAKS.items()
        for number, break_ in enumerate(breaks)
    ],
)
def test_control_catches_its_mutation(rule: Rule, break_: Break, tree: Tree) -> None:
    """The rule complains about a backup that breaks it."""
    assert_noticed(rule, break_, tree)


def test_the_export_is_of_the_version_that_runs(tree: Tree) -> None:
    """An older one knows too little, and a newer one may write what this Argo CD cannot read."""
    chart = yaml.safe_load((CHECKOUT / "sandbox/charts/argo-cd/chart.yaml").read_text(encoding="utf-8"))
    (export,) = _pod(tree)["initContainers"]
    assert export["image"] == f"quay.io/argoproj/argocd:{chart['appVersion']}"


def test_without_an_association_the_pod_carries_its_token(self_managed_tree: Tree) -> None:
    """A cluster of one's own has no webhook that adds the variables and the volume."""
    names = {row["name"] for row in _upload(self_managed_tree)["env"]}
    assert {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"} <= names
    mounts = {row["name"] for row in _upload(self_managed_tree)["volumeMounts"]}
    assert mounts <= {row["name"] for row in _pod(self_managed_tree)["volumes"]}
    assert "aws-iam-token" in mounts


def _render(tool: Tool, **changes: Any) -> list[Object]:
    values = {"bucket": "example-backups", "region": "eu-west-1", **changes}
    return helm(tool, "gitops/platform/argocd-backup", "argocd-backup", "argocd", values)


def test_a_mirror_has_both_images(tool: Tool) -> None:
    """Under the paths that they have at their publishers'."""
    (job,) = [thing for thing in _render(tool, registry="mirror.example.com/all") if thing["kind"] == "CronJob"]
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    paths = [row["image"].partition(":")[0] for row in (*pod["initContainers"], *pod["containers"])]
    assert paths == ["mirror.example.com/all/argoproj/argocd", "mirror.example.com/all/aws-cli/aws-cli"]


@pytest.mark.parametrize("changes", [{"bucket": ""}, {"region": "x"}, {"schedule": "* * * * *"}], ids=str)
def test_wrong_values_are_refused(tool: Tool, changes: dict[str, Any]) -> None:
    """The chart says which value is wrong instead of rendering it."""
    (key,) = changes
    with pytest.raises(RuntimeError, match=key):
        _render(tool, **changes)
