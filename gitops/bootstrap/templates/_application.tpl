{{/* What every child Application has in common; its own file says what sets it apart. */}}

{{/* Metadata below the name. Takes the wave, which starts once every Application of the lower waves is Healthy. */}}
{{- define "application.metadata" -}}
{{- include "application.metadataWith" (dict "wave" . "annotations" dict) -}}
{{- end -}}

{{/* The same with further annotations: (dict "wave" 1 "annotations" (dict "a" "b")). */}}
{{- define "application.metadataWith" -}}
annotations:
  argocd.argoproj.io/sync-wave: {{ .wave | quote }}
  {{- range $key, $value := .annotations }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
# Without it a deleted Application leaves its resources behind.
finalizers:
  - resources-finalizer.argocd.argoproj.io
{{- end -}}

{{/* The spec without its source. Takes the namespace for objects that name none. */}}
{{- define "application.spec" -}}
{{- include "application.specWith" (dict "namespace" . "options" list) -}}
{{- end -}}

{{/* The same with further sync options: (dict "namespace" "x" "options" (list "A=true")). */}}
{{- define "application.specWith" -}}
project: platform
destination:
  server: https://kubernetes.default.svc
  namespace: {{ .namespace }}
syncPolicy:
  automated:
    prune: true
    selfHeal: true
  syncOptions:
    # Big CRDs do not fit the annotation of a client-side apply; one way for all keeps field ownership readable.
    - ServerSideApply=true
    {{- range .options }}
    - {{ . }}
    {{- end }}
  # About 20 minutes, which outlasts a slow bootstrap. Not for ever: a sync keeps the source that it began with, so an
  # endless one would never take the corrected value or version that Pulumi hands over.
  retry:
    limit: 25
    refresh: true
    backoff:
      duration: 5s
      factor: 2
      maxDuration: 1m
{{- end -}}
