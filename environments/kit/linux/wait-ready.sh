#!/bin/bash
# Step wait-ready: every machine of the lab is a node, registered on the lab's network, and Ready.
# While one is not, its own reason is told every 20 s.
STEP="wait-ready"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

LIMIT=2100

ready() { kube get node "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null; }
reason() {
  kube get node "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}: {.status.conditions[?(@.type=="Ready")].message}' 2>/dev/null ||
    printf 'the cluster has no such node yet'
}

wait_for_node() {
  local name=$1 began=$SECONDS spoke=$SECONDS
  until [[ $(ready "$name") == True ]]; do
    ((SECONDS < LIMIT)) || die "Node $name is not ready after $((SECONDS - began)) s: $(reason "$name")"
    if ((SECONDS - spoke >= 20)); then
      say "node $name is not ready yet ($((SECONDS - began)) s): $(reason "$name")"
      spoke=$SECONDS
    fi
    sleep 3
  done
  say "node $name is ready"
}

check_address() {
  local name=$1 wanted=$2 has
  has=$(kube get node "$name" -o 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}')
  [[ " $has " == *" $wanted "* ]] || die "Node $name has registered with the address $has, not with the lab's $wanted."
}

main() {
  local name ip count=0
  for name in $(machines_of_role '[a-z-]*'); do
    ip=$(want_ip "$(lab_value "machines.$name.ip")")
    wait_for_node "$(want_name "$name")"
    check_address "$name" "$ip"
    count=$((count + 1))
  done
  ((count > 0)) || die "lab.json names no machine."
  kube get nodes -o wide
  done_with "nodes=$count"
}

main
