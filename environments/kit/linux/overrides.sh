#!/bin/bash
# Step linux-overrides: put overridden kubelet, kubeadm and kubectl in place of the packaged ones.
# Before init and join it only copies; later it restarts the kubelet and watches it, and puts the
# old file back when the new one does not live.
STEP="linux-overrides"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

LIST=$KIT/rendered/overrides.flat

kubelet_is_healthy() { [[ $(curl -fsS --max-time 5 http://127.0.0.1:10248/healthz) == ok ]]; }

check_binary() {
  [[ $(stat -c %s -- "$1") -gt 1000000 && $(head -c 4 -- "$1" | od -An -tx1 | tr -d ' ') == 7f454c46 ]] ||
    die "$1 is no Linux program."
  chmod 755 "$1"
}

replace_binary() {
  local name=$1 new=$2 target=/usr/bin/$1 joined=""
  if cmp -s "$new" "$target"; then return 0; fi
  check_binary "$new"
  "$new" --version >/dev/null 2>&1 || "$new" version --client >/dev/null 2>&1 || "$new" version >/dev/null 2>&1 ||
    die "The new $name does not start on this machine."
  [[ $name == kubelet && -f /var/lib/kubelet/config.yaml ]] && joined=1
  if [[ -n $joined ]]; then systemctl stop kubelet; fi
  if [[ -e $target ]]; then cp -p "$target" "$target.before-labkit"; fi
  install -m 0755 "$new" "$target"
  changed "$name"
  if [[ -n $joined ]]; then restart_kubelet "$target"; fi
}

restart_kubelet() {
  systemctl daemon-reload
  systemctl start kubelet
  if ! (wait_for 120 "the new kubelet is healthy" kubelet_is_healthy); then
    journalctl -u kubelet -n 40 --no-pager || true
    systemctl stop kubelet
    mv "$1.before-labkit" "$1"
    systemctl start kubelet
    die "The new kubelet did not become healthy; the old one is back. Its last lines are above."
  fi
}

main() {
  local at=0 name facts=()
  while name=$(value_in "$LIST" "linux.$at.binary") && [[ -n $name ]]; do
    name=$(want 'kubelet|kubeadm|kubectl' "a binary that can be overridden on Linux" "$name")
    if [[ -z $(value_in "$LIST" "linux.$at.url") ]]; then
      die "$name comes from $(value_in "$LIST" "linux.$at.source"), but the dashboard has brought no file for it."
    fi
    fetch_entry "$LIST" "linux.$at"
    replace_binary "$name" "$FETCHED"
    facts+=("$name=$(sha256sum "/usr/bin/$name" | cut -c1-64)")
    at=$((at + 1))
  done
  ((at > 0)) || say "no binary is overridden on Linux"
  done_with "count=$at" "${facts[@]}"
}

main
