# Step windows-inject-replace: stop who runs the binary, wait until nobody uses the file, replace and verify it.
param([Parameter(Mandatory = $true)][string]$LabJson, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2
. "$PSScriptRoot\lib.ps1"
. "$PSScriptRoot\inject-lib.ps1"

$null = Get-Before
if ((Get-CurrentSha256) -eq $Injection.sha256) { Write-Note "$Target is this binary already" }
else {
    # A pod's program is not stopped first: its kubelet would start it again at once, and hold the file.
    if ($Injection.runner.kind -eq 'service') { Stop-Runner }
    Wait-Lock
    Set-Binary $Injection.sha256
}
if ((Get-CurrentSha256) -ne $Injection.sha256) { throw "inject: $Target is not the new $Component." }
Save-State 'windows-inject-replace' @{ component = $Component; sha256 = $Injection.sha256 }
exit 0
