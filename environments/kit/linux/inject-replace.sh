#!/bin/bash
# Step linux-inject-replace: stop who runs the binary, wait until nobody uses the file, replace and verify it.
STEP="linux-inject-replace"
# shellcheck source-path=SCRIPTDIR source=inject-lib.sh
. "$(dirname -- "$0")/inject-lib.sh"

main() {
  [[ -f $NOTE ]] || die "The old $COMPONENT was not kept; the step before this one does that."
  if [[ $(sha256_of "$TARGET") == "$SHA256" ]]; then
    say "$TARGET is this binary already"
  else
    stop_runner
    wait_for_lock
    put "$SHA256"
  fi
  done_with "component=$COMPONENT" "sha256=$SHA256"
}

main
