{{/* How every ExternalSecret is read, and what becomes of it. The API's own defaults are written out: what it adds inside a
     list of Git's would count as a difference for ever (external-secrets/external-secrets#5145). */}}

{{- define "external-secret.source" -}}
secretStoreRef: {kind: ClusterSecretStore, name: aws-secrets-manager}
refreshPolicy: Periodic
# An hour, as the API writes it.
refreshInterval: 1h0m0s
{{- end -}}

{{/* A Secret that goes with its ExternalSecret, but stays while AWS does not answer. */}}
{{- define "external-secret.target" -}}
creationPolicy: Owner
deletionPolicy: Retain
{{- end -}}

{{/* What the API adds to a template. None goes without: the Secret would get the ExternalSecret's own labels and annotations,
     Argo CD's mark of what it owns among them. */}}
{{- define "external-secret.template" -}}
engineVersion: v2
mergePolicy: Replace
{{- end -}}

{{/* One value: (list "key in the Secret" "purpose" "property of the secret's JSON"). */}}
{{- define "external-secret.value" -}}
- secretKey: {{ index . 0 }}
  remoteRef:
    key: {{ index . 1 }}
    property: {{ index . 2 }}
    conversionStrategy: Default
    decodingStrategy: None
    metadataPolicy: None
{{- end -}}
