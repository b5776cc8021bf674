#!/bin/bash
# Step linux-join: kubeadm join with a token minted for this attempt. The token comes in a file
# (0600, in a folder of root's) and leaves with it; it is never an argument.
STEP="linux-join"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

TOKEN=$KIT/inputs/join-token.json
CONFIG=/etc/kubernetes/labkit-join.json

kubelet_is_healthy() { [[ $(curl -fsS --max-time 5 http://127.0.0.1:10248/healthz) == ok ]]; }
has_joined() { [[ -f /etc/kubernetes/kubelet.conf ]] && kubelet_is_healthy 2>/dev/null; }

reset_half_made() {
  if [[ ! -e /etc/kubernetes/kubelet.conf && ! -e /etc/kubernetes/pki/ca.crt && ! -e /var/lib/kubelet/config.yaml ]]; then return 0; fi
  say "an earlier join is half done; resetting it"
  loudly "kubeadm reset" kubeadm reset -f --cri-socket "$CRI"
  rm -rf /etc/cni/net.d/*
  changed "kubeadm reset"
}

join() {
  [[ -f $TOKEN ]] || die "The dashboard has brought no join token for this attempt."
  reset_half_made
  trap 'rm -f -- "$CONFIG" "$TOKEN"' EXIT
  mkdir -p /etc/kubernetes
  (umask 077 && jq --slurpfile token "$TOKEN" \
    '.discovery.bootstrapToken += {token: $token[0].token, caCertHashes: [$token[0].ca_hash]}' \
    "$KIT/rendered/join-$MACHINE.json" >"$CONFIG")
  loudly "kubeadm join" kubeadm join --config "$CONFIG"
  rm -f -- "$CONFIG" "$TOKEN"
  changed "the cluster has $MACHINE"
}

main() {
  if has_joined; then say "$MACHINE has joined already"; else join; fi
  [[ -f /etc/kubernetes/kubelet.conf ]] || die "kubeadm ended well, but there is no kubelet.conf."
  wait_for 240 "the kubelet is healthy" kubelet_is_healthy
  systemctl enable -q kubelet
  done_with "node=$MACHINE"
}

main
