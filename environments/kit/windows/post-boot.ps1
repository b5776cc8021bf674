# Step windows-post-boot: after a boot or a restored snapshot, is the node whole again? Clock,
# address, containerd, HNS networks, CNI configuration, kubelet; one restart of the kubelet at most.
param([Parameter(Mandatory = $true)][string]$LabJson, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2
. "$PSScriptRoot\lib.ps1"

$lab = Read-Json $LabJson
$wanted = (Get-Machine $lab $Machine).ip
$facts = @{ joined = (Test-Path -LiteralPath 'C:\etc\kubernetes\kubelet.conf'); kubelet_restarted = $false }

# A restored snapshot believes that it is then.
Sync-Clock
$controlPlane = (Get-ControlPlane $lab).ip
if (Test-TcpPort $controlPlane 6443) {
    $skew = Get-ClockSkew "https://${controlPlane}:6443/healthz"
    if ([Math]::Abs($skew) -gt 5) { Write-Note "this clock is $skew s off; setting it"; Set-Date -Adjust (New-TimeSpan -Seconds (-$skew)) | Out-Null }
    $facts['clock_skew_s'] = $skew
}

function Test-LabAddress {
    $found = Get-NetIPAddress -AddressFamily IPv4 -IPAddress $wanted -ErrorAction SilentlyContinue
    return $null -ne $found
}
try { Wait-Until "the card has $wanted" { Test-LabAddress } 180 }
catch {
    $stray = @(Get-NetIPAddress -AddressFamily IPv4 | Where-Object { $_.IPAddress -like '169.254.*' } | ForEach-Object { $_.InterfaceAlias })
    throw "post-boot: no card has $wanted ($($stray -join ', ') fell back to 169.254.x); reload the machine."
}

if (-not $facts.joined) {
    Save-State 'windows-post-boot' $facts
    exit 0
}

foreach ($name in 'hns', 'vmcompute', 'containerd') {
    Wait-Until "service $name runs" { if (-not (Test-RunningService $name)) { Start-Service -Name $name -ErrorAction SilentlyContinue }; Test-RunningService $name } 180
}
Wait-Until 'containerd answers at its pipe' { Test-Pipe 'containerd-containerd' } 120

# Before the networks: the plugin's pod makes them anew, and the kubelet starts it.
if (-not (Test-RunningService 'kubelet')) { Start-Service -Name kubelet -ErrorAction SilentlyContinue }

$networks = @{ 'calico' = 'Calico'; 'antrea' = 'antrea-hnsnetwork' }
if ($networks.ContainsKey($lab.cni.name)) {
    $network = $networks[$lab.cni.name]
    Import-Module HostNetworkingService
    Wait-Until "HNS network $network is back" { @(Get-HnsNetwork | Where-Object { $_.Name -eq $network }).Count -gt 0 } 600
    Wait-Until 'the CNI configuration is there' { @(Get-ChildItem -Path 'C:\etc\cni\net.d' -Filter '*.conf*' -ErrorAction SilentlyContinue).Count -gt 0 } 300
}

if (-not (Test-RunningService 'kubelet')) { Start-Service -Name kubelet }
try { Wait-Until 'the kubelet is healthy' { Test-Kubelet } 120 }
catch {
    Write-Note 'restarting the kubelet once'
    Restart-Service -Name kubelet -Force
    $facts['kubelet_restarted'] = $true
    Wait-Until 'the kubelet is healthy after its restart (if not: reload the machine)' { Test-Kubelet } 120
}
Save-State 'windows-post-boot' $facts
exit 0
