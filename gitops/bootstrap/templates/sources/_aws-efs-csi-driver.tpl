{{- define "values.aws-efs-csi-driver" -}}
# As a hook the CSIDriver object would be made anew at each sync.
useHelmHooksForCSIDriver: false
controller:
  replicaCount: 2
  # Pods cannot ask the instance metadata for it.
  env:
    - name: AWS_REGION
      value: {{ .Values.cluster.region | quote }}
  # A class names the ConfigMap that holds the file system's id, so that no id stands in Git.
  fileSystemIdRefs:
    enabled: true
  # The role's policy lets access points be made only with it.
  tags: { {{- printf "kubernetes.io/cluster/%s" .Values.cluster.name | quote }}: owned}
  # A deleted claim leaves its files.
  deleteAccessPointRootDir: false
  serviceAccount:
    name: efs-csi-controller-sa
  resources:
    requests: {cpu: 10m, memory: 32Mi}
    limits: {memory: 128Mi}
  podDisruptionBudget:
    enabled: true
    minAvailable: 1
  affinity:
    {{- include "placement.apart" (dict "app" "efs-csi-controller") | nindent 4 }}
  {{- include "placement" (dict "root" . "spare" true) | nindent 2 }}
node:
  # A file system may be asked for on any node, whatever its taints.
  tolerations:
    - operator: Exists
  resources:
    requests: {cpu: 10m, memory: 32Mi}
    limits: {memory: 256Mi}
{{- $registry := .Values.images.registry }}
{{- with $registry }}
image:
  repository: {{ printf "%s/efs-csi-driver/amazon/aws-efs-csi-driver" . | quote }}
{{- end }}
sidecars:
  {{- range $sidecar, $image := dict "csiProvisioner" "csi-provisioner" "livenessProbe" "livenessprobe" "nodeDriverRegistrar" "csi-node-driver-registrar" }}
  {{ $sidecar }}:
    resources:
      requests: {cpu: 10m, memory: 32Mi}
      limits: {memory: 64Mi}
    {{- with $registry }}
    image: {repository: {{ printf "%s/csi-components/%s" . $image | quote }}}
    {{- end }}
  {{- end }}
{{- end -}}
