# Step windows-inject-prepare: bring the new binary, keep the old one, ask both sides for the flag lint. Nothing that runs is touched.
param([Parameter(Mandatory = $true)][string]$LabJson, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2
. "$PSScriptRoot\lib.ps1"
. "$PSScriptRoot\inject-lib.ps1"

function Receive-New {
    if (Test-Kept $Injection.sha256) { return }
    if (-not $Injection.url) { throw "inject: this machine has not kept $Component with sha256 $($Injection.sha256): it cannot be put back." }
    $file = Get-Download ([pscustomobject]@{ url = $Injection.url; file = "$Component.exe"; sha256 = $Injection.sha256; sha256_url = ''; version = "inject-$($Injection.sha256.Substring(0, 12))" })
    Move-Item -Force -LiteralPath $file -Destination (Get-KeptPath $Injection.sha256)
}

function Test-Program([string]$Path) {
    $file = [IO.File]::OpenRead($Path)
    try { return $file.ReadByte() -eq 0x4D -and $file.ReadByte() -eq 0x5A }
    finally { $file.Close() }
}

# The note is written once: a second attempt would take the new binary for the old one.
function Save-Current {
    $now = Get-CurrentSha256
    if (-not (Test-Path -LiteralPath $Note)) { Write-TextFile $Note $now }
    if ($now -eq 'none' -or (Test-Kept $now)) { return }
    $kept = Get-KeptPath $now
    Copy-Item -Force -LiteralPath $Target -Destination "$kept.part"
    Move-Item -Force -LiteralPath "$kept.part" -Destination $kept
    Write-Note "the old $Component is kept as $kept"
}

# The process knows the flags as they were expanded; a service that does not run, its own command.
function Get-CommandText {
    $running = @(Get-Users)
    if ($running.Count -gt 0 -and $running[0].CommandLine) { return $running[0].CommandLine }
    if ($Injection.runner.kind -ne 'service') { return '' }
    return (Get-CimInstance -ClassName Win32_Service -Filter "Name='$($Injection.runner.name)'").PathName
}

function Save-Answers {
    $log = "$Root\log\inject-help.log"
    # A program may end with any code after its help; that it says something is what counts.
    $process = Start-Process -FilePath (Get-KeptPath $Injection.sha256) -ArgumentList '--help' -NoNewWindow -PassThru -RedirectStandardOutput $log -RedirectStandardError "$log.err"
    $null = $process.Handle
    if (-not $process.WaitForExit(30000)) { $process.Kill(); $process.WaitForExit() }
    $help = @(Get-Content -LiteralPath $log, "$log.err" -ErrorAction SilentlyContinue) -join "`n"
    $text = "=== before`n$(Get-Before)`n=== command`n$(Get-CommandText)`n=== code`n$($process.ExitCode)`n=== help`n$help"
    Write-TextFile "$Asked\$Component.answers" $text
}

New-Item -ItemType Directory -Force -Path $Store, $Asked | Out-Null
# The dashboard's look takes the hash of what lies there.
Write-TextFile "$Asked\$Component.path" $Target
Receive-New
if (-not (Test-Program (Get-KeptPath $Injection.sha256))) { throw "inject: the new $Component is no Windows program." }
foreach ($name in @($Injection.runner.stops)) {
    if (-not (Get-Service -Name $name -ErrorAction SilentlyContinue)) { throw "inject: this machine has no service $name, so nobody would run $Component." }
}
Save-Current
Save-Answers
Save-State 'windows-inject-prepare' @{ component = $Component; sha256 = $Injection.sha256; before = (Get-Before) }
exit 0
