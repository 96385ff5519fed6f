#!/usr/bin/env bash
# Makes this machine a node. Runs at every boot and again after each failure; does nothing once the machine has joined.
set -euo pipefail
# shellcheck source=machine.sh
. "${PLATFORM_ROOT:-}/usr/local/lib/platform/machine.sh"

phase=start
enter() {
  phase=$1
  tell "phase=$phase node=$NODE uptime=$(cut -d. -f1 /proc/uptime)s"
}

finish() {
  local code=$?
  [ "$code" -eq 0 ] || tell "failed phase=$phase node=$NODE log: journalctl -u platform-boot"
  exit "$code"
}
trap finish EXIT

# What a failed attempt left stops the next one (ca.crt, manifests). etcd's data is never touched: on a volume that
# outlived its machine it is the cluster, and reset would empty it.
forget_attempt() {
  kubeadm reset --force --skip-phases=remove-etcd-member
}

install -d -m 0700 "$STATE" "$RUN"
if [ -e "$STATE/joined" ]; then
  enter "done"
  exit 0
fi

enter packages
"$LIB/packages"
if [ -e "$STATE/attempted" ]; then forget_attempt; fi
if is_control_plane; then
  enter volume
  "$LIB/etcd-volume"
fi
enter parameters
"$LIB/machine" deliver

verb=join file=$RUN/kubeadm.yaml
if [ "$FIRST" = yes ]; then
  verb=init
  # The cluster itself says whether it is there: then even its first control plane comes back as a further one.
  if [ "$CONTROL_PLANES" -gt 1 ] && try "$ENDPOINT_TRIES" api_answers "$ENDPOINT"; then
    verb=join file=$RUN/kubeadm-join.yaml
  fi
fi
enter "kubeadm-$verb"
touch "$STATE/attempted"
"$LIB/kubeadm" "$verb" "$file"

rm -f "$RUN"/kubeadm*.yaml "$RUN/kubeadm.log"
mv "$STATE/attempted" "$STATE/joined"
enter "done"
