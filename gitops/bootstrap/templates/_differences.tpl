{{/* What Argo CD leaves to others, and how it compares. */}}

{{- define "ignore.replicas" -}}
- group: apps
  kind: Deployment
  jsonPointers: [/spec/replicas]
{{- end -}}

{{/* By it a Service of a Rollout finds the pods of one version; it is Argo Rollouts' to write. */}}
{{- define "ignore.rollout" -}}
- kind: Service
  jsonPointers: [/spec/selector/rollouts-pod-template-hash]
{{- end -}}

{{/* For a chart that brings a kind and an object of it: Argo CD's own comparison, begun before it has read the new kind's
     schema, says for minutes that the object differs; the API server knows better. */}}
{{- define "compare.server" -}}
argocd.argoproj.io/compare-options: ServerSideDiff=true
{{- end -}}

{{/* Without a domain there is no load balancer that could steer. */}}
{{- define "kustomize.bubblepool" -}}
{{- if not .Values.edge.domain -}}
- target: {kind: Rollout, name: bubblepool-rollout}
  patch: |-
    - {op: remove, path: /spec/strategy/canary/trafficRouting}
{{- end -}}
{{- end -}}
