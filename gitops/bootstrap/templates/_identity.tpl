{{/* What makes a controller's pods the role that AWS knows its service account by. An annotation alone does nothing here:
     on EKS a webhook of the control plane adds the token and the variables to pods, and this cluster runs none. All take
     what the service account must carry. */}}

{{/* The variables as name and value, in the form of a map. */}}
{{- define "identity.variables" -}}
AWS_ROLE_ARN: {{ index . "eks.amazonaws.com/role-arn" | quote }}
AWS_STS_REGIONAL_ENDPOINTS: regional
AWS_WEB_IDENTITY_TOKEN_FILE: /var/run/secrets/eks.amazonaws.com/serviceaccount/token
{{- end -}}

{{/* The same as a list of names and values. */}}
{{- define "identity.env" -}}
{{- range $name, $value := include "identity.variables" . | fromYaml }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* The volume with the token; the kubelet renews it when four fifths of its life have passed. */}}
{{- define "identity.volumes" -}}
- name: aws-iam-token
  projected:
    sources:
      - serviceAccountToken:
          audience: sts.amazonaws.com
          expirationSeconds: 86400
          path: token
{{- end -}}

{{- define "identity.mounts" -}}
- name: aws-iam-token
  mountPath: /var/run/secrets/eks.amazonaws.com/serviceaccount
  readOnly: true
{{- end -}}
