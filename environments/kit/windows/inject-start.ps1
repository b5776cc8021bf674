# Step windows-inject-start: start who runs the binary, and watch whether it lives.
param([Parameter(Mandatory = $true)][string]$LabJson, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2
. "$PSScriptRoot\lib.ps1"
. "$PSScriptRoot\inject-lib.ps1"

if ((Get-CurrentSha256) -ne $Injection.sha256) { throw "inject: $Target is not the new $Component." }
if (-not (Start-AndTest)) { throw "inject: the new $Component does not come up; its last lines are above." }
Save-State 'windows-inject-start' @{ component = $Component; sha256 = $Injection.sha256; runner = $Injection.runner.kind }
exit 0
