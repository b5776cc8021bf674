# shellcheck shell=bash
# What every Linux step shares: reading lab.json's flat twin, saying what happens, writing
# the step's state. Source it first; it needs nothing but coreutils, sed, grep and awk.
#
# A value of lab.json is data: it is read line by line, checked by `want_…` before it is
# used, and never evaluated.
set -Eeuo pipefail
shopt -s inherit_errexit
umask 022

LAB_JSON=$1
MACHINE=$2
KIT=$(dirname -- "$LAB_JSON")
STATE=/var/lib/labkit/state
# shellcheck disable=SC2034 # the steps that source this use it
CRI=unix:///run/containerd/containerd.sock
# Tests put another root here; the steps write below it, and only what they must.
ROOT=${LABKIT_ROOT:-}
STEP=${STEP:-$(basename -- "$0" .sh)}
CHANGES=0
STARTED=$SECONDS
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

say() { printf '%s\n' "$*"; }
die() {
  printf 'labkit: %s\n' "$*" >&2
  exit 1
}
trap 'printf "labkit: step %s failed in line %s of %s\n" "$STEP" "$LINENO" "${BASH_SOURCE[0]}" >&2' ERR

# -- values ---------------------------------------------------------------------------

# value_in FILE KEY: print the value of KEY in a flat file, nothing when it is not there.
value_in() {
  local file=$1 key=$2 line
  [[ -r $file ]] || return 0
  while IFS= read -r line; do
    if [[ ${line%%=*} == "$key" ]]; then
      printf '%s' "${line#*=}"
      return 0
    fi
  done <"$file"
}
lab_value() { value_in "${LAB_JSON%.json}.flat" "$1"; }
machine_value() { lab_value "machines.$MACHINE.$1"; }

# want PATTERN WHAT VALUE: print VALUE when all of it fits, else end the step.
want() {
  [[ $3 =~ ^($1)$ ]] || die "lab.json: ${3@Q} is not $2."
  printf '%s' "$3"
}
want_ip() { want '[0-9]{1,3}(\.[0-9]{1,3}){3}' "an IPv4 address" "$1"; }
want_cidr() { want '[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}' "a range" "$1"; }
want_version() { want '[0-9]+\.[0-9]+\.[0-9]+([-+.][0-9A-Za-z.+-]{1,80})?' "an exact version" "$1"; }
want_name() { want '[a-z][a-z0-9-]{0,14}' "a machine's name" "$1"; }
want_name "$MACHINE" >/dev/null

lab_ip() { want_ip "$(machine_value ip)"; }
prefix_length() {
  local subnet
  subnet=$(want_cidr "$(lab_value network.subnet)")
  printf '%s' "${subnet#*/}"
}
machines_of_role() {
  sed -n "s/^machines\.\([a-z0-9-]*\)\.role=$1\$/\1/p" "${LAB_JSON%.json}.flat"
}
# The minor of a version: 1.36.1 -> 36.
minor_of() {
  [[ $1 =~ ^v?1\.([0-9]+) ]] || die "${1@Q} is no Kubernetes version."
  printf '%s' "${BASH_REMATCH[1]}"
}

# -- changing things, each only when needed ----------------------------------------------

changed() {
  CHANGES=$((CHANGES + 1))
  say "changed: $*"
}

# put_file PATH MODE <text: write the file when it differs. Returns 0 either way.
put_file() {
  local path=$ROOT$1 mode=$2 new
  mkdir -p "$(dirname -- "$path")"
  new=$(mktemp "$path.XXXXXX")
  cat >"$new"
  chmod "$mode" "$new"
  if [[ -f $path ]] && cmp -s "$new" "$path"; then
    rm -f "$new"
  else
    mv "$new" "$path"
    changed "$1"
  fi
}

# enabled UNIT: enable and start a unit.
enabled() {
  if ! systemctl is-enabled -q "$1" 2>/dev/null || ! systemctl is-active -q "$1"; then
    systemctl enable -q --now "$1"
    changed "$1 is enabled and runs"
  fi
}

# -- waiting: every wait has an end and says something at least every 30 s -----------------

# wait_for SECONDS WHAT COMMAND…: until COMMAND succeeds.
wait_for() {
  local limit=$1 what=$2 began=$SECONDS spoke=$SECONDS
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS - began < limit)) || die "Gave up after ${limit} s: $what."
    if ((SECONDS - spoke >= 20)); then
      say "still waiting ($((SECONDS - began)) s): $what"
      spoke=$SECONDS
    fi
    sleep 2
  done
  say "ok ($((SECONDS - began)) s): $what"
}

# loudly WHAT COMMAND…: run a command that may be silent for long, with a word every 20 s.
loudly() {
  local what=$1 pid began=$SECONDS code=0
  shift
  "$@" &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    for _ in $(seq 20); do
      sleep 1
      kill -0 "$pid" 2>/dev/null || break
    done
    if kill -0 "$pid" 2>/dev/null; then say "still at it ($((SECONDS - began)) s): $what"; fi
  done
  wait "$pid" || code=$?
  return "$code"
}

# -- files from elsewhere ------------------------------------------------------------------

CACHE=/var/cache/labkit

is_sha256() {
  [[ $2 =~ ^[0-9a-f]{64}$ ]] || die "${2@Q} is no sha256."
  [[ -f $1 && $(sha256sum -- "$1" | cut -d' ' -f1) == "$2" ]]
}
want_url() { want 'https?://[A-Za-z0-9._~:/%@+=-]+' "an address to download from" "$1"; }

