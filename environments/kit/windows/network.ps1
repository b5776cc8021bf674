# Step windows-network: the card on the lab's network is called "labkit" and has its fixed address.
# Calico's VXLAN adapter is set to this name (kit/manifests/calico.yaml).
param([Parameter(Mandatory = $true)][string]$LabJson, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2
. "$PSScriptRoot\lib.ps1"

$alias = 'labkit'
$lab = Read-Json $LabJson
$wanted = (Get-Machine $lab $Machine).ip
$prefix = [int]($lab.network.subnet -split '/')[1]

# Once a CNI runs, the address has moved to a virtual card made of this one: leave it there.
function Get-LabAddress {
    return Get-NetIPAddress -AddressFamily IPv4 -IPAddress $wanted -ErrorAction SilentlyContinue | Select-Object -First 1
}

# The lab's card: named so already, or holding the address, or the one without a way out.
function Find-LabCard {
    $cards = @(Get-NetAdapter | Where-Object { $_.InterfaceDescription -notmatch 'Hyper-V Virtual Ethernet' } | Sort-Object ifIndex)
    $named = @($cards | Where-Object { $_.Name -eq $alias })
    if ($named.Count -eq 1) { return $named[0] }
    $address = Get-LabAddress
    if ($address) { return $cards | Where-Object { $_.ifIndex -eq $address.InterfaceIndex } | Select-Object -First 1 }
    $gateways = @(Get-NetRoute -DestinationPrefix '0.0.0.0/0' -ErrorAction SilentlyContinue | ForEach-Object { $_.InterfaceIndex })
    $others = @($cards | Where-Object { $gateways -notcontains $_.ifIndex })
    if ($others.Count -ne 1) { throw "network: $($others.Count) cards have no default route; exactly one must be on the lab's network." }
    return $others[0]
}

$address = Get-LabAddress
if (-not ($address -and $address.InterfaceAlias -like "vEthernet*")) {
    $card = Find-LabCard
    if (-not $card) { throw 'network: no network card for the lab was found; does the provider give the machine two?' }
    Write-Note "card $($card.Name) ($($card.InterfaceDescription))"
    if ($card.Name -ne $alias) { Rename-NetAdapter -Name $card.Name -NewName $alias }
    if (-not ($address -and $address.InterfaceIndex -eq $card.ifIndex)) {
        Set-NetIPInterface -InterfaceIndex $card.ifIndex -AddressFamily IPv4 -Dhcp Disabled
        Get-NetIPAddress -InterfaceIndex $card.ifIndex -AddressFamily IPv4 -ErrorAction SilentlyContinue | Remove-NetIPAddress -Confirm:$false
        New-NetIPAddress -InterfaceIndex $card.ifIndex -IPAddress $wanted -PrefixLength $prefix | Out-Null
    }
}

Wait-Until "address $wanted is usable" { $found = Get-LabAddress; $found -and "$($found.AddressState)" -eq 'Preferred' } 60

# Named ports only; the firewall stays on.
Add-FirewallRule 'labkit-kubelet' 'TCP' '10250'
Add-FirewallRule 'labkit-vxlan' 'UDP' '4789'
Add-FirewallRule 'labkit-icmp' 'ICMPv4' ''
Add-FirewallRule 'labkit-nodeports-tcp' 'TCP' '30000-32767'
Add-FirewallRule 'labkit-nodeports-udp' 'UDP' '30000-32767'
if ($lab.cni.name -eq 'antrea') {
    Add-FirewallRule 'labkit-geneve' 'UDP' '6081'
    Add-FirewallRule 'labkit-antrea' 'TCP' '10349-10351'
}

$others = @(Get-NetIPAddress -AddressFamily IPv4 | Where-Object { $_.IPAddress -like '169.254.*' -and $_.InterfaceAlias -eq $alias })
if ($others.Count -gt 0) { throw "network: the lab's card fell back to $($others[0].IPAddress)." }
Save-State 'windows-network' @{ ip = $wanted; alias = (Get-LabAddress).InterfaceAlias; prefix = $prefix }
exit 0
