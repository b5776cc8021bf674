# One look at a Windows machine: prints one line of JSON that begins with {"labkit". Windows PowerShell 5.1.
# Changes nothing but its own cache of hashes. Enums become text here; each part fails by itself.
# $api (address:port of the API server, may be empty) is set by the caller.
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
try { [Console]::OutputEncoding = New-Object Text.UTF8Encoding $false } catch { $null = $_ }
$seen = New-Object Collections.Specialized.OrderedDictionary
$seen['labkit'] = 1
$wrong = New-Object Collections.ArrayList
function Look([string]$Key, [scriptblock]$How) {
    try { $seen[$Key] = & $How } catch { $null = $wrong.Add("${Key}: $($_.Exception.Message)") }
}
function Utc($Time) { if ($Time) { $Time.ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ') } }
function Tail([string]$Path, [int]$Count) { , @(Get-Content -LiteralPath $Path -Tail $Count -ErrorAction SilentlyContinue | ForEach-Object { "$_" }) }

Look 'now' { Utc (Get-Date) }
Look 'build' { "$([Environment]::OSVersion.Version.Build)" }
Look 'booted' { Utc (Get-CimInstance Win32_OperatingSystem).LastBootUpTime }
Look 'features' { , @(Get-WindowsFeature -Name Containers | ForEach-Object { @{ Name = $_.Name; State = "$($_.InstallState)" } }) }
Look 'reboot' {
    , @(@{ servicing = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending'; update = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired' }.GetEnumerator() |
        Where-Object { Test-Path -LiteralPath $_.Value } | ForEach-Object { $_.Key })
}
Look 'licence' {
    $product = Get-CimInstance SoftwareLicensingProduct -Filter "PartialProductKey IS NOT NULL AND Name LIKE 'Windows%'" | Select-Object -First 1
    @{ Status = [int]$product.LicenseStatus; Minutes = [int64]$product.GracePeriodRemaining }
}
Look 'free_bytes' { (New-Object IO.DriveInfo 'C').AvailableFreeSpace }
Look 'addresses' { , @(Get-NetIPAddress -AddressFamily IPv4 | Where-Object { $_.IPAddress -ne '127.0.0.1' } | ForEach-Object { $_.IPAddress }) }
Look 'pipe' { @([IO.Directory]::GetFiles('\\.\pipe\') | Where-Object { $_ -eq '\\.\pipe\containerd-containerd' }).Count -gt 0 }
Look 'binaries' {
    $cacheFile = 'C:\labkit\look-cache.json'
    $cache = @{}
    if (Test-Path -LiteralPath $cacheFile) { (Get-Content -Raw -LiteralPath $cacheFile | ConvertFrom-Json).PSObject.Properties | ForEach-Object { $cache[$_.Name] = $_.Value } }
    $ours = @('C:\k\kubelet.exe', 'C:\k\kubeadm.exe', 'C:\k\kubectl.exe', 'C:\k\kube-proxy.exe', "$env:ProgramFiles\containerd\containerd.exe")
    $hashed = @("$env:ProgramFiles\containerd\containerd-shim-runhcs-v1.exe", 'C:\k\kube-log-runner.exe')
    # What was injected besides: only its hash is taken, nobody knows what its --version would do.
    $hashed += @(Get-ChildItem -Path 'C:\labkit\state\inject\*.path' -ErrorAction SilentlyContinue | ForEach-Object { [IO.File]::ReadAllText($_.FullName).Trim() })
    $found = @($ours + $hashed) | Select-Object -Unique | Where-Object { Test-Path -LiteralPath $_ } | ForEach-Object {
        $file = Get-Item -LiteralPath $_
        $key = "$($file.FullName)|$($file.Length)|$($file.LastWriteTimeUtc.Ticks)"
        if (-not $cache[$key]) {
            $option = if ($file.Name -match '^(kubeadm|kubectl)') { 'version' } else { '--version' }
            $version = if ($ours -contains $_) { (& $file.FullName $option 2>$null | Out-String).Trim() } else { '' }
            $cache[$key] = @{ Name = $file.BaseName; Path = $file.FullName; Version = $version; Sha256 = (Get-FileHash -LiteralPath $file.FullName).Hash.ToLowerInvariant() }
        }
        $cache[$key]
    }
    if (Test-Path -LiteralPath 'C:\labkit') { [IO.File]::WriteAllText($cacheFile, (ConvertTo-Json -InputObject $cache -Depth 3 -Compress)) }
    , @($found)
}
Look 'api' {
    if (-not $api) { return $null }
    $address, $port = $api -split ':'
    $client = New-Object Net.Sockets.TcpClient
    try {
        $attempt = $client.BeginConnect($address, [int]$port, $null, $null)
        $ok = $attempt.AsyncWaitHandle.WaitOne(3000)
        if ($ok) { $client.EndConnect($attempt) }
        @{ Ok = $ok; Problem = $(if ($ok) { '' } else { "$api did not answer within 3 s" }) }
    }
    catch { @{ Ok = $false; Problem = $_.Exception.Message } }
    finally { $client.Close() }
}
Look 'kubelet_conf' { Test-Path -LiteralPath 'C:\etc\kubernetes\kubelet.conf' }
Look 'bootstrap_conf' { Test-Path -LiteralPath 'C:\etc\kubernetes\bootstrap-kubelet.conf' }
Look 'healthz' { try { (Invoke-WebRequest -UseBasicParsing -TimeoutSec 3 'http://127.0.0.1:10248/healthz').StatusCode -eq 200 } catch { $false } }
Look 'cni_files' { , @(Get-ChildItem 'C:\etc\cni\net.d' -File -ErrorAction SilentlyContinue | ForEach-Object { $_.Name }) }
Look 'cni_texts' {
    , @(Get-ChildItem 'C:\etc\cni\net.d' -File -ErrorAction SilentlyContinue | Where-Object { $_.Extension -in '.conf', '.conflist' -and $_.Length -lt 16384 } |
            Select-Object -First 4 | ForEach-Object { @{ Name = $_.Name; Text = [IO.File]::ReadAllText($_.FullName) } })
}
Look 'networks' { , @(Get-HnsNetwork | ForEach-Object { @{ Name = $_.Name; Type = "$($_.Type)"; ManagementIP = "$($_.ManagementIP)"; Subnet = "$(@($_.Subnets)[0].AddressPrefix)" } }) }
Look 'endpoints' { @(Get-HnsEndpoint).Count }
Look 'endpoint_list' { , @(Get-HnsEndpoint | Select-Object -First 60 | ForEach-Object { @{ Name = $_.Name; Address = "$($_.IPAddress)"; Network = "$($_.VirtualNetworkName)"; State = "$($_.State)" } }) }
Look 'services' {
    $names = @('kubelet', 'containerd', 'kube-proxy', 'antrea-agent', 'ovsdb-server', 'ovs-vswitchd', 'CalicoNode', 'CalicoFelix', 'csiproxy', 'csi-proxy', 'hns', 'vmcompute', 'winrm', 'sshd', 'w32time')
    $rows = @(Get-CimInstance Win32_Service | Where-Object { $names -contains $_.Name })
    , @($rows | ForEach-Object {
            $service = Get-Service -Name $_.Name -ErrorAction SilentlyContinue
            $process = if ($_.ProcessId) { Get-Process -Id $_.ProcessId -ErrorAction SilentlyContinue }
            $since = if ($process) { try { Utc $process.StartTime } catch { $null } }
            @{ Name = $_.Name; DisplayName = $_.DisplayName; Status = "$($service.Status)"; StartType = "$($_.StartMode)"; Account = $_.StartName; Path = $_.PathName; Pid = $_.ProcessId; ExitCode = $_.ExitCode; Since = $since; DependsOn = @($service.ServicesDependedOn | ForEach-Object { $_.Name }) }
        })
}
Look 'events' {
    , @(Get-WinEvent -FilterHashtable @{ LogName = 'System'; ProviderName = 'Service Control Manager'; StartTime = (Get-Date).AddHours(-1); Id = 7000, 7001, 7009, 7011, 7023, 7024, 7031, 7034, 7036 } -MaxEvents 200 -ErrorAction SilentlyContinue |
            ForEach-Object { @{ At = Utc $_.TimeCreated; Id = $_.Id; Service = "$($_.Properties[0].Value)"; Text = "$($_.Message)" } })
}
Look 'log_files' { , @(Get-ChildItem 'C:\var\log', 'C:\labkit\log', 'C:\etc\kubernetes\logs' -Recurse -File -Include *.log -ErrorAction SilentlyContinue | Where-Object { $_.FullName -notmatch '\\(pods|containers)\\' } | Select-Object -First 60 | ForEach-Object { $_.FullName }) }
Look 'join_log' { , @((Tail 'C:\labkit\log\join.log' 40) + (Tail 'C:\labkit\log\join.log.err' 20)) }
Look 'kubelet_log' { Tail 'C:\var\log\kubelet\kubelet.log' 30 }
$seen['errors'] = @($wrong)
[Console]::Out.WriteLine((ConvertTo-Json -InputObject $seen -Depth 5 -Compress))