# published_sha256 URL FILE: read a publisher's checksum file: a bare hash, or the line that ends in FILE.
published_sha256() {
  local text
  text=$(curl -fsSL --retry 5 --connect-timeout 20 -- "$(want_url "$1")") || die "Could not read the checksum at $1."
  awk -v file="$2" 'NF == 1 || $NF == file || $NF == "*" file {print $1; exit}' <<<"$text"
}

# fetch URL TARGET SHA256: download, resume, verify. What is there and right stays.
# SHA256 "": nothing but the version in the address pins it; the hash is told.
fetch() {
  local url target=$2 sha256=$3 got
  url=$(want_url "$1")
  if [[ -f $target ]] && { [[ -z $sha256 ]] || is_sha256 "$target" "$sha256"; }; then return 0; fi
  mkdir -p "$(dirname -- "$target")"
  say "downloading $url"
  loudly "$url" curl -fsSL --retry 5 --retry-delay 5 --connect-timeout 20 -C - -o "$target.part" -- "$url" || {
    rm -f -- "$target.part"
    die "Could not download $url. Is there a way out to the Internet, or is a mirror set?"
  }
  got=$(sha256sum -- "$target.part" | cut -d' ' -f1)
  if [[ -n $sha256 && $got != "$sha256" ]]; then
    rm -f -- "$target.part"
    die "checksum wrong: $url has sha256 $got, announced is $sha256; the download was thrown away."
  fi
  [[ -n $sha256 ]] || say "no published checksum for $url; its sha256 is $got"
  mv -- "$target.part" "$target"
  changed "$target"
}

# reachable URL ORIGIN: print URL, or ORIGIN when the lab host's cache does not answer (a firewall, a later boot).
reachable() {
  if [[ -z $2 ]] || curl -fsSI --connect-timeout 5 --max-time 20 -o /dev/null -- "$(want_url "$1")" 2>/dev/null; then
    printf '%s' "$1"
  else
    printf 'the lab host does not serve %s, going to %s\n' "$1" "$2" >&2
    printf '%s' "$2"
  fi
}

# fetch_entry FLAT_FILE KEY: one entry (url, file, sha256, sha256_url, version) of a rendered list.
# Its path is in FETCHED afterwards.
fetch_entry() {
  local list=$1 key=$2 url sha256 sha256_url file version
  url=$(value_in "$list" "$key.url")
  [[ -n $url ]] || die "$(basename -- "$list" .flat).json has no address for $key."
  url=$(reachable "$url" "$(value_in "$list" "$key.origin")")
  file=${url##*/}
  version=$(value_in "$list" "$key.version")
  sha256=$(value_in "$list" "$key.sha256")
  sha256_url=$(value_in "$list" "$key.sha256_url")
  FETCHED=$CACHE/${version:+$version-}$file
  if [[ -z $sha256 && -n $sha256_url ]]; then
    sha256=$(published_sha256 "$sha256_url" "$file")
    [[ $sha256 =~ ^[0-9a-f]{64}$ ]] || die "$sha256_url holds no SHA-256 of $file."
  fi
  fetch "$url" "$FETCHED" "$sha256"
}
fetch_item() { fetch_entry "$KIT/rendered/downloads.flat" "linux.$1"; }

# unpack_once ARCHIVE FOLDER [TAR OPTION…]: unpack what has not been unpacked there yet.
unpack_once() {
  local archive=$1 folder=$2 mark
  shift 2
  mark=$STATE/unpacked/$(basename -- "$archive")
  if [[ -f $mark ]]; then return 0; fi
  mkdir -p "$folder" "$(dirname -- "$mark")"
  tar -xzf "$archive" -C "$folder" --no-same-owner "$@"
  touch "$mark"
  changed "unpacked $(basename -- "$archive") into $folder"
}

# -- Kubernetes --------------------------------------------------------------------------------

# kubeadm and Vagrant put addresses on the cards; this asks the kernel.
has_address() { [[ $(ip -o -4 address show) == *" inet $1/"* ]]; }
kube() { kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }
apply() { kube apply --server-side --force-conflicts -f "$1"; }
api_is_ready() { [[ $(kube get --raw /readyz --request-timeout=10s 2>/dev/null) == ok ]]; }

# -- the state that the dashboard reads back ----------------------------------------------------

# done_with KEY=VALUE…: the step's effect is verified; values are ours, without quotes in them.
done_with() {
  local pair facts=""
  for pair in "$@"; do
    [[ ${pair#*=} != *[\"\\]* ]] || die "A fact of the state has a quote in it: ${pair%%=*}"
    facts+=", \"${pair%%=*}\": \"${pair#*=}\""
  done
  mkdir -p "$ROOT$STATE"
  printf '{"step": "%s", "machine": "%s", "ok": true, "changes": %d, "seconds": %d, "at": "%s"%s}\n' \
    "$STEP" "$MACHINE" "$CHANGES" "$((SECONDS - STARTED))" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$facts" \
    >"$ROOT$STATE/$STEP.json.new"
  mv "$ROOT$STATE/$STEP.json.new" "$ROOT$STATE/$STEP.json"
  say "$STEP: done, $CHANGES change(s), $((SECONDS - STARTED)) s"
}
