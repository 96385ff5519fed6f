{{/* Argo CD finds its own objects by this label. */}}
{{- define "argocd.labels" -}}
{{- $root := index . 0 -}}
{{- dict "app.kubernetes.io/name" (index . 1) "app.kubernetes.io/instance" $root.Release.Name "app.kubernetes.io/part-of" "argocd" "app.kubernetes.io/managed-by" $root.Release.Service | toJson -}}
{{- end -}}

{{/* A map with every value as text, less the keys that steer the chart itself: (dict "from" map "without" list). */}}
{{- define "argocd.texts" -}}
{{- $texts := dict -}}
{{- range $key, $value := .from -}}
{{- if not (has $key $.without) -}}{{- $_ := set $texts $key (toString $value) -}}{{- end -}}
{{- end -}}
{{- $texts | toJson -}}
{{- end -}}

{{/* Where the components find each other. */}}
{{- define "argocd.addresses" -}}
{{- $fullname := include "standin.fullname" (dict "root" . "token" "argocd") -}}
{{- dict "redis.server" (printf "%s-redis:6379" $fullname) "repo.server" (printf "%s-repo-server:8081" $fullname) "server.dex.server" (printf "https://%s-dex-server:5556" $fullname) | toJson -}}
{{- end -}}
