{{/* A part of the stack that the operator makes pods of: (dict "root" $ "part" "prometheus"). */}}
{{- define "stack.name" -}}
{{ include "standin.fullname" (dict "root" .root "token" "kube-prometheus-stack" "length" 26) }}-{{ .part }}
{{- end -}}

{{- define "stack.namespace" -}}
{{- include "standin.namespace" (dict "root" .root "path" "namespaceOverride") -}}
{{- end -}}

{{- define "stack.account" -}}
{{- (get .root.Values.AsMap .part).serviceAccount.name | default (include "stack.name" .) -}}
{{- end -}}

{{- define "stack.labels" -}}
{{- dict
  "app" (printf "kube-prometheus-stack-%s" .part)
  "app.kubernetes.io/instance" .root.Release.Name
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/part-of" "kube-prometheus-stack"
  "release" .root.Release.Name | toJson -}}
{{- end -}}

{{/* What the operator's pods of a part are selected by. */}}
{{- define "stack.selector" -}}
{{- dict "app.kubernetes.io/name" .part "operator.prometheus.io/name" (include "stack.name" .) | toJson -}}
{{- end -}}

{{/* The affinity that was given, with the preset's part over it. */}}
{{- define "stack.affinity" -}}
{{- $spec := .spec -}}
{{- $affinity := deepCopy ($spec.affinity | default dict) -}}
{{- $match := list
  (dict "key" "app.kubernetes.io/name" "operator" "In" "values" (list .part))
  (dict "key" .part "operator" "In" "values" (list (include "stack.name" .))) -}}
{{- $term := dict "labelSelector" (dict "matchExpressions" $match) "topologyKey" $spec.podAntiAffinityTopologyKey -}}
{{- if eq $spec.podAntiAffinity "hard" -}}
{{- $_ := set $affinity "podAntiAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term)) -}}
{{- else if eq $spec.podAntiAffinity "soft" -}}
{{- $_ := set $affinity "podAntiAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term))) -}}
{{- end -}}
{{- $affinity | toJson -}}
{{- end -}}

{{/* The custom resource's fields that are called as their value keys, and those that both parts have in another form. */}}
{{- define "stack.spec" -}}
{{- $given := .spec -}}
{{- $spec := dict "serviceAccountName" (include "stack.account" .) -}}
{{- range $field := .fields -}}
{{- $value := get $given $field -}}
{{- if or $value (has (kindOf $value) (list "int" "int64" "float64")) -}}{{- $_ := set $spec $field $value -}}{{- end -}}
{{- end -}}
{{- $affinity := include "stack.affinity" . | fromJson -}}
{{- if $affinity -}}{{- $_ := set $spec "affinity" $affinity -}}{{- end -}}
{{- $spec | toJson -}}
{{- end -}}

{{/* What comes beside the custom resource: (dict "root" $ "part" "prometheus"). */}}
{{- define "stack.around" -}}
{{- $part := get .root.Values.AsMap .part -}}
{{- if $part.serviceAccount.create }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "stack.account" . }}
  namespace: {{ include "stack.namespace" . }}
  labels: {{ include "stack.labels" . }}
  {{- with $part.serviceAccount.annotations }}
  annotations: {{ . | toJson }}
  {{- end }}
{{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "stack.name" . }}
  namespace: {{ include "stack.namespace" . }}
  labels: {{ include "stack.labels" . }}
spec:
  selector: {{ include "stack.selector" . }}
  ports:
    - {name: http-web, port: {{ $part.service.port }}}
{{- if $part.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "stack.name" . }}
  namespace: {{ include "stack.namespace" . }}
  labels: {{ include "stack.labels" . }}
spec: {{ merge (dict "selector" (dict "matchLabels" (include "stack.selector" . | fromJson))) (omit $part.podDisruptionBudget "enabled") | toJson }}
{{- end }}
{{- end -}}
