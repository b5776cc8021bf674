# Shared by the steps of an injection: what goes where, who runs it, the store of binaries. Dot-source it after
# lib.ps1, with $LabJson set. The dashboard lays inputs\injection.json right before each step; docs/inject.md.
# Each binary that ever lay in place is kept by its sha256: a roll back needs no dashboard and no network.
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2

$Injection = Read-Json (Join-Path (Join-Path (Split-Path -Parent $LabJson) 'inputs') 'injection.json')
$Component = $Injection.component
if ($Component -notmatch '^[a-z0-9][a-z0-9.-]{0,39}$') { throw "inject: '$Component' is no component." }
if ($Injection.sha256 -notmatch '^[0-9a-f]{64}$') { throw 'inject: the sha256 is none.' }
$Target = $Injection.path
$Store = "$Root\binaries\$Component"
$Asked = "$Root\state\inject"
# The sha256 of what lay there before this injection, 'none' when nothing did.
$Note = "$Asked\$Component-$([int64]$Injection.id).before"
$Kubectl = 'C:\k\kubectl.exe'
$NodeConfig = 'C:\etc\kubernetes\kubelet.conf'

function Get-KeptPath([string]$Sha256) { return "$Store\$Sha256.exe" }

function Get-CurrentSha256 {
    if (-not (Test-Path -LiteralPath $Target)) { return 'none' }
    return Get-FileSha256 $Target
}

function Test-Kept([string]$Sha256) {
    $path = Get-KeptPath $Sha256
    return (Test-Path -LiteralPath $path) -and (Get-FileSha256 $path) -eq $Sha256
}

function Get-Before {
    if (-not (Test-Path -LiteralPath $Note)) { throw "inject: nothing was noted of the $Component that lay there before." }
    return [IO.File]::ReadAllText($Note).Trim()
}

# The processes that run the file in place.
function Get-Users {
    $name = [IO.Path]::GetFileNameWithoutExtension($Target)
    return @(Get-CimInstance -ClassName Win32_Process -Filter "Name='$name.exe'" | Where-Object { $_.ExecutablePath -eq $Target })
}

function Stop-Runner {
    foreach ($name in @($Injection.runner.stops)) {
        if (Test-RunningService $name) { Write-Note "stopping $name"; Stop-Service -Name $name -Force }
    }
}

# Opened by nobody else: the service's process has ended, and no scanner holds the file.
function Test-Free {
    if (-not (Test-Path -LiteralPath $Target)) { return $true }
    try { ([IO.File]::Open($Target, 'Open', 'ReadWrite', 'None')).Close(); return $true }
    catch { return $false }
}

# A program that runs may be renamed on Windows, so a pod's program makes room while it runs.
function Move-Aside {
    $aside = "$Target.replaced-$((Get-Date).ToString('yyyyMMddHHmmss'))"
    try { Move-Item -LiteralPath $Target -Destination $aside; return $true }
    catch { return $false }
}

function Wait-Lock {
    if (-not (Test-Path -LiteralPath $Target)) { return }
    try {
        if ($Injection.runner.kind -eq 'service') { Wait-Until "$Target is free" { Test-Free } $Injection.lock_s }
        else { Wait-Until "$Target can be moved aside" { Move-Aside } $Injection.lock_s }
    }
    catch {
        $holders = @(Get-Users | ForEach-Object { "$($_.ProcessId)" }) -join ', '
        throw "inject: $Target stays in use (processes: $holders); nothing was replaced."
    }
}

function Set-Binary([string]$Sha256) {
    if (-not (Test-Kept $Sha256)) { throw "inject: this machine has not kept $Component with sha256 $Sha256." }
    New-Item -ItemType Directory -Force -Path (Split-Path -Parent $Target) | Out-Null
    Copy-Item -Force -LiteralPath (Get-KeptPath $Sha256) -Destination $Target
    if ((Get-FileSha256 $Target) -ne $Sha256) { throw "inject: $Target has not the sha256 $Sha256 after it was replaced." }
    Write-Note "$Target is $Sha256"
}

# Files that were moved aside go as soon as nothing runs them any more.
function Clear-Aside {
    Get-ChildItem -Path "$Target.replaced-*" -ErrorAction SilentlyContinue | Remove-Item -Force -ErrorAction SilentlyContinue
}

