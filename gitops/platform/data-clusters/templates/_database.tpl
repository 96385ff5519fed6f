{{/* What the databases have in common. Their secrets come in the same wave: a sync that waits for a value which nobody has
     put in yet ends for good after its retries, whereas pods wait for their Secret as long as it takes. */}}

{{/* A database that drops out of Git stays until someone deletes it. One that goes with its Application, at a teardown,
     takes its volume claims along; whether the volumes stay is their class's to say: `gp3-retain` keeps them, and
     docs/runbooks/restore.md says how one comes back. */}}
{{- define "database.kept" -}}
argocd.argoproj.io/sync-options: Prune=false
{{- end -}}

{{- define "database.toleration" -}}
{key: workload, operator: Equal, value: {{ . }}, effect: NoSchedule}
{{- end -}}
