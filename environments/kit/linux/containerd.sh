#!/bin/bash
# Step linux-containerd: containerd, runc and the CNI plugins of pinned versions, with the
# configuration that the dashboard has rendered.
# Source: containerd docs/getting-started.md and docs/cri/config.md (2.3).
STEP="linux-containerd"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

RESTART=0

install_files() {
  local before=$CHANGES
  fetch_item containerd
  unpack_once "$FETCHED" /usr/local
  fetch_item containerd-unit
  put_file /etc/systemd/system/containerd.service 644 <"$FETCHED"
  fetch_item runc
  put_file /usr/local/sbin/runc 755 <"$FETCHED"
  fetch_item cni-plugins
  unpack_once "$FETCHED" /opt/cni/bin
  ((CHANGES == before)) || RESTART=1
}

configure() {
  local before=$CHANGES
  put_file /etc/containerd/config.toml 644 <"$KIT/rendered/containerd-linux.toml"
  put_file /etc/crictl.yaml 644 <<<"runtime-endpoint: $CRI
image-endpoint: $CRI"
  mkdir -p /etc/cni/net.d
  ((CHANGES == before)) || RESTART=1
}

start() {
  if ((RESTART)); then
    systemctl daemon-reload
    systemctl enable -q containerd
    systemctl restart containerd
  fi
  enabled containerd
  wait_for 60 "containerd answers" ctr version
}

# A section that containerd does not know is ignored in silence: ask what it made of the file.
verify() {
  local dump
  dump=$(containerd config dump)
  grep -q 'SystemdCgroup = true' <<<"$dump" || die "containerd does not use systemd's cgroups; look at /etc/containerd/config.toml."
  ! grep -Eq 'disabled_plugins = \[.*cri' <<<"$dump" || die "containerd's CRI plugin is switched off."
  [[ -x /opt/cni/bin/loopback ]] || die "/opt/cni/bin has no plugins."
}

main() {
  local wanted has
  wanted=$(want_version "$(lab_value containerd.version)")
  install_files
  configure
  start
  verify
  has=$(containerd --version | awk '{print $3}')
  [[ ${has#v} == "${wanted#v}" ]] || die "containerd is ${has#v}, wanted is ${wanted#v}."
  done_with "containerd=${has#v}" "runc=$(runc --version | awk 'NR == 1 {print $3}')"
}

main
