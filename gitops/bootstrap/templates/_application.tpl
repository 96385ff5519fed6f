{{/* What every child Application has in common; the files of the variants say what sets each apart. */}}

{{/* An Application. Takes a map:
     name, wave (starts once every Application of the lower waves is Healthy), project, namespace (for objects that name
     none), sources (list of YAML texts), and, if wanted, options (further sync options), annotations, labels, ignore
     (ignoreDifferences). */}}
{{- define "application" }}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {{ .name }}
  annotations:
    argocd.argoproj.io/sync-wave: {{ .wave | quote }}
    {{- range $key, $value := .annotations }}
    {{ $key }}: {{ $value | quote }}
    {{- end }}
  # Without it a deleted Application leaves its resources behind.
  finalizers:
    - resources-finalizer.argocd.argoproj.io
spec:
  {{- include "application.spec" . | nindent 2 }}
{{- end -}}

{{/* The spec alone, for an ApplicationSet's template. */}}
{{- define "application.spec" -}}
project: {{ .project }}
destination:
  server: https://kubernetes.default.svc
  namespace: {{ .namespace | quote }}
{{- if eq (len .sources) 1 }}
source:
  {{- first .sources | nindent 2 }}
{{- else }}
sources:
  {{- range .sources }}
  - {{- . | nindent 4 }}
  {{- end }}
{{- end }}
{{- with .ignore }}
ignoreDifferences:
  {{- . | nindent 2 }}
{{- end }}
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

{{/* A chart from elsewhere: (dict "root" $ "chart" "metrics-server"), with "skipCrds" if its CRDs come otherwise. Its
     values are the template `values.<chart>`. The release is called like the chart whatever the Application's name is:
     objects are then named alike in both variants. */}}
{{- define "source.chart" -}}
{{- $chart := index .root.Values.charts .chart -}}
repoURL: {{ $chart.repository | quote }}
chart: {{ .chart }}
targetRevision: {{ $chart.version | quote }}
helm:
  releaseName: {{ .chart }}
  {{- if .skipCrds }}
  skipCrds: true
  {{- end }}
  valuesObject:
    {{- include (printf "values.%s" .chart) .root | nindent 4 }}
{{- end -}}

{{/* A chart of this repository: (dict "root" $ "name" "secret-store"), below gitops/platform, with the values of the
     template `values.<name>`. */}}
{{- define "source.ours" -}}
{{- include "source.repository" .root }}
path: gitops/platform/{{ .name }}
helm:
  releaseName: {{ .name }}
  valuesObject:
    {{- include (printf "values.%s" .name) .root | nindent 4 }}
{{- end -}}

{{/* A kustomization of this repository: (dict "root" $ "path" "gitops/platform/namespaces/eks"), with "kustomize" (YAML
     text) for what the kustomization itself cannot know. */}}
{{- define "source.kustomize" -}}
{{- include "source.repository" .root }}
path: {{ .path }}
{{- with .kustomize }}
kustomize:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "source.repository" -}}
repoURL: {{ .Values.repository.url | quote }}
targetRevision: {{ .Values.repository.revision | quote }}
{{- end -}}
