"""How pods live on machines: as stages for kwok.

Unlike kwok's own stages these never touch a Node, whose kubelet speaks for itself (`kubelet`), and a pod that wants an
address of its own gets one only from the network: it stays Pending until somebody has given it one (`ADDRESS`), as with
a real CNI plugin. Pods on the host's network need none.
"""

from __future__ import annotations

from typing import Any, Final

# Where Calico writes down the address that it gave a pod.
ADDRESS: Final = "cni.projectcalico.org/podIP"

_STATUS: Final = """
{{ $now := Now }}
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ range .spec.readinessGates }}
- {type: {{ .conditionType | Quote }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  restartCount: 0
  {{ if eq .restartPolicy "Always" }}
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
  {{ else }}
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
  {{ end }}
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: %s
phase: Running
startTime: {{ $now | Quote }}
"""
_HOST_ADDRESS: Final = "{{ NodeIPWith .spec.nodeName | Quote }}"
_OWN_ADDRESS: Final = f'{{{{ index .metadata.annotations "{ADDRESS}" | Quote }}}}'


def _stage(name: str, kind: str, conditions: list[dict[str, Any]], following: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": conditions},
            "next": following,
        },
    }


def _is(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator} | ({"values": list(values)} if values else {})


_STAYS: Final = _is(".metadata.deletionTimestamp", "DoesNotExist")
_NEW: Final = (_STAYS, _is(".status.podIP", "DoesNotExist"))
_HOST: Final = ".spec.hostNetwork"

STAGES: Final = (
    # One stage for nodes, which fits none: without any kwok would take its own, which say that every node is Ready.
    _stage("node-untouched", "Node", [_is(".metadata.annotations.never", "Exists")], {}),
    _stage("pod-on-host", "Pod", [*_NEW, _is(_HOST, "In", "true")], {"statusTemplate": _STATUS % _HOST_ADDRESS}),
    _stage(
        "pod-in-network",
        "Pod",
        [*_NEW, _is(_HOST, "NotIn", "true"), _is(f'.metadata.annotations["{ADDRESS}"]', "Exists")],
        {"statusTemplate": _STATUS % _OWN_ADDRESS},
    ),
    _stage(
        "pod-complete",
        "Pod",
        [
            _STAYS,
            _is(".status.phase", "In", "Running"),
            _is(".metadata.ownerReferences.[].kind", "In", "Job"),
        ],
        {
            "statusTemplate": """
{{ $now := Now }}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: false
  restartCount: 0
  started: false
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
{{ end }}
phase: Succeeded
"""
        },
    ),
    _stage(
        "pod-delete",
        "Pod",
        [_is(".metadata.deletionTimestamp", "Exists")],
        {"finalizers": {"empty": True}, "delete": True},
    ),
)
