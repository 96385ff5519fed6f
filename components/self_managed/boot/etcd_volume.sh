#!/usr/bin/env bash
# Mounts the volume of this etcd member; gives it a file system only if it has nothing on it.
set -euo pipefail
# shellcheck source=machine.sh
. "${PLATFORM_ROOT:-}/usr/local/lib/platform/machine.sh"

LABEL=etcd
DIRECTORY=$ROOT$ETCD_VOLUME

# EBS volumes, each once. Names such as /dev/sdf and /dev/nvme1n1 change on Nitro; and a disk of the instance itself,
# which is empty at every start, has no such link.
volumes() {
  local link
  for link in "$ROOT"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol*; do
    case $link in
      *-part* | *'*') ;;
      *) readlink -f "$link" ;;
    esac
  done | sort -u
}

# 2 is blkid's word for: no file system, no partitions, nothing known.
is_blank() {
  local code=0
  blkid --probe "$1" >/dev/null || code=$?
  [ "$code" -eq 2 ]
}

find_volume() {
  local device blank=()
  [ ! -e "$ROOT/dev/disk/by-label/$LABEL" ] || return 0
  for device in $(volumes); do
    if is_blank "$device"; then blank+=("$device"); fi
  done
  if [ "${#blank[@]}" -gt 1 ]; then
    tell "refused: ${#blank[@]} empty volumes (${blank[*]}) and none labelled $LABEL; detach what is not etcd's"
    exit 1
  fi
  [ "${#blank[@]}" -eq 1 ] || return 1
  mkfs.ext4 -q -L "$LABEL" "${blank[0]}" || return 1
  udevadm settle
}

if ! try 120 find_volume; then
  tell "no volume for etcd: neither one labelled $LABEL nor an empty one is attached"
  exit 1
fi
install -d -m 0700 "$DIRECTORY"
# nofail: without the volume the machine still comes up and can be reached; the kubelet then waits (its drop-in).
if ! grep -q "^LABEL=$LABEL " "$ROOT/etc/fstab"; then
  echo "LABEL=$LABEL $ETCD_VOLUME ext4 defaults,noatime,nofail,x-systemd.device-timeout=600 0 2" >>"$ROOT/etc/fstab"
  systemctl daemon-reload
fi
mountpoint -q "$DIRECTORY" || mount "$DIRECTORY"
chmod 0700 "$DIRECTORY"
# A directory of its own: a file system's lost+found beside the data would stop kubeadm.
install -d -m 0700 "$ROOT$ETCD_DATA"
