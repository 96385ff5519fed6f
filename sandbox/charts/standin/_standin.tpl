{{/* The release's full name, as charts with the usual helper make it: (dict "root" $ "token" "argocd"). Of a sub-chart
     with its own "values"; cut at "length". */}}
{{- define "standin.fullname" -}}
{{- $release := .root.Release.Name -}}
{{- $values := .values | default .root.Values -}}
{{- $length := .length | default 63 | int -}}
{{- if $values.fullnameOverride -}}{{ $values.fullnameOverride | trunc $length | trimSuffix "-" }}
{{- else -}}
{{- $token := $values.nameOverride | default .token -}}
{{- if contains $token $release -}}{{ $release | trunc $length | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" $release $token | trunc $length | trimSuffix "-" }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* Where a workload goes: (dict "root" $ "path" the value key that overrides the release's namespace, or ""). */}}
{{- define "standin.namespace" -}}
{{- $own := "" -}}
{{- with .path -}}{{- $own = (include "standin.value" (list $.root.Values (list .)) | fromJson).value -}}{{- end -}}
{{- $own | default .root.Release.Namespace -}}
{{- end -}}

{{/* {"value": the first of the value paths that is not empty} as JSON: (list $.Values (list "a.b" "c")). */}}
{{- define "standin.value" -}}
{{- $values := index . 0 -}}
{{- $found := dict -}}
{{- range $path := index . 1 -}}
{{- if not $found.value -}}
{{- $at := dict "now" $values -}}
{{- range splitList "." $path -}}
{{- $inside := $at.now -}}
{{- $_ := unset $at "now" -}}
{{- if kindIs "map" $inside -}}{{- if hasKey $inside . -}}{{- $_ := set $at "now" (get $inside .) -}}{{- end -}}{{- end -}}
{{- end -}}
{{- if hasKey $at "now" -}}{{- $_ := set $found "value" $at.now -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* Terms of an affinity or spread constraints, each with the workload's own selector where it has none:
     (dict "terms" list "key" "" or "podAffinityTerm" "labels" map) → {"terms": …} as JSON. */}}
{{- define "standin.terms" -}}
{{- $key := .key -}}
{{- $labels := .labels -}}
{{- range .terms -}}
{{- $term := . -}}
{{- if $key -}}{{- $term = get . $key -}}{{- end -}}
{{- if not (hasKey $term "labelSelector") -}}{{- $_ := set $term "labelSelector" (dict "matchLabels" $labels) -}}{{- end -}}
{{- end -}}
{{- dict "terms" .terms | toJson -}}
{{- end -}}

{{- define "standin.affinity" -}}
{{- $affinity := deepCopy .affinity -}}
{{- $labels := .labels -}}
{{- range $kind := list "podAffinity" "podAntiAffinity" -}}
{{- with get $affinity $kind -}}
{{- with .requiredDuringSchedulingIgnoredDuringExecution -}}{{- $_ := include "standin.terms" (dict "terms" . "key" "" "labels" $labels) -}}{{- end -}}
{{- with .preferredDuringSchedulingIgnoredDuringExecution -}}{{- $_ := include "standin.terms" (dict "terms" . "key" "podAffinityTerm" "labels" $labels) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $affinity | toJson -}}
{{- end -}}

{{/* An affinity out of the argo-cd chart's preset: (dict "preset" map "labels" map). */}}
{{- define "standin.preset" -}}
{{- $term := dict "labelSelector" (dict "matchLabels" .labels) "topologyKey" "kubernetes.io/hostname" -}}
{{- $affinity := dict -}}
{{- if eq (toString .preset.podAntiAffinity) "soft" -}}
{{- $_ := set $affinity "podAntiAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term))) -}}
{{- else if eq (toString .preset.podAntiAffinity) "hard" -}}
{{- $_ := set $affinity "podAntiAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term)) -}}
{{- end -}}
{{- with .preset.nodeAffinity -}}
{{- if .matchExpressions -}}
{{- $match := dict "matchExpressions" .matchExpressions -}}
{{- if eq (toString .type) "soft" -}}
{{- $_ := set $affinity "nodeAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 1 "preference" $match))) -}}
{{- else if eq (toString .type) "hard" -}}
{{- $_ := set $affinity "nodeAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (dict "nodeSelectorTerms" (list $match))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $affinity | toJson -}}
{{- end -}}

{{/* Name of a workload. */}}
{{- define "standin.name" -}}
{{- if .workload.name -}}{{ .workload.name }}{{- else -}}{{ .fullname }}{{ .workload.suffix }}{{- end -}}
{{- end -}}

{{/* Name of a workload's service account. */}}
{{- define "standin.account" -}}
{{- $paths := list -}}
{{- with .workload.account.values -}}{{- $paths = list (printf "%s.name" .) -}}{{- end -}}
{{- with .workload.account.key -}}{{- $paths = list . -}}{{- end -}}
{{- $name := include "standin.value" (list .root.Values $paths) | fromJson -}}
{{- if $name.value -}}{{ $name.value }}
{{- else if .workload.account.name -}}{{ .workload.account.name }}
{{- else -}}{{ include "standin.name" . }}{{- end -}}
{{- end -}}

{{/* A container's fields out of the values: (dict "values" $.Values "workload" map) → JSON. */}}
{{- define "standin.container" -}}
{{- $values := .values -}}
{{- $fields := dict -}}
{{- range $field, $paths := .workload.containerFields -}}
{{- $value := (include "standin.value" (list $values $paths) | fromJson).value -}}
{{- if and $value (eq $field "env") (kindIs "map" $value) -}}
{{- $env := list -}}
{{- range $name, $text := $value -}}{{- $env = append $env (dict "name" $name "value" (toString $text)) -}}{{- end -}}
{{- $value = $env -}}
{{- end -}}
{{- $value = (include "standin.field" (dict "field" $field "value" $value) | fromJson).value -}}
{{- if $value -}}{{- $_ := set $fields $field $value -}}{{- end -}}
{{- end -}}
{{- $env := $fields.env | default list -}}
{{- range $name, $path := .workload.environment -}}
{{- $value := (include "standin.value" (list $values (list $path)) | fromJson).value -}}
{{- if $value -}}
{{- $text := kindIs "slice" $value | ternary (kindIs "slice" $value | ternary $value list | join ",") (toString $value) -}}
{{- $env = append $env (dict "name" $name "value" $text) -}}
{{- end -}}
{{- end -}}
{{- if $env -}}{{- $_ := set $fields "env" $env -}}{{- end -}}
{{- $fields | toJson -}}
{{- end -}}

{{/* Whether the switches of a workload let it be: "yes" or nothing. */}}
{{- define "standin.enabled" -}}
{{- $values := .root.Values -}}
{{- $on := true -}}
{{- with .workload.enabledBy -}}{{- $on = (include "standin.value" (list $values (list .)) | fromJson).value -}}{{- end -}}
{{- with .workload.disabledBy -}}{{- if (include "standin.value" (list $values (list .)) | fromJson).value -}}{{- $on = false -}}{{- end -}}{{- end -}}
{{- if $on -}}yes{{- end -}}
{{- end -}}

{{/* A map at a value path without what steers the chart itself, or nothing: (list $.Values "a.b" (list "enabled")). */}}
{{- define "standin.without" -}}
{{- $found := dict -}}
{{- range $key, $value := (include "standin.value" (list (index . 0) (list (index . 1))) | fromJson).value -}}
{{- if not (or (has $key (index $ 2)) (kindIs "invalid" $value) (eq (toString $value) "")) -}}{{- $_ := set $found $key $value -}}{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* A value as a field of a pod: a security context may have a switch, which is none of its fields. */}}
{{- define "standin.field" -}}
{{- $value := .value -}}
{{- if and (eq .field "securityContext") (kindIs "map" $value) -}}
{{- if hasKey $value "enabled" -}}
{{- $value = ternary (omit $value "enabled") dict $value.enabled -}}
{{- end -}}
{{- end -}}
{{- dict "value" $value | toJson -}}
{{- end -}}

{{- define "standin.podspec" -}}
{{- $root := .root -}}
{{- $workload := .workload -}}
{{- $labels := .labels -}}
{{- $container := dict "name" $workload.container "image" (printf "sandbox.invalid/%s:%s" $workload.container $root.Chart.AppVersion) -}}
{{- with $workload.resources -}}
{{- with (include "standin.value" (list $root.Values (list .)) | fromJson).value -}}{{- $_ := set $container "resources" . -}}{{- end -}}
{{- end -}}
{{- $container = merge $container (include "standin.container" (dict "values" $root.Values "workload" $workload) | fromJson) -}}
{{- $containers := list $container -}}
{{- range $workload.sidecars -}}
{{- $sidecar := dict "name" .container "image" (printf "sandbox.invalid/%s:%s" .container $root.Chart.AppVersion) -}}
{{- range $field, $paths := omit . "container" -}}
{{- with (include "standin.value" (list $root.Values $paths) | fromJson).value -}}{{- $_ := set $sidecar $field . -}}{{- end -}}
{{- end -}}
{{- $containers = append $containers $sidecar -}}
{{- end -}}
{{- $spec := merge (dict "containers" $containers "serviceAccountName" .account) ($workload.pod | default dict) -}}
{{- range $field, $paths := $workload.placement -}}
{{- $value := (include "standin.value" (list $root.Values $paths) | fromJson).value -}}
{{- if $value -}}
{{- if eq $field "affinity" -}}{{- $value = include "standin.affinity" (dict "affinity" $value "labels" $labels) | fromJson -}}
{{- else if eq $field "topologySpreadConstraints" -}}{{- $value = (include "standin.terms" (dict "terms" (deepCopy $value) "key" "" "labels" $labels) | fromJson).terms -}}{{- end -}}
{{- $_ := set $spec $field (include "standin.field" (dict "field" $field "value" $value) | fromJson).value -}}
{{- end -}}
{{- end -}}
{{- if .claim -}}
{{- $volume := dict "name" "storage" "persistentVolumeClaim" (dict "claimName" .claim) -}}
{{- $_ := set $spec "volumes" (append ($spec.volumes | default list) $volume) -}}
{{- end -}}
{{- if not $spec.affinity -}}
{{- with $workload.affinityPreset -}}
{{- $preset := include "standin.preset" (dict "preset" (include "standin.value" (list $root.Values (list .)) | fromJson).value "labels" $labels) | fromJson -}}
{{- if $preset -}}{{- $_ := set $spec "affinity" $preset -}}{{- end -}}
{{- end -}}
{{- $hard := true -}}
{{- with $workload.affinityWhen -}}{{- $hard = (include "standin.value" (list $root.Values (list .)) | fromJson).value -}}{{- end -}}
{{- if $hard -}}{{- with $workload.affinity -}}{{- $_ := set $spec "affinity" (include "standin.affinity" (dict "affinity" . "labels" $labels) | fromJson) -}}{{- end -}}{{- end -}}
{{- end -}}
{{- $spec | toJson -}}
{{- end -}}
