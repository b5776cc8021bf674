#!/bin/bash
# Step linux-prepare: address, clock, swap, kernel modules and settings. Needs no Internet:
# what must be downloaded is asked for only in a lab with Kubernetes.
# Source: kubernetes.io, install-kubeadm and container-runtimes (1.36).
STEP="linux-prepare"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

wait_for_first_boot() {
  if command -v cloud-init >/dev/null; then
    say "waiting for cloud-init"
    timeout 600 cloud-init status --wait >/dev/null || say "cloud-init ended with an error; going on"
  fi
  # It takes apt's lock for minutes, at a time of its own choosing.
  if systemctl is-active -q unattended-upgrades 2>/dev/null; then
    systemctl disable -q --now unattended-upgrades
    changed "unattended-upgrades is off"
  fi
}

# Hyper-V gives no fixed address: set it on the first card that has none.
set_address() {
  local ip=$1 card
  if has_address "$ip"; then return 0; fi
  card=$(card_without_address) || die "No network card is free for the lab's address $ip. Cards: $(ip -br link | tr '\n' ';')"
  if command -v netplan >/dev/null; then
    put_file /etc/netplan/60-labkit.yaml 600 <<<"network: {version: 2, ethernets: {$card: {dhcp4: false, addresses: [$ip/$(prefix_length)]}}}"
    netplan apply
  else
    put_file /etc/systemd/network/40-labkit.network 644 <<<"[Match]
Name=$card

[Network]
Address=$ip/$(prefix_length)"
    systemctl enable -q systemd-networkd
    systemctl restart systemd-networkd
  fi
  wait_for 60 "the address $ip on $card" has_address "$ip"
}
card_without_address() {
  local card
  for card in $(ip -o link | awk -F': ' '$2 !~ /^(lo|docker|cali|vxlan|veth|cni|br-)/ {sub(/@.*/, "", $2); print $2}'); do
    if [[ -z $(ip -o -4 address show dev "$card") ]]; then
      printf '%s' "$card"
      return 0
    fi
  done
  return 1
}

# The own name must lead to the lab's address: kubeadm and etcd ask for it.
set_hosts() {
  local text name ip
  text=$(sed '/# labkit$/d' "$ROOT/etc/hosts")
  while IFS= read -r name; do
    ip=$(want_ip "$(lab_value "machines.$name.ip")")
    text+=$'\n'"$ip $name # labkit"
  done < <(machines_of_role '[a-z-]*')
  put_file /etc/hosts 644 <<<"$text"
}

turn_swap_off() {
  if [[ $(wc -l </proc/swaps) -gt 1 ]]; then
    swapoff -a
    changed "swap is off"
  fi
  if grep -Eq '^[^#].*[[:space:]]swap[[:space:]]' "$ROOT/etc/fstab"; then
    sed -i.before-labkit -E '/^[^#].*[[:space:]]swap[[:space:]]/s/^/#/' "$ROOT/etc/fstab"
    changed "/etc/fstab has no swap"
  fi
  local unit
  for unit in $(systemctl list-units --type swap --no-legend --plain | awk '{print $1}'); do
    systemctl mask -q "$unit"
    changed "$unit is masked"
  done
}

load_modules() {
  local module
  put_file /etc/modules-load.d/labkit.conf 644 <<<$'overlay\nbr_netfilter'
  for module in overlay br_netfilter; do
    if ! [[ -d /sys/module/$module ]]; then
      modprobe "$module" || die "The kernel has no module $module ($(uname -r))."
      changed "module $module"
    fi
  done
}

set_kernel_values() {
  local key
  put_file /etc/sysctl.d/90-labkit.conf 644 <<<"net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
net.ipv4.ip_forward = 1"
  for key in net/bridge/bridge-nf-call-iptables net/bridge/bridge-nf-call-ip6tables net/ipv4/ip_forward; do
    if [[ $(<"/proc/sys/$key") != 1 ]]; then
      printf 1 >"/proc/sys/$key"
      changed "$key = 1"
    fi
  done
}

install_tools() {
  local tools=(curl ca-certificates gpg socat conntrack ebtables ethtool iptables jq chrony) missing=() tool
  for tool in "${tools[@]}"; do
    [[ $(dpkg-query -W -f '${Status}' "$tool" 2>/dev/null || true) == "install ok installed" ]] || missing+=("$tool")
  done
  if ((${#missing[@]} > 0)); then
    loudly "apt-get update" apt-get -q -o DPkg::Lock::Timeout=300 update
    loudly "apt-get install" apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}"
    changed "installed ${missing[*]}"
  fi
  enabled chrony
}

verify() {
  has_address "$1" || die "The lab's address $1 is on no card."
  [[ $(wc -l </proc/swaps) -le 1 ]] || die "Swap is still on; kubelet refuses to run with it."
  [[ $(</proc/sys/net/ipv4/ip_forward) == 1 ]] || die "net.ipv4.ip_forward is not 1."
  # kubelet 1.35 and newer refuse cgroup v1.
  [[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs ]] || die "This machine has cgroup v1; use a newer box."
}

main() {
  local ip
  ip=$(lab_ip)
  prefix_length >/dev/null
  wait_for_first_boot
  set_address "$ip"
  set_hosts
  turn_swap_off
  load_modules
  set_kernel_values
  # Only a machine that gets Kubernetes, too, needs what must be downloaded.
  if [[ -n $(machine_value steps.linux-containerd.name) ]]; then install_tools; fi
  verify "$ip"
  done_with "ip=$ip" "kernel=$(uname -r)"
}

main
