#!/bin/bash
# Step control-plane-init: kubeadm init with the configuration that the dashboard has rendered.
# An API server that answers stays as it is; a half-made one is reset and made anew.
# Source: kubernetes.io, create-cluster-kubeadm (1.36).
STEP="control-plane-init"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

CONFIG=/etc/kubernetes/labkit-kubeadm.yaml

reset_half_made() {
  if [[ ! -e /etc/kubernetes/admin.conf && ! -e /etc/kubernetes/manifests/kube-apiserver.yaml ]]; then return 0; fi
  say "an earlier init is half done; resetting it"
  loudly "kubeadm reset" kubeadm reset -f --cri-socket "$CRI"
  rm -rf /etc/cni/net.d/* /etc/kubernetes/admin.conf
  changed "kubeadm reset"
}

init() {
  local ignore=()
  # An overridden kubelet may be of a version that kubeadm has never heard of.
  if [[ -n $(value_in "$KIT/rendered/overrides.flat" linux.0.binary) ]]; then ignore=(--ignore-preflight-errors=KubeletVersion); fi
  reset_half_made
  put_file "$CONFIG" 600 <"$KIT/rendered/kubeadm.yaml"
  loudly "pulling the control plane's images" kubeadm config images pull --config "$CONFIG"
  # The token that init makes is not used: each join gets its own.
  loudly "kubeadm init" kubeadm init --config "$CONFIG" --skip-token-print "${ignore[@]}"
  changed "the control plane"
}

give_kubeconfig() {
  local home
  home=$(getent passwd vagrant | cut -d: -f6) || return 0
  if [[ -z $home ]] || cmp -s /etc/kubernetes/admin.conf "$home/.kube/config"; then return 0; fi
  install -d -m 0700 -o vagrant -g vagrant "$home/.kube"
  install -m 0600 -o vagrant -g vagrant /etc/kubernetes/admin.conf "$home/.kube/config"
  changed "$home/.kube/config"
}

verify() {
  local address
  wait_for 180 "the API server is ready" api_is_ready
  address=$(kube get node "$MACHINE" -o 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}')
  # The first card is the provider's NAT; a node that registers there is reached by nobody.
  [[ $address == "$1" ]] || die "Node $MACHINE has registered with the address ${address:-none}, not with the lab's $1."
}

main() {
  local ip
  ip=$(lab_ip)
  if ! { [[ -f /etc/kubernetes/admin.conf ]] && api_is_ready; }; then init; fi
  give_kubeconfig
  verify "$ip"
  done_with "version=$(kube version -o yaml | awk '/serverVersion/ {s = 1} s && /gitVersion/ {print $2}')" "endpoint=$ip:6443"
}

main
