#!/bin/bash
# Step linux-post-boot: after a boot, a resume or a restored snapshot. The clock may be wrong by
# days (certificates then fail), services may have come up before their address.
STEP="linux-post-boot"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

set_clock() {
  if systemctl is-active -q chrony; then
    chronyc -a makestep >/dev/null
    chronyc waitsync 10 1 >/dev/null || say "the clock has no time server yet"
  else
    say "no chrony on this machine; its clock is $(date -u +%FT%TZ)"
  fi
}

is_running() { systemctl is-active -q "$1"; }
kubelet_is_healthy() { [[ $(curl -fsS --max-time 5 http://127.0.0.1:10248/healthz) == ok ]]; }

# A kubelet that started before its address is often cured by one restart, and never by two.
check_kubelet() {
  wait_for 60 "containerd runs" is_running containerd
  if ! (wait_for 90 "the kubelet is healthy" kubelet_is_healthy); then
    systemctl restart kubelet
    changed "kubelet restarted"
    wait_for 120 "the kubelet is healthy" kubelet_is_healthy
  fi
}

# The plugin's pod writes it; a restored snapshot may be older than the plugin.
has_cni_configuration() { compgen -G '/etc/cni/net.d/*.conf*' >/dev/null; }

main() {
  local ip
  ip=$(lab_ip)
  set_clock
  wait_for 60 "the lab's address $ip" has_address "$ip"
  if [[ $(wc -l </proc/swaps) -gt 1 ]]; then
    swapoff -a
    changed "swap is off"
  fi
  if [[ -f /var/lib/kubelet/config.yaml ]]; then check_kubelet; fi
  if [[ -f /etc/kubernetes/admin.conf ]]; then wait_for 180 "the API server is ready" api_is_ready; fi
  if [[ -f $STATE/cni-install.json ]]; then
    wait_for 300 "the CNI configuration is there" has_cni_configuration
  fi
  done_with "ip=$ip"
}

main
