#!/bin/bash
# Step cni-install: Calico (operator, VXLAN) or Antrea on the Linux half, and what the Windows half
# will need before its first node joins.
# Source: Calico's own kubeadm and Windows CI (process/testing/aso, 3.32), Antrea docs/windows.md (2.7).
STEP="cni-install"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

exists() { kube get "$@" -o name; }

install_calico() {
  fetch_item calico-crds
  apply "$FETCHED"
  apply "$KIT/rendered/calico-endpoint.yaml"
  fetch_item calico-operator
  apply "$FETCHED"
  wait_for 120 "the operator's kinds are known" kube wait --for=condition=Established crd/installations.operator.tigera.io --timeout=5s
  apply "$KIT/rendered/calico.yaml"
  wait_for 300 "the operator made its DaemonSet" exists -n calico-system daemonset/calico-node
  loudly "calico-node on every Linux node" kube -n calico-system rollout status daemonset/calico-node --timeout=600s
  wait_for 300 "strict affinity is on" set_strict_affinity
}

# Windows borrows no addresses from another node's block; without this the operator stays Degraded.
# The kind's group differs between releases, and one of the two needs Calico's own API server.
set_strict_affinity() {
  local kind value
  for kind in ipamconfigurations.projectcalico.org ipamconfigs.crd.projectcalico.org; do
    value=$(kube get "$kind" default -o 'jsonpath={.spec.strictAffinity}' 2>/dev/null) || continue
    if [[ $value == true ]]; then return 0; fi
    kube patch "$kind" default --type merge -p '{"spec":{"strictAffinity":true}}' && return 0
  done
  return 1
}

install_antrea() {
  local before after
  fetch_item antrea-linux
  apply "$FETCHED"
  before=$(kube -n kube-system get configmap antrea-config -o 'jsonpath={.metadata.resourceVersion}')
  kube -n kube-system patch configmap antrea-config --type merge --patch-file "$KIT/rendered/antrea-linux-patch.yaml"
  after=$(kube -n kube-system get configmap antrea-config -o 'jsonpath={.metadata.resourceVersion}')
  if [[ $before != "$after" ]]; then
    kube -n kube-system rollout restart daemonset/antrea-agent deployment/antrea-controller
    changed "Antrea's settings"
  fi
  loudly "antrea-agent on every Linux node" kube -n kube-system rollout status daemonset/antrea-agent --timeout=600s
}

main() {
  local cni
  cni=$(want 'calico|antrea' "a CNI that the kit installs" "$(lab_value cni.name)")
  wait_for 120 "the API server is ready" api_is_ready
  "install_$cni"
  wait_for 300 "node $MACHINE is ready" kube wait --for=condition=Ready "node/$MACHINE" --timeout=5s
  loudly "coredns" kube -n kube-system rollout status deployment/coredns --timeout=300s
  done_with "cni=$cni" "version=$(want_version "$(lab_value cni.version)")"
}

main
