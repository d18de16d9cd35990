
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
            [CompletionResult]::new('broker', 'broker', [CompletionResultType]::ParameterValue, 'Runs an MQTT broker for 3.1, 3.1.1 and 5.0')
            [CompletionResult]::new('pub', 'pub', [CompletionResultType]::ParameterValue, 'Publishes messages')
            [CompletionResult]::new('sub', 'sub', [CompletionResultType]::ParameterValue, 'Subscribes to topics and prints the messages that arrive')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'skeeter;broker' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port to listen on, 1883 unless given; 0 takes a free one and reports it')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port to listen on, 1883 unless given; 0 takes a free one and reports it')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Address to listen on (repeatable); 0.0.0.0 or :: opens the broker to the network')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Lets this user in, and no longer those without a name (repeatable)')
            [CompletionResult]::new('--ports-file', '--ports-file', [CompletionResultType]::ParameterName, 'Writes process id and listeners to this file as JSON, once they are ready')
            [CompletionResult]::new('--exec', '--exec', [CompletionResultType]::ParameterName, 'Runs a shell command with MQTT_HOST, MQTT_PORT and MQTT_URL set, stops with it and exits with its status')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'How the log on stderr is written')
            [CompletionResult]::new('--workers', '--workers', [CompletionResultType]::ParameterName, 'Threads that serve connections; as many as there are processors by default')
            [CompletionResult]::new('--max-connections', '--max-connections', [CompletionResultType]::ParameterName, 'Connections at once')
            [CompletionResult]::new('--max-packet-size', '--max-packet-size', [CompletionResultType]::ParameterName, 'Bytes of one packet, in both directions')
            [CompletionResult]::new('--max-queued-messages', '--max-queued-messages', [CompletionResultType]::ParameterName, 'Messages that wait for one session')
            [CompletionResult]::new('--max-queued-bytes', '--max-queued-bytes', [CompletionResultType]::ParameterName, 'Bytes of the messages that wait for one session')
            [CompletionResult]::new('--receive-maximum', '--receive-maximum', [CompletionResultType]::ParameterName, 'Messages above QoS 0 that a client may have in flight towards the broker (Receive Maximum)')
            [CompletionResult]::new('--max-inflight', '--max-inflight', [CompletionResultType]::ParameterName, 'Messages above QoS 0 in flight towards one client, if it does not ask for fewer')
            [CompletionResult]::new('--max-topic-alias', '--max-topic-alias', [CompletionResultType]::ParameterName, 'Topic aliases of one connection, in each direction')
            [CompletionResult]::new('--max-keep-alive', '--max-keep-alive', [CompletionResultType]::ParameterName, 'Longest keep alive in seconds; 0 permits any, and clients that ask for none')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Seconds that a connection may take to send its CONNECT')
            [CompletionResult]::new('--max-session-expiry', '--max-session-expiry', [CompletionResultType]::ParameterName, 'Longest time in seconds that a session is kept without a connection; without it sessions may be kept for ever')
            [CompletionResult]::new('--max-subscriptions', '--max-subscriptions', [CompletionResultType]::ParameterName, 'Subscriptions of one session')
            [CompletionResult]::new('--sys-interval', '--sys-interval', [CompletionResultType]::ParameterName, 'Seconds between publications under $SYS; 0 publishes none')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Logs errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Logs errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Logs subscriptions as well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Logs subscriptions as well')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Shows the version')
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
        'skeeter;help' {
            [CompletionResult]::new('broker', 'broker', [CompletionResultType]::ParameterValue, 'Runs an MQTT broker for 3.1, 3.1.1 and 5.0')
            [CompletionResult]::new('pub', 'pub', [CompletionResultType]::ParameterValue, 'Publishes messages')
            [CompletionResult]::new('sub', 'sub', [CompletionResultType]::ParameterValue, 'Subscribes to topics and prints the messages that arrive')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'skeeter;help;broker' {
            break
        }
        'skeeter;help;pub' {
            break
        }
        'skeeter;help;sub' {
            break
        }
        'skeeter;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
