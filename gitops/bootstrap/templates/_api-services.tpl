{{/* The Applications of the domains' APIs, one for each that has an image repository. Waves do not gate them: they are
     the last. Nothing is filled in here but two strings an element, so that a preview can do it, too. */}}
{{- define "api-services" -}}
{{- $domain := "{{ .domain }}" }}
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: api-services
  annotations:
    argocd.argoproj.io/sync-wave: "7"
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators:
    - list:
        elements:
          {{- range $name := list "auth" "my" "scan" "character" "location" "info" "chat" }}
          {{- with index $.Values.storage.repositories (printf "%s-api" $name) }}
          - {domain: {{ $name }}, image: {{ . | quote }}}
          {{- end }}
          {{- end }}
  template:
    metadata:
      name: {{ printf "api-%s" $domain | quote }}
      labels:
        tier: api
      finalizers:
        - resources-finalizer.argocd.argoproj.io
    spec:
      {{- $patches := include "kustomize.ingress" (dict "root" . "host" $domain) }}
      {{- $kustomize := printf "images:\n  - \"%s-api={{ .image }}:*\"\npatches:\n%s" $domain ($patches | indent 2) }}
      {{- $source := include "source.kustomize" (dict "root" . "path" (printf "\"gitops/workloads/apis/overlays/%s\"" $domain) "kustomize" $kustomize) }}
      {{- include "application.spec" (dict "project" "workloads" "namespace" $domain "sources" (list $source)) | nindent 6 }}
{{- end -}}
