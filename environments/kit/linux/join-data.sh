#!/bin/bash
# No step: the dashboard runs this on the control plane right before a join and gives its one line
# of output, as it is, to that join as input `join-token`. Third argument: the joining machine.
# A token lives for two hours and is for one machine; that machine's older ones are deleted.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

export KUBECONFIG=/etc/kubernetes/admin.conf
worker=$(want_name "$3")
description="labkit join $worker"

for id in $(kubeadm token list -o jsonpath='{.token} {.description}{"\n"}' | awk -v wanted="$description" \
  '{token = $1; $1 = ""; sub(/^ /, "")} $0 == wanted {split(token, part, "."); print part[1]}'); do
  kubeadm token delete "$id" >&2
done
token=$(kubeadm token create --ttl 2h --description "$description")
token=$(want '[a-z0-9]{6}\.[a-z0-9]{16}' "a bootstrap token" "$token")
hash=$(openssl x509 -pubkey -noout -in /etc/kubernetes/pki/ca.crt | openssl pkey -pubin -outform der | sha256sum | cut -c1-64)
endpoint=$(lab_ip):6443
printf '{"endpoint": "%s", "token": "%s", "ca_hash": "sha256:%s"}\n' "$endpoint" "$token" "$hash"
