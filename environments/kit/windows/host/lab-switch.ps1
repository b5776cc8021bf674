# On the Hyper-V lab host, not in a guest: give one VM its card on the lab's own internal
# switch. The "Default Switch" changes its subnet with each boot of the host; this one stays.
# Idempotent; needs an elevated shell.
param(
    [Parameter(Mandatory = $true)][string]$VMName,
    [Parameter(Mandatory = $true)][string]$SwitchName,
    [Parameter(Mandatory = $true)][string]$Gateway,
    [Parameter(Mandatory = $true)][int]$PrefixLength
)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2

if (-not (Get-VMSwitch -Name $SwitchName -ErrorAction SilentlyContinue)) {
    New-VMSwitch -Name $SwitchName -SwitchType Internal | Out-Null
}
$alias = "vEthernet ($SwitchName)"
if (-not (Get-NetIPAddress -InterfaceAlias $alias -IPAddress $Gateway -ErrorAction SilentlyContinue)) {
    New-NetIPAddress -InterfaceAlias $alias -IPAddress $Gateway -PrefixLength $PrefixLength | Out-Null
}

$card = Get-VMNetworkAdapter -VMName $VMName | Where-Object { $_.Name -eq 'lab' }
if (-not $card) {
    # A generation 1 machine takes a card only while it is off; Vagrant's boxes are generation 2.
    if ((Get-VM -Name $VMName).Generation -lt 2) {
        throw "$VMName is a generation 1 machine: its card cannot be added while it runs. Use a generation 2 box."
    }
    Add-VMNetworkAdapter -VMName $VMName -SwitchName $SwitchName -Name 'lab'
}
if (-not (Get-VMNetworkAdapter -VMName $VMName | Where-Object { $_.SwitchName -eq $SwitchName })) {
    throw "$VMName has no card on the switch $SwitchName."
}
exit 0
