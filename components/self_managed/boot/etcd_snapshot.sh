#!/usr/bin/env bash
# Takes a snapshot of etcd with the tool of its own image and puts it into the bucket for backups.
set -euo pipefail
# shellcheck source=machine.sh
. "${PLATFORM_ROOT:-}/usr/local/lib/platform/machine.sh"

# The container sees the data's directory and nothing else of the disk that it may write to.
name=platform-snapshot.db
trap 'rm -f "$ROOT$ETCD_DATA/$name" "$ROOT$ETCD_DATA/$name.part"' EXIT
container=$(crictl ps --name '^etcd$' --state Running --quiet | head -n 1)
if [ -z "$container" ]; then
  tell "no snapshot: etcd does not run"
  exit 1
fi
crictl exec "$container" etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt \
  --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key \
  snapshot save "$ETCD_DATA/$name" >/dev/null
"$LIB/machine" upload "$ETCD_DATA/$name" "$BACKUPS_BUCKET" "$SNAPSHOTS/$NODE/$(date -u +%Y%m%dT%H%M%SZ).db"
touch "$STATE/snapshot"
