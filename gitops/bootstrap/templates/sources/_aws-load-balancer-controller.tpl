{{- define "values.aws-load-balancer-controller" -}}
{{- $identity := index .Values.identity "aws-load-balancer-controller" -}}
clusterName: {{ .Values.cluster.name | quote }}
# Pods cannot ask the instance metadata for them.
region: {{ .Values.cluster.region | quote }}
vpcId: {{ .Values.cluster.vpcId | quote }}
{{- if eq .Values.cluster.variant "eks" }}
# Pods have addresses of the VPC: one hop less, and their readiness counts at the load balancer.
defaultTargetType: ip
{{- else }}
# The overlay's pods have no address that a load balancer could reach: it goes to nodes' ports.
defaultTargetType: instance
{{- end }}
defaultTags: {{ .Values.tags | toJson }}
# The role may associate a web ACL only in a stack that has one, and the controller asks for it at every Ingress if on.
enableWafv2: {{ hasKey .Values.edge.loadBalancer "wafv2AclArn" }}
enableWaf: false
enableShield: false
# The role tells listeners and their rules by their tags.
controllerConfig:
  featureGates:
    ListenerRulesTagging: true
# With it no Service at all could be made while this controller is away. A Service of type LoadBalancer has to name
# `service.k8s.aws/nlb` as its class instead.
enableServiceMutatorWebhook: false
replicaCount: 2
podDisruptionBudget:
  maxUnavailable: 1
serviceAccount:
  # What the role's trust, or the association, names.
  name: aws-load-balancer-controller
  {{- with $identity }}
  annotations: {{ . | toJson }}
  {{- end }}
{{- with $identity }}
env:
  {{- include "identity.variables" . | nindent 2 }}
extraVolumes:
  {{- include "identity.volumes" . | nindent 2 }}
extraVolumeMounts:
  {{- include "identity.mounts" . | nindent 2 }}
{{- end }}
resources:
  requests: {cpu: 50m, memory: 128Mi}
  limits: {memory: 256Mi}
{{ include "placement" (dict "root" . "spare" true) }}
ingressClassParams:
  name: alb
  # One load balancer for all Ingresses: each costs as much as a node.
  spec: {{ merge (dict "group" (dict "name" .Values.cluster.name)) .Values.edge.loadBalancer | toJson }}
{{- with .Values.images.registry }}
image:
  repository: {{ printf "%s/eks/aws-load-balancer-controller" . | quote }}
{{- end }}
{{- end -}}

{{/* The chart makes the webhooks' authority and certificate anew at each render; a sync must not set one of them apart
     from the other (kubernetes-sigs/aws-load-balancer-controller#2071). */}}
{{- define "ignore.aws-load-balancer-controller" -}}
- kind: Secret
  name: aws-load-balancer-tls
  jsonPointers: [/data]
- group: admissionregistration.k8s.io
  kind: MutatingWebhookConfiguration
  jqPathExpressions: ['.webhooks[]?.clientConfig.caBundle']
- group: admissionregistration.k8s.io
  kind: ValidatingWebhookConfiguration
  jqPathExpressions: ['.webhooks[]?.clientConfig.caBundle']
{{- end -}}
