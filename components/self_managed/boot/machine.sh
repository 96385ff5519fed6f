# shellcheck shell=bash disable=SC2034
# What every script knows of this machine. PLATFORM_ROOT is empty on machines; tests play in a folder.
ROOT=${PLATFORM_ROOT:-}
LIB=$ROOT/usr/local/lib/platform
STATE=$ROOT/var/lib/platform
RUN=$ROOT/run/platform
PKI=$ROOT/etc/kubernetes/pki
ADMIN=$ROOT/etc/kubernetes/admin.conf
KUBELET=$ROOT/etc/kubernetes/kubelet.conf
PAUSE_SECONDS=${PLATFORM_PAUSE:-5}
# shellcheck source=/dev/null
. "$ROOT/etc/platform/boot.env"

# One line for the journal, and for the console, which EC2 keeps and shows without a way into the machine.
tell() {
  echo "platform-boot: $1"
  echo "platform-boot: $1" >>"$ROOT/dev/console" 2>/dev/null || true
}

is_control_plane() { [ "$ROLE" = control-plane ]; }

# try TIMES COMMAND...: until it succeeds, with a pause between.
try() {
  local times=$1
  shift
  while ! "$@"; do
    times=$((times - 1))
    [ "$times" -gt 0 ] || return 1
    sleep "$PAUSE_SECONDS"
  done
}

# Whether the API at an address serves and proves itself by the cluster's own authority.
api_answers() { curl -fsS --max-time 5 --cacert "$PKI/ca.crt" -o /dev/null "https://$1/readyz" 2>/dev/null; }
