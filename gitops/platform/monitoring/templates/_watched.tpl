{{/* Which of the files below rules/ and dashboards/ a cluster gets: the name of one that it does not get is in the list. */}}
{{- define "monitoring.left-out" -}}
{{- $names := list -}}
{{- if not .Values.karpenter -}}{{- $names = append $names "karpenter" -}}{{- end -}}
{{- if ne .Values.variant "self-managed" -}}{{- $names = append $names "data" -}}{{- end -}}
{{- $names | toJson -}}
{{- end -}}

{{/* A PodMonitor: (dict "name" "x" "namespace" "y" "labels" (dict …) "port" "metrics" "own" true). With `own` the names and
     namespaces that the metrics carry are theirs; without, they are those of the pod that says it. */}}
{{- define "monitoring.pods" }}
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ .name }}
spec:
  namespaceSelector:
    matchNames: [{{ .namespace }}]
  selector:
    matchLabels: {{ .labels | toJson }}
  podMetricsEndpoints:
    - port: {{ .port }}
      {{- if .own }}
      honorLabels: true
      {{- end }}
{{- end -}}
