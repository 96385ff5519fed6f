{{- define "values.argo-rollouts" -}}
# A source of an Application with another namespace, in one of the variants.
namespaceOverride: argo-rollouts
# A CRD that goes takes every object of its kind along.
keepCRDs: true
crdAnnotations:
  argocd.argoproj.io/sync-options: Prune=false
dashboard:
  enabled: false
# The namespace takes no less, and the chart has none of it by itself.
containerSecurityContext:
  runAsNonRoot: true
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
  seccompProfile: {type: RuntimeDefault}
controller:
  replicas: 2
  pdb: {enabled: true, maxUnavailable: 1}
  metrics: {enabled: true}
  resources:
    requests: {cpu: 50m, memory: 64Mi}
    limits: {memory: 256Mi}
  affinity:
    {{- include "placement.apart" (dict "app.kubernetes.io/name" "argo-rollouts") | nindent 4 }}
  {{- include "placement" (dict "root" . "spare" true) | nindent 2 }}
  {{- with .Values.images.registry }}
  image: {registry: {{ . | quote }}, repository: argoproj/argo-rollouts}
  {{- end }}
# Steers by the load balancer alone.
providerRBAC:
  providers:
    ambassador: false
    apisix: false
    awsAppMesh: false
    awsLoadBalancerController: true
    contour: false
    gatewayAPI: false
    glooPlatform: false
    istio: false
    smi: false
    traefik: false
{{- end -}}
