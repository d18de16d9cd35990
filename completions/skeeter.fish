# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_skeeter_global_optspecs
    string join \n h/help V/version
end

function __fish_skeeter_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_skeeter_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_skeeter_using_subcommand
    set -l cmd (__fish_skeeter_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c skeeter -n "__fish_skeeter_needs_command" -s h -l help -d 'Print help'
complete -c skeeter -n "__fish_skeeter_needs_command" -s V -l version -d 'Print version'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "bench" -d 'Measure an MQTT broker: latency, throughput, message loss and the bottleneck'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "broker" -d 'Run an MQTT broker (MQTT 3.1, 3.1.1 and 5.0)'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "cert" -d 'Issue a client certificate, signed by the CA of `skeeter broker --tls auto`'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "ctl" -d 'Look into a running broker, and control it'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "migrate" -d 'Report what becomes of a mosquitto configuration, line by line'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "passwd" -d 'Manage a password file for skeeter or mosquitto'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "pub" -d 'Publish messages'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "sub" -d 'Subscribe to topics and print the messages received'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "rr" -d 'Publish a request and print the response'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "signal" -d 'Send a signal to running brokers, by the names that mosquitto_signal uses'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "store" -d 'Check, export, import or repair the data directory of a broker'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s f -l file -d 'Read the scenario from this TOML file; flags on the command line override it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s q -l qos -d 'QoS of publishers and subscribers: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s s -l size -d 'Payload size in bytes' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l payload -d 'Payload template with {counter}, {time} (ms), {client}, {random}, {random:A..B}, {bytes:N} and {stamp}' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l payload-file -d 'File with a payload template' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l json-field -d 'Field of a JSON payload, with a payload template as its value (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s t -l topic -d 'Topic template (default: bench/%r/%i)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l rate -d 'Messages per second of all publishers together, or max for as fast as they are delivered (default: 1000)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l rate-per-client -d 'Messages per second of each publisher' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l window -d 'With --rate max, the number of messages each publisher may have on their way to the subscribers' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s d -l duration -d 'Duration of the measurement' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s n -l count -d 'Stop after this many messages in total' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l warm-up -d 'Time before the measurement, left out of latencies and rates (default: 1 s; none if connections are measured)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l drain -d 'At the end of the run, time without any message after which missing messages count as lost' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l phase -d 'Phase of the load (repeatable), instead of --duration: ramp:TIME:RATE, steady:TIME[:RATE] or drain:TIME' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l seed -d 'Seed of random payloads and of the order of events (default: random)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l threads -d 'Number of threads that generate load (default: one per 200,000 messages per second)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l publishers -d 'Number of publishers (default: 10; fan-in 100, fan-out 1)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l subscribers -d 'Number of subscribers (default: 10; fan-in 1, fan-out 100); in pub-sub one per publisher' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l clients -d 'Number of clients in the scenarios connect, churn, ping and reconnect; number of pairs in pub-sub' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l connect-rate -d 'Connections to open per second (default: as fast as the broker accepts them, 64 at a time)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l bind -d 'Local addresses to connect from in turn: ADDRESS, FIRST-LAST or NETWORK/BITS, separated by commas' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l credentials -d 'CSV file with the credentials of the clients' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l broker-pid -d 'Process ID of a broker on this machine, to report its CPU time and memory (Linux)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l threshold -d 'Conditions to meet, separated by commas; the exit status is 67 if one is not met' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l find-max -d 'Find the highest rate at which these conditions are met, in a series of runs that starts at --rate' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l runs -d 'Number of runs (default: 1; 5 for --compare and --against)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l compare -d 'Compare with the runs in this file, written earlier by --runs 5 --json' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l against -d 'URL of a broker to compare with another one; give it twice' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l csv -d 'Write a CSV file with one row per second of the run' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l hdr -d 'Write an HdrHistogram log of the latency, with one interval per second' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l html -d 'Write the report as a self-contained HTML page' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s L -l url -d 'URL of the broker, as a flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s h -l host -d 'Host name or address of the broker (default: localhost)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s p -l port -d 'Port of the broker (default: 1883, 8883 with TLS)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l unix -d 'Connect through this Unix domain socket instead of over TCP' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s A -l from -d 'Local address to connect from' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l wait -d 'Time to keep trying if the broker cannot be reached or does not answer, in seconds; or forever' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l ws-path -d 'Path of the WebSocket endpoint' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l ws-header -d 'Header to add to the WebSocket request, such as \'Authorization: Bearer TOKEN\' (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l proxy -d 'Connect through a SOCKS5 proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s u -l username -d 'Username' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s P -l pw -l password -d 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l password-file -d 'Read the password from the first line of this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l password-fd -d 'Read the password from this file descriptor' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s i -l id -d 'Client ID (default: assigned by the broker)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s I -l id-prefix -d 'Prefix of the client ID, to which the process ID is appended' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s x -l session-expiry -d 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s k -l keepalive -d 'Keep alive in seconds; 0 disables it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s V -l protocol-version -d 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)' -r -f -a "5\t''
311\t''
31\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s M -l max-inflight -d 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l max-packet-size -d 'Maximum size of a packet from the broker in bytes; K, M and G are units (default: 64M)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s D -l property -d 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l will-topic -d 'Topic of the will message, which the broker publishes if the connection is lost' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l will-payload -d 'Payload of the will message (default: empty)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l will-qos -d 'QoS of the will message: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l cafile -d 'PEM file with the CAs to trust instead of the system\'s; enables TLS' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l capath -d 'Directory of PEM files with the CAs to trust instead of the system\'s; enables TLS' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l cert -d 'Client certificate: PEM file with the certificate chain, or PKCS#12 file that includes the key' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l key -d 'PEM file with the private key of the client certificate' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l tls-alpn -d 'ALPN protocol to offer' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l tls-version -d 'TLS version to use (default: 1.2 or 1.3)' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l key-pass-file -d 'File whose first line is the passphrase of the private key (default: prompt for it)' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l keyform -d 'Accepted for compatibility: format of the private key, always PEM' -r -f -a "pem\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l ciphers -d 'OpenSSL cipher list: TLS 1.3 cipher suites with --tls-version tlsv1.3, TLS 1.2 ciphers otherwise' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l psk -d 'Pre-shared key (PSK) in hexadecimal; enables TLS and requires --psk-identity' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l psk-identity -d 'PSK identity' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l tls-keylog -d 'Append the TLS secrets of the connection to this file, so that Wireshark can decrypt it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l tls-engine -d 'Not supported: OpenSSL has replaced engines by providers' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l tls-engine-kpass-sha1 -d 'Not supported: OpenSSL has replaced engines by providers' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s o -d 'Read options from this file, one per line; the command line and the environment override it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l scenario -d 'The scenario, as a key of scenario files' -r -f -a "pub-sub\t'Each publisher has its own topic and subscriber'
fan-in\t'Many publishers and few subscribers, each of which receives every message'
fan-out\t'Few publishers and many subscribers, each of which receives every message'
shared\t'The subscribers share one subscription; each message is delivered to one of them'
connect\t'Clients (1,000 by default) connect and stay connected'
churn\t'Clients connect, subscribe and disconnect, at --rate per second'
ping\t'Clients send PINGREQ packets, at --rate per second in total'
retained\t'Subscribers receive --count retained messages, at --rate subscribers per second'
offline\t'Subscribers reconnect to receive --count messages that were queued while they were disconnected'
reconnect\t'All clients lose their connection at once and reconnect, immediately or at --connect-rate'
conn-tcp-10K-100\t'10,000 connections at 100 per second (Open MQTT Benchmark Suite)'
fanout-1-1K-1-1K\t'1 publisher, 1,000 subscribers, 1 message per second at QoS 1 (Open MQTT Benchmark Suite)'
p2p-1K-1K-1K-1K\t'1,000 pairs, 1,000 messages per second at QoS 1 (Open MQTT Benchmark Suite)'
sharedsub-1K-5-1K-1K\t'1,000 publishers, 5 subscribers sharing a subscription, 1,000 messages per second at QoS 1 (Open MQTT Benchmark Suite)'"
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l no-sys -d 'Do not subscribe to the broker\'s $SYS topics, which needs one more connection'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l json -d 'Print the report as JSON'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l json-schema -d 'Print the JSON schema of the report and exit'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l nodelay -d 'Accepted for compatibility; small packets are always sent immediately'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l ws -d 'Connect over WebSocket, as with a ws:// or wss:// URL'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s S -l srv -d 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l ask-password -d 'Prompt for the password without echoing it'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s c -l disable-clean-session -d 'Resume the session of this client ID, and keep it when disconnecting; requires -i'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l will-retain -d 'Retain the will message'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l tls-use-os-certs -d 'Enable TLS and trust the system\'s CAs'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l no-tls -d 'Disable TLS, even if the URL or another flag enables it'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l insecure -d 'Accept a server certificate that was issued for another host name'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l quiet -d 'Print nothing to stderr except usage errors'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l help -d 'Print help'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l version -d 'Print the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -s c -l config-file -d 'Configuration file in the format of mosquitto.conf; see skeeter.conf(5)' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -s p -l port -d 'Port for MQTT over TCP (default: 1883); 0 picks a free port and reports it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l bind -d 'Address or host name to listen on (repeatable, or with commas); 0.0.0.0, :: or * for all interfaces' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l bind-interface -d 'Listen on the addresses of this network interface only' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l unix -d 'Also listen on a Unix domain socket' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l unix-mode -d 'File mode of the Unix domain socket in octal, such as 660' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l ws -d 'Also accept MQTT over WebSocket (default port: 9001)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l wss -d 'Also accept MQTT over WebSocket with TLS (default port: 9443); requires --tls, --cert or --psk-file' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l http -d 'Also answer HTTP: /healthz, /readyz, /metrics and the control interface under /api/v1/ (default port: 9883)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l http-bind -d 'Address to answer HTTP on (repeatable; default: the loopback addresses); others require authentication' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l origin -d 'Accept WebSocket connections from pages of this origin only (repeatable; default: any origin)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l trusted-proxy -d 'Trust the X-Forwarded-For header of WebSocket connections from this address or network (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l proxy-protocol -d 'Require a PROXY protocol header of this version, 1 or 2, on every TCP connection' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l handshake-timeout -d 'Time for the PROXY header, the TLS handshake and the WebSocket handshake together, in seconds' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l tls -d 'Accept TLS, with a CA and a server certificate that are generated for this machine on first use' -r -f -a "auto\t'Generate it on first use'"
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l cert -d 'Accept TLS, with the certificate chain in this PEM file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l key -d 'PEM file with the private key of the certificate' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l key-pass-file -d 'File whose first line is the passphrase of the private key' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l tls-port -d 'Port for MQTT over TLS (default: 8883)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l cafile -d 'PEM file with the CAs used to verify client certificates' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l capath -d 'Directory with the CAs used to verify client certificates, prepared with `openssl rehash`' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l crlfile -d 'PEM file with certificate revocation lists (CRLs)' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l tls-version -d 'Minimum TLS version' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l ciphers -d 'Ciphers for TLS 1.2, as an OpenSSL cipher list' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l ciphers-tls13 -d 'Cipher suites for TLS 1.3, separated by colons' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l tls-alpn -d 'ALPN protocol to accept, in order of preference (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l tls-keylog -d 'Append the TLS secrets of every connection to this file, so that Wireshark can decrypt it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l psk-file -d 'Accept TLS with the pre-shared keys (PSK) in this file, one IDENTITY:KEY per line, the key in hexadecimal' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l user -d 'Add a user (repeatable); anonymous clients are then denied, unless --anonymous is given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l password-file -d 'Password file with one NAME:HASH per line, written by `skeeter passwd` or mosquitto_passwd' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l acl-file -d 'ACL file in mosquitto\'s format; whatever it does not allow is denied' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l data-dir -d 'Keep sessions, queued messages, retained messages and wills in this directory, across restarts and crashes' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l durability -d 'What a crash or power failure may lose: acks, interval=TIME or none' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l sync-delay -d 'Make each sync take this many milliseconds longer, so that benchmarks of different disks are comparable' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-connections -d 'Maximum number of connections (default: 100,000)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-packet-size -d 'Maximum size of a packet from a client in bytes (default: 16M)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-queued-messages -d 'Maximum number of messages queued for one session (default: 100,000)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-queued-bytes -d 'Maximum total size of the messages queued for one session, in bytes (default: 64M)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l receive-maximum -d 'Receive Maximum of the broker: maximum number of QoS 1 and 2 messages in flight from one client (default: 1,024)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-inflight -d 'Maximum number of QoS 1 and 2 messages in flight to one client; a lower Receive Maximum of the client takes precedence (default: 1,024)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-topic-alias -d 'Maximum number of topic aliases per connection, in each direction (default: 64)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-keep-alive -d 'Maximum keep alive in seconds; 0 allows any, including none (default: 0)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-session-expiry -d 'Maximum session expiry interval in seconds; longer ones are shortened (default: unlimited)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-filter-levels -d 'Maximum number of levels in a topic filter or topic name (default: 201)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-subscriptions -d 'Maximum number of subscriptions of one session (default: 100,000)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-connect-size -d 'Maximum size of a CONNECT packet in bytes (default: 256K)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-connections-per-address -d 'Maximum number of connections from one IPv4 address or one IPv6 /64 network (default: unlimited)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-failed-logins -d 'Number of failed logins after which an address is blocked for a while; 0 disables blocking (default: 20)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-waiting-logins -d 'Maximum number of logins waiting for their password to be verified (default: 16,384)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l connect-timeout -d 'Time in seconds within which a connection must send its CONNECT (default: 10)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l sys-interval -d 'Interval at which $SYS topics are published, in seconds; 0 disables them (default: 10)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l exec -d 'Run a shell command once the broker is ready, stop when it ends, and exit with its status' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l ports-file -d 'Write the process ID and the listeners to this file as JSON once the broker is ready; it is removed at exit' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l workers -d 'Number of threads that serve connections (default: one per CPU)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l log-format -d 'Format of the log (default: human)' -r -f -a "human\t'Plain text'
json\t'One JSON object per line'"
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l check-config -d 'Check the configuration and the files it names, report every error, and exit'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l test-config -d 'Check the configuration file only, as mosquitto does; the files it names are not opened'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l no-plain -d 'Do not listen without TLS, except on the Unix domain socket'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l require-certificate -d 'Refuse clients without a valid certificate'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l use-identity-as-username -d 'Use the common name of the client certificate, or the PSK identity, as the username'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l use-subject-as-username -d 'Use the subject of the client certificate as the username'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l anonymous -d 'Allow clients without a username even if users are defined'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l no-anonymous -d 'Deny clients without a username, even if no users are defined'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l refuse-unreadable -d 'Refuse subscriptions to filters under which the ACL allows no topic (SUBACK 0x87; MQTT 3.1.1: 0x80)'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l check-retain-source -d 'Withhold a retained message if its publisher is no longer allowed to publish to the topic'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l allow-control-characters -d 'Allow control characters and non-characters in topics, client IDs and usernames'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -s d -l daemon -d 'Run in the background, detached from stdin, stdout and stderr'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -s q -l quiet -d 'Log errors only'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -s v -l verbose -d 'Log everything, including subscriptions and each packet sent or received'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -s h -l help -d 'Print help; -h prints a summary'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l version -d 'Print the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand cert" -l data-dir -d 'Data directory of the broker; by default the CA is in skeeter/tls in $XDG_STATE_HOME or ~/.local/state' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand cert" -l version -d 'Print the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand cert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s W -l timeout -d 'Time to wait for a response, in seconds' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s L -l url -d 'URL of the broker, as a flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s h -l host -d 'Host name or address of the broker (default: localhost)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s p -l port -d 'Port of the broker (default: 1883, 8883 with TLS)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l unix -d 'Connect through this Unix domain socket instead of over TCP' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s A -l from -d 'Local address to connect from' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l wait -d 'Time to keep trying if the broker cannot be reached or does not answer, in seconds; or forever' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l ws-path -d 'Path of the WebSocket endpoint' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l ws-header -d 'Header to add to the WebSocket request, such as \'Authorization: Bearer TOKEN\' (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l proxy -d 'Connect through a SOCKS5 proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s u -l username -d 'Username' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s P -l pw -l password -d 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l password-file -d 'Read the password from the first line of this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l password-fd -d 'Read the password from this file descriptor' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s i -l id -d 'Client ID (default: assigned by the broker)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s I -l id-prefix -d 'Prefix of the client ID, to which the process ID is appended' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s x -l session-expiry -d 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s k -l keepalive -d 'Keep alive in seconds; 0 disables it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s V -l protocol-version -d 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)' -r -f -a "5\t''
311\t''
31\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s M -l max-inflight -d 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l max-packet-size -d 'Maximum size of a packet from the broker in bytes; K, M and G are units (default: 64M)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s D -l property -d 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l will-topic -d 'Topic of the will message, which the broker publishes if the connection is lost' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l will-payload -d 'Payload of the will message (default: empty)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l will-qos -d 'QoS of the will message: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l cafile -d 'PEM file with the CAs to trust instead of the system\'s; enables TLS' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l capath -d 'Directory of PEM files with the CAs to trust instead of the system\'s; enables TLS' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l cert -d 'Client certificate: PEM file with the certificate chain, or PKCS#12 file that includes the key' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l key -d 'PEM file with the private key of the client certificate' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l tls-alpn -d 'ALPN protocol to offer' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l tls-version -d 'TLS version to use (default: 1.2 or 1.3)' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l key-pass-file -d 'File whose first line is the passphrase of the private key (default: prompt for it)' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l keyform -d 'Accepted for compatibility: format of the private key, always PEM' -r -f -a "pem\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l ciphers -d 'OpenSSL cipher list: TLS 1.3 cipher suites with --tls-version tlsv1.3, TLS 1.2 ciphers otherwise' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l psk -d 'Pre-shared key (PSK) in hexadecimal; enables TLS and requires --psk-identity' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l psk-identity -d 'PSK identity' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l tls-keylog -d 'Append the TLS secrets of the connection to this file, so that Wireshark can decrypt it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l tls-engine -d 'Not supported: OpenSSL has replaced engines by providers' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l tls-engine-kpass-sha1 -d 'Not supported: OpenSSL has replaced engines by providers' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s o -d 'Read options from this file, one per line; the command line and the environment override it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l json -d 'Print the response as JSON'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l nodelay -d 'Accepted for compatibility; small packets are always sent immediately'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l ws -d 'Connect over WebSocket, as with a ws:// or wss:// URL'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s S -l srv -d 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l ask-password -d 'Prompt for the password without echoing it'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s c -l disable-clean-session -d 'Resume the session of this client ID, and keep it when disconnecting; requires -i'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l will-retain -d 'Retain the will message'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l tls-use-os-certs -d 'Enable TLS and trust the system\'s CAs'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l no-tls -d 'Disable TLS, even if the URL or another flag enables it'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l insecure -d 'Accept a server certificate that was issued for another host name'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l quiet -d 'Print nothing to stderr except usage errors'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -s d -l debug -d 'Print each packet sent or received to stderr'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l help -d 'Print help'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -l version -d 'Print the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -a "broker" -d 'Describe the broker: version, uptime, memory, totals'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -a "listeners" -d 'List the listeners with their URLs'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -a "clients" -d 'List clients, connected or not'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -a "client" -d 'Describe one client and its subscriptions'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -a "kick" -d 'Close the connection of a client; its session stays, and its will is published'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -a "end-session" -d 'End the session of a client, with its subscriptions and queued messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -a "unsubscribe" -d 'Remove a subscription of a client'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -a "retained" -d 'List retained messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -a "delete-retained" -d 'Delete retained messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -a "explain" -d 'Tell whether a user may publish to a topic, or read it, and which ACL rule decides'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and not __fish_seen_subcommand_from broker listeners clients client kick end-session unsubscribe retained delete-retained explain call" -a "call" -d 'Send any request: the operation and its arguments as JSON'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and __fish_seen_subcommand_from clients" -l user -d 'Only clients with this username' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and __fish_seen_subcommand_from clients" -l connected -d 'Only clients that are connected'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and __fish_seen_subcommand_from clients" -l disconnected -d 'Only sessions of clients that are not connected'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and __fish_seen_subcommand_from kick" -l reason-code -d 'Reason code that MQTT 5 clients are sent, from 128 to 255 (default: 152, administrative action)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and __fish_seen_subcommand_from retained" -l payload -d 'Also print the payloads'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and __fish_seen_subcommand_from delete-retained" -l dry-run -d 'Print how many messages there are, and delete none'
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and __fish_seen_subcommand_from explain" -l user -d 'Username (default: a client without a username)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and __fish_seen_subcommand_from explain" -l id -d 'Client ID, for rules with %c' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand ctl; and __fish_seen_subcommand_from explain" -l listener -d 'Number of the listener that the client connects to, as `ctl listeners` prints it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand migrate" -s o -l output -d 'File that --apply writes; it must not exist (default: skeeter.conf beside FILE)' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand migrate" -s q -l quiet -d 'Print lines that differ or are refused only'
complete -c skeeter -n "__fish_skeeter_using_subcommand migrate" -l apply -d 'Also write a configuration that skeeter starts with: the same lines, without those that are refused'
complete -c skeeter -n "__fish_skeeter_using_subcommand migrate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s H -l hash -d 'Hash algorithm (default: argon2id, which mosquitto supports since 2.1)' -r -f -a "argon2id\t'Memory-hard, so that GPUs gain little'
sha512-pbkdf2\t'PBKDF2 with HMAC-SHA-512; supported by mosquitto since 2.0'
sha512\t'One round of SHA-512; supported by every mosquitto, but weak'"
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s I -l iterations -d 'Iterations of sha512-pbkdf2 (default: 210,000), or passes of argon2id' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -l password-file -d 'Read the password from the first line of this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -l password-fd -d 'Read the password from this file descriptor' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s c -l create -d 'Start with an empty file, discarding existing users'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s b -l password-given -d 'Take the password from the command line'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s D -l delete -d 'Delete the user'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s U -l upgrade -d 'Hash the plain-text passwords in the file'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -l check -d 'Verify the user\'s password; without USER, check that a broker would accept the file'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -l batch -d 'Add the users read from stdin, one NAME:PASSWORD per line'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s t -l topic -d 'Topic to publish to, unless the URL contains it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s m -l message -d 'Payload' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s f -l file -d 'Publish the contents of this file as one message' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s q -l qos -d 'QoS of the message: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l repeat -d 'Publish the message this many times; ignored with -l, --lines-with-topic, --json and --replay' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l repeat-delay -d 'Pause between the repetitions of --repeat in seconds' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l delimiter -d 'Character between topic and payload with --lines-with-topic (default: a tab or a space)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l replay -d 'Replay a file recorded by sub --record, with the original timing' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l speed -d 'Replay this many times as fast' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s L -l url -d 'URL of the broker, as a flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s h -l host -d 'Host name or address of the broker (default: localhost)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s p -l port -d 'Port of the broker (default: 1883, 8883 with TLS)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l unix -d 'Connect through this Unix domain socket instead of over TCP' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s A -l from -d 'Local address to connect from' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l wait -d 'Time to keep trying if the broker cannot be reached or does not answer, in seconds; or forever' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l ws-path -d 'Path of the WebSocket endpoint' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l ws-header -d 'Header to add to the WebSocket request, such as \'Authorization: Bearer TOKEN\' (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l proxy -d 'Connect through a SOCKS5 proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s u -l username -d 'Username' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s P -l pw -l password -d 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l password-file -d 'Read the password from the first line of this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l password-fd -d 'Read the password from this file descriptor' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s i -l id -d 'Client ID (default: assigned by the broker)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s I -l id-prefix -d 'Prefix of the client ID, to which the process ID is appended' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s x -l session-expiry -d 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s k -l keepalive -d 'Keep alive in seconds; 0 disables it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s V -l protocol-version -d 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)' -r -f -a "5\t''
311\t''
31\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s M -l max-inflight -d 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l max-packet-size -d 'Maximum size of a packet from the broker in bytes; K, M and G are units (default: 64M)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s D -l property -d 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l will-topic -d 'Topic of the will message, which the broker publishes if the connection is lost' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l will-payload -d 'Payload of the will message (default: empty)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l will-qos -d 'QoS of the will message: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l cafile -d 'PEM file with the CAs to trust instead of the system\'s; enables TLS' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l capath -d 'Directory of PEM files with the CAs to trust instead of the system\'s; enables TLS' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l cert -d 'Client certificate: PEM file with the certificate chain, or PKCS#12 file that includes the key' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l key -d 'PEM file with the private key of the client certificate' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l tls-alpn -d 'ALPN protocol to offer' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l tls-version -d 'TLS version to use (default: 1.2 or 1.3)' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l key-pass-file -d 'File whose first line is the passphrase of the private key (default: prompt for it)' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l keyform -d 'Accepted for compatibility: format of the private key, always PEM' -r -f -a "pem\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l ciphers -d 'OpenSSL cipher list: TLS 1.3 cipher suites with --tls-version tlsv1.3, TLS 1.2 ciphers otherwise' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l psk -d 'Pre-shared key (PSK) in hexadecimal; enables TLS and requires --psk-identity' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l psk-identity -d 'PSK identity' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l tls-keylog -d 'Append the TLS secrets of the connection to this file, so that Wireshark can decrypt it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l tls-engine -d 'Not supported: OpenSSL has replaced engines by providers' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l tls-engine-kpass-sha1 -d 'Not supported: OpenSSL has replaced engines by providers' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s o -d 'Read options from this file, one per line; the command line and the environment override it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s n -l null-message -d 'Publish a message with an empty payload; with pub -r this deletes the retained message'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s s -l stdin-file -d 'Publish all of stdin as one message'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s r -l retain -d 'Retain the message'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s l -l stdin-line -d 'Publish each line of stdin as a message'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l lines-with-topic -d 'Publish each line of stdin as a message that starts with its topic: TOPIC, a tab or space, PAYLOAD'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l json -d 'Publish each line of stdin as a message in JSON, as printed by sub --json'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s 0 -l null -d 'Lines of stdin end with NUL instead of newline'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l as-fast-as-possible -d 'Replay without the original timing'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l loop -d 'Replay in an endless loop'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l ping -d 'Publish nothing and check that the broker accepts a connection and answers, as a health check'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l nodelay -d 'Accepted for compatibility; small packets are always sent immediately'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l ws -d 'Connect over WebSocket, as with a ws:// or wss:// URL'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s S -l srv -d 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l ask-password -d 'Prompt for the password without echoing it'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s c -l disable-clean-session -d 'Resume the session of this client ID, and keep it when disconnecting; requires -i'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l will-retain -d 'Retain the will message'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l tls-use-os-certs -d 'Enable TLS and trust the system\'s CAs'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l no-tls -d 'Disable TLS, even if the URL or another flag enables it'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l insecure -d 'Accept a server certificate that was issued for another host name'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l quiet -d 'Print nothing to stderr except usage errors'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l no-retry -d 'Exit when the connection is lost, instead of reconnecting as -l, --json and --replay do by default'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l retry -d 'Undo an earlier --no-retry'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s d -l debug -d 'Print each packet sent or received to stderr'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l help -d 'Print help'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l version -d 'Print the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s t -l topic -d 'Topic filter to subscribe to (repeatable), in addition to one in the URL' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s q -l qos -d 'Maximum QoS: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s U -l unsubscribe -d 'Topic filter to unsubscribe from in a session resumed with -c (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l ready-file -d 'Create this file once the broker has accepted the subscriptions' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s F -l format -d 'Output format as in mosquitto_sub: %t topic, %p payload, %j JSON; the man page lists all of them' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l retain-handling -d 'When the broker sends retained messages on subscribing (MQTT 5)' -r -f -a "always\t'On every subscription'
new\t'Only if the subscription is new'
never\t'Never'"
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s W -l timeout -d 'Exit after this many seconds, with status 27' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s T -l filter-out -d 'Skip messages whose topic matches this filter (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l where -d 'Print only messages for which this condition is true, such as \'temperature > 30\'' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l random-filter -d 'Print this percentage of the messages, chosen at random' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l record -d 'Write each message as a JSON object to this file instead of printing it; pub --replay can read it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l exec -d 'Run this shell command for each message instead of printing it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l jobs -d 'Number of --exec commands to run in parallel; with more than one they may finish in any order' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s C -l count -d 'Exit after this many messages' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l until -d 'Exit after the first message for which this condition is true' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l idle-timeout -d 'Exit after this many seconds without a message, with status 66' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s L -l url -d 'URL of the broker, as a flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s h -l host -d 'Host name or address of the broker (default: localhost)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s p -l port -d 'Port of the broker (default: 1883, 8883 with TLS)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l unix -d 'Connect through this Unix domain socket instead of over TCP' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s A -l from -d 'Local address to connect from' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l wait -d 'Time to keep trying if the broker cannot be reached or does not answer, in seconds; or forever' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l ws-path -d 'Path of the WebSocket endpoint' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l ws-header -d 'Header to add to the WebSocket request, such as \'Authorization: Bearer TOKEN\' (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l proxy -d 'Connect through a SOCKS5 proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s u -l username -d 'Username' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s P -l pw -l password -d 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l password-file -d 'Read the password from the first line of this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l password-fd -d 'Read the password from this file descriptor' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s i -l id -d 'Client ID (default: assigned by the broker)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s I -l id-prefix -d 'Prefix of the client ID, to which the process ID is appended' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s x -l session-expiry -d 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s k -l keepalive -d 'Keep alive in seconds; 0 disables it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s V -l protocol-version -d 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)' -r -f -a "5\t''
311\t''
31\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s M -l max-inflight -d 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l max-packet-size -d 'Maximum size of a packet from the broker in bytes; K, M and G are units (default: 64M)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s D -l property -d 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l will-topic -d 'Topic of the will message, which the broker publishes if the connection is lost' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l will-payload -d 'Payload of the will message (default: empty)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l will-qos -d 'QoS of the will message: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l cafile -d 'PEM file with the CAs to trust instead of the system\'s; enables TLS' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l capath -d 'Directory of PEM files with the CAs to trust instead of the system\'s; enables TLS' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l cert -d 'Client certificate: PEM file with the certificate chain, or PKCS#12 file that includes the key' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l key -d 'PEM file with the private key of the client certificate' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l tls-alpn -d 'ALPN protocol to offer' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l tls-version -d 'TLS version to use (default: 1.2 or 1.3)' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l key-pass-file -d 'File whose first line is the passphrase of the private key (default: prompt for it)' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l keyform -d 'Accepted for compatibility: format of the private key, always PEM' -r -f -a "pem\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l ciphers -d 'OpenSSL cipher list: TLS 1.3 cipher suites with --tls-version tlsv1.3, TLS 1.2 ciphers otherwise' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l psk -d 'Pre-shared key (PSK) in hexadecimal; enables TLS and requires --psk-identity' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l psk-identity -d 'PSK identity' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l tls-keylog -d 'Append the TLS secrets of the connection to this file, so that Wireshark can decrypt it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l tls-engine -d 'Not supported: OpenSSL has replaced engines by providers' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l tls-engine-kpass-sha1 -d 'Not supported: OpenSSL has replaced engines by providers' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s o -d 'Read options from this file, one per line; the command line and the environment override it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l remove-retained -d 'Delete the retained messages received, by publishing an empty retained message to their topics'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l dry-run -d 'Only print which retained messages --remove-retained would delete'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s v -l verbose -d 'Print the topic before each payload'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l pretty -d 'Indent the JSON of %j and %J'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s N -l no-newline -d 'Do not print a newline after each message'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s R -l no-retained -d 'Skip retained messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l retain-as-published -d 'Ask the broker to keep the retain flag as published (MQTT 5)'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l retained-only -d 'Print retained messages only, and exit at the first message that is not retained'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l json -d 'Print each message as a JSON object on one line, which pub --json can read'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s w -l watch -d 'Show one line per topic with its latest message, updated in place'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l message-rate -d 'Print the number of messages per second instead of the messages; -C is ignored'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l stats -d 'Show message rates below the messages if stderr is a terminal'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s E -l end-when-subscribed -d 'Exit once the broker has accepted the subscriptions'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l nodelay -d 'Accepted for compatibility; small packets are always sent immediately'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l ws -d 'Connect over WebSocket, as with a ws:// or wss:// URL'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s S -l srv -d 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l ask-password -d 'Prompt for the password without echoing it'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s c -l disable-clean-session -d 'Resume the session of this client ID, and keep it when disconnecting; requires -i'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l will-retain -d 'Retain the will message'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l tls-use-os-certs -d 'Enable TLS and trust the system\'s CAs'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l no-tls -d 'Disable TLS, even if the URL or another flag enables it'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l insecure -d 'Accept a server certificate that was issued for another host name'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l quiet -d 'Print nothing to stderr except usage errors'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s d -l debug -d 'Print each packet sent or received to stderr'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l help -d 'Print help'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l version -d 'Print the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s t -l topic -d 'Topic to publish to, unless the URL contains it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s m -l message -d 'Payload' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s f -l file -d 'Publish the contents of this file as one message' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s q -l qos -d 'QoS of the message: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s e -l response-topic -d 'Topic to subscribe to for the response; with MQTT 5, also the Response Topic property of the request' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s F -l format -d 'Output format as in mosquitto_sub: %t topic, %p payload, %j JSON; the man page lists all of them' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l retain-handling -d 'When the broker sends retained messages on subscribing (MQTT 5)' -r -f -a "always\t'On every subscription'
new\t'Only if the subscription is new'
never\t'Never'"
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s W -l timeout -d 'Exit after this many seconds, with status 27' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s L -l url -d 'URL of the broker, as a flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s h -l host -d 'Host name or address of the broker (default: localhost)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s p -l port -d 'Port of the broker (default: 1883, 8883 with TLS)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l unix -d 'Connect through this Unix domain socket instead of over TCP' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s A -l from -d 'Local address to connect from' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l wait -d 'Time to keep trying if the broker cannot be reached or does not answer, in seconds; or forever' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l ws-path -d 'Path of the WebSocket endpoint' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l ws-header -d 'Header to add to the WebSocket request, such as \'Authorization: Bearer TOKEN\' (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l proxy -d 'Connect through a SOCKS5 proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s u -l username -d 'Username' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s P -l pw -l password -d 'Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l password-file -d 'Read the password from the first line of this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l password-fd -d 'Read the password from this file descriptor' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s i -l id -d 'Client ID (default: assigned by the broker)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s I -l id-prefix -d 'Prefix of the client ID, to which the process ID is appended' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s x -l session-expiry -d 'Session expiry interval in seconds (MQTT 5); -1 for a session that never expires' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s k -l keepalive -d 'Keep alive in seconds; 0 disables it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s V -l protocol-version -d 'MQTT version (default: 5, or 3.1.1 if the broker does not support 5)' -r -f -a "5\t''
311\t''
31\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s M -l max-inflight -d 'Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l max-packet-size -d 'Maximum size of a packet from the broker in bytes; K, M and G are units (default: 64M)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s D -l property -d 'MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l will-topic -d 'Topic of the will message, which the broker publishes if the connection is lost' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l will-payload -d 'Payload of the will message (default: empty)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l will-qos -d 'QoS of the will message: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l cafile -d 'PEM file with the CAs to trust instead of the system\'s; enables TLS' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l capath -d 'Directory of PEM files with the CAs to trust instead of the system\'s; enables TLS' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l cert -d 'Client certificate: PEM file with the certificate chain, or PKCS#12 file that includes the key' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l key -d 'PEM file with the private key of the client certificate' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l tls-alpn -d 'ALPN protocol to offer' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l tls-version -d 'TLS version to use (default: 1.2 or 1.3)' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l key-pass-file -d 'File whose first line is the passphrase of the private key (default: prompt for it)' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l keyform -d 'Accepted for compatibility: format of the private key, always PEM' -r -f -a "pem\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l ciphers -d 'OpenSSL cipher list: TLS 1.3 cipher suites with --tls-version tlsv1.3, TLS 1.2 ciphers otherwise' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l psk -d 'Pre-shared key (PSK) in hexadecimal; enables TLS and requires --psk-identity' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l psk-identity -d 'PSK identity' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l tls-keylog -d 'Append the TLS secrets of the connection to this file, so that Wireshark can decrypt it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l tls-engine -d 'Not supported: OpenSSL has replaced engines by providers' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l tls-engine-kpass-sha1 -d 'Not supported: OpenSSL has replaced engines by providers' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s o -d 'Read options from this file, one per line; the command line and the environment override it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s n -l null-message -d 'Publish a message with an empty payload; with pub -r this deletes the retained message'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s s -l stdin-file -d 'Publish all of stdin as one message'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s v -l verbose -d 'Print the topic before each payload'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l pretty -d 'Indent the JSON of %j and %J'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s N -l no-newline -d 'Do not print a newline after each message'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s R -l no-retained -d 'Skip retained messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l retain-as-published -d 'Ask the broker to keep the retain flag as published (MQTT 5)'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l latency -d 'Print the time between request and response'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l nodelay -d 'Accepted for compatibility; small packets are always sent immediately'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l ws -d 'Connect over WebSocket, as with a ws:// or wss:// URL'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s S -l srv -d 'Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l ask-password -d 'Prompt for the password without echoing it'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s c -l disable-clean-session -d 'Resume the session of this client ID, and keep it when disconnecting; requires -i'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l will-retain -d 'Retain the will message'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l tls-use-os-certs -d 'Enable TLS and trust the system\'s CAs'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l no-tls -d 'Disable TLS, even if the URL or another flag enables it'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l insecure -d 'Accept a server certificate that was issued for another host name'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l quiet -d 'Print nothing to stderr except usage errors'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s d -l debug -d 'Print each packet sent or received to stderr'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l help -d 'Print help'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l version -d 'Print the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand signal" -s p -l pid -d 'Send it to the process with this ID' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand signal" -s a -l all -d 'Send it to all brokers of this machine, of skeeter and of mosquitto'
complete -c skeeter -n "__fish_skeeter_using_subcommand signal" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import dump repair help" -s h -l help -d 'Print help'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import dump repair help" -f -a "check" -d 'Verify the store and summarize its contents; changes nothing'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import dump repair help" -f -a "export" -d 'Write sessions and messages to stdout, one JSON object per line'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import dump repair help" -f -a "import" -d 'Read the output of `skeeter store export`, or mosquitto\'s persistence file, into a data directory'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import dump repair help" -f -a "dump" -d 'Print mosquitto\'s persistence file, as mosquitto_db_dump does'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import dump repair help" -f -a "repair" -d 'Accept the loss of commits, so that the broker starts again with what is left'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import dump repair help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from export" -l mosquitto -d 'Write a new persistence file of mosquitto instead of lines of JSON' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from export" -l messages -d 'Export only messages: retained and queued ones'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from import" -l mosquitto -d 'Import this persistence file of mosquitto (mosquitto.db, format versions 3 to 6)' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from dump" -l json -d 'Print JSON with the keys of mosquitto_db_dump 2.1; payloads are in base64'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from dump" -l stats -d 'Print the number of entries of each type only'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from dump" -l client-stats -d 'Print the subscriptions and messages of each client, and their sizes in bytes, only'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from dump" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from repair" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "check" -d 'Verify the store and summarize its contents; changes nothing'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write sessions and messages to stdout, one JSON object per line'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "import" -d 'Read the output of `skeeter store export`, or mosquitto\'s persistence file, into a data directory'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "dump" -d 'Print mosquitto\'s persistence file, as mosquitto_db_dump does'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "repair" -d 'Accept the loss of commits, so that the broker starts again with what is left'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert ctl migrate passwd pub sub rr signal store help" -f -a "bench" -d 'Measure an MQTT broker: latency, throughput, message loss and the bottleneck'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert ctl migrate passwd pub sub rr signal store help" -f -a "broker" -d 'Run an MQTT broker (MQTT 3.1, 3.1.1 and 5.0)'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert ctl migrate passwd pub sub rr signal store help" -f -a "cert" -d 'Issue a client certificate, signed by the CA of `skeeter broker --tls auto`'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert ctl migrate passwd pub sub rr signal store help" -f -a "ctl" -d 'Look into a running broker, and control it'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert ctl migrate passwd pub sub rr signal store help" -f -a "migrate" -d 'Report what becomes of a mosquitto configuration, line by line'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert ctl migrate passwd pub sub rr signal store help" -f -a "passwd" -d 'Manage a password file for skeeter or mosquitto'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert ctl migrate passwd pub sub rr signal store help" -f -a "pub" -d 'Publish messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert ctl migrate passwd pub sub rr signal store help" -f -a "sub" -d 'Subscribe to topics and print the messages received'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert ctl migrate passwd pub sub rr signal store help" -f -a "rr" -d 'Publish a request and print the response'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert ctl migrate passwd pub sub rr signal store help" -f -a "signal" -d 'Send a signal to running brokers, by the names that mosquitto_signal uses'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert ctl migrate passwd pub sub rr signal store help" -f -a "store" -d 'Check, export, import or repair the data directory of a broker'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert ctl migrate passwd pub sub rr signal store help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "broker" -d 'Describe the broker: version, uptime, memory, totals'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "listeners" -d 'List the listeners with their URLs'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "clients" -d 'List clients, connected or not'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "client" -d 'Describe one client and its subscriptions'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "kick" -d 'Close the connection of a client; its session stays, and its will is published'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "end-session" -d 'End the session of a client, with its subscriptions and queued messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "unsubscribe" -d 'Remove a subscription of a client'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "retained" -d 'List retained messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "delete-retained" -d 'Delete retained messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "explain" -d 'Tell whether a user may publish to a topic, or read it, and which ACL rule decides'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "call" -d 'Send any request: the operation and its arguments as JSON'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "check" -d 'Verify the store and summarize its contents; changes nothing'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "export" -d 'Write sessions and messages to stdout, one JSON object per line'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "import" -d 'Read the output of `skeeter store export`, or mosquitto\'s persistence file, into a data directory'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "dump" -d 'Print mosquitto\'s persistence file, as mosquitto_db_dump does'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "repair" -d 'Accept the loss of commits, so that the broker starts again with what is left'
