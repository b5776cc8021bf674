#!/bin/bash
# Step linux-inject-back: put back what lay there before this injection, and see that it runs again.
STEP="linux-inject-back"
# shellcheck source-path=SCRIPTDIR source=inject-lib.sh
. "$(dirname -- "$0")/inject-lib.sh"

restore() {
  local before=$1
  if [[ $(sha256_of "$TARGET") == "$before" ]]; then return 0; fi
  stop_runner
  if [[ $before == none ]]; then
    rm -f -- "$TARGET"
    changed "$TARGET is gone again"
  else
    put "$before"
  fi
}

main() {
  local before
  [[ -f $NOTE ]] || die "Nothing was noted of the $COMPONENT that lay there before."
  before=$(want '[0-9a-f]{64}|none' "a sha256" "$(<"$NOTE")")
  restore "$before"
  if [[ $RUNNER == service && $before != none ]]; then
    start_runner
    check_health || die "The old $COMPONENT is back in place, but it does not come up either."
  fi
  say "the old $COMPONENT ($before) is back"
  done_with "component=$COMPONENT" "sha256=$before"
}

main
