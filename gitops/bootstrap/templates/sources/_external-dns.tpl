{{- define "values.external-dns" -}}
{{- $identity := index .Values.identity "external-dns" -}}
# A source of an Application with another namespace, in one of the variants.
namespaceOverride: external-dns
provider:
  name: aws
# Without it names of Ingresses that are gone would point to nobody, or to somebody else.
policy: sync
sources: [ingress]
# The role may write below it and nowhere else.
domainFilters: [{{ .Values.edge.domain | quote }}]
# Says which records are this cluster's: no other stack's are touched.
registry: txt
txtOwnerId: {{ .Values.cluster.name | quote }}
# A mark of the same name as its record could not stand beside a CNAME, and the role reads none above the domain.
txtPrefix: external-dns-
# A destroy takes the Ingresses before this controller; it has to have seen that by then.
triggerLoopOnEvent: true
interval: 1m
serviceAccount:
  name: external-dns
  {{- with $identity }}
  annotations: {{ . | toJson }}
  {{- end }}
env:
  - name: AWS_DEFAULT_REGION
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
  requests: {cpu: 25m, memory: 64Mi}
  limits: {memory: 128Mi}
{{ include "placement" (dict "root" .) }}
{{- with .Values.images.registry }}
image:
  repository: {{ printf "%s/external-dns/external-dns" . | quote }}
{{- end }}
{{- end -}}
