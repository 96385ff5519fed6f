{{/* Where the platform's own pods run: (dict "root" $), as fields of a pod. */}}

{{/* On EKS the base nodes, and never one that Karpenter made: it could take away what it or the others need. On machines
     of one's own the nodes without a taint; with `spare` also the control plane, so that the loss of one node does not
     take both of two. */}}
{{- define "placement" -}}
{{- if eq .root.Values.cluster.variant "eks" -}}
nodeSelector: {node-type: base}
{{- else if .spare -}}
tolerations:
  - {key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}
{{- end -}}
{{- end -}}

{{/* Two replicas should not share a node: takes the pods' labels. */}}
{{- define "placement.apart" -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {{ . | toJson }}
{{- end -}}
