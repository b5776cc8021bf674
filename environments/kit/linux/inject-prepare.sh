#!/bin/bash
# Step linux-inject-prepare: bring the new binary, keep the old one, and ask both sides for the flag lint.
# Nothing that runs is touched.
STEP="linux-inject-prepare"
# shellcheck source-path=SCRIPTDIR source=inject-lib.sh
. "$(dirname -- "$0")/inject-lib.sh"

ANSWERS=$ROOT$STATE/inject/$COMPONENT.answers

bring() {
  local url
  if is_sha256 "$STORE/$SHA256" "$SHA256"; then return 0; fi
  url=$(injected url)
  [[ -n $url ]] || die "This machine has not kept $COMPONENT with sha256 $SHA256: it cannot be put back."
  fetch "$url" "$STORE/$SHA256" "$SHA256"
}

check_program() {
  is_linux_program "$STORE/$SHA256" || die "The new $COMPONENT is no Linux program."
  chmod 0755 "$STORE/$SHA256"
}

check_runner() {
  local unit
  while read -r unit; do
    systemctl cat -- "$unit" >/dev/null 2>&1 || die "This machine has no service $unit, so nobody would run $COMPONENT."
  done < <(units)
}

# The note is written once: a second attempt would take the new binary for the old one.
keep_current() {
  local now
  now=$(sha256_of "$TARGET")
  if [[ ! -f $NOTE ]]; then
    printf '%s\n' "$now" >"$NOTE.new"
    mv "$NOTE.new" "$NOTE"
  fi
  if [[ $now == none ]] || is_sha256 "$STORE/$now" "$now"; then return 0; fi
  cp -p -- "$TARGET" "$STORE/$now.part"
  mv -- "$STORE/$now.part" "$STORE/$now"
  changed "the old $COMPONENT is kept as $STORE/$now"
}

arguments() {
  local pid
  pid=$(property "$(injected runner.name)" MainPID)
  if [[ $pid =~ ^[1-9][0-9]*$ && -r /proc/$pid/cmdline ]]; then
    printf '=== arguments\n'
    tr '\0' '\n' <"/proc/$pid/cmdline"
  else
    printf '=== command\n'
    property "$(injected runner.name)" ExecStart | sed -n 's/.*argv\[\]=\(.*\) ; ignore_errors.*/\1/p'
  fi
}

# unprivileged PROGRAM: set CAGE to what takes root's rights from a command; nothing where nobody may run PROGRAM.
unprivileged() {
  CAGE=()
  if ((EUID != 0)) || ! command -v setpriv >/dev/null; then return 0; fi
  CAGE=(setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs)
  if ! "${CAGE[@]}" test -x "$1"; then
    say "the user nobody cannot run $1: it is asked with root's rights"
    CAGE=()
  fi
}

# A program that does not know --help, and begins its work instead, shall not do so as root.
ask_help() {
  cd /
  timeout 20 "${CAGE[@]}" env -i PATH=/usr/bin:/bin HOME=/nonexistent "$1" --help </dev/null
}

ask() {
  local code=0
  {
    printf '=== before\n%s\n' "$(<"$NOTE")"
    if [[ $RUNNER == service ]]; then arguments; fi
  } >"$ANSWERS.new"
  unprivileged "$STORE/$SHA256"
  (ask_help "$STORE/$SHA256") >"$ANSWERS.help" 2>&1 || code=$?
  {
    printf '\n=== code\n%s\n=== help\n' "$code"
    head -c 300000 "$ANSWERS.help"
  } >>"$ANSWERS.new"
  rm -f -- "$ANSWERS.help"
  mv -- "$ANSWERS.new" "$ANSWERS"
}

main() {
  mkdir -p "$STORE" "$ROOT$STATE/inject"
  # The dashboard's look takes the hash of what lies there.
  printf '%s\n' "$TARGET" >"$ROOT$STATE/inject/$COMPONENT.path"
  bring
  check_program
  check_runner
  keep_current
  ask
  say "the new $COMPONENT is $SHA256, before it was $(<"$NOTE")"
  done_with "component=$COMPONENT" "sha256=$SHA256" "before=$(<"$NOTE")"
}

main
