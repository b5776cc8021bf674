#!/bin/bash
# Step smoke: a workload on each kind of node, and every way between them that a user will need.
# Each check is told with its duration; the first that fails ends the step with what Kubernetes says.
STEP="smoke"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

SPACE=labkit-smoke
PASSED=0

explain() {
  kube -n "$SPACE" get pods -o wide || true
  kube -n "$SPACE" get events --sort-by=.lastTimestamp | tail -n 20 || true
}

# check WHAT COMMAND…: try for up to a minute: a Service takes a moment to reach every node.
check() {
  local what=$1 began=$SECONDS
  shift
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS - began >= 60)); then
      explain
      die "smoke: $what: failed for $((SECONDS - began)) s."
    fi
    sleep 3
  done
  PASSED=$((PASSED + 1))
  say "smoke: $what: ok ($((SECONDS - began)) s)"
}

start() {
  local name=$1 limit=$2
  apply "$KIT/rendered/$name.yaml"
  # An image of a Windows base layer is some gigabytes the first time.
  loudly "$name: image and start" kube -n "$SPACE" rollout status "deployment/$name" --timeout="${limit}s" || {
    explain
    die "smoke: the pods of $name did not become ready within $limit s."
  }
}

pod_of() { kube -n "$SPACE" get pods -l "app=$1" --field-selector status.phase=Running -o 'jsonpath={.items[0].metadata.name}'; }
pod_ip() { kube -n "$SPACE" get pods -l "app=$1" --field-selector status.phase=Running -o 'jsonpath={.items[0].status.podIP}'; }
service_ip() { kube -n "$SPACE" get service "$1" -o 'jsonpath={.spec.clusterIP}'; }
node_port() { kube -n "$SPACE" get service "$1" -o 'jsonpath={.spec.ports[0].nodePort}'; }

# dial FROM_IP HOST PORT ANSWER: the pod at FROM_IP calls HOST:PORT and is answered by a pod named ANSWER-….
dial() {
  [[ $(curl -fsS --max-time 15 "http://$1:8080/dial?request=hostname&protocol=http&tries=1&host=$2&port=$3") == *"\"$4-"* ]]
}
answers() { [[ $(curl -fsS --max-time 15 "http://$1:$2/hostname") == "$3-"* ]]; }
has_log() { [[ -n $(kube -n "$SPACE" logs "$1" --tail=5) ]]; }
same_build() {
  local build
  build=$(kube get node "$(kube -n "$SPACE" get pod "$1" -o 'jsonpath={.spec.nodeName}')" -o 'jsonpath={.metadata.labels.node\.kubernetes\.io/windows-build}')
  [[ -n $build && $(kube -n "$SPACE" exec "$1" -- cmd /c ver) == *"$build"* ]]
}

check_linux() {
  local ip
  ip=$(pod_ip smoke-linux)
  check "this machine reaches a Linux pod" answers "$ip" 8080 smoke-linux
  check "a Linux pod reaches a Linux Service by its name" dial "$ip" "smoke-linux.$SPACE.svc.cluster.local" 80 smoke-linux
  check "a Linux pod has a log" has_log "$(pod_of smoke-linux)"
}

check_windows() {
  local linux windows node
  linux=$(pod_ip smoke-linux)
  windows=$(pod_ip smoke-windows)
  check "a Linux pod reaches a Windows pod" dial "$linux" "$windows" 8080 smoke-windows
  check "a Linux pod reaches a Windows Service" dial "$linux" "$(service_ip smoke-windows)" 80 smoke-windows
  check "a Linux pod reaches a Windows Service by its name" dial "$linux" "smoke-windows.$SPACE.svc.cluster.local" 80 smoke-windows
  check "a Windows pod reaches a Linux pod" dial "$windows" "$linux" 8080 smoke-linux
  check "a Windows pod reaches a Linux Service by its name" dial "$windows" "smoke-linux.$SPACE.svc.cluster.local" 80 smoke-linux
  check "a Windows pod has a log" has_log "$(pod_of smoke-windows)"
  check "a Windows pod runs its node's build" same_build "$(pod_of smoke-windows)"
  for node in $(machines_of_role windows); do
    check "the NodePort of $node answers" answers "$(want_ip "$(lab_value "machines.$node.ip")")" "$(node_port smoke-windows)" smoke-windows
  done
}

main() {
  local windows
  windows=$(machines_of_role windows)
  wait_for 120 "the API server is ready" api_is_ready
  start smoke-linux 600
  check_linux
  if [[ -n $windows ]]; then
    start smoke-windows 1500
    check_windows
  fi
  kube delete namespace "$SPACE" --wait=false
  done_with "checks=$PASSED"
}

main
