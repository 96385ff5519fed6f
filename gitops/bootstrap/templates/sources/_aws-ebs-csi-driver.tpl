{{- define "values.aws-ebs-csi-driver" -}}
{{- $identity := index .Values.identity "aws-ebs-csi-driver" -}}
# Chart aws-resources brings the classes.
defaultStorageClass:
  enabled: false
# Helm's tests are nothing that Argo CD would run.
helmTester:
  enabled: false
controller:
  replicaCount: 2
  # Names the cluster's volumes, as the role's policy asks for.
  k8sTagClusterId: {{ .Values.cluster.name | quote }}
  region: {{ .Values.cluster.region | quote }}
  extraVolumeTags: {{ .Values.tags | toJson }}
  serviceAccount:
    name: ebs-csi-controller-sa
    annotations: {{ $identity | toJson }}
  env:
    {{- include "identity.env" $identity | nindent 4 }}
  volumes:
    {{- include "identity.volumes" . | nindent 4 }}
  volumeMounts:
    {{- include "identity.mounts" . | nindent 4 }}
  {{- include "placement" (dict "root" . "spare" true) | nindent 2 }}
node:
  # A volume may be asked for on any node, whatever its taints.
  tolerateAllTaints: true
  # Pods cannot reach the instance metadata; the cloud controller's labels say the same.
  metadataSources: kubernetes
{{- with .Values.images.registry }}
image:
  repository: {{ printf "%s/ebs-csi-driver/aws-ebs-csi-driver" . | quote }}
sidecars:
  attacher: {image: {repository: {{ printf "%s/csi-components/csi-attacher" . | quote }}}}
  livenessProbe: {image: {repository: {{ printf "%s/csi-components/livenessprobe" . | quote }}}}
  nodeDriverRegistrar: {image: {repository: {{ printf "%s/csi-components/csi-node-driver-registrar" . | quote }}}}
  provisioner: {image: {repository: {{ printf "%s/csi-components/csi-provisioner" . | quote }}}}
  resizer: {image: {repository: {{ printf "%s/csi-components/csi-resizer" . | quote }}}}
{{- end }}
{{- end -}}
