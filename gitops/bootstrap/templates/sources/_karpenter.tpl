{{- define "values.karpenter-crd" -}}
additionalAnnotations:
  # A CRD that is pruned takes every object of its kind along, and the machines behind them.
  argocd.argoproj.io/sync-options: Prune=false
{{- end -}}

{{- define "values.karpenter" -}}
# No two on one node, as the chart has it. With a zone lost and one node left the second one waits and the first
# goes on; it comes back with the next base node, in whichever zone.
replicas: {{ .Values.karpenter.replicas }}
# Never on a node that Karpenter made: it could take away the node it runs on, and nobody would bring one back.
nodeSelector:
  node-type: base
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: DoNotSchedule
    # A dead node, tainted as unreachable, does not keep its zone in the count.
    nodeTaintsPolicy: Honor
priorityClassName: system-cluster-critical
podDisruptionBudget:
  maxUnavailable: 1
serviceAccount:
  # What the Pod Identity association names.
  name: karpenter
settings:
  clusterName: {{ .Values.cluster.name | quote }}
  interruptionQueue: {{ .Values.karpenter.queueName | quote }}
  eksControlPlane: true
  # Without a way out the controller asks neither IAM nor the price list, which have no endpoint in a VPC.
  isolatedVPC: {{ .Values.karpenter.isolated }}
  # No new nodes in a zone from which the cluster is shifted away. The controller does not start where it cannot
  # ask: GovCloud has no zonal shift, and a network without a way out no endpoint for it.
  enableZonalShift: {{ not (or .Values.karpenter.isolated (hasPrefix "us-gov-" .Values.cluster.region)) }}
controller:
  {{- with .Values.images.registry }}
  image:
    repository: {{ printf "%s/karpenter/controller" . | quote }}
  {{- end }}
  env:
    # Pods cannot reach the instance metadata: its hop limit is 1.
    - name: AWS_REGION
      value: {{ .Values.cluster.region | quote }}
  resources:
    # Twice what it takes for the nodes that limits let it make, so that a node short of memory looks elsewhere first;
    # with the limit as request, two of them left no room for the monitoring on base nodes of a zone less.
    requests: {cpu: 250m, memory: 512Mi}
    limits: {memory: 1Gi}
{{- end -}}

{{- define "values.karpenter-config" -}}
clusterName: {{ .Values.cluster.name | quote }}
tags: {{ .Values.tags | toJson }}
nodeRoleName: {{ .Values.karpenter.nodeRoleName | quote }}
instanceProfileName: {{ .Values.karpenter.instanceProfileName | quote }}
kubelet: {{ .Values.karpenter.kubelet | toJson }}
userData: {{ .Values.karpenter.userData | toJson }}
amiAlias: {{ .Values.karpenter.amiAlias | quote }}
volumeSize: {{ .Values.karpenter.volumeSize | quote }}
capacityTypes: {{ .Values.karpenter.capacityTypes | toJson }}
instanceFamilies: {{ .Values.karpenter.instanceFamilies | toJson }}
instanceSizes: {{ .Values.karpenter.instanceSizes | toJson }}
limits: {{ .Values.karpenter.limits | toJson }}
consolidateAfter: {{ .Values.karpenter.consolidateAfter | quote }}
disruptionBudget: {{ .Values.karpenter.disruptionBudget | quote }}
freezes: {{ .Values.karpenter.freezes | toJson }}
{{- end -}}
