#!/bin/bash
# Step linux-packages: kubelet, kubeadm and kubectl from the repository of their minor.
# Source: kubernetes.io, install-kubeadm (1.36): one repository for each minor.
STEP="linux-packages"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

KEYRING=/etc/apt/keyrings/labkit-kubernetes.gpg
LIST=$KIT/rendered/downloads.flat

# The key is fetched anew each time: an expired one gives EXPKEYSIG, and it does expire.
add_repository() {
  local key repository
  key=$(want_url "$(value_in "$LIST" apt.key)")
  repository=$(want_url "$(value_in "$LIST" apt.repository)")
  mkdir -p "$(dirname -- "$KEYRING")"
  curl -fsSL --retry 5 --connect-timeout 20 -- "$key" | gpg --batch --yes --dearmor -o "$KEYRING.new" ||
    die "Could not fetch the repository's key from $key."
  chmod 644 "$KEYRING.new"
  mv "$KEYRING.new" "$KEYRING"
  put_file /etc/apt/sources.list.d/labkit-kubernetes.list 644 <<<"deb [signed-by=$KEYRING] $repository /"
}

installed_version() { dpkg-query -W -f '${db:Status-Abbrev} ${Version}' "$1" 2>/dev/null | sed -n 's/^.i *//p'; }

# The package version for a Kubernetes version: 1.36.1 is 1.36.1-1.1, or a later packaging of it.
package_version() {
  local wanted=$1 all version
  # Newest first: "kubelet | 1.36.1-1.1 | address Packages".
  all=$(apt-cache madison kubelet | awk '{print $3}')
  for version in $all; do
    if [[ -z $wanted || $version == "$wanted" || $version == "$wanted"-* ]]; then
      printf '%s' "$version"
      return 0
    fi
  done
  die "The repository has no kubelet $wanted; it has: ${all//$'\n'/ }"
}

install_packages() {
  local version=$1
  apt-mark unhold kubelet kubeadm kubectl >/dev/null 2>&1 || true
  loudly "apt-get install" apt-get -q -y -o DPkg::Lock::Timeout=300 install --allow-downgrades --no-install-recommends \
    "kubelet=$version" "kubeadm=$version" "kubectl=$version" kubernetes-cni cri-tools
  apt-mark hold kubelet kubeadm kubectl >/dev/null
  changed "kubelet, kubeadm and kubectl $version"
}

main() {
  local wanted version
  wanted=$(value_in "$LIST" apt.version)
  wanted=$(want '|[0-9]+\.[0-9]+\.[0-9]+(-[0-9.]+)?' "a package version" "${wanted#v}")
  add_repository
  loudly "apt-get update" apt-get -q -o DPkg::Lock::Timeout=300 update
  version=$(package_version "$wanted")
  if [[ $(installed_version kubelet) != "$version" || $(installed_version kubeadm) != "$version" ]]; then
    install_packages "$version"
  fi
  systemctl enable -q kubelet
  [[ $(installed_version kubelet) == "$version" ]] || die "kubelet is $(installed_version kubelet), wanted is $version."
  done_with "package=$version" "kubeadm=$(kubeadm version -o short)"
}

main
