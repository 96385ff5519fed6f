{{/* What kustomizations cannot know of the stack that they are for. */}}

{{/* Of a workload: (dict "root" $ "images" (list "petclinic")), with "host" (the part before the domain) if it is
     published, and "patches" (YAML text) for more. An image's tag stays the
     one in Git, which is what the asterisk says. */}}
{{- define "kustomize.workload" -}}
images:
  {{- $repositories := .root.Values.storage.repositories }}
  {{- range .images }}
  - {{ printf "%s=%s:*" . (index $repositories .) | quote }}
  {{- end }}
{{- with .host }}
patches:
  {{- include "kustomize.ingress" (dict "root" $.root "host" .) | nindent 2 }}
  {{- with $.patches }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Patches of whatever is published. Without a domain nothing is. */}}
{{- define "kustomize.ingress" -}}
{{- if .root.Values.edge.domain -}}
- target: {kind: Ingress}
  patch: |-
    - {op: replace, path: /spec/rules/0/host, value: {{ printf "%s.%s" .host .root.Values.edge.domain | quote }}}
    - {op: replace, path: /spec/tls/0/hosts/0, value: {{ printf "%s.%s" .host .root.Values.edge.domain | quote }}}
    {{- range $key, $value := .root.Values.edge.ingressAnnotations }}
    - {op: add, path: {{ printf "/metadata/annotations/%s" ($key | replace "~" "~0" | replace "/" "~1") | quote }}, value: {{ $value | quote }}}
    {{- end }}
- target: {kind: NetworkPolicy, name: allow-load-balancer}
  patch: |-
    - {op: replace, path: /spec/ingress/0/from/0/ipBlock/cidr, value: {{ .root.Values.cluster.networkCidr | quote }}}
{{- else -}}
- target: {kind: Ingress}
  patch: |-
    $patch: delete
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata: {name: any}
- target: {kind: NetworkPolicy, name: allow-load-balancer}
  patch: |-
    $patch: delete
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: any}
{{- end -}}
{{- end -}}

{{- define "kustomize.pause" -}}
{{- with .Values.images.registry -}}
images:
  - {{ printf "registry.k8s.io/pause=%s/pause:*" . | quote }}
{{- end -}}
{{- end -}}
