{{- define "values.kube-prometheus-stack" -}}
{{- $slack := hasKey .Values.secrets.names "argocd/slack" }}
{{- $here := eq .Values.cluster.variant "self-managed" -}}
{{- with .Values.images.registry }}
global:
  imageRegistry: {{ . | quote }}
{{- end }}
defaultRules:
  # What answers on its node's own address alone is not asked.
  rules: {etcd: false, kubeControllerManager: false, kubeSchedulerAlerting: false, kubeSchedulerRecording: false, kubeProxy: false, windows: false}
# EKS hides them; kubeadm binds them to their node's loopback, and etcd's metrics for every pod would be the worse choice.
kubeEtcd: {enabled: false}
kubeControllerManager: {enabled: false}
kubeScheduler: {enabled: false}
kubeProxy: {enabled: false}
prometheusOperator:
  # Rules are checked before they are committed; the webhook would cost two jobs at each sync and an authority that drifts.
  admissionWebhooks: {enabled: false}
  tls: {enabled: false}
  resources:
    requests: {cpu: 25m, memory: 64Mi}
    limits: {memory: 128Mi}
  prometheusConfigReloader:
    resources:
      requests: {cpu: 5m, memory: 24Mi}
      limits: {memory: 48Mi}
  {{- include "placement" (dict "root" .) | nindent 2 }}
prometheus:
  prometheusSpec:
    replicas: 1
    retention: 15d
    # A full disk stops it: older days go first.
    retentionSize: {{ ternary "70GB" "17GB" $here }}
    # Whoever brings a monitor or a rule is heard, whatever release it belongs to.
    serviceMonitorSelectorNilUsesHelmValues: false
    podMonitorSelectorNilUsesHelmValues: false
    ruleSelectorNilUsesHelmValues: false
    probeSelectorNilUsesHelmValues: false
    scrapeConfigSelectorNilUsesHelmValues: false
    # With the Prometheus its volume goes too, else a destroy would leave it. Nothing in it is worth a restore.
    persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}
    storageSpec:
      volumeClaimTemplate:
        spec:
          storageClassName: gp3
          accessModes: [ReadWriteOnce]
          resources:
            requests: {storage: {{ ternary "80Gi" "20Gi" $here }}}
    resources: {{ ternary (dict "requests" (dict "cpu" "250m" "memory" "1Gi") "limits" (dict "memory" "3Gi")) (dict "requests" (dict "cpu" "100m" "memory" "512Mi") "limits" (dict "memory" "1536Mi")) $here | toJson }}
    {{- include "placement" (dict "root" .) | nindent 4 }}
alertmanager:
  alertmanagerSpec:
    replicas: 1
    persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}
    # Silences outlive a restart.
    storage:
      volumeClaimTemplate:
        spec:
          storageClassName: gp3
          accessModes: [ReadWriteOnce]
          resources:
            requests: {storage: 1Gi}
    {{- if $slack }}
    secrets: [alertmanager-slack]
    {{- end }}
    resources:
      requests: {cpu: 10m, memory: 48Mi}
      limits: {memory: 96Mi}
    {{- include "placement" (dict "root" .) | nindent 4 }}
  config:
    route:
      receiver: {{ ternary "slack" "null" $slack | quote }}
      group_by: [namespace, alertname]
      group_wait: 30s
      group_interval: 5m
      repeat_interval: 12h
      routes:
        - {receiver: "null", matchers: ['alertname =~ "Watchdog|InfoInhibitor"']}
    inhibit_rules:
      - {source_matchers: ['severity = critical'], target_matchers: ['severity =~ "warning|info"'], equal: [namespace, alertname]}
    receivers:
      - name: "null"
      {{- if $slack }}
      - name: slack
        slack_configs:
          - api_url: https://slack.com/api/chat.postMessage
            channel: gitops-alerts
            send_resolved: true
            http_config:
              authorization:
                credentials_file: /etc/alertmanager/secrets/alertmanager-slack/token
      {{- end }}
grafana:
  # Without a secret the chart would make up another password at each render.
  enabled: {{ hasKey .Values.secrets.names "monitoring/grafana" }}
  # Neither a password in Git nor a port on the nodes: it is reached through the API server.
  admin: {existingSecret: grafana-admin, userKey: username, passwordKey: password}
  grafana.ini:
    users: {allow_sign_up: false}
    auth.anonymous: {enabled: false}
    analytics: {check_for_updates: false, reporting_enabled: false}
  # All of it comes from ConfigMaps.
  persistence: {enabled: false}
  testFramework: {enabled: false}
  initChownData: {enabled: false}
  sidecar:
    dashboards: {enabled: true, label: grafana_dashboard, labelValue: "1", searchNamespace: monitoring}
    resources:
      requests: {cpu: 5m, memory: 64Mi}
      limits: {memory: 128Mi}
  resources:
    requests: {cpu: 50m, memory: 128Mi}
    limits: {memory: 256Mi}
  {{- include "placement" (dict "root" .) | nindent 2 }}
kube-state-metrics:
  resources:
    requests: {cpu: 10m, memory: 64Mi}
    limits: {memory: 128Mi}
  {{- include "placement" (dict "root" .) | nindent 2 }}
prometheus-node-exporter:
  resources:
    requests: {cpu: 10m, memory: 24Mi}
    limits: {memory: 48Mi}
  # Every node, whatever its taints.
  tolerations:
    - operator: Exists
{{- end -}}
