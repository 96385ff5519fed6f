{{/* Values of the charts of this repository. */}}

{{- define "values.aws-resources" -}}
fileSystemId: {{ .Values.storage.fileSystemId | quote }}
accessPointId: {{ .Values.storage.accessPointId | quote }}
backupsBucket: {{ .Values.storage.backupsBucket | quote }}
imagesUrl: {{ .Values.storage.imagesUrl | quote }}
repositories: {{ .Values.storage.repositories | toJson }}
domain: {{ .Values.edge.domain | quote }}
login: {{ .Values.edge.login | toJson }}
loadBalancer: {{ .Values.edge.loadBalancer | toJson }}
ingressAnnotations: {{ .Values.edge.ingressAnnotations | toJson }}
secrets: {{ .Values.secrets.names | toJson }}
alarmTopicArn: {{ .Values.alarms.topicArn | quote }}
{{- end -}}

{{- define "values.secret-store" -}}
region: {{ .Values.cluster.region | quote }}
prefix: {{ .Values.secrets.prefix | quote }}
{{- end -}}

{{/* What there are secrets for, as a list: an ExternalSecret without its secret would hold up all that comes after. */}}
{{- define "secrets.purposes" -}}
{{- keys .Values.secrets.names | sortAlpha | toJson -}}
{{- end -}}

{{- define "values.argocd-secrets" -}}
secrets: {{ include "secrets.purposes" . }}
repositoryUrl: {{ .Values.repository.url | quote }}
{{- end -}}

{{- define "values.argocd-ingress" -}}
domain: {{ .Values.edge.domain | quote }}
annotations: {{ .Values.edge.ingressAnnotations | toJson }}
networkCidr: {{ .Values.cluster.networkCidr | quote }}
targetType: {{ ternary "ip" "instance" (eq .Values.cluster.variant "eks") }}
{{- end -}}

{{- define "values.argocd-backup" -}}
{{- $identity := index .Values.identity "argocd-backup" -}}
bucket: {{ .Values.storage.backupsBucket | quote }}
region: {{ .Values.cluster.region | quote }}
registry: {{ .Values.images.registry | quote }}
{{- with $identity }}
serviceAccount:
  annotations: {{ . | toJson }}
env:
  {{- include "identity.env" . | nindent 2 }}
volumes:
  {{- include "identity.volumes" . | nindent 2 }}
volumeMounts:
  {{- include "identity.mounts" . | nindent 2 }}
{{- end }}
{{ include "placement" (dict "root" .) }}
{{- end -}}

{{- define "values.monitoring" -}}
variant: {{ .Values.cluster.variant }}
secrets: {{ include "secrets.purposes" . }}
domain: {{ .Values.edge.domain | quote }}
karpenter: {{ eq .Values.cluster.variant "eks" }}
{{- end -}}

{{- define "values.data-clusters" -}}
storageClass: {{ .Values.storage.dataClass | quote }}
secrets: {{ include "secrets.purposes" . }}
registry: {{ .Values.images.registry | quote }}
{{- end -}}
