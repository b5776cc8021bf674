# Step windows-preflight: tell early what would fail late, and tune what disturbs a lab.
param([Parameter(Mandatory = $true)][string]$LabJson, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2
. "$PSScriptRoot\lib.ps1"

$lab = Read-Json $LabJson
$null = Get-Machine $lab $Machine
$build = [Environment]::OSVersion.Version.Build
$system = Get-CimInstance -ClassName Win32_OperatingSystem
$memoryMib = [int]($system.TotalVisibleMemorySize / 1024)
$freeGib = [int]([IO.DriveInfo]::new('C').AvailableFreeSpace / 1073741824)
Write-Note "Windows build $build, $memoryMib MiB of memory, $freeGib GiB free on C:"

if ($build -lt 17763) { throw "preflight: Windows build $build is too old; Server 2019 (17763) is the oldest that runs these containers." }
if ($memoryMib -lt 3800) { throw "preflight: $memoryMib MiB of memory; give the machine 4096 or more." }
if ($freeGib -lt 15) { throw "preflight: $freeGib GiB free on C:; images need 15 or more. Enlarge the disk of the box." }
if ($freeGib -lt 30) { Write-Warning "preflight: $freeGib GiB free on C:; large images need 30." }
foreach ($program in 'curl.exe', 'tar.exe', 'icacls.exe') {
    if (-not (Test-Path -LiteralPath "$System32\$program")) { throw "preflight: $System32\$program is missing." }
}

$days = Get-LicenseDays
if ($days -eq 0) { throw 'preflight: the Windows evaluation licence has expired; the machine turns itself off every hour. Use a newer box, or slmgr.vbs /rearm.' }
if ($days -gt 0 -and $days -lt 14) { Write-Warning "preflight: the Windows evaluation licence ends in $days days." }
if ($days -ge 0) { Write-Note "licence: $days days left" }

# No update in the middle of a lab.
$update = 'HKLM:\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU'
Set-Dword $update 'NoAutoUpdate' 1
Set-Dword $update 'AUOptions' 2
# HNS reshapes the network at boot; WinRM that starts early is dropped in mid-step.
$null = Invoke-Native "$System32\sc.exe" @('config', 'winrm', 'start=', 'delayed-auto')
$null = Invoke-Native "$System32\powercfg.exe" @('/setactive', '8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c') -Accept @(0, 1)
$null = Invoke-Native "$System32\tzutil.exe" @('/s', 'UTC')
Sync-Clock
New-Item -ItemType Directory -Force -Path 'C:\tmp' | Out-Null

if ((Get-ItemProperty -LiteralPath $update).NoAutoUpdate -ne 1) { throw 'preflight: Windows Update could not be switched off.' }
if ((& "$System32\tzutil.exe" /g) -ne 'UTC') { throw 'preflight: the time zone is not UTC.' }
if ($LASTEXITCODE -ne 0) { throw "preflight: tzutil.exe ended with exit code $LASTEXITCODE." }
Save-State 'windows-preflight' @{ build = "$build"; memory_mib = $memoryMib; free_gib = $freeGib; licence_days = $days }
exit 0
