# Shared by every step: reading lab.json, state files, downloads, native programs, services.
# Each step dot-sources this file; it changes nothing by itself.
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2

$Root = 'C:\labkit'
$System32 = "$env:SystemRoot\System32"
$ContainerdDir = "$env:ProgramFiles\containerd"
$CriSocket = 'npipe:////./pipe/containerd-containerd'

function Write-Note([string]$Text) {
    # Write-Host, so that a function's value stays its value.
    Write-Host ('[{0:HH:mm:ss}] {1}' -f (Get-Date), $Text)
}

# ASCII only and without a byte order mark: containerd and kubeadm refuse one.
function Write-TextFile([string]$Path, [string]$Text) {
    New-Item -ItemType Directory -Force -Path (Split-Path -Parent $Path) | Out-Null
    [IO.File]::WriteAllText($Path, $Text, (New-Object Text.UTF8Encoding $false))
}

function Read-Json([string]$Path) {
    return [IO.File]::ReadAllText($Path) | ConvertFrom-Json
}

function Get-Machine($Lab, [string]$Name) {
    $found = @($Lab.machines | Where-Object { $_.name -eq $Name })
    if ($found.Count -ne 1) { throw "lab.json has no machine $Name." }
    return $found[0]
}

function Get-ControlPlane($Lab) {
    return @($Lab.machines | Where-Object { $_.role -eq 'control-plane' })[0]
}

function Get-Rendered([string]$LabJson, [string]$Name) {
    $path = Join-Path (Join-Path (Split-Path -Parent $LabJson) 'rendered') $Name
    if (-not (Test-Path -LiteralPath $path)) { throw "The dashboard has not rendered $Name for this lab." }
    return $path
}

# The dashboard reads these back: what was done and the proof that it works.
function Save-State([string]$Step, [hashtable]$Facts) {
    $Facts['step'] = $Step
    $Facts['at'] = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
    $json = ConvertTo-Json -InputObject $Facts -Depth 4 -Compress
    Write-TextFile "$Root\state\$Step.json" $json
    Write-Host "state: $json"
}

# Native programs do not throw, and redirecting their errors in PowerShell 5.1 does.
function Invoke-Native([string]$Program, [string[]]$Arguments, [int[]]$Accept = @(0), [string]$Log = '', [int]$LimitSeconds = 600, [switch]$Quiet) {
    if (-not $Log) { $Log = "$Root\log\$([IO.Path]::GetFileNameWithoutExtension($Program)).log" }
    New-Item -ItemType Directory -Force -Path (Split-Path -Parent $Log) | Out-Null
    $process = Start-Process -FilePath $Program -ArgumentList $Arguments -NoNewWindow -PassThru -RedirectStandardOutput $Log -RedirectStandardError "$Log.err"
    # Without reading the handle now, ExitCode stays empty after the end.
    $null = $process.Handle
    $end = (Get-Date).AddSeconds($LimitSeconds)
    while (-not $process.WaitForExit(20000)) {
        Write-Note "$([IO.Path]::GetFileName($Program)) is still running"
        if ((Get-Date) -gt $end) {
            $process.Kill()
            throw "$Program did not end within $LimitSeconds s; its output is in $Log."
        }
    }
    $text = @(Get-Content -LiteralPath $Log, "$Log.err" -ErrorAction SilentlyContinue)
    $isWrong = $Accept -notcontains $process.ExitCode
    if ($isWrong -or -not $Quiet) { $text | ForEach-Object { Write-Host $_ } }
    if ($isWrong) { throw "$Program ended with exit code $($process.ExitCode); its output is above and in $Log." }
    return $process.ExitCode
}

# Waits for a condition and says every 20 s that it does.
function Wait-Until([string]$What, [scriptblock]$Condition, [int]$LimitSeconds) {
    $end = (Get-Date).AddSeconds($LimitSeconds)
    $said = Get-Date
    while (-not (& $Condition)) {
        if ((Get-Date) -gt $end) { throw "${What}: not within $LimitSeconds s." }
        if (((Get-Date) - $said).TotalSeconds -ge 20) { Write-Note "waiting: $What"; $said = Get-Date }
        Start-Sleep -Seconds 2
    }
}

