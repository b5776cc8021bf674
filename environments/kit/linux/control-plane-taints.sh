#!/bin/bash
# Step control-plane-taints: the only Linux machine of most labs must run workloads, too.
STEP="control-plane-taints"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

TAINT=node-role.kubernetes.io/control-plane

is_tainted() { [[ " $(kube get node "$MACHINE" -o 'jsonpath={.spec.taints[*].key}') " == *" $TAINT "* ]]; }

main() {
  wait_for 120 "the API server is ready" api_is_ready
  if is_tainted; then
    kube taint node "$MACHINE" "$TAINT-"
    changed "the taint is gone"
  fi
  ! is_tainted || die "Node $MACHINE still has the taint $TAINT."
  done_with "tainted=no"
}

main
