# Unpack the kit in the guest and run one of its steps. The Vagrantfile puts the two
# archives in place of the marks; arguments: the step's script, the machine's name.
param([Parameter(Mandatory = $true)][string]$Script, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2

$root = 'C:\labkit'
$kit = 'C:\labkit\kit'

function Expand-Archive64([string]$Text, [string]$Name) {
    $file = "$root\$Name.tar.gz"
    [IO.File]::WriteAllBytes($file, [Convert]::FromBase64String($Text))
    & "$env:SystemRoot\System32\tar.exe" -xzf $file -C $kit
    $code = $LASTEXITCODE
    Remove-Item -Force -LiteralPath $file
    if ($code -ne 0) { throw "tar.exe could not unpack $Name (exit code $code)." }
}

New-Item -ItemType Directory -Force -Path "$root\state", "$root\log" | Out-Null
# Inputs may hold a join token: the folder is for SYSTEM and Administrators only.
& "$env:SystemRoot\System32\icacls.exe" $root /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' /Q | Out-Null
if ($LASTEXITCODE -ne 0) { throw "icacls.exe could not close $root to others (exit code $LASTEXITCODE)." }
if (Test-Path -LiteralPath $kit) { Remove-Item -Recurse -Force -LiteralPath $kit }
New-Item -ItemType Directory -Path $kit | Out-Null

Expand-Archive64 -Name 'kit' -Text @'
@KIT_ARCHIVE@
'@
Expand-Archive64 -Name 'inputs' -Text @'
@INPUT_ARCHIVE@
'@
Remove-Item -Force -LiteralPath $PSCommandPath

try {
    $global:LASTEXITCODE = 0
    & (Join-Path $kit ($Script -replace '/', '\')) "$kit\lab.json" $Machine
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}
finally {
    if (Test-Path -LiteralPath "$kit\inputs") { Remove-Item -Recurse -Force -LiteralPath "$kit\inputs" }
}
exit 0