function Test-Pipe([string]$Name) {
    return @([IO.Directory]::GetFiles('\\.\pipe\') | Where-Object { $_ -eq "\\.\pipe\$Name" }).Count -gt 0
}

function Test-TcpPort([string]$Address, [int]$Port, [int]$LimitMilliseconds = 5000) {
    $client = New-Object Net.Sockets.TcpClient
    try {
        $attempt = $client.BeginConnect($Address, $Port, $null, $null)
        return $attempt.AsyncWaitHandle.WaitOne($LimitMilliseconds) -and $client.Connected
    }
    finally { $client.Close() }
}

function Get-FileSha256([string]$Path) {
    return (Get-FileHash -LiteralPath $Path -Algorithm SHA256).Hash.ToLowerInvariant()
}

function Invoke-Curl([string]$Url, [string]$Path) {
    $arguments = @('-fL', '--silent', '--show-error', '--retry', '5', '--retry-delay', '5', '--connect-timeout', '20', '--max-time', '1200', '-o', "`"$Path`"", $Url)
    $null = Invoke-Native "$System32\curl.exe" $arguments -LimitSeconds 1300
}

# The lab host's address of a file, or its maker's when the lab host does not answer (a firewall, a later boot).
function Get-ReachableUrl($Item) {
    if (-not $Item.PSObject.Properties['origin']) { return $Item.url }
    $arguments = @('-fsI', '--connect-timeout', '5', '--max-time', '20', '-o', 'NUL', $Item.url)
    $code = Invoke-Native "$System32\curl.exe" $arguments -Accept @(0, 6, 7, 22, 28, 52, 56) -LimitSeconds 30 -Quiet
    if ($code -eq 0) { return $Item.url }
    Write-Host "the lab host does not serve $($Item.file), going to $($Item.origin)"
    return $Item.origin
}

# The hash that the publisher announces: in downloads.json, else in the file beside the download.
function Get-WantedSha256($Item) {
    if ($Item.sha256) { return $Item.sha256.ToLowerInvariant() }
    if (-not $Item.sha256_url) { return '' }
    $path = "$Root\download\$($Item.file).sha256"
    Invoke-Curl $Item.sha256_url $path
    foreach ($line in [IO.File]::ReadAllLines($path)) {
        $words = @($line.Trim() -split '\s+\*?')
        $named = $words.Count -eq 1 -or $words[1].EndsWith($Item.file)
        if ($named -and $words[0] -match '^[0-9A-Fa-f]{64}$') { return $words[0].ToLowerInvariant() }
    }
    throw "$($Item.sha256_url) holds no SHA-256 of $($Item.file)."
}

# Returns the path of a verified file; one that is there and right is not fetched again.
function Get-Download($Item, [int64]$LeastBytes = 1024) {
    New-Item -ItemType Directory -Force -Path "$Root\download" | Out-Null
    $path = "$Root\download\$($Item.version)-$($Item.file)"
    $wanted = Get-WantedSha256 $Item
    if ($wanted -and (Test-Path -LiteralPath $path) -and (Get-FileSha256 $path) -eq $wanted) { return $path }
    $url = Get-ReachableUrl $Item
    Write-Host "fetching $url"
    Invoke-Curl $url "$path.part"
    $size = (Get-Item -LiteralPath "$path.part").Length
    if ($size -lt $LeastBytes) { throw "$($Item.url) gave $size bytes only; an error page, most likely." }
    $have = Get-FileSha256 "$path.part"
    if ($wanted -and $have -ne $wanted) {
        Remove-Item -Force -LiteralPath "$path.part"
        throw "checksum wrong: $($Item.url) has sha256 $have, announced is $wanted."
    }
    if (-not $wanted) { Write-Host "no published checksum for $($Item.file); its sha256 is $have" }
    Move-Item -Force -LiteralPath "$path.part" -Destination $path
    return $path
}

function Test-Executable([string]$Path) {
    $file = [IO.File]::OpenRead($Path)
    try { return $file.Length -gt 1048576 -and $file.ReadByte() -eq 0x4D -and $file.ReadByte() -eq 0x5A }
    finally { $file.Close() }
}

function Test-RunningService([string]$Name) {
    $service = Get-Service -Name $Name -ErrorAction SilentlyContinue
    return $null -ne $service -and "$($service.Status)" -eq 'Running'
}

function Test-Kubelet {
    if (-not (Test-RunningService 'kubelet')) { return $false }
    # Refused, timed out, cut off and 5xx all mean: not yet.
    $arguments = @('-f', '--silent', '--max-time', '5', 'http://127.0.0.1:10248/healthz')
    $code = Invoke-Native "$System32\curl.exe" $arguments -Accept @(0, 7, 22, 28, 52, 56) -Log "$Root\log\healthz.log" -LimitSeconds 20 -Quiet
    return $code -eq 0
}

function Test-PendingReboot {
    $keys = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending',
        'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired'
    return @($keys | Where-Object { Test-Path -LiteralPath $_ }).Count -gt 0
}

function Set-Dword([string]$Key, [string]$Name, [int]$Value) {
    if (-not (Test-Path -LiteralPath $Key)) { New-Item -Force -Path $Key | Out-Null }
    New-ItemProperty -LiteralPath $Key -Name $Name -Value $Value -PropertyType DWord -Force | Out-Null
}

function Add-FirewallRule([string]$Name, [string]$Protocol, [string]$Port) {
    if (Get-NetFirewallRule -Name $Name -ErrorAction SilentlyContinue) { return }
    $rule = @{ Name = $Name; DisplayName = $Name; Direction = 'Inbound'; Action = 'Allow'; Protocol = $Protocol }
    if ($Port) { $rule['LocalPort'] = $Port }
    New-NetFirewallRule @rule | Out-Null
}

# The PATH of the machine, not of this session: the session's has much that belongs to nobody else.
function Add-MachinePath([string]$Folder) {
    $path = [Environment]::GetEnvironmentVariable('Path', 'Machine')
    if (($path -split ';') -contains $Folder) { return }
    [Environment]::SetEnvironmentVariable('Path', $path.TrimEnd(';') + ';' + $Folder, 'Machine')
}

# Days until an evaluation copy turns itself off; -1 when it is licensed or cannot be told.
function Get-LicenseDays {
    $product = Get-CimInstance -ClassName SoftwareLicensingProduct -Filter "PartialProductKey IS NOT NULL AND Name LIKE 'Windows%'" | Select-Object -First 1
    if ($null -eq $product) { return -1 }
    if ($product.LicenseStatus -eq 1 -and $product.GracePeriodRemaining -eq 0) { return -1 }
    return [int][Math]::Floor($product.GracePeriodRemaining / 1440)
}

function Sync-Clock {
    Set-Service -Name w32time -StartupType Automatic
    if (-not (Test-RunningService 'w32time')) { Start-Service -Name w32time }
    # No time source yet is no failure: the next step measures the skew itself.
    $null = Invoke-Native "$System32\w32tm.exe" @('/resync', '/force') -Accept @(0, 1, -2147023728, -2147024891) -LimitSeconds 60
}

# Seconds that this machine's clock is ahead of a web server's, by the Date header of any answer.
function Get-ClockSkew([string]$Url) {
    $head = "$Root\log\clock.txt"
    $null = Invoke-Native "$System32\curl.exe" @('-k', '-I', '--silent', '--max-time', '10', '-o', "`"$head`"", $Url) -Accept @(0, 22) -LimitSeconds 20
    $line = @(Get-Content -LiteralPath $head | Where-Object { $_ -match '^[Dd]ate: ' })[0]
    $theirs = [DateTime]::Parse($line.Substring(6), [Globalization.CultureInfo]::InvariantCulture).ToUniversalTime()
    return [int]((Get-Date).ToUniversalTime() - $theirs).TotalSeconds
}
