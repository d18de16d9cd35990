
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
            [CompletionResult]::new('bench', 'bench', [CompletionResultType]::ParameterValue, 'Measures an MQTT broker: latency, rates, loss, and who was the limit')
            [CompletionResult]::new('broker', 'broker', [CompletionResultType]::ParameterValue, 'Runs an MQTT broker for 3.1, 3.1.1 and 5.0')
            [CompletionResult]::new('passwd', 'passwd', [CompletionResultType]::ParameterValue, 'Makes and changes password files, for the broker here and for mosquitto')
            [CompletionResult]::new('pub', 'pub', [CompletionResultType]::ParameterValue, 'Publishes messages')
            [CompletionResult]::new('sub', 'sub', [CompletionResultType]::ParameterValue, 'Subscribes to topics and prints the messages that arrive')
            [CompletionResult]::new('rr', 'rr', [CompletionResultType]::ParameterValue, 'Publishes a request and prints the response')
            [CompletionResult]::new('store', 'store', [CompletionResultType]::ParameterValue, 'Checks, saves and restores what a broker has kept in a data directory')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'skeeter;bench' {
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Quality of service on both sides: 0, 1 or 2; 0, but 1 in the scenarios of the Open MQTT Benchmark Suite')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'Quality of service on both sides: 0, 1 or 2; 0, but 1 in the scenarios of the Open MQTT Benchmark Suite')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Bytes of a payload, from 16')
            [CompletionResult]::new('--size', '--size', [CompletionResultType]::ParameterName, 'Bytes of a payload, from 16')
            [CompletionResult]::new('--publishers', '--publishers', [CompletionResultType]::ParameterName, 'Publishers; 10, or 100 for fan-in and 1 for fan-out')
            [CompletionResult]::new('--subscribers', '--subscribers', [CompletionResultType]::ParameterName, 'Subscribers; 10, or 1 for fan-in and 100 for fan-out. Each pair has one')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Messages a second of all publishers together, or max: as fast as they are delivered; 1000 by default')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'With --rate max, messages of one publisher that may be on their way to the subscribers')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'Seconds that are measured')
            [CompletionResult]::new('--warm-up', '--warm-up', [CompletionResultType]::ParameterName, 'Seconds before, whose times and rates do not count')
            [CompletionResult]::new('--drain', '--drain', [CompletionResultType]::ParameterName, 'Seconds without any arrival after which what is missing at the end is lost')
            [CompletionResult]::new('--broker-pid', '--broker-pid', [CompletionResultType]::ParameterName, 'Process id of the broker on this machine, whose CPU time and memory are then reported (Linux)')
            [CompletionResult]::new('--threshold', '--threshold', [CompletionResultType]::ParameterName, 'What must hold, or the exit status is 67: p50 to p99.99 and max in us, ms or s, loss (also in %), duplicates, reordered, corrupt, rate')
            [CompletionResult]::new('--find-max', '--find-max', [CompletionResultType]::ParameterName, 'Searches the highest rate at which these conditions hold, run after run, beginning with --rate')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The same as a flag')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'The same as a flag')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host of the broker; localhost by default. [env: MQTT_HOST]')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host of the broker; localhost by default. [env: MQTT_HOST]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'Connects to this Unix socket instead')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'User name. [env: MQTT_USERNAME]')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name. [env: MQTT_USERNAME]')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Reads the password from the first line of this file')
            [CompletionResult]::new('--password-fd', '--password-fd', [CompletionResultType]::ParameterName, 'Reads the password from this file descriptor')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Client identifier; the broker assigns one by default')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client identifier; the broker assigns one by default')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Client identifier that begins with this and ends with the process id')
            [CompletionResult]::new('--id-prefix', '--id-prefix', [CompletionResultType]::ParameterName, 'Client identifier that begins with this and ends with the process id')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Seconds between signs of life when nothing else is said; 0 turns them off')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Seconds between signs of life when nothing else is said; 0 turns them off')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Seconds the broker keeps the session when the connection ends; -1 for ever. MQTT 5')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--property', '--property', [CompletionResultType]::ParameterName, 'A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5')
            [CompletionResult]::new('-M', '-M ', [CompletionResultType]::ParameterName, 'Messages above QoS 0 in flight at once; the broker may allow fewer')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Tries to connect for so many seconds when the broker is not there yet')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Reads options from this file, one a line; those of the command line win')
            [CompletionResult]::new('--will-topic', '--will-topic', [CompletionResultType]::ParameterName, 'The broker publishes a message to this topic when this client is lost')
            [CompletionResult]::new('--will-payload', '--will-payload', [CompletionResultType]::ParameterName, 'Payload of that message; none by default')
            [CompletionResult]::new('--will-qos', '--will-qos', [CompletionResultType]::ParameterName, 'Quality of service of that message: 0, 1 or 2')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'Trusts the authorities in this PEM file instead of those of the system; turns TLS on')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'Trusts the authorities in the PEM files of this directory; turns TLS on')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Our certificate with its chain, in PEM')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The key of our certificate, in PEM (PKCS#8)')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'Offers this application protocol (ALPN)')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'Exactly this version of TLS; 1.2 and 1.3 otherwise')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Prints the report as JSON')
            [CompletionResult]::new('--nodelay', '--nodelay', [CompletionResultType]::ParameterName, 'Sends small packets at once; always so, the flag is there for scripts that give it')
            [CompletionResult]::new('--ask-password', '--ask-password', [CompletionResultType]::ParameterName, 'Asks for the password on the terminal, without showing it')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Resumes the session of this client identifier and keeps it afterwards; needs -i')
            [CompletionResult]::new('--disable-clean-session', '--disable-clean-session', [CompletionResultType]::ParameterName, 'Resumes the session of this client identifier and keeps it afterwards; needs -i')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Tells nothing on stderr but errors in the flags')
            [CompletionResult]::new('--will-retain', '--will-retain', [CompletionResultType]::ParameterName, 'Retains that message')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Accepts a certificate that is made out to another host')
            [CompletionResult]::new('--tls-use-os-certs', '--tls-use-os-certs', [CompletionResultType]::ParameterName, 'Turns TLS on with the authorities that the system trusts')
            [CompletionResult]::new('--no-tls', '--no-tls', [CompletionResultType]::ParameterName, 'Turns TLS off, whatever else says on')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Shows this help')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Shows the version')
            break
        }
        'skeeter;broker' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration, in mosquitto''s language: see skeeter.conf(5)')
            [CompletionResult]::new('--config-file', '--config-file', [CompletionResultType]::ParameterName, 'The configuration, in mosquitto''s language: see skeeter.conf(5)')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port to listen on, 1883 unless given; 0 takes a free one and reports it')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port to listen on, 1883 unless given; 0 takes a free one and reports it')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Address or name to listen on (repeatable); 0.0.0.0, :: or * opens the broker to the network')
            [CompletionResult]::new('--bind-interface', '--bind-interface', [CompletionResultType]::ParameterName, 'Listens on the addresses of this network interface alone')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'Listens on a Unix socket as well')
            [CompletionResult]::new('--unix-mode', '--unix-mode', [CompletionResultType]::ParameterName, 'Permissions of the Unix socket in octal digits, such as 660')
            [CompletionResult]::new('--ws', '--ws', [CompletionResultType]::ParameterName, 'Speaks MQTT over WebSocket as well, on port 9001 unless given')
            [CompletionResult]::new('--wss', '--wss', [CompletionResultType]::ParameterName, 'Speaks MQTT over WebSocket with TLS as well, on port 9443 unless given')
            [CompletionResult]::new('--origin', '--origin', [CompletionResultType]::ParameterName, 'Pages from this origin may open a WebSocket (repeatable); any may unless given')
            [CompletionResult]::new('--trusted-proxy', '--trusted-proxy', [CompletionResultType]::ParameterName, 'Believes what X-Forwarded-For says when the connection comes from this address or network (repeatable)')
            [CompletionResult]::new('--proxy-protocol', '--proxy-protocol', [CompletionResultType]::ParameterName, 'Expects the header of the PROXY protocol on every TCP connection: version 1 or 2')
            [CompletionResult]::new('--handshake-timeout', '--handshake-timeout', [CompletionResultType]::ParameterName, 'Seconds that TLS, WebSocket and the header of a proxy may take together')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'Speaks TLS with certificates that are made once for this machine, and says how to use them')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Speaks TLS with this certificate, in PEM with those of its authorities')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The key of the certificate, in PEM')
            [CompletionResult]::new('--key-pass-file', '--key-pass-file', [CompletionResultType]::ParameterName, 'The pass phrase of an encrypted key stands in the first line of this file')
            [CompletionResult]::new('--tls-port', '--tls-port', [CompletionResultType]::ParameterName, 'Port for MQTT over TLS, 8883 unless given')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'Clients that show a certificate of these authorities, in PEM, are known')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'The same with a directory of such files, named by hash as `openssl rehash` does')
            [CompletionResult]::new('--crlfile', '--crlfile', [CompletionResultType]::ParameterName, 'Certificates that are revoked, in PEM')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'Lowest version of TLS')
            [CompletionResult]::new('--ciphers', '--ciphers', [CompletionResultType]::ParameterName, 'Ciphers of TLS 1.2, in the words of OpenSSL')
            [CompletionResult]::new('--ciphers-tls13', '--ciphers-tls13', [CompletionResultType]::ParameterName, 'Ciphers of TLS 1.3')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'Takes one of these application protocols of those a client offers (repeatable)')
            [CompletionResult]::new('--tls-keylog', '--tls-keylog', [CompletionResultType]::ParameterName, 'Appends the secrets of every connection to this file, with which Wireshark reads them')
            [CompletionResult]::new('--psk-file', '--psk-file', [CompletionResultType]::ParameterName, 'Speaks TLS with keys that clients share: one IDENTITY:HEXADECIMAL a line')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Lets this user in, and no longer those without a name (repeatable)')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Lets in the users of this file, one NAME:HASH a line, made by `skeeter passwd` or mosquitto_passwd')
            [CompletionResult]::new('--acl-file', '--acl-file', [CompletionResultType]::ParameterName, 'Allows what the rules of this file say, in mosquitto''s format, and nothing else')
            [CompletionResult]::new('--data-dir', '--data-dir', [CompletionResultType]::ParameterName, 'Keeps sessions, their messages, retained messages and wills in this directory, through restarts and crashes')
            [CompletionResult]::new('--durability', '--durability', [CompletionResultType]::ParameterName, 'What may be lost in a crash: `acks`, `interval=TIME` or `none`')
            [CompletionResult]::new('--sync-delay', '--sync-delay', [CompletionResultType]::ParameterName, 'Makes each sync take so many milliseconds longer, so that benchmarks compare on any disk')
            [CompletionResult]::new('--ports-file', '--ports-file', [CompletionResultType]::ParameterName, 'Writes process id and listeners to this file as JSON, once they are ready')
            [CompletionResult]::new('--exec', '--exec', [CompletionResultType]::ParameterName, 'Runs a shell command with MQTT_HOST, MQTT_PORT and MQTT_URL set, stops with it and exits with its status')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How the log is written; human unless given')
            [CompletionResult]::new('--workers', '--workers', [CompletionResultType]::ParameterName, 'Threads that serve connections; as many as there are processors by default')
            [CompletionResult]::new('--max-connections', '--max-connections', [CompletionResultType]::ParameterName, 'Connections at once; 100,000 unless given')
            [CompletionResult]::new('--max-connections-per-address', '--max-connections-per-address', [CompletionResultType]::ParameterName, 'Connections at once from one address, or one IPv6 network of 64 bits; any number unless given')
            [CompletionResult]::new('--max-failed-logins', '--max-failed-logins', [CompletionResultType]::ParameterName, 'Failed logins from one address after which it must wait, a second first, up to five minutes; 20 unless given')
            [CompletionResult]::new('--max-waiting-logins', '--max-waiting-logins', [CompletionResultType]::ParameterName, 'Passwords that wait to be verified; 16,384 unless given')
            [CompletionResult]::new('--max-connect-size', '--max-connect-size', [CompletionResultType]::ParameterName, 'Bytes of a CONNECT, the one packet that anybody can send; 256K unless given')
            [CompletionResult]::new('--max-filter-levels', '--max-filter-levels', [CompletionResultType]::ParameterName, 'Levels of one filter; 200 unless given')
            [CompletionResult]::new('--max-packet-size', '--max-packet-size', [CompletionResultType]::ParameterName, 'Bytes of one packet from a client; 16M unless given')
            [CompletionResult]::new('--max-queued-messages', '--max-queued-messages', [CompletionResultType]::ParameterName, 'Messages that wait for one session; 100,000 unless given')
            [CompletionResult]::new('--max-queued-bytes', '--max-queued-bytes', [CompletionResultType]::ParameterName, 'Bytes of the messages that wait for one session; 64M unless given')
            [CompletionResult]::new('--receive-maximum', '--receive-maximum', [CompletionResultType]::ParameterName, 'Messages above QoS 0 that a client may have in flight towards the broker (Receive Maximum); 1,024 unless given')
            [CompletionResult]::new('--max-inflight', '--max-inflight', [CompletionResultType]::ParameterName, 'Messages above QoS 0 in flight towards one client, if it does not ask for fewer; 1,024 unless given')
            [CompletionResult]::new('--max-topic-alias', '--max-topic-alias', [CompletionResultType]::ParameterName, 'Topic aliases of one connection, in each direction; 64 unless given')
            [CompletionResult]::new('--max-keep-alive', '--max-keep-alive', [CompletionResultType]::ParameterName, 'Longest keep alive in seconds; 0, as it is unless given, permits any, and clients that ask for none')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Seconds that a connection may take to send its CONNECT; 10 unless given')
            [CompletionResult]::new('--max-session-expiry', '--max-session-expiry', [CompletionResultType]::ParameterName, 'Longest time in seconds that a session is kept without a connection; without it sessions may be kept for ever')
            [CompletionResult]::new('--max-subscriptions', '--max-subscriptions', [CompletionResultType]::ParameterName, 'Subscriptions of one session; 100,000 unless given')
            [CompletionResult]::new('--sys-interval', '--sys-interval', [CompletionResultType]::ParameterName, 'Seconds between publications under $SYS, 10 unless given; 0 publishes none')
            [CompletionResult]::new('--check-config', '--check-config', [CompletionResultType]::ParameterName, 'Names every fault of the configuration and of the files it names, touches nothing, and ends')
            [CompletionResult]::new('--test-config', '--test-config', [CompletionResultType]::ParameterName, 'The same for the configuration alone, as mosquitto does it: the files it names are not opened')
            [CompletionResult]::new('--no-plain', '--no-plain', [CompletionResultType]::ParameterName, 'Leaves out the listeners without TLS')
            [CompletionResult]::new('--require-certificate', '--require-certificate', [CompletionResultType]::ParameterName, 'Refuses clients without a certificate')
            [CompletionResult]::new('--use-identity-as-username', '--use-identity-as-username', [CompletionResultType]::ParameterName, 'Takes the user name from the common name of the client''s certificate, or from the identity of its key')
            [CompletionResult]::new('--use-subject-as-username', '--use-subject-as-username', [CompletionResultType]::ParameterName, 'Takes the user name from the whole subject of the client''s certificate')
            [CompletionResult]::new('--anonymous', '--anonymous', [CompletionResultType]::ParameterName, 'Lets clients without a user name in, though there are users')
            [CompletionResult]::new('--no-anonymous', '--no-anonymous', [CompletionResultType]::ParameterName, 'Keeps out who is not a user, and so everybody where there are no users')
            [CompletionResult]::new('--refuse-unreadable', '--refuse-unreadable', [CompletionResultType]::ParameterName, 'Refuses a subscription (0x87, in 3.1.1 0x80) to whose filter the rules allow no topic at all')
            [CompletionResult]::new('--check-retain-source', '--check-retain-source', [CompletionResultType]::ParameterName, 'Keeps a retained message back when the client that published it may not publish there any more')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Goes on in the background, without stdin, stdout and stderr')
            [CompletionResult]::new('--daemon', '--daemon', [CompletionResultType]::ParameterName, 'Goes on in the background, without stdin, stdout and stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Logs errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Logs errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Logs everything: subscriptions as well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Logs everything: subscriptions as well')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Shows the version')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;passwd' {
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'How passwords are kept: argon2id unless given. Before version 2.1 mosquitto does not know that')
            [CompletionResult]::new('--hash', '--hash', [CompletionResultType]::ParameterName, 'How passwords are kept: argon2id unless given. Before version 2.1 mosquitto does not know that')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Iterations of sha512-pbkdf2; with argon2id, passes over its memory')
            [CompletionResult]::new('--iterations', '--iterations', [CompletionResultType]::ParameterName, 'Iterations of sha512-pbkdf2; with argon2id, passes over its memory')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Reads the password from the first line of this file')
            [CompletionResult]::new('--password-fd', '--password-fd', [CompletionResultType]::ParameterName, 'Reads the password from this file descriptor')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Begins the file anew, without the users it has')
            [CompletionResult]::new('--create', '--create', [CompletionResultType]::ParameterName, 'Begins the file anew, without the users it has')
            [CompletionResult]::new('-b', '-b', [CompletionResultType]::ParameterName, 'Takes the password from the command line')
            [CompletionResult]::new('--password-given', '--password-given', [CompletionResultType]::ParameterName, 'Takes the password from the command line')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'Deletes the user')
            [CompletionResult]::new('--delete', '--delete', [CompletionResultType]::ParameterName, 'Deletes the user')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'Hashes the passwords of a file that holds them as they are')
            [CompletionResult]::new('--upgrade', '--upgrade', [CompletionResultType]::ParameterName, 'Hashes the passwords of a file that holds them as they are')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Says whether the user''s password is right, or without a user whether a broker would take the file')
            [CompletionResult]::new('--batch', '--batch', [CompletionResultType]::ParameterName, 'Reads users from stdin, one NAME:PASSWORD a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;pub' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Topic to publish to; the URL may hold it instead')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'Topic to publish to; the URL may hold it instead')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Publishes this text')
            [CompletionResult]::new('--message', '--message', [CompletionResultType]::ParameterName, 'Publishes this text')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Publishes the content of this file as one message')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Publishes the content of this file as one message')
            [CompletionResult]::new('--delimiter', '--delimiter', [CompletionResultType]::ParameterName, 'The character between topic and payload with --lines-with-topic; a tab or a space by default')
            [CompletionResult]::new('--replay', '--replay', [CompletionResultType]::ParameterName, 'Publishes what sub --record has written to this file, with its timing')
            [CompletionResult]::new('--speed', '--speed', [CompletionResultType]::ParameterName, 'Replays so many times as fast as it was recorded')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Quality of service: 0, 1 or 2')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'Quality of service: 0, 1 or 2')
            [CompletionResult]::new('--repeat', '--repeat', [CompletionResultType]::ParameterName, 'Publishes the message so many times; not with -l')
            [CompletionResult]::new('--repeat-delay', '--repeat-delay', [CompletionResultType]::ParameterName, 'Seconds between one message and the next with --repeat')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The same as a flag')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'The same as a flag')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host of the broker; localhost by default. [env: MQTT_HOST]')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host of the broker; localhost by default. [env: MQTT_HOST]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'Connects to this Unix socket instead')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'User name. [env: MQTT_USERNAME]')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name. [env: MQTT_USERNAME]')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Reads the password from the first line of this file')
            [CompletionResult]::new('--password-fd', '--password-fd', [CompletionResultType]::ParameterName, 'Reads the password from this file descriptor')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Client identifier; the broker assigns one by default')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client identifier; the broker assigns one by default')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Client identifier that begins with this and ends with the process id')
            [CompletionResult]::new('--id-prefix', '--id-prefix', [CompletionResultType]::ParameterName, 'Client identifier that begins with this and ends with the process id')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Seconds between signs of life when nothing else is said; 0 turns them off')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Seconds between signs of life when nothing else is said; 0 turns them off')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Seconds the broker keeps the session when the connection ends; -1 for ever. MQTT 5')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--property', '--property', [CompletionResultType]::ParameterName, 'A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5')
            [CompletionResult]::new('-M', '-M ', [CompletionResultType]::ParameterName, 'Messages above QoS 0 in flight at once; the broker may allow fewer')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Tries to connect for so many seconds when the broker is not there yet')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Reads options from this file, one a line; those of the command line win')
            [CompletionResult]::new('--will-topic', '--will-topic', [CompletionResultType]::ParameterName, 'The broker publishes a message to this topic when this client is lost')
            [CompletionResult]::new('--will-payload', '--will-payload', [CompletionResultType]::ParameterName, 'Payload of that message; none by default')
            [CompletionResult]::new('--will-qos', '--will-qos', [CompletionResultType]::ParameterName, 'Quality of service of that message: 0, 1 or 2')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'Trusts the authorities in this PEM file instead of those of the system; turns TLS on')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'Trusts the authorities in the PEM files of this directory; turns TLS on')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Our certificate with its chain, in PEM')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The key of our certificate, in PEM (PKCS#8)')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'Offers this application protocol (ALPN)')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'Exactly this version of TLS; 1.2 and 1.3 otherwise')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Publishes a message without payload; with -r it clears the retained one')
            [CompletionResult]::new('--null-message', '--null-message', [CompletionResultType]::ParameterName, 'Publishes a message without payload; with -r it clears the retained one')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Publishes a message for each line of stdin')
            [CompletionResult]::new('--stdin-line', '--stdin-line', [CompletionResultType]::ParameterName, 'Publishes a message for each line of stdin')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Publishes all of stdin as one message')
            [CompletionResult]::new('--stdin-file', '--stdin-file', [CompletionResultType]::ParameterName, 'Publishes all of stdin as one message')
            [CompletionResult]::new('--lines-with-topic', '--lines-with-topic', [CompletionResultType]::ParameterName, 'Publishes a message for each line of stdin, which begins with its topic: TOPIC, a tab or a space, PAYLOAD')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Publishes a message for each JSON object on stdin, one a line, as sub --json prints them')
            [CompletionResult]::new('-0', '-0', [CompletionResultType]::ParameterName, 'Lines of stdin end with NUL instead of a newline')
            [CompletionResult]::new('--null', '--null', [CompletionResultType]::ParameterName, 'Lines of stdin end with NUL instead of a newline')
            [CompletionResult]::new('--as-fast-as-possible', '--as-fast-as-possible', [CompletionResultType]::ParameterName, 'Replays without its timing')
            [CompletionResult]::new('--loop', '--loop', [CompletionResultType]::ParameterName, 'Begins the replay again at its end, for ever')
            [CompletionResult]::new('--ping', '--ping', [CompletionResultType]::ParameterName, 'Publishes nothing: only asks whether the broker answers, for health checks')
            [CompletionResult]::new('--no-retry', '--no-retry', [CompletionResultType]::ParameterName, 'Ends when the connection is lost; -l, --json and --replay otherwise try to connect again and go on')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Asks the broker to keep the message for later subscribers')
            [CompletionResult]::new('--retain', '--retain', [CompletionResultType]::ParameterName, 'Asks the broker to keep the message for later subscribers')
            [CompletionResult]::new('--nodelay', '--nodelay', [CompletionResultType]::ParameterName, 'Sends small packets at once; always so, the flag is there for scripts that give it')
            [CompletionResult]::new('--ask-password', '--ask-password', [CompletionResultType]::ParameterName, 'Asks for the password on the terminal, without showing it')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Resumes the session of this client identifier and keeps it afterwards; needs -i')
            [CompletionResult]::new('--disable-clean-session', '--disable-clean-session', [CompletionResultType]::ParameterName, 'Resumes the session of this client identifier and keeps it afterwards; needs -i')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Tells nothing on stderr but errors in the flags')
            [CompletionResult]::new('--will-retain', '--will-retain', [CompletionResultType]::ParameterName, 'Retains that message')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Accepts a certificate that is made out to another host')
            [CompletionResult]::new('--tls-use-os-certs', '--tls-use-os-certs', [CompletionResultType]::ParameterName, 'Turns TLS on with the authorities that the system trusts')
            [CompletionResult]::new('--no-tls', '--no-tls', [CompletionResultType]::ParameterName, 'Turns TLS off, whatever else says on')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Shows this help')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Shows the version')
            break
        }
        'skeeter;sub' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Topic filter to subscribe to (repeatable); the URL may hold one more')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'Topic filter to subscribe to (repeatable); the URL may hold one more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Quality of service to ask for: 0, 1 or 2')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'Quality of service to ask for: 0, 1 or 2')
            [CompletionResult]::new('-F', '-F ', [CompletionResultType]::ParameterName, 'Output format, as in mosquitto_sub: %t topic, %p payload, %j JSON and more; see the man page')
            [CompletionResult]::new('--record', '--record', [CompletionResultType]::ParameterName, 'Writes one JSON object a line to this file instead of printing, for pub --replay')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'Ends after so many messages')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Ends after so many seconds, with exit status 27')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'Unsubscribes from this filter (repeatable), for a session that is resumed with -c')
            [CompletionResult]::new('--unsubscribe', '--unsubscribe', [CompletionResultType]::ParameterName, 'Unsubscribes from this filter (repeatable), for a session that is resumed with -c')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'Leaves out messages whose topic matches this filter (repeatable)')
            [CompletionResult]::new('--filter-out', '--filter-out', [CompletionResultType]::ParameterName, 'Leaves out messages whose topic matches this filter (repeatable)')
            [CompletionResult]::new('--retain-handling', '--retain-handling', [CompletionResultType]::ParameterName, 'When retained messages are sent on subscribing. MQTT 5')
            [CompletionResult]::new('--random-filter', '--random-filter', [CompletionResultType]::ParameterName, 'Prints only this share of the messages, in percent, picked at random')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'Ends after so many seconds without a message, with exit status 66')
            [CompletionResult]::new('--ready-file', '--ready-file', [CompletionResultType]::ParameterName, 'Creates this file once the broker has granted the subscriptions')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The same as a flag')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'The same as a flag')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host of the broker; localhost by default. [env: MQTT_HOST]')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host of the broker; localhost by default. [env: MQTT_HOST]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'Connects to this Unix socket instead')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'User name. [env: MQTT_USERNAME]')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name. [env: MQTT_USERNAME]')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Reads the password from the first line of this file')
            [CompletionResult]::new('--password-fd', '--password-fd', [CompletionResultType]::ParameterName, 'Reads the password from this file descriptor')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Client identifier; the broker assigns one by default')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client identifier; the broker assigns one by default')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Client identifier that begins with this and ends with the process id')
            [CompletionResult]::new('--id-prefix', '--id-prefix', [CompletionResultType]::ParameterName, 'Client identifier that begins with this and ends with the process id')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Seconds between signs of life when nothing else is said; 0 turns them off')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Seconds between signs of life when nothing else is said; 0 turns them off')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Seconds the broker keeps the session when the connection ends; -1 for ever. MQTT 5')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--property', '--property', [CompletionResultType]::ParameterName, 'A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5')
            [CompletionResult]::new('-M', '-M ', [CompletionResultType]::ParameterName, 'Messages above QoS 0 in flight at once; the broker may allow fewer')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Tries to connect for so many seconds when the broker is not there yet')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Reads options from this file, one a line; those of the command line win')
            [CompletionResult]::new('--will-topic', '--will-topic', [CompletionResultType]::ParameterName, 'The broker publishes a message to this topic when this client is lost')
            [CompletionResult]::new('--will-payload', '--will-payload', [CompletionResultType]::ParameterName, 'Payload of that message; none by default')
            [CompletionResult]::new('--will-qos', '--will-qos', [CompletionResultType]::ParameterName, 'Quality of service of that message: 0, 1 or 2')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'Trusts the authorities in this PEM file instead of those of the system; turns TLS on')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'Trusts the authorities in the PEM files of this directory; turns TLS on')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Our certificate with its chain, in PEM')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The key of our certificate, in PEM (PKCS#8)')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'Offers this application protocol (ALPN)')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'Exactly this version of TLS; 1.2 and 1.3 otherwise')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Prints the topic before each payload')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Prints the topic before each payload')
            [CompletionResult]::new('--pretty', '--pretty', [CompletionResultType]::ParameterName, 'Lays out the JSON of %j and %J for people')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Prints one JSON object a line, which pub --json can read')
            [CompletionResult]::new('--message-rate', '--message-rate', [CompletionResultType]::ParameterName, 'Prints the rate of messages each second instead of the messages')
            [CompletionResult]::new('-N', '-N ', [CompletionResultType]::ParameterName, 'Prints no newline after each message')
            [CompletionResult]::new('-R', '-R ', [CompletionResultType]::ParameterName, 'Leaves out retained messages')
            [CompletionResult]::new('--retained-only', '--retained-only', [CompletionResultType]::ParameterName, 'Prints retained messages only, and ends at the first that is not')
            [CompletionResult]::new('--remove-retained', '--remove-retained', [CompletionResultType]::ParameterName, 'Clears the retained messages that arrive, by an empty retained message to each topic')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only tells which retained messages --remove-retained would clear')
            [CompletionResult]::new('--retain-as-published', '--retain-as-published', [CompletionResultType]::ParameterName, 'Asks for the retain flag as it was published. MQTT 5')
            [CompletionResult]::new('-E', '-E ', [CompletionResultType]::ParameterName, 'Ends once the subscriptions are granted')
            [CompletionResult]::new('--nodelay', '--nodelay', [CompletionResultType]::ParameterName, 'Sends small packets at once; always so, the flag is there for scripts that give it')
            [CompletionResult]::new('--ask-password', '--ask-password', [CompletionResultType]::ParameterName, 'Asks for the password on the terminal, without showing it')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Resumes the session of this client identifier and keeps it afterwards; needs -i')
            [CompletionResult]::new('--disable-clean-session', '--disable-clean-session', [CompletionResultType]::ParameterName, 'Resumes the session of this client identifier and keeps it afterwards; needs -i')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Tells nothing on stderr but errors in the flags')
            [CompletionResult]::new('--will-retain', '--will-retain', [CompletionResultType]::ParameterName, 'Retains that message')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Accepts a certificate that is made out to another host')
            [CompletionResult]::new('--tls-use-os-certs', '--tls-use-os-certs', [CompletionResultType]::ParameterName, 'Turns TLS on with the authorities that the system trusts')
            [CompletionResult]::new('--no-tls', '--no-tls', [CompletionResultType]::ParameterName, 'Turns TLS off, whatever else says on')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Shows this help')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Shows the version')
            break
        }
        'skeeter;rr' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Topic to publish the request to; the URL may hold it instead')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'Topic to publish the request to; the URL may hold it instead')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Topic to wait for the response on; in MQTT 5 the request carries it as its response topic')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The request is this text')
            [CompletionResult]::new('--message', '--message', [CompletionResultType]::ParameterName, 'The request is this text')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'The request is the content of this file')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'The request is the content of this file')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Quality of service of both: 0, 1 or 2')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'Quality of service of both: 0, 1 or 2')
            [CompletionResult]::new('-F', '-F ', [CompletionResultType]::ParameterName, 'Output format, as in skeeter sub')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Ends after so many seconds, with exit status 27')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'The same as a flag')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'The same as a flag')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host of the broker; localhost by default. [env: MQTT_HOST]')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host of the broker; localhost by default. [env: MQTT_HOST]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'Connects to this Unix socket instead')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Local address to connect from')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'User name. [env: MQTT_USERNAME]')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name. [env: MQTT_USERNAME]')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Reads the password from the first line of this file')
            [CompletionResult]::new('--password-fd', '--password-fd', [CompletionResultType]::ParameterName, 'Reads the password from this file descriptor')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Client identifier; the broker assigns one by default')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client identifier; the broker assigns one by default')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Client identifier that begins with this and ends with the process id')
            [CompletionResult]::new('--id-prefix', '--id-prefix', [CompletionResultType]::ParameterName, 'Client identifier that begins with this and ends with the process id')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Seconds between signs of life when nothing else is said; 0 turns them off')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Seconds between signs of life when nothing else is said; 0 turns them off')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Seconds the broker keeps the session when the connection ends; -1 for ever. MQTT 5')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('--property', '--property', [CompletionResultType]::ParameterName, 'A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5')
            [CompletionResult]::new('-M', '-M ', [CompletionResultType]::ParameterName, 'Messages above QoS 0 in flight at once; the broker may allow fewer')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Tries to connect for so many seconds when the broker is not there yet')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Reads options from this file, one a line; those of the command line win')
            [CompletionResult]::new('--will-topic', '--will-topic', [CompletionResultType]::ParameterName, 'The broker publishes a message to this topic when this client is lost')
            [CompletionResult]::new('--will-payload', '--will-payload', [CompletionResultType]::ParameterName, 'Payload of that message; none by default')
            [CompletionResult]::new('--will-qos', '--will-qos', [CompletionResultType]::ParameterName, 'Quality of service of that message: 0, 1 or 2')
            [CompletionResult]::new('--cafile', '--cafile', [CompletionResultType]::ParameterName, 'Trusts the authorities in this PEM file instead of those of the system; turns TLS on')
            [CompletionResult]::new('--capath', '--capath', [CompletionResultType]::ParameterName, 'Trusts the authorities in the PEM files of this directory; turns TLS on')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Our certificate with its chain, in PEM')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The key of our certificate, in PEM (PKCS#8)')
            [CompletionResult]::new('--tls-alpn', '--tls-alpn', [CompletionResultType]::ParameterName, 'Offers this application protocol (ALPN)')
            [CompletionResult]::new('--tls-version', '--tls-version', [CompletionResultType]::ParameterName, 'Exactly this version of TLS; 1.2 and 1.3 otherwise')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The request has no payload')
            [CompletionResult]::new('--null-message', '--null-message', [CompletionResultType]::ParameterName, 'The request has no payload')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The request is all of stdin')
            [CompletionResult]::new('--stdin-file', '--stdin-file', [CompletionResultType]::ParameterName, 'The request is all of stdin')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Prints the topic before the payload')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Prints the topic before the payload')
            [CompletionResult]::new('--pretty', '--pretty', [CompletionResultType]::ParameterName, 'Lays out the JSON of %j and %J for people')
            [CompletionResult]::new('-N', '-N ', [CompletionResultType]::ParameterName, 'Prints no newline after the response')
            [CompletionResult]::new('-R', '-R ', [CompletionResultType]::ParameterName, 'Leaves out retained messages')
            [CompletionResult]::new('--latency', '--latency', [CompletionResultType]::ParameterName, 'Prints how long the response took')
            [CompletionResult]::new('--nodelay', '--nodelay', [CompletionResultType]::ParameterName, 'Sends small packets at once; always so, the flag is there for scripts that give it')
            [CompletionResult]::new('--ask-password', '--ask-password', [CompletionResultType]::ParameterName, 'Asks for the password on the terminal, without showing it')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Resumes the session of this client identifier and keeps it afterwards; needs -i')
            [CompletionResult]::new('--disable-clean-session', '--disable-clean-session', [CompletionResultType]::ParameterName, 'Resumes the session of this client identifier and keeps it afterwards; needs -i')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Tells nothing on stderr but errors in the flags')
            [CompletionResult]::new('--will-retain', '--will-retain', [CompletionResultType]::ParameterName, 'Retains that message')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Accepts a certificate that is made out to another host')
            [CompletionResult]::new('--tls-use-os-certs', '--tls-use-os-certs', [CompletionResultType]::ParameterName, 'Turns TLS on with the authorities that the system trusts')
            [CompletionResult]::new('--no-tls', '--no-tls', [CompletionResultType]::ParameterName, 'Turns TLS off, whatever else says on')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Shows this help')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Shows the version')
            break
        }
        'skeeter;store' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Tells whether all is sound, and what there is; changes nothing')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Writes what there is as lines of JSON')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Reads such lines into a data directory, from stdin')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'skeeter;store;check' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'skeeter;store;export' {
            [CompletionResult]::new('--messages', '--messages', [CompletionResultType]::ParameterName, 'Messages only: retained ones, and those that wait')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;store;import' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'skeeter;store;help' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Tells whether all is sound, and what there is; changes nothing')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Writes what there is as lines of JSON')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Reads such lines into a data directory, from stdin')
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
        'skeeter;store;help;help' {
            break
        }
        'skeeter;help' {
            [CompletionResult]::new('bench', 'bench', [CompletionResultType]::ParameterValue, 'Measures an MQTT broker: latency, rates, loss, and who was the limit')
            [CompletionResult]::new('broker', 'broker', [CompletionResultType]::ParameterValue, 'Runs an MQTT broker for 3.1, 3.1.1 and 5.0')
            [CompletionResult]::new('passwd', 'passwd', [CompletionResultType]::ParameterValue, 'Makes and changes password files, for the broker here and for mosquitto')
            [CompletionResult]::new('pub', 'pub', [CompletionResultType]::ParameterValue, 'Publishes messages')
            [CompletionResult]::new('sub', 'sub', [CompletionResultType]::ParameterValue, 'Subscribes to topics and prints the messages that arrive')
            [CompletionResult]::new('rr', 'rr', [CompletionResultType]::ParameterValue, 'Publishes a request and prints the response')
            [CompletionResult]::new('store', 'store', [CompletionResultType]::ParameterValue, 'Checks, saves and restores what a broker has kept in a data directory')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'skeeter;help;bench' {
            break
        }
        'skeeter;help;broker' {
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
        'skeeter;help;store' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Tells whether all is sound, and what there is; changes nothing')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Writes what there is as lines of JSON')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Reads such lines into a data directory, from stdin')
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
        'skeeter;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
