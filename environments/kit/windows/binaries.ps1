# Step windows-binaries: Kubernetes' programs in C:\k and the kubelet as a Windows service, not yet started.
param([Parameter(Mandatory = $true)][string]$LabJson, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2
. "$PSScriptRoot\lib.ps1"

$lab = Read-Json $LabJson
$null = Get-Machine $lab $Machine
$downloads = (Read-Json (Get-Rendered $LabJson 'downloads.json')).windows
$isJoined = Test-Path -LiteralPath 'C:\etc\kubernetes\kubelet.conf'

foreach ($folder in 'C:\k', 'C:\var\log\kubelet', 'C:\var\lib\kubelet', 'C:\etc\kubernetes\manifests', 'C:\etc\kubernetes\pki') {
    New-Item -ItemType Directory -Force -Path $folder | Out-Null
}

# A joined node may carry an override: windows-overrides says so, and it stays.
function Test-Overridden([string]$Name) {
    $items = @((Read-Json (Get-Rendered $LabJson 'overrides.json')).windows)
    return $isJoined -and @($items | Where-Object { $_.binary -eq $Name }).Count -gt 0
}

function Install-Program([string]$Name) {
    $target = "C:\k\$Name.exe"
    if ((Test-Path -LiteralPath $target) -and (Test-Overridden $Name)) { Write-Note "$Name stays overridden"; return }
    $file = Get-Download $downloads.$Name 1MB
    if (-not (Test-Executable $file)) { throw "binaries: $($downloads.$Name.url) is no Windows program." }
    $hash = Get-FileSha256 $file
    if ((Test-Path -LiteralPath $target) -and (Get-FileSha256 $target) -eq $hash) { return }
    if ($Name -in 'kubelet', 'kube-log-runner' -and (Test-RunningService 'kubelet')) { Stop-Service -Name kubelet }
    Copy-Item -Force -LiteralPath $file -Destination $target
    if ((Get-FileSha256 $target) -ne $hash) { throw "binaries: $target differs from its download." }
    Write-Note "$Name $($downloads.$Name.version) is in place"
}

$programs = @('kubelet', 'kubeadm', 'kubectl', 'kube-log-runner')
if ($lab.cni.name -ne 'antrea') { $programs += 'kube-proxy' }
foreach ($name in $programs) { Install-Program $name }
Add-MachinePath 'C:\k'
$null = Invoke-Native 'C:\k\kubelet.exe' @('--version') -Log "$Root\log\kubelet-version.log"
$version = [IO.File]::ReadAllText("$Root\log\kubelet-version.log").Trim()

# The flags were chosen for this version; an unknown one would only show as a service that stops.
$null = Invoke-Native 'C:\k\kubelet.exe' @('--help') -Log "$Root\log\kubelet-help.log" -Quiet
$help = [IO.File]::ReadAllText("$Root\log\kubelet-help.log")
$command = [IO.File]::ReadAllText((Get-Rendered $LabJson "kubelet-$Machine.txt")).Trim()
$kubeletPart = $command.Substring($command.IndexOf('kubelet.exe '))
foreach ($found in [regex]::Matches($kubeletPart, '--([a-z-]+)')) {
    if (-not $help.Contains($found.Value)) { throw "binaries: kubelet $version has unknown flag: $($found.Value)" }
}

if (-not (Get-Service -Name kubelet -ErrorAction SilentlyContinue)) {
    New-Service -Name kubelet -BinaryPathName $command -DependsOn containerd -StartupType Manual | Out-Null
}
$service = Get-CimInstance -ClassName Win32_Service -Filter "Name='kubelet'"
if ($service.PathName -ne $command) {
    $result = Invoke-CimMethod -InputObject $service -MethodName Change -Arguments @{ PathName = $command }
    if ($result.ReturnValue -ne 0) { throw "binaries: the kubelet service could not be changed ($($result.ReturnValue))." }
}
$null = Invoke-Native "$System32\sc.exe" @('failure', 'kubelet', 'reset=', '86400', 'actions=', 'restart/5000/restart/10000/restart/30000')
$null = Invoke-Native "$System32\sc.exe" @('failureflag', 'kubelet', '1')
# Before the join it has no configuration: a start would only fail.
if ($isJoined) { Start-Service -Name kubelet }

if ($lab.cni.name -eq 'antrea') {
    foreach ($item in 'antrea-prepare-agent', 'antrea-clean-network') {
        New-Item -ItemType Directory -Force -Path 'C:\k\antrea' | Out-Null
        Copy-Item -Force -LiteralPath (Get-Download $downloads.$item) -Destination "C:\k\antrea\$($downloads.$item.file)"
    }
    # HNS forgets Antrea's network at each boot; the agent's pod needs it prepared.
    $run = '-NoProfile -ExecutionPolicy Bypass -Command "& C:\k\antrea\Prepare-AntreaAgent.ps1 -RunOVSServices $false"'
    $action = New-ScheduledTaskAction -Execute "$System32\WindowsPowerShell\v1.0\powershell.exe" -Argument $run
    Register-ScheduledTask -Force -TaskName 'labkit-antrea' -Action $action -Trigger (New-ScheduledTaskTrigger -AtStartup) -User 'SYSTEM' -RunLevel Highest | Out-Null
    Start-ScheduledTask -TaskName 'labkit-antrea'
}

if ((Get-CimInstance -ClassName Win32_Service -Filter "Name='kubelet'").PathName -ne $command) { throw 'binaries: the kubelet service has another command than the rendered one.' }
Save-State 'windows-binaries' @{ kubelet = $version; service = $command }
exit 0
