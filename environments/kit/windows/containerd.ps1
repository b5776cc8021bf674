# Step windows-containerd: containerd with the rendered configuration, its service, and crictl.
param([Parameter(Mandatory = $true)][string]$LabJson, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2
. "$PSScriptRoot\lib.ps1"

$null = Get-Machine (Read-Json $LabJson) $Machine
if (-not (Get-WindowsFeature -Name Containers).Installed) { throw 'containerd: the feature Containers is not installed; run the step windows-features, then reboot.' }

$downloads = (Read-Json (Get-Rendered $LabJson 'downloads.json')).windows
$wantedVersion = $downloads.containerd.version
$program = "$ContainerdDir\containerd.exe"
$config = "$ContainerdDir\config.toml"
$changed = $false

function Get-ContainerdVersion {
    if (-not (Test-Path -LiteralPath $program)) { return '' }
    $null = Invoke-Native $program @('--version') -Log "$Root\log\containerd-version.log" -Quiet
    $text = [IO.File]::ReadAllText("$Root\log\containerd-version.log")
    if ($text -match '\sv(\d[^\s]*)') { return $Matches[1] }
    return ''
}

# The machine's own file system stays writable while containerd runs; its programs do not.
function Stop-Containerd {
    foreach ($name in 'kubelet', 'containerd') {
        if (Test-RunningService $name) { Write-Note "stopping $name"; Stop-Service -Name $name -Force }
    }
}

if ((Get-ContainerdVersion) -ne $wantedVersion) {
    $archive = Get-Download $downloads.containerd 10MB
    Stop-Containerd
    New-Item -ItemType Directory -Force -Path $ContainerdDir | Out-Null
    $null = Invoke-Native "$System32\tar.exe" @('-xf', "`"$archive`"", '--strip-components', '1', '-C', "`"$ContainerdDir`"")
    $changed = $true
}
if ((Get-ContainerdVersion) -ne $wantedVersion) { throw "containerd: $program is not version $wantedVersion after it was unpacked." }

$text = [IO.File]::ReadAllText((Get-Rendered $LabJson 'containerd-windows.toml'))
if (-not (Test-Path -LiteralPath $config) -or [IO.File]::ReadAllText($config) -ne $text) {
    Write-TextFile $config $text
    $changed = $true
}
# A configuration that does not parse would only show as a service that does not start.
$null = Invoke-Native $program @('--config', "`"$config`"", 'config', 'dump') -Log "$Root\log\containerd-config.log" -Quiet

foreach ($folder in 'C:\opt\cni\bin', 'C:\etc\cni\net.d', 'C:\var\log\containerd', 'C:\var\log\pods', 'C:\var\log\containers') {
    New-Item -ItemType Directory -Force -Path $folder | Out-Null
}
foreach ($name in 'containerd.exe', 'ctr.exe') {
    # The boxes often have Defender switched off; then there is nothing to exclude.
    try { Add-MpPreference -ExclusionProcess "$ContainerdDir\$name" } catch { Write-Note "Defender takes no exclusion for $name" }
}

if (-not (Get-Service -Name containerd -ErrorAction SilentlyContinue)) {
    $null = Invoke-Native $program @('--register-service', '--log-level', 'info', '--log-file', 'C:\var\log\containerd\containerd.log')
}
Set-Service -Name containerd -StartupType Automatic
if ($changed) { Stop-Containerd }
if (-not (Test-RunningService 'containerd')) { Start-Service -Name containerd }
Wait-Until 'containerd answers at its pipe' { Test-Pipe 'containerd-containerd' } 120
$null = Invoke-Native "$ContainerdDir\ctr.exe" @('version') -LimitSeconds 60

$crictl = "$ContainerdDir\crictl.exe"
$marker = "$ContainerdDir\crictl.version"
if (-not (Test-Path -LiteralPath $marker) -or [IO.File]::ReadAllText($marker) -ne $downloads.crictl.version) {
    $archive = Get-Download $downloads.crictl 1MB
    $null = Invoke-Native "$System32\tar.exe" @('-xf', "`"$archive`"", '-C', "`"$ContainerdDir`"")
    Write-TextFile $marker $downloads.crictl.version
}
Write-TextFile "$env:USERPROFILE\.crictl\crictl.yaml" "runtime-endpoint: $CriSocket`nimage-endpoint: $CriSocket`n"
Add-MachinePath $ContainerdDir
$null = Invoke-Native $crictl @('-r', $CriSocket, 'info') -Log "$Root\log\crictl-info.log" -LimitSeconds 60 -Quiet

Save-State 'windows-containerd' @{ version = (Get-ContainerdVersion); service = "$((Get-Service -Name containerd).Status)"; crictl = $downloads.crictl.version }
exit 0
