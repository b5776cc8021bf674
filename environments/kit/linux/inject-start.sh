#!/bin/bash
# Step linux-inject-start: start who runs the binary, and watch whether it lives.
STEP="linux-inject-start"
# shellcheck source-path=SCRIPTDIR source=inject-lib.sh
. "$(dirname -- "$0")/inject-lib.sh"

# A service that ran all along still runs the file that lay there before.
restart_stale() {
  local unit pid
  unit=$(injected runner.name)
  pid=$(property "$unit" MainPID)
  if [[ $pid =~ ^[1-9][0-9]*$ && $(sha256_of "/proc/$pid/exe") != "$SHA256" && $(readlink "/proc/$pid/exe") == "$TARGET (deleted)" ]]; then
    stop_runner
  fi
}

main() {
  [[ $(sha256_of "$TARGET") == "$SHA256" ]] || die "$TARGET is not the new $COMPONENT."
  if [[ $RUNNER == nobody ]]; then
    say "nobody runs $COMPONENT all the time: the next call takes the new file"
  else
    restart_stale
    start_runner
    check_health || die "The new $COMPONENT does not come up; its service's last lines are above."
  fi
  done_with "component=$COMPONENT" "sha256=$SHA256"
}

main
