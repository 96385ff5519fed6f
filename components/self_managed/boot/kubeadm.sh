#!/usr/bin/env bash
# Runs kubeadm (init or join, with the file given) and leaves the machine as it is to stay.
set -euo pipefail
# shellcheck source=machine.sh
. "${PLATFORM_ROOT:-}/usr/local/lib/platform/machine.sh"
# shellcheck source=/dev/null
. "$RUN/facts.env"

verb=$1 file=$2
flags=(--config "$file")
if [ "$verb" = init ]; then flags+=(--skip-token-print); fi
if is_control_plane && [ -n "$(ls -A "$ROOT$ETCD_DATA")" ]; then
  # Data of an earlier life of this member: go on with it. Everything else that kubeadm checks counts.
  flags+=("--ignore-preflight-errors=DirAvailable-${ETCD_DATA//\//-}")
elif [ "$verb" = init ]; then
  # Snapshots by this authority, and no data: the volume was lost. An empty cluster would look like the old one.
  newest=$("$LIB/machine" newest "$BACKUPS_BUCKET" "$SNAPSHOTS/")
  if [ -n "$newest" ]; then
    tell "refused: this cluster has snapshots and $NODE no data; see docs/runbooks/etcd-restore.md ($newest)"
    exit 1
  fi
fi

run_kubeadm() { kubeadm "$verb" "${flags[@]}" 2>&1 | tee "$RUN/kubeadm.log"; }

# etcd takes one new member at a time; who comes second starts again, and from the beginning.
join_in_turn() {
  local turns=40
  until run_kubeadm; do
    turns=$((turns - 1))
    grep -q 'too many learner' "$RUN/kubeadm.log" && [ "$turns" -gt 0 ] || return 1
    tell "waiting phase=kubeadm-join node=$NODE etcd takes one new member at a time"
    kubeadm reset --force --skip-phases=remove-etcd-member
    sleep "$((PAUSE_SECONDS * (1 + RANDOM % 4)))"
    "$LIB/machine" deliver
  done
}

provider_id() { kubectl --kubeconfig "$1" get node "$NODE" -o 'jsonpath={.spec.providerID}' 2>/dev/null; }

# The name may still belong to the machine before this one, and a node's provider ID never changes. A control plane
# takes the old node away and registers anew; a worker may not, and says who has to.
own_node() {
  local config=$1 known
  known=$(try 60 provider_id "$config")
  [ "$known" != "$PROVIDER_ID" ] || return 0
  if ! is_control_plane; then
    systemctl stop kubelet
    tell "refused: node $NODE still is ${known:-nobody}, not $PROVIDER_ID; kubectl delete node $NODE"
    return 1
  fi
  tell "node $NODE was $known: registering it anew as $PROVIDER_ID"
  kubectl --kubeconfig "$config" delete node "$NODE" --wait=true
  systemctl restart kubelet
  try 60 is_mine "$config"
  # The kubelet brings the taints of its registration back; these labels kubeadm had put on.
  kubectl --kubeconfig "$config" label --overwrite node "$NODE" \
    node-role.kubernetes.io/control-plane= node.kubernetes.io/exclude-from-external-load-balancers=
}

is_mine() { [ "$(provider_id "$1")" = "$PROVIDER_ID" ]; }

if [ "$verb" = join ] && is_control_plane; then join_in_turn; else run_kubeadm; fi
if is_control_plane; then
  # Nobody needs what cannot be revoked: admin.conf's rights are a binding, super-admin.conf's are in its certificate.
  rm -f "${ADMIN%/*}/super-admin.conf"
  chmod 0600 "$ADMIN"
  own_node "$ADMIN"
  read -ra enabled <<<"$TIMERS"
  systemctl enable --now "${enabled[@]}"
else
  own_node "$KUBELET"
fi
