#!/usr/bin/env bash
# Puts etcd back to a snapshot: the key given, or the newest. What is there now stays beside it, on the same volume.
# docs/runbooks/etcd-restore.md says when, and what before and after.
set -euo pipefail
# shellcheck source=machine.sh
. "${PLATFORM_ROOT:-}/usr/local/lib/platform/machine.sh"

DATA=$ROOT$ETCD_DATA
key=${1:-$("$LIB/machine" newest "$BACKUPS_BUCKET" "$SNAPSHOTS/")}
if [ -z "$key" ]; then
  tell "no snapshot below s3://$BACKUPS_BUCKET/$SNAPSHOTS/"
  exit 1
fi
rm -rf "$DATA.new"
"$LIB/machine" download "$BACKUPS_BUCKET" "$key" "$ETCD_DATA.db"
# The cluster of one member that this node is. Revisions go up by more than could have been written since, and all
# before are compacted: else whoever watches would take old objects for new ones.
etcdutl snapshot restore "$DATA.db" --data-dir "$DATA.new" --name "$NODE" \
  --initial-cluster "$NODE=https://$ADDRESS:2380" --initial-advertise-peer-urls "https://$ADDRESS:2380" \
  --bump-revision 1000000000 --mark-compacted
rm -f "$DATA.db"
chmod 0700 "$DATA.new"

systemctl stop kubelet
for name in kube-apiserver etcd; do
  for container in $(crictl ps --name "^$name\$" --quiet); do crictl stop --timeout 30 "$container" >/dev/null; done
done
if [ -n "$(ls -A "$DATA")" ]; then mv "$DATA" "$DATA.before-$(date -u +%Y%m%dT%H%M%SZ)"; fi
# In the place of an empty directory, not into it: platform-boot may be trying again right now.
mv --no-target-directory "$DATA.new" "$DATA"
if [ -e "$STATE/joined" ]; then systemctl start kubelet; fi
tell "etcd is at $key"
