#!/bin/bash
# Step cni-windows: the CNI's Windows half and kube-proxy, applied from the control plane once the
# Windows machines have joined. Never over a Windows machine's own remote shell: the CNI's virtual
# switch takes the network card away from it.
STEP="cni-windows"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

# The operator makes calico-node-windows by itself; kube-proxy is the kit's own.
install_calico() {
  apply "$KIT/rendered/kube-proxy-windows.yaml"
  wait_for 300 "the operator made calico-node-windows" kube -n calico-system get daemonset/calico-node-windows
}

install_antrea() {
  fetch_item antrea-windows
  apply "$FETCHED"
  kube -n kube-system patch configmap antrea-windows-config --type merge --patch-file "$KIT/rendered/antrea-windows-patch.yaml"
  kube -n kube-system rollout restart daemonset/antrea-agent-windows
}

main() {
  local cni windows
  cni=$(want 'calico|antrea' "a CNI that the kit installs" "$(lab_value cni.name)")
  windows=$(machines_of_role windows)
  if [[ -z $windows ]]; then
    say "this lab has no Windows machine"
  else
    wait_for 120 "the API server is ready" api_is_ready
    "install_$cni"
  fi
  done_with "cni=$cni" "windows_machines=$(wc -w <<<"$windows")"
}

main
