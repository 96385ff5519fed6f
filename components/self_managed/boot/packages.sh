#!/usr/bin/env bash
# Installs what a node runs, at exactly the pinned versions, from repositories whose keys are the pinned ones.
set -euo pipefail
# shellcheck source=machine.sh
. "${PLATFORM_ROOT:-}/usr/local/lib/platform/machine.sh"

KEYRINGS=$ROOT/etc/apt/keyrings
SOURCES=$ROOT/etc/apt/sources.list.d
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1

# The fingerprints of all primary keys in a file, one a line.
primary_keys() {
  gpg --batch --homedir "$work" --show-keys --with-colons "$1" |
    awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }'
}

# trust NAME URL FINGERPRINT: takes a repository's key, if the file holds that key and no other.
trust() {
  local found
  curl -fsSL --proto '=https' --tlsv1.2 --retry 5 --retry-connrefused -o "$work/$1" "$2"
  found=$(primary_keys "$work/$1")
  if [ "$found" != "$3" ]; then
    tell "refused key of $1: it is ${found//$'\n'/ }, not $3"
    return 1
  fi
  gpg --batch --yes --homedir "$work" --dearmor -o "$work/$1.gpg" "$work/$1"
  install -m 0644 "$work/$1.gpg" "$KEYRINGS/$1.gpg"
}

# apt's own timers run at first boot as well: wait for their lock of dpkg. A configuration that is there already stays.
get() { apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5 -o Dpkg::Options::=--force-confold "$@"; }

install_packages() {
  local pinned
  install -d -m 0755 "$KEYRINGS" "$SOURCES"
  trust kubernetes "$KUBERNETES_REPOSITORY/Release.key" "$KUBERNETES_KEY"
  trust docker "$DOCKER_REPOSITORY/gpg" "$DOCKER_KEY"
  echo "deb [signed-by=$KEYRINGS/kubernetes.gpg] $KUBERNETES_REPOSITORY/ /" >"$SOURCES/kubernetes.list"
  echo "deb [signed-by=$KEYRINGS/docker.gpg] $DOCKER_REPOSITORY $UBUNTU stable" >"$SOURCES/docker.list"
  read -ra pinned <<<"$PACKAGES"
  # For the lock of its lists apt does not wait.
  try 12 get update
  get install --no-install-recommends --allow-change-held-packages "${pinned[@]}" python3-boto3 conntrack ethtool socat
  apt-mark hold "${pinned[@]%%=*}"
  echo "$PACKAGES" >"$STATE/packages"
}

# Pods' memory limits mean nothing where memory can be swapped out; a reboot must not bring swap back.
swapoff -a
if [ -e "$ROOT/etc/fstab" ]; then sed -i -E '/^[^#]\S*\s+\S+\s+swap\s/s/^/#/' "$ROOT/etc/fstab"; fi
modprobe -a overlay br_netfilter
# Ours alone: one of somebody else's that this kernel does not have is not to stop the boot.
sysctl --quiet --load "$ROOT/etc/sysctl.d/90-platform.conf"

if [ "$(cat "$STATE/packages" 2>/dev/null)" != "$PACKAGES" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  install_packages
fi
systemctl enable containerd kubelet
systemctl restart containerd
