{{- define "values.metrics-server" -}}
{{- if eq .Values.cluster.variant "self-managed" -}}
args:
  # The cluster's own authority signs the kubelets' certificates: kubelet-csr-approver lets them through.
  - --kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt
{{- end }}
replicas: 2
podDisruptionBudget:
  enabled: true
  maxUnavailable: 1
resources:
  requests: {cpu: 50m, memory: 64Mi}
  limits: {memory: 200Mi}
affinity:
  {{- include "placement.apart" (dict "app.kubernetes.io/name" "metrics-server") | nindent 2 }}
{{ include "placement" (dict "root" . "spare" true) }}
{{- with .Values.images.registry }}
image:
  repository: {{ printf "%s/metrics-server/metrics-server" . | quote }}
{{- end }}
{{- end -}}
