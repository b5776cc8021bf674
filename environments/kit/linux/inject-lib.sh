# shellcheck shell=bash
# What the steps of an injection share: what goes where, who runs it, the store of binaries.
# Source it after lib.sh. The dashboard lays inputs/injection.json right before each step; contract: docs/inject.md.
#
# Each binary that ever lay in place is kept by its sha256, so a roll back needs no dashboard and no network.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

injected() { value_in "$KIT/inputs/injection.flat" "$1"; }

COMPONENT=$(want '[a-z0-9][a-z0-9.-]{0,39}' "a component's name" "$(injected component)")
NUMBER=$(want '[0-9]{1,18}' "a number" "$(injected id)")
# shellcheck disable=SC2034 # the steps use it
SHA256=$(want '[0-9a-f]{64}' "a sha256" "$(injected sha256)")
RUNNER=$(want 'service|nobody' "who runs a program on Linux" "$(injected runner.kind)")
LOCK_S=$(want '[0-9]{1,4}' "seconds" "$(injected lock_s)")
SETTLE_S=$(want '[0-9]{1,4}' "seconds" "$(injected settle_s)")
TARGET=$ROOT$(want '/[A-Za-z0-9 _./()-]{1,200}' "a path" "$(injected path)")
if [[ -L $TARGET ]]; then TARGET=$(readlink -f -- "$TARGET"); fi
STORE=$ROOT/var/lib/labkit/binaries/$COMPONENT
# The sha256 of what lay there before this injection, "none" when nothing did.
# shellcheck disable=SC2034 # the steps use it
NOTE=$ROOT$STATE/inject/$COMPONENT-$NUMBER.before
KUBELET_CONFIG=$ROOT/var/lib/kubelet/config.yaml

sha256_of() { if [[ -f $1 ]]; then sha256sum -- "$1" | cut -d' ' -f1; else printf none; fi; }
is_linux_program() { [[ $(head -c 4 -- "$1" | od -An -tx1 | tr -d ' ') == 7f454c46 ]]; }

# units: print what has to stop, in this order, one a line.
units() {
  local at=0 name
  while name=$(injected "runner.stops.$at") && [[ -n $name ]]; do
    want '[A-Za-z0-9][A-Za-z0-9._-]{0,62}' "a unit's name" "$name"
    printf '\n'
    at=$((at + 1))
  done
}
property() { systemctl show -p "$2" --value -- "$1"; }
is_active() { systemctl is-active -q -- "$1"; }

stop_runner() {
  local unit
  while read -r unit; do
    if is_active "$unit"; then
      systemctl stop -- "$unit"
      changed "$unit is stopped"
    fi
  done < <(units)
}

# users: print the processes that run the file in place.
users() {
  local link
  for link in /proc/[0-9]*/exe; do
    # The shell's own test: a program for each process would take an emulated machine half a minute.
    if [[ $link -ef $TARGET ]]; then
      link=${link#/proc/}
      printf '%s ' "${link%/exe}"
    fi
  done
}
is_free() { [[ -z $(users) ]]; }

# wait_for_lock: until no process runs the file any more. A program of nobody may be in use: the next call is new.
wait_for_lock() {
  if [[ $RUNNER == nobody ]]; then return 0; fi
  if ! (wait_for "$LOCK_S" "no process runs $TARGET" is_free); then
    die "$TARGET stays in use by process $(users)after its service was stopped; nothing was replaced."
  fi
}

# put SHA256: put a kept binary in place and verify it there.
put() {
  [[ $(sha256_of "$STORE/$1") == "$1" ]] || die "This machine has not kept $COMPONENT with sha256 $1."
  mkdir -p "$(dirname -- "$TARGET")"
  install -m 0755 -- "$STORE/$1" "$TARGET.labkit-new"
  mv -f -- "$TARGET.labkit-new" "$TARGET"
  [[ $(sha256_of "$TARGET") == "$1" ]] || die "$TARGET has not the sha256 $1 after it was replaced."
  changed "$TARGET is $1"
}

start_runner() {
  local unit
  while read -r unit; do
    if is_active "$unit"; then continue; fi
    systemctl reset-failed -- "$unit" 2>/dev/null || true
    systemctl start -- "$unit" || true
    changed "$unit is started"
  done < <(units | tac)
}

last_words() {
  journalctl -u "$1" -n 30 --no-pager -o cat 2>/dev/null || true
}

# is_up UNIT: a unit that is started again and again is active for moments, too.
is_up() { is_active "$1" && [[ $(property "$1" SubState) == running ]]; }
stays_up() {
  local unit=$1 pid restarts at
  pid=$(property "$unit" MainPID)
  restarts=$(property "$unit" NRestarts)
  for at in $(seq "$SETTLE_S"); do
    sleep 1
    if ! is_up "$unit" || [[ $(property "$unit" MainPID) != "$pid" || $(property "$unit" NRestarts) != "$restarts" ]]; then
      say "$unit did not stay up for $at s"
      return 1
    fi
  done
}
kubelet_is_healthy() { [[ $(curl -fsS --max-time 5 http://127.0.0.1:10248/healthz 2>/dev/null) == ok ]]; }

# check_health: fail, with the service's last words, unless everything that was stopped runs and stays up.
check_health() {
  local unit
  while read -r unit; do
    # Before the join a kubelet has no configuration and ends at once, whichever it is.
    if [[ $unit == kubelet && ! -f $KUBELET_CONFIG ]]; then
      say "this machine has not joined: the kubelet cannot run yet"
      continue
    fi
    if ! (wait_for 30 "$unit runs" is_up "$unit") || ! stays_up "$unit"; then
      last_words "$unit"
      return 1
    fi
    if [[ $unit == kubelet ]] && ! (wait_for 120 "the kubelet is healthy" kubelet_is_healthy); then
      last_words "$unit"
      return 1
    fi
  done < <(units | tac)
}
