{{- define "values.external-secrets" -}}
{{- $identity := index .Values.identity "external-secrets" -}}
installCRDs: true
# One of each: while it is away Secrets stay as they are.
replicaCount: 1
# What the tree does not use is not watched, and its controllers hold no rights.
processClusterExternalSecret: false
processPushSecret: false
processClusterPushSecret: false
processClusterGenerator: false
crds:
  createClusterExternalSecret: false
  createPushSecret: false
  createClusterPushSecret: false
  createClusterGenerator: false
  annotations:
    # A CRD that is pruned takes every object of its kind along, and their Secrets.
    argocd.argoproj.io/sync-options: Prune=false
serviceAccount:
  name: external-secrets
  {{- with $identity }}
  annotations: {{ . | toJson }}
  {{- end }}
extraEnv:
  # Pods cannot ask the instance metadata for it.
  - name: AWS_REGION
    value: {{ .Values.cluster.region | quote }}
  {{- with $identity }}
  {{- include "identity.env" . | nindent 2 }}
  {{- end }}
{{- with $identity }}
extraVolumes:
  {{- include "identity.volumes" . | nindent 2 }}
extraVolumeMounts:
  {{- include "identity.mounts" . | nindent 2 }}
{{- end }}
resources:
  requests: {cpu: 25m, memory: 128Mi}
  limits: {memory: 256Mi}
# Its ServiceMonitor is among the monitoring's own.
metrics:
  service:
    enabled: true
webhook:
  resources:
    requests: {cpu: 10m, memory: 64Mi}
    limits: {memory: 128Mi}
  {{- include "placement" (dict "root" .) | nindent 2 }}
certController:
  resources:
    requests: {cpu: 10m, memory: 64Mi}
    limits: {memory: 128Mi}
  {{- include "placement" (dict "root" .) | nindent 2 }}
{{ include "placement" (dict "root" .) }}
{{- with .Values.images.registry }}
global:
  repository: {{ printf "%s/external-secrets/external-secrets" . | quote }}
{{- end }}
{{- end -}}
