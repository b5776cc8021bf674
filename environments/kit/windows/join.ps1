# Step windows-join: kubeadm join with a token minted for this attempt. The token comes in a file of
# the closed folder inputs and leaves with it; it is never an argument.
param([Parameter(Mandatory = $true)][string]$LabJson, [Parameter(Mandatory = $true)][string]$Machine)
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; Set-StrictMode -Version 2
. "$PSScriptRoot\lib.ps1"

$null = Get-Machine (Read-Json $LabJson) $Machine
$inputs = Join-Path (Split-Path -Parent $LabJson) 'inputs'
$kubeletConf = 'C:\etc\kubernetes\kubelet.conf'
$leftovers = @(
    $kubeletConf, 'C:\etc\kubernetes\bootstrap-kubelet.conf', 'C:\etc\kubernetes\pki\ca.crt',
    'C:\var\lib\kubelet\config.yaml', 'C:\var\lib\kubelet\instance-config.yaml',
    'C:\var\lib\kubelet\kubeadm-flags.env', 'C:\var\lib\kubelet\pki'
)

function Save-Joined([bool]$Anew) {
    Save-State 'windows-join' @{ node = $Machine; joined_now = $Anew; kubelet = "$((Get-Service -Name kubelet).Status)" }
}

# Idempotent: a node that is in the cluster stays as it is.
if ((Test-Path -LiteralPath $kubeletConf) -and (Test-Kubelet)) {
    Write-Note "$Machine has joined already"
    Save-Joined $false
    exit 0
}

$tokenFile = "$inputs\join-token.json"
if (-not (Test-Path -LiteralPath $tokenFile)) { throw 'join: the dashboard has brought no join token for this attempt.' }
$token = Read-Json $tokenFile
Remove-Item -Force -LiteralPath $tokenFile

# What an earlier, half-done join left behind makes kubeadm refuse.
Write-Note 'clearing what an earlier join left'
if (Test-RunningService 'kubelet') { Stop-Service -Name kubelet }
foreach ($path in $leftovers) {
    if (Test-Path -LiteralPath $path) { Remove-Item -Recurse -Force -LiteralPath $path; Write-Note "removed $path" }
}

$address, $port = $token.endpoint -split ':'
if (-not (Test-TcpPort $address ([int]$port))) { throw "join: $($token.endpoint) does not answer from this machine; look at the lab's card, the address and the API server." }
$skew = Get-ClockSkew "https://$($token.endpoint)/healthz"
if ([Math]::Abs($skew) -gt 30) {
    Write-Note "this clock is $skew s off; setting it"
    Set-Date -Adjust (New-TimeSpan -Seconds (-$skew)) | Out-Null
    $skew = Get-ClockSkew "https://$($token.endpoint)/healthz"
}
if ([Math]::Abs($skew) -gt 60) { throw "join: clock skew of $skew s between this machine and the control plane." }

# JSON is YAML too: nothing is pasted into text.
$configuration = Read-Json (Get-Rendered $LabJson "join-$Machine.json")
$bootstrap = $configuration.discovery.bootstrapToken
$bootstrap | Add-Member -NotePropertyName token -NotePropertyValue $token.token
$bootstrap | Add-Member -NotePropertyName caCertHashes -NotePropertyValue @($token.ca_hash)
$configFile = "$inputs\join.json"
try {
    Write-TextFile $configFile (ConvertTo-Json -InputObject $configuration -Depth 8)
    Write-Note "joining $($token.endpoint) as $Machine"
    $null = Invoke-Native 'C:\k\kubeadm.exe' @('join', '--config', $configFile, '--v=5') -Log "$Root\log\join.log" -LimitSeconds 900
}
finally {
    if (Test-Path -LiteralPath $configFile) { Remove-Item -Force -LiteralPath $configFile }
}

# Words are no proof: the certificate and an answering kubelet are.
if (-not (Test-Path -LiteralPath $kubeletConf)) { throw 'join: kubeadm ended well, but there is no kubelet.conf.' }
Wait-Until 'the kubelet is healthy' { Test-Kubelet } 240
Set-Service -Name kubelet -StartupType Automatic

# kubeadm's flags for Linux services are not read here; say so if there is one that the service lacks.
$flags = 'C:\var\lib\kubelet\kubeadm-flags.env'
if (Test-Path -LiteralPath $flags) {
    $service = (Get-CimInstance -ClassName Win32_Service -Filter "Name='kubelet'").PathName
    foreach ($found in [regex]::Matches([IO.File]::ReadAllText($flags), '--([a-z-]+)')) {
        if (-not $service.Contains($found.Value)) { Write-Warning "kubeadm asks for $($found.Value), which the kubelet service does not have." }
    }
}
Save-Joined $true
exit 0
