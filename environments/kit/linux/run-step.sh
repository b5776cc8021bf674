#!/bin/bash
# Unpack the kit in the guest and run one of its steps. The Vagrantfile puts the two
# archives in place of the marks; arguments: the step's script, the machine's name.
set -euo pipefail
umask 077

root=/var/lib/labkit
kit=$root/kit
# Inputs may hold a join token: this file (0600) must not outlive its reading.
rm -f -- "$0"
rm -rf "$root/kit.new"
mkdir -p "$root/kit.new" "$root/state"
base64 -d <<'KIT' | tar -xz --no-same-owner -C "$root/kit.new"
@KIT_ARCHIVE@
KIT
base64 -d <<'INPUTS' | tar -xz --no-same-owner -C "$root/kit.new"
@INPUT_ARCHIVE@
INPUTS
rm -rf "$kit"
mv "$root/kit.new" "$kit"
trap 'rm -rf "$kit/inputs"' EXIT
bash "$kit/$1" "$kit/lab.json" "$2"
exit 0
