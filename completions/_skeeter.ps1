
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'skeeter' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'skeeter'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'skeeter' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('bench', 'bench', [CompletionResultType]::ParameterValue, 'Measure an MQTT broker: latency, throughput, message loss and the bottleneck')
            [CompletionResult]::new('broker', 'broker', [CompletionResultType]::ParameterValue, 'Run an MQTT broker (MQTT 3.1, 3.1.1 and 5.0)')
            [CompletionResult]::new('cert', 'cert', [CompletionResultType]::ParameterValue, 'Issue a client certificate, signed by the CA of `skeeter broker --tls auto`')
            [CompletionResult]::new('ctl', 'ctl', [CompletionResultType]::ParameterValue, 'Look into a running broker, and control it')
            [CompletionResult]::new('migrate', 'migrate', [CompletionResultType]::ParameterValue, 'Report what becomes of a mosquitto configuration, line by line')
            [CompletionResult]::new('passwd', 'passwd', [CompletionResultType]::ParameterValue, 'Manage a password file for skeeter or mosquitto')
            [CompletionResult]::new('pub', 'pub', [CompletionResultType]::ParameterValue, 'Publish messages')
            [CompletionResult]::new('sub', 'sub', [CompletionResultType]::ParameterValue, 'Subscribe to topics and print the messages received')
            [CompletionResult]::new('rr', 'rr', [CompletionResultType]::ParameterValue, 'Publish a request and print the response')
            [CompletionResult]::new('signal', 'signal', [CompletionResultType]::ParameterValue, 'Send a signal to running brokers, by the names that mosquitto_signal uses')
            [CompletionResult]::new('store', 'store', [CompletionResultType]::ParameterValue, 'Check, export, import or repair the data directory of a broker')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'skeeter;bench' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Read the scenario from this TOML file; flags on the command line override it')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Read the scenario from this TOML file; flags on the command line override it')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'QoS of publishers and subscribers: 0, 1 or 2')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'QoS of publishers and subscribers: 0, 1 or 2')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Payload size in bytes')
            [CompletionResult]::new('--size', '--size', [CompletionResultType]::ParameterName, 'Payload size in bytes')
            [CompletionResult]::new('--payload', '--payload', [CompletionResultType]::ParameterName, 'Payload template with {counter}, {time} (ms), {client}, {random}, {random:A..B}, {bytes:N} and {stamp}')
            [CompletionResult]::new('--payload-file', '--payload-file', [CompletionResultType]::ParameterName, 'File with a payload template')
            [CompletionResult]::new('--json-field', '--json-field', [CompletionResultType]::ParameterName, 'Field of a JSON payload, with a payload template as its value (repeatable)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Topic template (default: bench/%r/%i)')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'Topic template (default: bench/%r/%i)')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Messages per second of all publishers together, or max for as fast as they are delivered (default: 1000)')
            [CompletionResult]::new('--rate-per-client', '--rate-per-client', [CompletionResultType]::ParameterName, 'Messages per second of each publisher')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'With --rate max, the number of messages each publisher may have on their way to the subscribers')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Duration of the measurement')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'Duration of the measurement')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Stop after this many messages in total')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Stop after this many messages in total')
            [CompletionResult]::new('--warm-up', '--warm-up', [CompletionResultType]::ParameterName, 'Time before the measurement, left out of latencies and rates (default: 1 s; none if connections are measured)')
            [CompletionResult]::new('--drain', '--drain', [CompletionResultType]::ParameterName, 'At the end of the run, time without any message after which missing messages count as lost')
            [CompletionResult]::new('--phase', '--phase', [CompletionResultType]::ParameterName, 'Phase of the load (repeatable), instead of --duration: ramp:TIME:RATE, steady:TIME[:RATE] or drain:TIME')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Seed of random payloads and of the order of events (default: random)')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Number of threads that generate load (default: one per 200,000 messages per second)')
            [CompletionResult]::new('--publishers', '--publishers', [CompletionResultType]::ParameterName, 'Number of publishers (default: 10; fan-in 100, fan-out 1)')
            [CompletionResult]::new('--subscribers', '--subscribers', [CompletionResultType]::ParameterName, 'Number of subscribers (default: 10; fan-in 1, fan-out 100); in pub-sub one per publisher')
            [CompletionResult]::new('--clients', '--clients', [CompletionResultType]::ParameterName, 'Number of clients in the scenarios connect, churn, ping and reconnect; number of pairs in pub-sub')
            [CompletionResult]::new('--connect-rate', '--connect-rate', [CompletionResultType]::ParameterName, 'Connections to open per second (default: as fast as the broker accepts them, 64 at a time)')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Local addresses to connect from in turn: ADDRESS, FIRST-LAST or NETWORK/BITS, separated by commas')
            [CompletionResult]::new('--credentials', '--credentials', [CompletionResultType]::ParameterName, 'CSV file with the credentials of the clients')
            [CompletionResult]::new('--broker-pid', '--broker-pid', [CompletionResultType]::ParameterName, 'Process ID of a broker on this machine, to report its CPU time and memory (Linux)')
            [CompletionResult]::new('--threshold', '--threshold', [CompletionResultType]::ParameterName, 'Conditions to meet, separated by commas; the exit status is 67 if one is not met')
            [CompletionResult]::new('--find-max', '--find-max', [CompletionResultType]::ParameterName, 'Find the highest rate at which these conditions are met, in a series of runs that starts at --rate')
            [CompletionResult]::new('--runs', '--runs', [CompletionResultType]::ParameterName, 'Number of runs (default: 1; 5 for --compare and --against)')
            [CompletionResult]::new('--compare', '--compare', [CompletionResultType]::ParameterName, 'Compare with the runs in this file, written earlier by --runs 5 --json')
            [CompletionResult]::new('--against', '--against', [CompletionResultType]::ParameterName, 'URL of a broker to compare with another one; give it twice')
            [CompletionResult]::new('--csv', '--csv', [CompletionResultType]::ParameterName, 'Write a CSV file with one row per second of the run')
            [CompletionResult]::new('--hdr', '--hdr', [CompletionResultType]::ParameterName, 'Write an HdrHistogram log of the latency, with one interval per second')
            [CompletionResult]::new('--html', '--html', [CompletionResultType]::ParameterName, 'Write the report as a self-contained HTML page')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'URL of the broker, as a flag')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'URL of the broker, as a flag')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host name or address of the broker (default: localhost)')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host name or address of the broker (default: localhost)')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker (default: 1883, 8883 with TLS)')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker (default: 1883, 8883 with TLS)')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'Connect through this Unix domain socket instead of over TCP')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Time to keep trying if the broker cannot be reached or does not answer, in seconds; or forever')
            [CompletionResult]::new('--ws-path', '--ws-path', [CompletionResultType]::ParameterName, 'Path of the WebSocket endpoint')
            [CompletionResult]::new('--ws-header', '--ws-header', [CompletionResultType]::ParameterName, 'Header to add to the WebSocket request, such as ''Authorization: Bearer TOKEN'' (repeatable)')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Connect through a SOCKS5 proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Username')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'Username')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from the first line of this file')
            [CompletionResult]::new('--password-fd', '--password-fd', [CompletionResultType]::ParameterName, 'Read the password from this file descriptor')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Client ID (default: assigned by the broker)')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client ID (default: assigned by the broker)')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Prefix of the client ID, to which the process ID is appended')
            [CompletionResult]::new('--id-prefix', '--id-prefix', [CompletionResultType]::ParameterName, 'Prefix of the client ID, to which the process ID is appended')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires')
            [CompletionResult]::new('--session-expiry', '--session-expiry', [CompletionResultType]::ParameterName, 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Keep alive in seconds; 0 disables it')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Keep alive in seconds; 0 disables it')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)')
            [CompletionResult]::new('-M', '-M ', [CompletionResultType]::ParameterName, 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit')
            [CompletionResult]::new('--max-inflight', '--max-inflight', [CompletionResultType]::ParameterName, 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit')
            [CompletionResult]::new('--max-packet-size', '--max-packet-size', [CompletionResultType]::ParameterName, 'Maximum size of a packet from the broker in bytes; K, M and G are units (default: 64M)')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--property', '--property', [CompletionResultType]::ParameterName, 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--will-topic', '--will-topic', [CompletionResultType]::ParameterName, 'Topic of the will message, which the broker publishes if the connection is lost')
            [CompletionResult]::new('--will-payload', '--will-payload', [CompletionResultType]::ParameterName, 'Payload of the will message (default: empty)')
            [CompletionResult]::new('--will-qos', '--will-qos', [CompletionResultType]::ParameterName, 'QoS of the will message: 0, 1 or 2')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'PEM file with the CAs to trust instead of the system''s; enables TLS')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'Directory of PEM files with the CAs to trust instead of the system''s; enables TLS')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Client certificate: PEM file with the certificate chain, or PKCS#12 file that includes the key')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'PEM file with the private key of the client certificate')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'ALPN protocol to offer')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'TLS version to use (default: 1.2 or 1.3)')
            [CompletionResult]::new('--key-pass-file', '--key-pass-file', [CompletionResultType]::ParameterName, 'File whose first line is the passphrase of the private key (default: prompt for it)')
            [CompletionResult]::new('--keyform', '--keyform', [CompletionResultType]::ParameterName, 'Accepted for compatibility: format of the private key, always PEM')
            [CompletionResult]::new('--ciphers', '--ciphers', [CompletionResultType]::ParameterName, 'OpenSSL cipher list: TLS 1.3 cipher suites with --tls-version tlsv1.3, TLS 1.2 ciphers otherwise')
            [CompletionResult]::new('--psk', '--psk', [CompletionResultType]::ParameterName, 'Pre-shared key (PSK) in hexadecimal; enables TLS and requires --psk-identity')
            [CompletionResult]::new('--psk-identity', '--psk-identity', [CompletionResultType]::ParameterName, 'PSK identity')
            [CompletionResult]::new('--tls-keylog', '--tls-keylog', [CompletionResultType]::ParameterName, 'Append the TLS secrets of the connection to this file, so that Wireshark can decrypt it')
            [CompletionResult]::new('--tls-engine', '--tls-engine', [CompletionResultType]::ParameterName, 'Not supported: OpenSSL has replaced engines by providers')
            [CompletionResult]::new('--tls-engine-kpass-sha1', '--tls-engine-kpass-sha1', [CompletionResultType]::ParameterName, 'Not supported: OpenSSL has replaced engines by providers')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Read options from this file, one per line; the command line and the environment override it')
            [CompletionResult]::new('--scenario', '--scenario', [CompletionResultType]::ParameterName, 'The scenario, as a key of scenario files')
            [CompletionResult]::new('--no-sys', '--no-sys', [CompletionResultType]::ParameterName, 'Do not subscribe to the broker''s $SYS topics, which needs one more connection')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('--json-schema', '--json-schema', [CompletionResultType]::ParameterName, 'Print the JSON schema of the report and exit')
            [CompletionResult]::new('--nodelay', '--nodelay', [CompletionResultType]::ParameterName, 'Accepted for compatibility; small packets are always sent immediately')
            [CompletionResult]::new('--ws', '--ws', [CompletionResultType]::ParameterName, 'Connect over WebSocket, as with a ws:// or wss:// URL')
            [CompletionResult]::new('-S', '-S ', [CompletionResultType]::ParameterName, 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS')
            [CompletionResult]::new('--srv', '--srv', [CompletionResultType]::ParameterName, 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS')
            [CompletionResult]::new('--ask-password', '--ask-password', [CompletionResultType]::ParameterName, 'Prompt for the password without echoing it')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Resume the session of this client ID, and keep it when disconnecting; requires -i')
            [CompletionResult]::new('--disable-clean-session', '--disable-clean-session', [CompletionResultType]::ParameterName, 'Resume the session of this client ID, and keep it when disconnecting; requires -i')
            [CompletionResult]::new('--will-retain', '--will-retain', [CompletionResultType]::ParameterName, 'Retain the will message')
            [CompletionResult]::new('--tls-use-os-certs', '--tls-use-os-certs', [CompletionResultType]::ParameterName, 'Enable TLS and trust the system''s CAs')
            [CompletionResult]::new('--no-tls', '--no-tls', [CompletionResultType]::ParameterName, 'Disable TLS, even if the URL or another flag enables it')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Accept a server certificate that was issued for another host name')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing to stderr except usage errors')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            break
        }
        'skeeter;broker' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Configuration file in the format of mosquitto.conf; see skeeter.conf(5)')
            [CompletionResult]::new('--config-file', '--config-file', [CompletionResultType]::ParameterName, 'Configuration file in the format of mosquitto.conf; see skeeter.conf(5)')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port for MQTT over TCP (default: 1883); 0 picks a free port and reports it')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port for MQTT over TCP (default: 1883); 0 picks a free port and reports it')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Address or host name to listen on (repeatable, or with commas); 0.0.0.0, :: or * for all interfaces')
            [CompletionResult]::new('--bind-interface', '--bind-interface', [CompletionResultType]::ParameterName, 'Listen on the addresses of this network interface only')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'Also listen on a Unix domain socket')
            [CompletionResult]::new('--unix-mode', '--unix-mode', [CompletionResultType]::ParameterName, 'File mode of the Unix domain socket in octal, such as 660')
            [CompletionResult]::new('--ws', '--ws', [CompletionResultType]::ParameterName, 'Also accept MQTT over WebSocket (default port: 9001)')
            [CompletionResult]::new('--wss', '--wss', [CompletionResultType]::ParameterName, 'Also accept MQTT over WebSocket with TLS (default port: 9443); requires --tls, --cert or --psk-file')
            [CompletionResult]::new('--http', '--http', [CompletionResultType]::ParameterName, 'Also answer HTTP: /healthz, /readyz, /metrics and the control interface under /api/v1/ (default port: 9883)')
            [CompletionResult]::new('--http-bind', '--http-bind', [CompletionResultType]::ParameterName, 'Address to answer HTTP on (repeatable; default: the loopback addresses); others require authentication')
            [CompletionResult]::new('--origin', '--origin', [CompletionResultType]::ParameterName, 'Accept WebSocket connections from pages of this origin only (repeatable; default: any origin)')
            [CompletionResult]::new('--trusted-proxy', '--trusted-proxy', [CompletionResultType]::ParameterName, 'Trust the X-Forwarded-For header of WebSocket connections from this address or network (repeatable)')
            [CompletionResult]::new('--proxy-protocol', '--proxy-protocol', [CompletionResultType]::ParameterName, 'Require a PROXY protocol header of this version, 1 or 2, on every TCP connection')
            [CompletionResult]::new('--handshake-timeout', '--handshake-timeout', [CompletionResultType]::ParameterName, 'Time for the PROXY header, the TLS handshake and the WebSocket handshake together, in seconds')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'Accept TLS, with a CA and a server certificate that are generated for this machine on first use')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Accept TLS, with the certificate chain in this PEM file')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'PEM file with the private key of the certificate')
            [CompletionResult]::new('--key-pass-file', '--key-pass-file', [CompletionResultType]::ParameterName, 'File whose first line is the passphrase of the private key')
            [CompletionResult]::new('--tls-port', '--tls-port', [CompletionResultType]::ParameterName, 'Port for MQTT over TLS (default: 8883)')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'PEM file with the CAs used to verify client certificates')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'Directory with the CAs used to verify client certificates, prepared with `openssl rehash`')
            [CompletionResult]::new('--crlfile', '--crlfile', [CompletionResultType]::ParameterName, 'PEM file with certificate revocation lists (CRLs)')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'Minimum TLS version')
            [CompletionResult]::new('--ciphers', '--ciphers', [CompletionResultType]::ParameterName, 'Ciphers for TLS 1.2, as an OpenSSL cipher list')
            [CompletionResult]::new('--ciphers-tls13', '--ciphers-tls13', [CompletionResultType]::ParameterName, 'Cipher suites for TLS 1.3, separated by colons')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'ALPN protocol to accept, in order of preference (repeatable)')
            [CompletionResult]::new('--tls-keylog', '--tls-keylog', [CompletionResultType]::ParameterName, 'Append the TLS secrets of every connection to this file, so that Wireshark can decrypt it')
            [CompletionResult]::new('--psk-file', '--psk-file', [CompletionResultType]::ParameterName, 'Accept TLS with the pre-shared keys (PSK) in this file, one IDENTITY:KEY per line, the key in hexadecimal')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Add a user (repeatable); anonymous clients are then denied, unless --anonymous is given')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Password file with one NAME:HASH per line, written by `skeeter passwd` or mosquitto_passwd')
            [CompletionResult]::new('--acl-file', '--acl-file', [CompletionResultType]::ParameterName, 'ACL file in mosquitto''s format; whatever it does not allow is denied')
            [CompletionResult]::new('--data-dir', '--data-dir', [CompletionResultType]::ParameterName, 'Keep sessions, queued messages, retained messages and wills in this directory, across restarts and crashes')
            [CompletionResult]::new('--durability', '--durability', [CompletionResultType]::ParameterName, 'What a crash or power failure may lose: acks, interval=TIME or none')
            [CompletionResult]::new('--sync-delay', '--sync-delay', [CompletionResultType]::ParameterName, 'Make each sync take this many milliseconds longer, so that benchmarks of different disks are comparable')
            [CompletionResult]::new('--max-connections', '--max-connections', [CompletionResultType]::ParameterName, 'Maximum number of connections (default: 100,000)')
            [CompletionResult]::new('--max-packet-size', '--max-packet-size', [CompletionResultType]::ParameterName, 'Maximum size of a packet from a client in bytes (default: 16M)')
            [CompletionResult]::new('--max-queued-messages', '--max-queued-messages', [CompletionResultType]::ParameterName, 'Maximum number of messages queued for one session (default: 100,000)')
            [CompletionResult]::new('--max-queued-bytes', '--max-queued-bytes', [CompletionResultType]::ParameterName, 'Maximum total size of the messages queued for one session, in bytes (default: 64M)')
            [CompletionResult]::new('--receive-maximum', '--receive-maximum', [CompletionResultType]::ParameterName, 'Receive Maximum of the broker: maximum number of QoS 1 and 2 messages in flight from one client (default: 1,024)')
            [CompletionResult]::new('--max-inflight', '--max-inflight', [CompletionResultType]::ParameterName, 'Maximum number of QoS 1 and 2 messages in flight to one client; a lower Receive Maximum of the client takes precedence (default: 1,024)')
            [CompletionResult]::new('--max-topic-alias', '--max-topic-alias', [CompletionResultType]::ParameterName, 'Maximum number of topic aliases per connection, in each direction (default: 64)')
            [CompletionResult]::new('--max-keep-alive', '--max-keep-alive', [CompletionResultType]::ParameterName, 'Maximum keep alive in seconds; 0 allows any, including none (default: 0)')
            [CompletionResult]::new('--max-session-expiry', '--max-session-expiry', [CompletionResultType]::ParameterName, 'Maximum session expiry interval in seconds; longer ones are shortened (default: unlimited)')
            [CompletionResult]::new('--max-filter-levels', '--max-filter-levels', [CompletionResultType]::ParameterName, 'Maximum number of levels in a topic filter or topic name (default: 201)')
            [CompletionResult]::new('--max-subscriptions', '--max-subscriptions', [CompletionResultType]::ParameterName, 'Maximum number of subscriptions of one session (default: 100,000)')
            [CompletionResult]::new('--max-connect-size', '--max-connect-size', [CompletionResultType]::ParameterName, 'Maximum size of a CONNECT packet in bytes (default: 256K)')
            [CompletionResult]::new('--max-connections-per-address', '--max-connections-per-address', [CompletionResultType]::ParameterName, 'Maximum number of connections from one IPv4 address or one IPv6 /64 network (default: unlimited)')
            [CompletionResult]::new('--max-failed-logins', '--max-failed-logins', [CompletionResultType]::ParameterName, 'Number of failed logins after which an address is blocked for a while; 0 disables blocking (default: 20)')
            [CompletionResult]::new('--max-waiting-logins', '--max-waiting-logins', [CompletionResultType]::ParameterName, 'Maximum number of logins waiting for their password to be verified (default: 16,384)')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Time in seconds within which a connection must send its CONNECT (default: 10)')
            [CompletionResult]::new('--sys-interval', '--sys-interval', [CompletionResultType]::ParameterName, 'Interval at which $SYS topics are published, in seconds; 0 disables them (default: 10)')
            [CompletionResult]::new('--exec', '--exec', [CompletionResultType]::ParameterName, 'Run a shell command once the broker is ready, stop when it ends, and exit with its status')
            [CompletionResult]::new('--ports-file', '--ports-file', [CompletionResultType]::ParameterName, 'Write the process ID and the listeners to this file as JSON once the broker is ready; it is removed at exit')
            [CompletionResult]::new('--workers', '--workers', [CompletionResultType]::ParameterName, 'Number of threads that serve connections (default: one per CPU)')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'Format of the log (default: human)')
            [CompletionResult]::new('--check-config', '--check-config', [CompletionResultType]::ParameterName, 'Check the configuration and the files it names, report every error, and exit')
            [CompletionResult]::new('--test-config', '--test-config', [CompletionResultType]::ParameterName, 'Check the configuration file only, as mosquitto does; the files it names are not opened')
            [CompletionResult]::new('--no-plain', '--no-plain', [CompletionResultType]::ParameterName, 'Do not listen without TLS, except on the Unix domain socket')
            [CompletionResult]::new('--require-certificate', '--require-certificate', [CompletionResultType]::ParameterName, 'Refuse clients without a valid certificate')
            [CompletionResult]::new('--use-identity-as-username', '--use-identity-as-username', [CompletionResultType]::ParameterName, 'Use the common name of the client certificate, or the PSK identity, as the username')
            [CompletionResult]::new('--use-subject-as-username', '--use-subject-as-username', [CompletionResultType]::ParameterName, 'Use the subject of the client certificate as the username')
            [CompletionResult]::new('--anonymous', '--anonymous', [CompletionResultType]::ParameterName, 'Allow clients without a username even if users are defined')
            [CompletionResult]::new('--no-anonymous', '--no-anonymous', [CompletionResultType]::ParameterName, 'Deny clients without a username, even if no users are defined')
            [CompletionResult]::new('--refuse-unreadable', '--refuse-unreadable', [CompletionResultType]::ParameterName, 'Refuse subscriptions to filters under which the ACL allows no topic (SUBACK 0x87; MQTT 3.1.1: 0x80)')
            [CompletionResult]::new('--check-retain-source', '--check-retain-source', [CompletionResultType]::ParameterName, 'Withhold a retained message if its publisher is no longer allowed to publish to the topic')
            [CompletionResult]::new('--allow-control-characters', '--allow-control-characters', [CompletionResultType]::ParameterName, 'Allow control characters and non-characters in topics, client IDs and usernames')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Run in the background, detached from stdin, stdout and stderr')
            [CompletionResult]::new('--daemon', '--daemon', [CompletionResultType]::ParameterName, 'Run in the background, detached from stdin, stdout and stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Log errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Log errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Log everything, including subscriptions and each packet sent or received')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Log everything, including subscriptions and each packet sent or received')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help; -h prints a summary')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help; -h prints a summary')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            break
        }
        'skeeter;cert' {
            [CompletionResult]::new('--data-dir', '--data-dir', [CompletionResultType]::ParameterName, 'Data directory of the broker; by default the CA is in skeeter/tls in $XDG_STATE_HOME or ~/.local/state')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;ctl' {
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Time to wait for a response, in seconds')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time to wait for a response, in seconds')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'URL of the broker, as a flag')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'URL of the broker, as a flag')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host name or address of the broker (default: localhost)')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host name or address of the broker (default: localhost)')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker (default: 1883, 8883 with TLS)')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker (default: 1883, 8883 with TLS)')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'Connect through this Unix domain socket instead of over TCP')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Time to keep trying if the broker cannot be reached or does not answer, in seconds; or forever')
            [CompletionResult]::new('--ws-path', '--ws-path', [CompletionResultType]::ParameterName, 'Path of the WebSocket endpoint')
            [CompletionResult]::new('--ws-header', '--ws-header', [CompletionResultType]::ParameterName, 'Header to add to the WebSocket request, such as ''Authorization: Bearer TOKEN'' (repeatable)')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Connect through a SOCKS5 proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Username')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'Username')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from the first line of this file')
            [CompletionResult]::new('--password-fd', '--password-fd', [CompletionResultType]::ParameterName, 'Read the password from this file descriptor')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Client ID (default: assigned by the broker)')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client ID (default: assigned by the broker)')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Prefix of the client ID, to which the process ID is appended')
            [CompletionResult]::new('--id-prefix', '--id-prefix', [CompletionResultType]::ParameterName, 'Prefix of the client ID, to which the process ID is appended')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires')
            [CompletionResult]::new('--session-expiry', '--session-expiry', [CompletionResultType]::ParameterName, 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Keep alive in seconds; 0 disables it')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Keep alive in seconds; 0 disables it')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)')
            [CompletionResult]::new('-M', '-M ', [CompletionResultType]::ParameterName, 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit')
            [CompletionResult]::new('--max-inflight', '--max-inflight', [CompletionResultType]::ParameterName, 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit')
            [CompletionResult]::new('--max-packet-size', '--max-packet-size', [CompletionResultType]::ParameterName, 'Maximum size of a packet from the broker in bytes; K, M and G are units (default: 64M)')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--property', '--property', [CompletionResultType]::ParameterName, 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--will-topic', '--will-topic', [CompletionResultType]::ParameterName, 'Topic of the will message, which the broker publishes if the connection is lost')
            [CompletionResult]::new('--will-payload', '--will-payload', [CompletionResultType]::ParameterName, 'Payload of the will message (default: empty)')
            [CompletionResult]::new('--will-qos', '--will-qos', [CompletionResultType]::ParameterName, 'QoS of the will message: 0, 1 or 2')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'PEM file with the CAs to trust instead of the system''s; enables TLS')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'Directory of PEM files with the CAs to trust instead of the system''s; enables TLS')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Client certificate: PEM file with the certificate chain, or PKCS#12 file that includes the key')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'PEM file with the private key of the client certificate')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'ALPN protocol to offer')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'TLS version to use (default: 1.2 or 1.3)')
            [CompletionResult]::new('--key-pass-file', '--key-pass-file', [CompletionResultType]::ParameterName, 'File whose first line is the passphrase of the private key (default: prompt for it)')
            [CompletionResult]::new('--keyform', '--keyform', [CompletionResultType]::ParameterName, 'Accepted for compatibility: format of the private key, always PEM')
            [CompletionResult]::new('--ciphers', '--ciphers', [CompletionResultType]::ParameterName, 'OpenSSL cipher list: TLS 1.3 cipher suites with --tls-version tlsv1.3, TLS 1.2 ciphers otherwise')
            [CompletionResult]::new('--psk', '--psk', [CompletionResultType]::ParameterName, 'Pre-shared key (PSK) in hexadecimal; enables TLS and requires --psk-identity')
            [CompletionResult]::new('--psk-identity', '--psk-identity', [CompletionResultType]::ParameterName, 'PSK identity')
            [CompletionResult]::new('--tls-keylog', '--tls-keylog', [CompletionResultType]::ParameterName, 'Append the TLS secrets of the connection to this file, so that Wireshark can decrypt it')
            [CompletionResult]::new('--tls-engine', '--tls-engine', [CompletionResultType]::ParameterName, 'Not supported: OpenSSL has replaced engines by providers')
            [CompletionResult]::new('--tls-engine-kpass-sha1', '--tls-engine-kpass-sha1', [CompletionResultType]::ParameterName, 'Not supported: OpenSSL has replaced engines by providers')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Read options from this file, one per line; the command line and the environment override it')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the response as JSON')
            [CompletionResult]::new('--nodelay', '--nodelay', [CompletionResultType]::ParameterName, 'Accepted for compatibility; small packets are always sent immediately')
            [CompletionResult]::new('--ws', '--ws', [CompletionResultType]::ParameterName, 'Connect over WebSocket, as with a ws:// or wss:// URL')
            [CompletionResult]::new('-S', '-S ', [CompletionResultType]::ParameterName, 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS')
            [CompletionResult]::new('--srv', '--srv', [CompletionResultType]::ParameterName, 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS')
            [CompletionResult]::new('--ask-password', '--ask-password', [CompletionResultType]::ParameterName, 'Prompt for the password without echoing it')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Resume the session of this client ID, and keep it when disconnecting; requires -i')
            [CompletionResult]::new('--disable-clean-session', '--disable-clean-session', [CompletionResultType]::ParameterName, 'Resume the session of this client ID, and keep it when disconnecting; requires -i')
            [CompletionResult]::new('--will-retain', '--will-retain', [CompletionResultType]::ParameterName, 'Retain the will message')
            [CompletionResult]::new('--tls-use-os-certs', '--tls-use-os-certs', [CompletionResultType]::ParameterName, 'Enable TLS and trust the system''s CAs')
            [CompletionResult]::new('--no-tls', '--no-tls', [CompletionResultType]::ParameterName, 'Disable TLS, even if the URL or another flag enables it')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Accept a server certificate that was issued for another host name')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing to stderr except usage errors')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Print each packet sent or received to stderr')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Print each packet sent or received to stderr')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            [CompletionResult]::new('broker', 'broker', [CompletionResultType]::ParameterValue, 'Describe the broker: version, uptime, memory, totals')
            [CompletionResult]::new('listeners', 'listeners', [CompletionResultType]::ParameterValue, 'List the listeners with their URLs')
            [CompletionResult]::new('clients', 'clients', [CompletionResultType]::ParameterValue, 'List clients, connected or not')
            [CompletionResult]::new('client', 'client', [CompletionResultType]::ParameterValue, 'Describe one client and its subscriptions')
            [CompletionResult]::new('kick', 'kick', [CompletionResultType]::ParameterValue, 'Close the connection of a client; its session stays, and its will is published')
            [CompletionResult]::new('end-session', 'end-session', [CompletionResultType]::ParameterValue, 'End the session of a client, with its subscriptions and queued messages')
            [CompletionResult]::new('unsubscribe', 'unsubscribe', [CompletionResultType]::ParameterValue, 'Remove a subscription of a client')
            [CompletionResult]::new('retained', 'retained', [CompletionResultType]::ParameterValue, 'List retained messages')
            [CompletionResult]::new('delete-retained', 'delete-retained', [CompletionResultType]::ParameterValue, 'Delete retained messages')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Tell whether a user may publish to a topic, or read it, and which ACL rule decides')
            [CompletionResult]::new('call', 'call', [CompletionResultType]::ParameterValue, 'Send any request: the operation and its arguments as JSON')
            break
        }
        'skeeter;ctl;broker' {
            break
        }
        'skeeter;ctl;listeners' {
            break
        }
        'skeeter;ctl;clients' {
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Only clients with this username')
            [CompletionResult]::new('--connected', '--connected', [CompletionResultType]::ParameterName, 'Only clients that are connected')
            [CompletionResult]::new('--disconnected', '--disconnected', [CompletionResultType]::ParameterName, 'Only sessions of clients that are not connected')
            break
        }
        'skeeter;ctl;client' {
            break
        }
        'skeeter;ctl;kick' {
            [CompletionResult]::new('--reason-code', '--reason-code', [CompletionResultType]::ParameterName, 'Reason code that MQTT 5 clients are sent, from 128 to 255 (default: 152, administrative action)')
            break
        }
        'skeeter;ctl;end-session' {
            break
        }
        'skeeter;ctl;unsubscribe' {
            break
        }
        'skeeter;ctl;retained' {
            [CompletionResult]::new('--payload', '--payload', [CompletionResultType]::ParameterName, 'Also print the payloads')
            break
        }
        'skeeter;ctl;delete-retained' {
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print how many messages there are, and delete none')
            break
        }
        'skeeter;ctl;explain' {
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Username (default: a client without a username)')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client ID, for rules with %c')
            [CompletionResult]::new('--listener', '--listener', [CompletionResultType]::ParameterName, 'Number of the listener that the client connects to, as `ctl listeners` prints it')
            break
        }
        'skeeter;ctl;call' {
            break
        }
        'skeeter;migrate' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'File that --apply writes; it must not exist (default: skeeter.conf beside FILE)')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'File that --apply writes; it must not exist (default: skeeter.conf beside FILE)')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print lines that differ or are refused only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print lines that differ or are refused only')
            [CompletionResult]::new('--apply', '--apply', [CompletionResultType]::ParameterName, 'Also write a configuration that skeeter starts with: the same lines, without those that are refused')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;passwd' {
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'Hash algorithm (default: argon2id, which mosquitto supports since 2.1)')
            [CompletionResult]::new('--hash', '--hash', [CompletionResultType]::ParameterName, 'Hash algorithm (default: argon2id, which mosquitto supports since 2.1)')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Iterations of sha512-pbkdf2 (default: 210,000), or passes of argon2id')
            [CompletionResult]::new('--iterations', '--iterations', [CompletionResultType]::ParameterName, 'Iterations of sha512-pbkdf2 (default: 210,000), or passes of argon2id')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from the first line of this file')
            [CompletionResult]::new('--password-fd', '--password-fd', [CompletionResultType]::ParameterName, 'Read the password from this file descriptor')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Start with an empty file, discarding existing users')
            [CompletionResult]::new('--create', '--create', [CompletionResultType]::ParameterName, 'Start with an empty file, discarding existing users')
            [CompletionResult]::new('-b', '-b', [CompletionResultType]::ParameterName, 'Take the password from the command line')
            [CompletionResult]::new('--password-given', '--password-given', [CompletionResultType]::ParameterName, 'Take the password from the command line')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'Delete the user')
            [CompletionResult]::new('--delete', '--delete', [CompletionResultType]::ParameterName, 'Delete the user')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'Hash the plain-text passwords in the file')
            [CompletionResult]::new('--upgrade', '--upgrade', [CompletionResultType]::ParameterName, 'Hash the plain-text passwords in the file')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Verify the user''s password; without USER, check that a broker would accept the file')
            [CompletionResult]::new('--batch', '--batch', [CompletionResultType]::ParameterName, 'Add the users read from stdin, one NAME:PASSWORD per line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;pub' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Topic to publish to, unless the URL contains it')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'Topic to publish to, unless the URL contains it')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Payload')
            [CompletionResult]::new('--message', '--message', [CompletionResultType]::ParameterName, 'Payload')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Publish the contents of this file as one message')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Publish the contents of this file as one message')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'QoS of the message: 0, 1 or 2')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'QoS of the message: 0, 1 or 2')
            [CompletionResult]::new('--repeat', '--repeat', [CompletionResultType]::ParameterName, 'Publish the message this many times; ignored with -l, --lines-with-topic, --json and --replay')
            [CompletionResult]::new('--repeat-delay', '--repeat-delay', [CompletionResultType]::ParameterName, 'Pause between the repetitions of --repeat in seconds')
            [CompletionResult]::new('--delimiter', '--delimiter', [CompletionResultType]::ParameterName, 'Character between topic and payload with --lines-with-topic (default: a tab or a space)')
            [CompletionResult]::new('--replay', '--replay', [CompletionResultType]::ParameterName, 'Replay a file recorded by sub --record, with the original timing')
            [CompletionResult]::new('--speed', '--speed', [CompletionResultType]::ParameterName, 'Replay this many times as fast')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'URL of the broker, as a flag')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'URL of the broker, as a flag')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host name or address of the broker (default: localhost)')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host name or address of the broker (default: localhost)')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker (default: 1883, 8883 with TLS)')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker (default: 1883, 8883 with TLS)')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'Connect through this Unix domain socket instead of over TCP')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Time to keep trying if the broker cannot be reached or does not answer, in seconds; or forever')
            [CompletionResult]::new('--ws-path', '--ws-path', [CompletionResultType]::ParameterName, 'Path of the WebSocket endpoint')
            [CompletionResult]::new('--ws-header', '--ws-header', [CompletionResultType]::ParameterName, 'Header to add to the WebSocket request, such as ''Authorization: Bearer TOKEN'' (repeatable)')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Connect through a SOCKS5 proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Username')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'Username')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from the first line of this file')
            [CompletionResult]::new('--password-fd', '--password-fd', [CompletionResultType]::ParameterName, 'Read the password from this file descriptor')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Client ID (default: assigned by the broker)')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client ID (default: assigned by the broker)')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Prefix of the client ID, to which the process ID is appended')
            [CompletionResult]::new('--id-prefix', '--id-prefix', [CompletionResultType]::ParameterName, 'Prefix of the client ID, to which the process ID is appended')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires')
            [CompletionResult]::new('--session-expiry', '--session-expiry', [CompletionResultType]::ParameterName, 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Keep alive in seconds; 0 disables it')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Keep alive in seconds; 0 disables it')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)')
            [CompletionResult]::new('-M', '-M ', [CompletionResultType]::ParameterName, 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit')
            [CompletionResult]::new('--max-inflight', '--max-inflight', [CompletionResultType]::ParameterName, 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit')
            [CompletionResult]::new('--max-packet-size', '--max-packet-size', [CompletionResultType]::ParameterName, 'Maximum size of a packet from the broker in bytes; K, M and G are units (default: 64M)')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--property', '--property', [CompletionResultType]::ParameterName, 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--will-topic', '--will-topic', [CompletionResultType]::ParameterName, 'Topic of the will message, which the broker publishes if the connection is lost')
            [CompletionResult]::new('--will-payload', '--will-payload', [CompletionResultType]::ParameterName, 'Payload of the will message (default: empty)')
            [CompletionResult]::new('--will-qos', '--will-qos', [CompletionResultType]::ParameterName, 'QoS of the will message: 0, 1 or 2')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'PEM file with the CAs to trust instead of the system''s; enables TLS')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'Directory of PEM files with the CAs to trust instead of the system''s; enables TLS')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Client certificate: PEM file with the certificate chain, or PKCS#12 file that includes the key')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'PEM file with the private key of the client certificate')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'ALPN protocol to offer')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'TLS version to use (default: 1.2 or 1.3)')
            [CompletionResult]::new('--key-pass-file', '--key-pass-file', [CompletionResultType]::ParameterName, 'File whose first line is the passphrase of the private key (default: prompt for it)')
            [CompletionResult]::new('--keyform', '--keyform', [CompletionResultType]::ParameterName, 'Accepted for compatibility: format of the private key, always PEM')
            [CompletionResult]::new('--ciphers', '--ciphers', [CompletionResultType]::ParameterName, 'OpenSSL cipher list: TLS 1.3 cipher suites with --tls-version tlsv1.3, TLS 1.2 ciphers otherwise')
            [CompletionResult]::new('--psk', '--psk', [CompletionResultType]::ParameterName, 'Pre-shared key (PSK) in hexadecimal; enables TLS and requires --psk-identity')
            [CompletionResult]::new('--psk-identity', '--psk-identity', [CompletionResultType]::ParameterName, 'PSK identity')
            [CompletionResult]::new('--tls-keylog', '--tls-keylog', [CompletionResultType]::ParameterName, 'Append the TLS secrets of the connection to this file, so that Wireshark can decrypt it')
            [CompletionResult]::new('--tls-engine', '--tls-engine', [CompletionResultType]::ParameterName, 'Not supported: OpenSSL has replaced engines by providers')
            [CompletionResult]::new('--tls-engine-kpass-sha1', '--tls-engine-kpass-sha1', [CompletionResultType]::ParameterName, 'Not supported: OpenSSL has replaced engines by providers')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Read options from this file, one per line; the command line and the environment override it')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Publish a message with an empty payload; with pub -r this deletes the retained message')
            [CompletionResult]::new('--null-message', '--null-message', [CompletionResultType]::ParameterName, 'Publish a message with an empty payload; with pub -r this deletes the retained message')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Publish all of stdin as one message')
            [CompletionResult]::new('--stdin-file', '--stdin-file', [CompletionResultType]::ParameterName, 'Publish all of stdin as one message')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Retain the message')
            [CompletionResult]::new('--retain', '--retain', [CompletionResultType]::ParameterName, 'Retain the message')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Publish each line of stdin as a message')
            [CompletionResult]::new('--stdin-line', '--stdin-line', [CompletionResultType]::ParameterName, 'Publish each line of stdin as a message')
            [CompletionResult]::new('--lines-with-topic', '--lines-with-topic', [CompletionResultType]::ParameterName, 'Publish each line of stdin as a message that starts with its topic: TOPIC, a tab or space, PAYLOAD')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Publish each line of stdin as a message in JSON, as printed by sub --json')
            [CompletionResult]::new('-0', '-0', [CompletionResultType]::ParameterName, 'Lines of stdin end with NUL instead of newline')
            [CompletionResult]::new('--null', '--null', [CompletionResultType]::ParameterName, 'Lines of stdin end with NUL instead of newline')
            [CompletionResult]::new('--as-fast-as-possible', '--as-fast-as-possible', [CompletionResultType]::ParameterName, 'Replay without the original timing')
            [CompletionResult]::new('--loop', '--loop', [CompletionResultType]::ParameterName, 'Replay in an endless loop')
            [CompletionResult]::new('--ping', '--ping', [CompletionResultType]::ParameterName, 'Publish nothing and check that the broker accepts a connection and answers, as a health check')
            [CompletionResult]::new('--nodelay', '--nodelay', [CompletionResultType]::ParameterName, 'Accepted for compatibility; small packets are always sent immediately')
            [CompletionResult]::new('--ws', '--ws', [CompletionResultType]::ParameterName, 'Connect over WebSocket, as with a ws:// or wss:// URL')
            [CompletionResult]::new('-S', '-S ', [CompletionResultType]::ParameterName, 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS')
            [CompletionResult]::new('--srv', '--srv', [CompletionResultType]::ParameterName, 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS')
            [CompletionResult]::new('--ask-password', '--ask-password', [CompletionResultType]::ParameterName, 'Prompt for the password without echoing it')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Resume the session of this client ID, and keep it when disconnecting; requires -i')
            [CompletionResult]::new('--disable-clean-session', '--disable-clean-session', [CompletionResultType]::ParameterName, 'Resume the session of this client ID, and keep it when disconnecting; requires -i')
            [CompletionResult]::new('--will-retain', '--will-retain', [CompletionResultType]::ParameterName, 'Retain the will message')
            [CompletionResult]::new('--tls-use-os-certs', '--tls-use-os-certs', [CompletionResultType]::ParameterName, 'Enable TLS and trust the system''s CAs')
            [CompletionResult]::new('--no-tls', '--no-tls', [CompletionResultType]::ParameterName, 'Disable TLS, even if the URL or another flag enables it')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Accept a server certificate that was issued for another host name')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing to stderr except usage errors')
            [CompletionResult]::new('--no-retry', '--no-retry', [CompletionResultType]::ParameterName, 'Exit when the connection is lost, instead of reconnecting as -l, --json and --replay do by default')
            [CompletionResult]::new('--retry', '--retry', [CompletionResultType]::ParameterName, 'Undo an earlier --no-retry')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Print each packet sent or received to stderr')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Print each packet sent or received to stderr')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            break
        }
        'skeeter;sub' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Topic filter to subscribe to (repeatable), in addition to one in the URL')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'Topic filter to subscribe to (repeatable), in addition to one in the URL')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Maximum QoS: 0, 1 or 2')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'Maximum QoS: 0, 1 or 2')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'Topic filter to unsubscribe from in a session resumed with -c (repeatable)')
            [CompletionResult]::new('--unsubscribe', '--unsubscribe', [CompletionResultType]::ParameterName, 'Topic filter to unsubscribe from in a session resumed with -c (repeatable)')
            [CompletionResult]::new('--ready-file', '--ready-file', [CompletionResultType]::ParameterName, 'Create this file once the broker has accepted the subscriptions')
            [CompletionResult]::new('-F', '-F ', [CompletionResultType]::ParameterName, 'Output format as in mosquitto_sub: %t topic, %p payload, %j JSON; the man page lists all of them')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Output format as in mosquitto_sub: %t topic, %p payload, %j JSON; the man page lists all of them')
            [CompletionResult]::new('--retain-handling', '--retain-handling', [CompletionResultType]::ParameterName, 'When the broker sends retained messages on subscribing (MQTT 5)')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Exit after this many seconds, with status 27')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Exit after this many seconds, with status 27')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'Skip messages whose topic matches this filter (repeatable)')
            [CompletionResult]::new('--filter-out', '--filter-out', [CompletionResultType]::ParameterName, 'Skip messages whose topic matches this filter (repeatable)')
            [CompletionResult]::new('--where', '--where', [CompletionResultType]::ParameterName, 'Print only messages for which this condition is true, such as ''temperature > 30''')
            [CompletionResult]::new('--random-filter', '--random-filter', [CompletionResultType]::ParameterName, 'Print this percentage of the messages, chosen at random')
            [CompletionResult]::new('--record', '--record', [CompletionResultType]::ParameterName, 'Write each message as a JSON object to this file instead of printing it; pub --replay can read it')
            [CompletionResult]::new('--exec', '--exec', [CompletionResultType]::ParameterName, 'Run this shell command for each message instead of printing it')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Number of --exec commands to run in parallel; with more than one they may finish in any order')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'Exit after this many messages')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Exit after this many messages')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Exit after the first message for which this condition is true')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'Exit after this many seconds without a message, with status 66')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'URL of the broker, as a flag')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'URL of the broker, as a flag')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host name or address of the broker (default: localhost)')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host name or address of the broker (default: localhost)')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker (default: 1883, 8883 with TLS)')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker (default: 1883, 8883 with TLS)')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'Connect through this Unix domain socket instead of over TCP')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Time to keep trying if the broker cannot be reached or does not answer, in seconds; or forever')
            [CompletionResult]::new('--ws-path', '--ws-path', [CompletionResultType]::ParameterName, 'Path of the WebSocket endpoint')
            [CompletionResult]::new('--ws-header', '--ws-header', [CompletionResultType]::ParameterName, 'Header to add to the WebSocket request, such as ''Authorization: Bearer TOKEN'' (repeatable)')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Connect through a SOCKS5 proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Username')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'Username')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from the first line of this file')
            [CompletionResult]::new('--password-fd', '--password-fd', [CompletionResultType]::ParameterName, 'Read the password from this file descriptor')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Client ID (default: assigned by the broker)')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client ID (default: assigned by the broker)')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Prefix of the client ID, to which the process ID is appended')
            [CompletionResult]::new('--id-prefix', '--id-prefix', [CompletionResultType]::ParameterName, 'Prefix of the client ID, to which the process ID is appended')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires')
            [CompletionResult]::new('--session-expiry', '--session-expiry', [CompletionResultType]::ParameterName, 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Keep alive in seconds; 0 disables it')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Keep alive in seconds; 0 disables it')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)')
            [CompletionResult]::new('-M', '-M ', [CompletionResultType]::ParameterName, 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit')
            [CompletionResult]::new('--max-inflight', '--max-inflight', [CompletionResultType]::ParameterName, 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit')
            [CompletionResult]::new('--max-packet-size', '--max-packet-size', [CompletionResultType]::ParameterName, 'Maximum size of a packet from the broker in bytes; K, M and G are units (default: 64M)')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--property', '--property', [CompletionResultType]::ParameterName, 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--will-topic', '--will-topic', [CompletionResultType]::ParameterName, 'Topic of the will message, which the broker publishes if the connection is lost')
            [CompletionResult]::new('--will-payload', '--will-payload', [CompletionResultType]::ParameterName, 'Payload of the will message (default: empty)')
            [CompletionResult]::new('--will-qos', '--will-qos', [CompletionResultType]::ParameterName, 'QoS of the will message: 0, 1 or 2')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'PEM file with the CAs to trust instead of the system''s; enables TLS')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'Directory of PEM files with the CAs to trust instead of the system''s; enables TLS')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Client certificate: PEM file with the certificate chain, or PKCS#12 file that includes the key')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'PEM file with the private key of the client certificate')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'ALPN protocol to offer')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'TLS version to use (default: 1.2 or 1.3)')
            [CompletionResult]::new('--key-pass-file', '--key-pass-file', [CompletionResultType]::ParameterName, 'File whose first line is the passphrase of the private key (default: prompt for it)')
            [CompletionResult]::new('--keyform', '--keyform', [CompletionResultType]::ParameterName, 'Accepted for compatibility: format of the private key, always PEM')
            [CompletionResult]::new('--ciphers', '--ciphers', [CompletionResultType]::ParameterName, 'OpenSSL cipher list: TLS 1.3 cipher suites with --tls-version tlsv1.3, TLS 1.2 ciphers otherwise')
            [CompletionResult]::new('--psk', '--psk', [CompletionResultType]::ParameterName, 'Pre-shared key (PSK) in hexadecimal; enables TLS and requires --psk-identity')
            [CompletionResult]::new('--psk-identity', '--psk-identity', [CompletionResultType]::ParameterName, 'PSK identity')
            [CompletionResult]::new('--tls-keylog', '--tls-keylog', [CompletionResultType]::ParameterName, 'Append the TLS secrets of the connection to this file, so that Wireshark can decrypt it')
            [CompletionResult]::new('--tls-engine', '--tls-engine', [CompletionResultType]::ParameterName, 'Not supported: OpenSSL has replaced engines by providers')
            [CompletionResult]::new('--tls-engine-kpass-sha1', '--tls-engine-kpass-sha1', [CompletionResultType]::ParameterName, 'Not supported: OpenSSL has replaced engines by providers')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Read options from this file, one per line; the command line and the environment override it')
            [CompletionResult]::new('--remove-retained', '--remove-retained', [CompletionResultType]::ParameterName, 'Delete the retained messages received, by publishing an empty retained message to their topics')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only print which retained messages --remove-retained would delete')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print the topic before each payload')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print the topic before each payload')
            [CompletionResult]::new('--pretty', '--pretty', [CompletionResultType]::ParameterName, 'Indent the JSON of %j and %J')
            [CompletionResult]::new('-N', '-N ', [CompletionResultType]::ParameterName, 'Do not print a newline after each message')
            [CompletionResult]::new('--no-newline', '--no-newline', [CompletionResultType]::ParameterName, 'Do not print a newline after each message')
            [CompletionResult]::new('-R', '-R ', [CompletionResultType]::ParameterName, 'Skip retained messages')
            [CompletionResult]::new('--no-retained', '--no-retained', [CompletionResultType]::ParameterName, 'Skip retained messages')
            [CompletionResult]::new('--retain-as-published', '--retain-as-published', [CompletionResultType]::ParameterName, 'Ask the broker to keep the retain flag as published (MQTT 5)')
            [CompletionResult]::new('--retained-only', '--retained-only', [CompletionResultType]::ParameterName, 'Print retained messages only, and exit at the first message that is not retained')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print each message as a JSON object on one line, which pub --json can read')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Show one line per topic with its latest message, updated in place')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Show one line per topic with its latest message, updated in place')
            [CompletionResult]::new('--message-rate', '--message-rate', [CompletionResultType]::ParameterName, 'Print the number of messages per second instead of the messages; -C is ignored')
            [CompletionResult]::new('--stats', '--stats', [CompletionResultType]::ParameterName, 'Show message rates below the messages if stderr is a terminal')
            [CompletionResult]::new('-E', '-E ', [CompletionResultType]::ParameterName, 'Exit once the broker has accepted the subscriptions')
            [CompletionResult]::new('--end-when-subscribed', '--end-when-subscribed', [CompletionResultType]::ParameterName, 'Exit once the broker has accepted the subscriptions')
            [CompletionResult]::new('--nodelay', '--nodelay', [CompletionResultType]::ParameterName, 'Accepted for compatibility; small packets are always sent immediately')
            [CompletionResult]::new('--ws', '--ws', [CompletionResultType]::ParameterName, 'Connect over WebSocket, as with a ws:// or wss:// URL')
            [CompletionResult]::new('-S', '-S ', [CompletionResultType]::ParameterName, 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS')
            [CompletionResult]::new('--srv', '--srv', [CompletionResultType]::ParameterName, 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS')
            [CompletionResult]::new('--ask-password', '--ask-password', [CompletionResultType]::ParameterName, 'Prompt for the password without echoing it')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Resume the session of this client ID, and keep it when disconnecting; requires -i')
            [CompletionResult]::new('--disable-clean-session', '--disable-clean-session', [CompletionResultType]::ParameterName, 'Resume the session of this client ID, and keep it when disconnecting; requires -i')
            [CompletionResult]::new('--will-retain', '--will-retain', [CompletionResultType]::ParameterName, 'Retain the will message')
            [CompletionResult]::new('--tls-use-os-certs', '--tls-use-os-certs', [CompletionResultType]::ParameterName, 'Enable TLS and trust the system''s CAs')
            [CompletionResult]::new('--no-tls', '--no-tls', [CompletionResultType]::ParameterName, 'Disable TLS, even if the URL or another flag enables it')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Accept a server certificate that was issued for another host name')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing to stderr except usage errors')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Print each packet sent or received to stderr')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Print each packet sent or received to stderr')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            break
        }
        'skeeter;rr' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Topic to publish to, unless the URL contains it')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'Topic to publish to, unless the URL contains it')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Payload')
            [CompletionResult]::new('--message', '--message', [CompletionResultType]::ParameterName, 'Payload')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Publish the contents of this file as one message')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Publish the contents of this file as one message')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'QoS of the message: 0, 1 or 2')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'QoS of the message: 0, 1 or 2')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Topic to subscribe to for the response; with MQTT 5, also the Response Topic property of the request')
            [CompletionResult]::new('--response-topic', '--response-topic', [CompletionResultType]::ParameterName, 'Topic to subscribe to for the response; with MQTT 5, also the Response Topic property of the request')
            [CompletionResult]::new('-F', '-F ', [CompletionResultType]::ParameterName, 'Output format as in mosquitto_sub: %t topic, %p payload, %j JSON; the man page lists all of them')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Output format as in mosquitto_sub: %t topic, %p payload, %j JSON; the man page lists all of them')
            [CompletionResult]::new('--retain-handling', '--retain-handling', [CompletionResultType]::ParameterName, 'When the broker sends retained messages on subscribing (MQTT 5)')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Exit after this many seconds, with status 27')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Exit after this many seconds, with status 27')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'URL of the broker, as a flag')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'URL of the broker, as a flag')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host name or address of the broker (default: localhost)')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host name or address of the broker (default: localhost)')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker (default: 1883, 8883 with TLS)')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker (default: 1883, 8883 with TLS)')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'Connect through this Unix domain socket instead of over TCP')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Time to keep trying if the broker cannot be reached or does not answer, in seconds; or forever')
            [CompletionResult]::new('--ws-path', '--ws-path', [CompletionResultType]::ParameterName, 'Path of the WebSocket endpoint')
            [CompletionResult]::new('--ws-header', '--ws-header', [CompletionResultType]::ParameterName, 'Header to add to the WebSocket request, such as ''Authorization: Bearer TOKEN'' (repeatable)')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Connect through a SOCKS5 proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Username')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'Username')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from the first line of this file')
            [CompletionResult]::new('--password-fd', '--password-fd', [CompletionResultType]::ParameterName, 'Read the password from this file descriptor')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Client ID (default: assigned by the broker)')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client ID (default: assigned by the broker)')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Prefix of the client ID, to which the process ID is appended')
            [CompletionResult]::new('--id-prefix', '--id-prefix', [CompletionResultType]::ParameterName, 'Prefix of the client ID, to which the process ID is appended')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires')
            [CompletionResult]::new('--session-expiry', '--session-expiry', [CompletionResultType]::ParameterName, 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Keep alive in seconds; 0 disables it')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Keep alive in seconds; 0 disables it')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)')
            [CompletionResult]::new('-M', '-M ', [CompletionResultType]::ParameterName, 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit')
            [CompletionResult]::new('--max-inflight', '--max-inflight', [CompletionResultType]::ParameterName, 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit')
            [CompletionResult]::new('--max-packet-size', '--max-packet-size', [CompletionResultType]::ParameterName, 'Maximum size of a packet from the broker in bytes; K, M and G are units (default: 64M)')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--property', '--property', [CompletionResultType]::ParameterName, 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--will-topic', '--will-topic', [CompletionResultType]::ParameterName, 'Topic of the will message, which the broker publishes if the connection is lost')
            [CompletionResult]::new('--will-payload', '--will-payload', [CompletionResultType]::ParameterName, 'Payload of the will message (default: empty)')
            [CompletionResult]::new('--will-qos', '--will-qos', [CompletionResultType]::ParameterName, 'QoS of the will message: 0, 1 or 2')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'PEM file with the CAs to trust instead of the system''s; enables TLS')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'Directory of PEM files with the CAs to trust instead of the system''s; enables TLS')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Client certificate: PEM file with the certificate chain, or PKCS#12 file that includes the key')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'PEM file with the private key of the client certificate')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'ALPN protocol to offer')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'TLS version to use (default: 1.2 or 1.3)')
            [CompletionResult]::new('--key-pass-file', '--key-pass-file', [CompletionResultType]::ParameterName, 'File whose first line is the passphrase of the private key (default: prompt for it)')
            [CompletionResult]::new('--keyform', '--keyform', [CompletionResultType]::ParameterName, 'Accepted for compatibility: format of the private key, always PEM')
            [CompletionResult]::new('--ciphers', '--ciphers', [CompletionResultType]::ParameterName, 'OpenSSL cipher list: TLS 1.3 cipher suites with --tls-version tlsv1.3, TLS 1.2 ciphers otherwise')
            [CompletionResult]::new('--psk', '--psk', [CompletionResultType]::ParameterName, 'Pre-shared key (PSK) in hexadecimal; enables TLS and requires --psk-identity')
            [CompletionResult]::new('--psk-identity', '--psk-identity', [CompletionResultType]::ParameterName, 'PSK identity')
            [CompletionResult]::new('--tls-keylog', '--tls-keylog', [CompletionResultType]::ParameterName, 'Append the TLS secrets of the connection to this file, so that Wireshark can decrypt it')
            [CompletionResult]::new('--tls-engine', '--tls-engine', [CompletionResultType]::ParameterName, 'Not supported: OpenSSL has replaced engines by providers')
            [CompletionResult]::new('--tls-engine-kpass-sha1', '--tls-engine-kpass-sha1', [CompletionResultType]::ParameterName, 'Not supported: OpenSSL has replaced engines by providers')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Read options from this file, one per line; the command line and the environment override it')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Publish a message with an empty payload; with pub -r this deletes the retained message')
            [CompletionResult]::new('--null-message', '--null-message', [CompletionResultType]::ParameterName, 'Publish a message with an empty payload; with pub -r this deletes the retained message')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Publish all of stdin as one message')
            [CompletionResult]::new('--stdin-file', '--stdin-file', [CompletionResultType]::ParameterName, 'Publish all of stdin as one message')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print the topic before each payload')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print the topic before each payload')
            [CompletionResult]::new('--pretty', '--pretty', [CompletionResultType]::ParameterName, 'Indent the JSON of %j and %J')
            [CompletionResult]::new('-N', '-N ', [CompletionResultType]::ParameterName, 'Do not print a newline after each message')
            [CompletionResult]::new('--no-newline', '--no-newline', [CompletionResultType]::ParameterName, 'Do not print a newline after each message')
            [CompletionResult]::new('-R', '-R ', [CompletionResultType]::ParameterName, 'Skip retained messages')
            [CompletionResult]::new('--no-retained', '--no-retained', [CompletionResultType]::ParameterName, 'Skip retained messages')
            [CompletionResult]::new('--retain-as-published', '--retain-as-published', [CompletionResultType]::ParameterName, 'Ask the broker to keep the retain flag as published (MQTT 5)')
            [CompletionResult]::new('--latency', '--latency', [CompletionResultType]::ParameterName, 'Print the time between request and response')
            [CompletionResult]::new('--nodelay', '--nodelay', [CompletionResultType]::ParameterName, 'Accepted for compatibility; small packets are always sent immediately')
            [CompletionResult]::new('--ws', '--ws', [CompletionResultType]::ParameterName, 'Connect over WebSocket, as with a ws:// or wss:// URL')
            [CompletionResult]::new('-S', '-S ', [CompletionResultType]::ParameterName, 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS')
            [CompletionResult]::new('--srv', '--srv', [CompletionResultType]::ParameterName, 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS')
            [CompletionResult]::new('--ask-password', '--ask-password', [CompletionResultType]::ParameterName, 'Prompt for the password without echoing it')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Resume the session of this client ID, and keep it when disconnecting; requires -i')
            [CompletionResult]::new('--disable-clean-session', '--disable-clean-session', [CompletionResultType]::ParameterName, 'Resume the session of this client ID, and keep it when disconnecting; requires -i')
            [CompletionResult]::new('--will-retain', '--will-retain', [CompletionResultType]::ParameterName, 'Retain the will message')
            [CompletionResult]::new('--tls-use-os-certs', '--tls-use-os-certs', [CompletionResultType]::ParameterName, 'Enable TLS and trust the system''s CAs')
            [CompletionResult]::new('--no-tls', '--no-tls', [CompletionResultType]::ParameterName, 'Disable TLS, even if the URL or another flag enables it')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Accept a server certificate that was issued for another host name')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing to stderr except usage errors')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Print each packet sent or received to stderr')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Print each packet sent or received to stderr')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            break
        }
        'skeeter;signal' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Send it to the process with this ID')
            [CompletionResult]::new('--pid', '--pid', [CompletionResultType]::ParameterName, 'Send it to the process with this ID')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Send it to all brokers of this machine, of skeeter and of mosquitto')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Send it to all brokers of this machine, of skeeter and of mosquitto')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;store' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Verify the store and summarize its contents; changes nothing')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Write sessions and messages to stdout, one JSON object per line')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Read the output of `skeeter store export`, or mosquitto''s persistence file, into a data directory')
            [CompletionResult]::new('dump', 'dump', [CompletionResultType]::ParameterValue, 'Print mosquitto''s persistence file, as mosquitto_db_dump does')
            [CompletionResult]::new('repair', 'repair', [CompletionResultType]::ParameterValue, 'Accept the loss of commits, so that the broker starts again with what is left')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'skeeter;store;check' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;store;export' {
            [CompletionResult]::new('--mosquitto', '--mosquitto', [CompletionResultType]::ParameterName, 'Write a new persistence file of mosquitto instead of lines of JSON')
            [CompletionResult]::new('--messages', '--messages', [CompletionResultType]::ParameterName, 'Export only messages: retained and queued ones')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;store;import' {
            [CompletionResult]::new('--mosquitto', '--mosquitto', [CompletionResultType]::ParameterName, 'Import this persistence file of mosquitto (mosquitto.db, format versions 3 to 6)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;store;dump' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON with the keys of mosquitto_db_dump 2.1; payloads are in base64')
            [CompletionResult]::new('--stats', '--stats', [CompletionResultType]::ParameterName, 'Print the number of entries of each type only')
            [CompletionResult]::new('--client-stats', '--client-stats', [CompletionResultType]::ParameterName, 'Print the subscriptions and messages of each client, and their sizes in bytes, only')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;store;repair' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;store;help' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Verify the store and summarize its contents; changes nothing')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Write sessions and messages to stdout, one JSON object per line')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Read the output of `skeeter store export`, or mosquitto''s persistence file, into a data directory')
            [CompletionResult]::new('dump', 'dump', [CompletionResultType]::ParameterValue, 'Print mosquitto''s persistence file, as mosquitto_db_dump does')
            [CompletionResult]::new('repair', 'repair', [CompletionResultType]::ParameterValue, 'Accept the loss of commits, so that the broker starts again with what is left')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'skeeter;store;help;check' {
            break
        }
        'skeeter;store;help;export' {
            break
        }
        'skeeter;store;help;import' {
            break
        }
        'skeeter;store;help;dump' {
            break
        }
        'skeeter;store;help;repair' {
            break
        }
        'skeeter;store;help;help' {
            break
        }
        'skeeter;help' {
            [CompletionResult]::new('bench', 'bench', [CompletionResultType]::ParameterValue, 'Measure an MQTT broker: latency, throughput, message loss and the bottleneck')
            [CompletionResult]::new('broker', 'broker', [CompletionResultType]::ParameterValue, 'Run an MQTT broker (MQTT 3.1, 3.1.1 and 5.0)')
            [CompletionResult]::new('cert', 'cert', [CompletionResultType]::ParameterValue, 'Issue a client certificate, signed by the CA of `skeeter broker --tls auto`')
            [CompletionResult]::new('ctl', 'ctl', [CompletionResultType]::ParameterValue, 'Look into a running broker, and control it')
            [CompletionResult]::new('migrate', 'migrate', [CompletionResultType]::ParameterValue, 'Report what becomes of a mosquitto configuration, line by line')
            [CompletionResult]::new('passwd', 'passwd', [CompletionResultType]::ParameterValue, 'Manage a password file for skeeter or mosquitto')
            [CompletionResult]::new('pub', 'pub', [CompletionResultType]::ParameterValue, 'Publish messages')
            [CompletionResult]::new('sub', 'sub', [CompletionResultType]::ParameterValue, 'Subscribe to topics and print the messages received')
            [CompletionResult]::new('rr', 'rr', [CompletionResultType]::ParameterValue, 'Publish a request and print the response')
            [CompletionResult]::new('signal', 'signal', [CompletionResultType]::ParameterValue, 'Send a signal to running brokers, by the names that mosquitto_signal uses')
            [CompletionResult]::new('store', 'store', [CompletionResultType]::ParameterValue, 'Check, export, import or repair the data directory of a broker')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'skeeter;help;bench' {
            break
        }
        'skeeter;help;broker' {
            break
        }
        'skeeter;help;cert' {
            break
        }
        'skeeter;help;ctl' {
            [CompletionResult]::new('broker', 'broker', [CompletionResultType]::ParameterValue, 'Describe the broker: version, uptime, memory, totals')
            [CompletionResult]::new('listeners', 'listeners', [CompletionResultType]::ParameterValue, 'List the listeners with their URLs')
            [CompletionResult]::new('clients', 'clients', [CompletionResultType]::ParameterValue, 'List clients, connected or not')
            [CompletionResult]::new('client', 'client', [CompletionResultType]::ParameterValue, 'Describe one client and its subscriptions')
            [CompletionResult]::new('kick', 'kick', [CompletionResultType]::ParameterValue, 'Close the connection of a client; its session stays, and its will is published')
            [CompletionResult]::new('end-session', 'end-session', [CompletionResultType]::ParameterValue, 'End the session of a client, with its subscriptions and queued messages')
            [CompletionResult]::new('unsubscribe', 'unsubscribe', [CompletionResultType]::ParameterValue, 'Remove a subscription of a client')
            [CompletionResult]::new('retained', 'retained', [CompletionResultType]::ParameterValue, 'List retained messages')
            [CompletionResult]::new('delete-retained', 'delete-retained', [CompletionResultType]::ParameterValue, 'Delete retained messages')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Tell whether a user may publish to a topic, or read it, and which ACL rule decides')
            [CompletionResult]::new('call', 'call', [CompletionResultType]::ParameterValue, 'Send any request: the operation and its arguments as JSON')
            break
        }
        'skeeter;help;ctl;broker' {
            break
        }
        'skeeter;help;ctl;listeners' {
            break
        }
        'skeeter;help;ctl;clients' {
            break
        }
        'skeeter;help;ctl;client' {
            break
        }
        'skeeter;help;ctl;kick' {
            break
        }
        'skeeter;help;ctl;end-session' {
            break
        }
        'skeeter;help;ctl;unsubscribe' {
            break
        }
        'skeeter;help;ctl;retained' {
            break
        }
        'skeeter;help;ctl;delete-retained' {
            break
        }
        'skeeter;help;ctl;explain' {
            break
        }
        'skeeter;help;ctl;call' {
            break
        }
        'skeeter;help;migrate' {
            break
        }
        'skeeter;help;passwd' {
            break
        }
        'skeeter;help;pub' {
            break
        }
        'skeeter;help;sub' {
            break
        }
        'skeeter;help;rr' {
            break
        }
        'skeeter;help;signal' {
            break
        }
        'skeeter;help;store' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Verify the store and summarize its contents; changes nothing')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Write sessions and messages to stdout, one JSON object per line')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Read the output of `skeeter store export`, or mosquitto''s persistence file, into a data directory')
            [CompletionResult]::new('dump', 'dump', [CompletionResultType]::ParameterValue, 'Print mosquitto''s persistence file, as mosquitto_db_dump does')
            [CompletionResult]::new('repair', 'repair', [CompletionResultType]::ParameterValue, 'Accept the loss of commits, so that the broker starts again with what is left')
            break
        }
        'skeeter;help;store;check' {
            break
        }
        'skeeter;help;store;export' {
            break
        }
        'skeeter;help;store;import' {
            break
        }
        'skeeter;help;store;dump' {
            break
        }
        'skeeter;help;store;repair' {
            break
        }
        'skeeter;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
