{{/* The values received, less the secret ones, as text: an annotation on each workload, so that tests can see them and
     the stand-in brings no object that the real chart does not bring. */}}
{{- define "standin.received" -}}
{{- $standin := .Files.Get "standin.json" | fromJson }}
{{- $values := deepCopy .Values.AsMap }}
{{- range $path := $standin.secret }}
{{- $at := dict "now" $values }}
{{- range initial $path }}
{{- $_ := set $at "now" (get ($at.now | default dict) .) }}
{{- end }}
{{- if kindIs "map" $at.now }}{{ $_ := unset $at.now (last $path) }}{{ end }}
{{- end }}
{{- $values | toJson -}}
{{- end -}}
