# Step windows-features: Windows features and settings that need a reboot. Vagrant reboots after
# this step; the next one checks that the features are there.
param([Parameter(Mandatory = $true)][string]$LabJson, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2
. "$PSScriptRoot\lib.ps1"

$lab = Read-Json $LabJson
$null = Get-Machine $lab $Machine
$build = [Environment]::OSVersion.Version.Build

# A job, so that progress can be told while the installer is silent for minutes.
function Install-Feature([string]$Name) {
    if ((Get-WindowsFeature -Name $Name).Installed) { Write-Note "feature $Name is installed"; return }
    Write-Note "installing feature $Name"
    $job = Start-Job -ArgumentList $Name -ScriptBlock {
        param($Feature)
        $result = Install-WindowsFeature -Name $Feature
        "$($result.ExitCode)"
    }
    Wait-Until "feature $Name" { "$($job.State)" -ne 'Running' } 1500
    $code = Receive-Job -Job $job
    Write-Note "feature ${Name}: $code"
    if (-not (Get-WindowsFeature -Name $Name).Installed -and "$code" -notmatch 'SuccessRestartRequired') { throw "features: $Name is not installed ($code)." }
}

# Antrea needs the virtual switch without a hypervisor: everything on, then the hypervisor off again.
function Install-VirtualSwitch {
    $feature = Get-WindowsOptionalFeature -Online -FeatureName 'Microsoft-Hyper-V'
    if ("$($feature.State)" -eq 'Enabled') { return }
    $dism = "$System32\dism.exe"
    $null = Invoke-Native $dism @('/online', '/enable-feature', '/featurename:Microsoft-Hyper-V', '/all', '/NoRestart', '/quiet') -Accept @(0, 1, 3010) -LimitSeconds 1500
    $null = Invoke-Native $dism @('/online', '/disable-feature', '/featurename:Microsoft-Hyper-V-Online', '/NoRestart', '/quiet') -Accept @(0, 1, 3010) -LimitSeconds 900
}

Install-Feature 'Containers'
if ($lab.cni.name -eq 'antrea') {
    Install-Feature 'Hyper-V-PowerShell'
    Install-VirtualSwitch
    # Antrea's Open vSwitch driver carries a test signature.
    $null = Invoke-Native "$System32\bcdedit.exe" @('/set', 'TESTSIGNING', 'ON')
    $secure = $false
    try { $secure = Confirm-SecureBootUEFI } catch [PlatformNotSupportedException] { $secure = $false }
    if ($secure) { throw 'features: Secure Boot is on; the Open vSwitch driver of Antrea cannot be loaded. Switch it off in the VM.' }
}

$null = Invoke-Native "$System32\netsh.exe" @('int', 'ipv4', 'set', 'dynamicportrange', 'tcp', '34000', '31536')
Set-Dword 'HKLM:\SYSTEM\CurrentControlSet\Services\hns\State' 'EnableCompartmentNamespace' 1
$overrides = 'HKLM:\SYSTEM\CurrentControlSet\Policies\Microsoft\FeatureManagement\Overrides'
# Less waiting for locks in the virtual filtering platform; each release has its own switch.
if ($build -ge 26100) { Set-Dword $overrides '520997518' 1 }
elseif ($build -ge 20348) { Set-Dword $overrides '1114842764' 0 }
else {
    Set-Dword 'HKLM:\SYSTEM\CurrentControlSet\Services\hns\State' 'HNSControlFlag' 80
    Set-Dword 'HKLM:\SYSTEM\CurrentControlSet\Services\wcifs' 'WcifsSOPCountDisabled' 0
}

# A reboot is refused while others are logged on.
$sessions = @()
if (Test-Path -LiteralPath "$System32\quser.exe") {
    # Exit code 1 is its way to say that nobody is.
    $null = Invoke-Native "$System32\quser.exe" @('/server:localhost') -Accept @(0, 1) -Log "$Root\log\quser.log"
    $sessions = @(Get-Content -LiteralPath "$Root\log\quser.log" | Select-Object -Skip 1)
}
foreach ($line in $sessions) {
    if ($line -match '\s(\d+)\s+(Active|Disc)') {
        Write-Note "logging off session $($Matches[1])"
        $null = Invoke-Native "$System32\logoff.exe" @($Matches[1]) -Accept @(0, 1)
    }
}
Save-State 'windows-features' @{ containers = "$((Get-WindowsFeature -Name Containers).InstallState)"; reboot_pending = (Test-PendingReboot) }
exit 0
