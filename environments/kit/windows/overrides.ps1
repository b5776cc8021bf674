# Step windows-overrides: put other binaries in place of the release's, each with a way back.
# A running program can be renamed on Windows, so the old file makes room and stays as backup.
param([Parameter(Mandatory = $true)][string]$LabJson, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2
. "$PSScriptRoot\lib.ps1"

$null = Get-Machine (Read-Json $LabJson) $Machine
$overrides = @((Read-Json (Get-Rendered $LabJson 'overrides.json')).windows | Where-Object { $null -ne $_ })
# What must stop before, in this order, and start again in the opposite one.
$services = @{ 'kubelet' = @('kubelet'); 'containerd' = @('kubelet', 'containerd'); 'shim' = @('kubelet', 'containerd') }
$targets = @{
    'containerd' = "$ContainerdDir\containerd.exe"
    'shim' = "$ContainerdDir\containerd-shim-runhcs-v1.exe"
}

function Get-Target([string]$Name) {
    if ($targets.ContainsKey($Name)) { return $targets[$Name] }
    return "C:\k\$Name.exe"
}

# From a release archive only the one program is taken.
function Get-NewBinary($Item) {
    if (-not $Item.url) { throw "overrides: no address for $($Item.binary); the dashboard has not offered the file from $($Item.source)." }
    if (-not ($Item.sha256 -or $Item.sha256_url)) { throw "overrides: no checksum for $($Item.binary)." }
    $name = ($Item.url -split '/')[-1]
    $version = "override-$($Item.binary)"
    $file = Get-Download ([pscustomobject]@{ url = $Item.url; file = $name; sha256 = $Item.sha256; sha256_url = $Item.sha256_url; version = $version }) 1MB
    if ($name -notlike '*.tar.gz') { return $file }
    $folder = "$Root\download\$version"
    New-Item -ItemType Directory -Force -Path $folder | Out-Null
    $null = Invoke-Native "$System32\tar.exe" @('-xf', "`"$file`"", '--strip-components', '1', '-C', "`"$folder`"")
    return "$folder\$(Split-Path -Leaf (Get-Target $Item.binary))"
}

function Get-ProgramVersion([string]$Path, [string]$Name) {
    if ($Name -eq 'shim') { $argument = '-v' } elseif ($Name -eq 'kubeadm') { $argument = 'version' } elseif ($Name -eq 'kubectl') { $argument = 'version --client' } else { $argument = '--version' }
    $log = "$Root\log\override-version.log"
    $null = Invoke-Native $Path @($argument) -Log $log -LimitSeconds 60
    return (@(Get-Content -LiteralPath $log) -join ' ').Trim()
}

function Stop-Users([string]$Name) {
    if (-not $services.ContainsKey($Name)) { return }
    foreach ($service in $services[$Name]) {
        if (Test-RunningService $service) { Write-Note "stopping $service"; Stop-Service -Name $service -Force }
    }
}

function Start-Users([string]$Name) {
    if ($Name -eq 'kube-proxy') {
        # Its pod starts the new program by itself.
        Get-Process -Name 'kube-proxy' -ErrorAction SilentlyContinue | Stop-Process -Force
        return
    }
    if (-not $services.ContainsKey($Name)) { return }
    $order = @($services[$Name])
    [array]::Reverse($order)
    foreach ($service in $order) {
        Start-Service -Name $service
        if ($service -eq 'containerd') { Wait-Until 'containerd answers at its pipe' { Test-Pipe 'containerd-containerd' } 120 }
    }
    Test-Stable $order
}

# A program that crashes at once is Running for a moment, too.
function Test-Stable([string[]]$Names) {
    $end = (Get-Date).AddSeconds(30)
    while ((Get-Date) -lt $end) {
        foreach ($name in $Names) {
            if (-not (Test-RunningService $name)) { throw "overrides: $name did not stay up." }
        }
        Start-Sleep -Seconds 3
    }
}

function Replace-Binary($Item) {
    $target = Get-Target $Item.binary
    $new = Get-NewBinary $Item
    if (-not (Test-Executable $new)) { throw "overrides: $($Item.url) is no Windows program." }
    $hash = Get-FileSha256 $new
    $old = Get-FileSha256 $target
    $facts = @{ binary = $Item.binary; source = $Item.source; old_sha256 = $old; new_sha256 = $hash; version = (Get-ProgramVersion $new $Item.binary); changed = ($old -ne $hash) }
    if ($old -eq $hash) { Write-Note "$($Item.binary) is this build already"; return $facts }
    $backup = "$target.bak-$((Get-Date).ToString('yyyyMMddHHmmss'))"
    Stop-Users $Item.binary
    Move-Item -LiteralPath $target -Destination $backup
    try {
        Copy-Item -LiteralPath $new -Destination $target
        if ((Get-FileSha256 $target) -ne $hash) { throw "overrides: $target differs from its download." }
        Start-Users $Item.binary
    }
    catch {
        Write-Note "putting the old $($Item.binary) back"
        $reason = "$_"
        Stop-Users $Item.binary
        if (Test-Path -LiteralPath $target) { Move-Item -Force -LiteralPath $target -Destination "$target.failed" }
        Move-Item -LiteralPath $backup -Destination $target
        Start-Users $Item.binary
        throw "overrides: $($Item.binary) was put back: $reason"
    }
    Write-Note "$($Item.binary): $($facts.version)"
    return $facts
}

$done = @()
foreach ($item in $overrides) { $done += Replace-Binary $item }
if (@($overrides | Where-Object { $_.binary -eq 'shim' }).Count -gt 0) { Write-Note 'pods that run already keep their old shim; those made from now on have the new one' }
Save-State 'windows-overrides' @{ overrides = $done }
exit 0
