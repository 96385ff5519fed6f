{{- define "values.cloudnative-pg" -}}
replicaCount: 1
resources:
  requests: {cpu: 50m, memory: 128Mi}
  limits: {memory: 256Mi}
{{ include "placement" (dict "root" .) }}
{{- with .Values.images.registry }}
image:
  repository: {{ printf "%s/cloudnative-pg/cloudnative-pg" . | quote }}
{{- end }}
{{- end -}}

{{- define "values.redis-operator" -}}
redisOperator:
  # Its webhook would need certificates of cert-manager, which this cluster does not have.
  webhook: false
  {{- with .Values.images.registry }}
  imageName: {{ printf "%s/opstree/redis-operator" . | quote }}
  {{- end }}
# The namespace takes no less, and the chart has none of it by itself.
podSecurityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources:
  requests: {cpu: 25m, memory: 64Mi}
  # The chart has a limit of cores by itself, and a null that takes it away may get lost on the way here.
  limits: {cpu: "1", memory: 256Mi}
{{ include "placement" (dict "root" .) }}
{{- end -}}

{{/* Its manifest names the publisher's registry. */}}
{{- define "kustomize.data-operators" -}}
{{- with .Values.images.registry -}}
images:
  - {{ printf "ghcr.io/rabbitmq/cluster-operator=%s/rabbitmq/cluster-operator:*" . | quote }}
{{- end -}}
{{- end -}}