function Start-Runner {
    $order = @($Injection.runner.stops)
    [array]::Reverse($order)
    foreach ($name in $order) {
        if (-not (Test-RunningService $name)) { Write-Note "starting $name"; Start-Service -Name $name -ErrorAction SilentlyContinue }
        if ($name -eq 'containerd') { Wait-Until 'containerd answers at its pipe' { Test-Pipe 'containerd-containerd' } 120 }
    }
}

function Get-ServicePid([string]$Name) {
    return (Get-CimInstance -ClassName Win32_Service -Filter "Name='$Name'").ProcessId
}

# A program that crashes at once is Running for a moment, too, and its service starts it again.
function Test-StaysUp([string]$Name) {
    $first = Get-ServicePid $Name
    $end = (Get-Date).AddSeconds($Injection.settle_s)
    while ((Get-Date) -lt $end) {
        Start-Sleep -Seconds 2
        if (-not (Test-RunningService $Name) -or (Get-ServicePid $Name) -ne $first) { return $false }
    }
    return $true
}

function Test-ServiceHealth([string]$Name) {
    if ($Name -eq 'kubelet' -and -not (Test-Path -LiteralPath $NodeConfig)) { Write-Note 'this machine has not joined: the kubelet cannot run yet'; return $true }
    try {
        Wait-Until "service $Name runs" { Test-RunningService $Name } 30
        if (-not (Test-StaysUp $Name)) { Write-Note "service $Name did not stay up"; return $false }
        if ($Name -eq 'kubelet') { Wait-Until 'the kubelet is healthy' { Test-Kubelet } 120 }
        return $true
    }
    catch { Write-Note "$_"; return $false }
}

# -- HostProcess pods: the node may list and delete the pods that are bound to itself --------------------

function Get-OwnPods {
    $log = "$Root\log\inject-pods.json"
    $arguments = @('--kubeconfig', $NodeConfig, '--request-timeout=20s', 'get', 'pods', '-A', '--field-selector', "spec.nodeName=$Machine", '-o', 'json')
    $null = Invoke-Native $Kubectl $arguments -Log $log -LimitSeconds 40 -Quiet
    $owner = $Injection.runner.name
    return @((Read-Json $log).items | Where-Object { $_.metadata.PSObject.Properties['ownerReferences'] -and @($_.metadata.ownerReferences | Where-Object { $_.name -eq $owner }).Count -gt 0 })
}

# Deleted and not only restarted: a pod in its back-off would take the new file minutes later.
function Restart-Pods {
    foreach ($pod in Get-OwnPods) {
        Write-Note "deleting pod $($pod.metadata.name); its DaemonSet makes it anew"
        $null = Invoke-Native $Kubectl @('--kubeconfig', $NodeConfig, '-n', $pod.metadata.namespace, 'delete', 'pod', $pod.metadata.name, '--wait=true', '--timeout=120s') -Log "$Root\log\inject-delete.log" -LimitSeconds 150
    }
}

function Test-PodReady {
    $ready = @(Get-OwnPods | Where-Object { -not $_.metadata.PSObject.Properties['deletionTimestamp'] } | Where-Object { @($_.status.conditions | Where-Object { $_.type -eq 'Ready' -and $_.status -eq 'True' }).Count -gt 0 })
    return $ready.Count -gt 0 -and @(Get-Users).Count -gt 0
}

function Test-PodHealth {
    try {
        Wait-Until "a pod of $($Injection.runner.name) is ready on this machine and runs $Target" { Test-PodReady } 300
        $first = @(Get-Users)[0].ProcessId
        Start-Sleep -Seconds $Injection.settle_s
        return @(Get-Users | Where-Object { $_.ProcessId -eq $first }).Count -gt 0
    }
    catch { Write-Note "$_"; return $false }
}

# -- both ------------------------------------------------------------------------------------------------

function Start-AndTest {
    if ($Injection.runner.kind -eq 'nobody') { Clear-Aside; Write-Note "nobody runs $Component all the time: the next call takes this file"; return $true }
    if ($Injection.runner.kind -eq 'pod') { Restart-Pods; $isWell = Test-PodHealth; Clear-Aside; return $isWell }
    Start-Runner
    $order = @($Injection.runner.stops)
    [array]::Reverse($order)
    foreach ($name in $order) {
        if (-not (Test-ServiceHealth $name)) { Write-LastWords $name; return $false }
    }
    return $true
}

function Write-LastWords([string]$Name) {
    $log = "C:\var\log\$Name\$Name.log"
    if (Test-Path -LiteralPath $log) { Get-Content -LiteralPath $log -Tail 30 | ForEach-Object { Write-Host $_ } }
}
