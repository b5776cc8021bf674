# Step windows-inject-back: put back what lay there before this injection, and see that it runs again.
param([Parameter(Mandatory = $true)][string]$LabJson, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2
. "$PSScriptRoot\lib.ps1"
. "$PSScriptRoot\inject-lib.ps1"

$before = Get-Before
if ((Get-CurrentSha256) -ne $before) {
    if ($Injection.runner.kind -eq 'service') { Stop-Runner }
    Wait-Lock
    if ($before -ne 'none') { Set-Binary $before }
    elseif (Test-Path -LiteralPath $Target) { Remove-Item -Force -LiteralPath $Target }
}
if ($before -ne 'none' -and -not (Start-AndTest)) { throw "inject: the old $Component is back in place, but it does not come up either." }
Write-Note "the old $Component ($before) is back"
Save-State 'windows-inject-back' @{ component = $Component; sha256 = $before }
exit 0
