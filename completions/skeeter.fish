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
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "bench" -d 'Measures an MQTT broker: latency, rates, loss, and who was the limit'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "broker" -d 'Runs an MQTT broker for 3.1, 3.1.1 and 5.0'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "cert" -d 'Makes a client certificate with the authority of `skeeter broker --tls auto`'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "passwd" -d 'Makes and changes password files, for the broker here and for mosquitto'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "pub" -d 'Publishes messages'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "sub" -d 'Subscribes to topics and prints the messages that arrive'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "rr" -d 'Publishes a request and prints the response'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "store" -d 'Checks, saves and restores what a broker has kept in a data directory'
complete -c skeeter -n "__fish_skeeter_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s f -l file -d 'Reads the scenario from this file, in TOML: each flag is a key, `[[phase]]` has `ramp`, `steady` or `drain`, and `rate`' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s q -l qos -d 'Quality of service on both sides: 0, 1 or 2; 0, but 1 where a session or the broker keeps messages' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s s -l size -d 'Bytes of a payload. From 16 on it says what it is; shorter ones are counted only' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l payload -d 'Payload, with {counter}, {time} (ms), {client}, {random}, {random:A..B}, {bytes:N} and {stamp} filled in; without {stamp}, messages are counted only' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l payload-file -d 'Payload by the template in this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l json-field -d 'A field of a payload in JSON, by such a template (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s t -l topic -d 'Topic, with %i (number of the publisher), %c (its client identifier), %u (its user name), %s (number of the message) and %r (the run) filled in; bench/%r/%i by default' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l rate -d 'Messages a second of all publishers together, or max: as fast as they are delivered; 1000 by default. Also connections, pings or subscribers a second, as the scenario has it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l rate-per-client -d 'Messages a second of each publisher' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l window -d 'With --rate max, messages of one publisher that may be on their way to the subscribers' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s d -l duration -d 'Time that is measured: seconds, or with a unit as in 500ms, 90s, 5m, 1h' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s n -l count -d 'Messages in all, after which it ends' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l warm-up -d 'Time before, whose latencies and rates do not count; 1 s, but none where connections are measured' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l drain -d 'Time without any arrival after which what is missing at the end is lost' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l phase -d 'In place of --duration, one after the other (repeatable): ramp:TIME:RATE, steady:TIME[:RATE], drain:TIME. Steady ones are measured' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l seed -d 'What random payloads and the order of things follow from; by default each run differs' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l threads -d 'Threads that generate load; one for each 200,000 messages a second by default' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l publishers -d 'Publishers; 10, or 100 for fan-in and 1 for fan-out' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l subscribers -d 'Subscribers; 10, or 1 for fan-in and 100 for fan-out. Each pair has one' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l clients -d 'Clients, where they neither publish nor subscribe: connect, churn, ping, reconnect; or pairs' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l connect-rate -d 'Connections opened a second; by default as fast as the broker lets them in, 64 at a time' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l bind -d 'Local addresses that take turns, each with ports of its own: ADDRESS, FIRST-LAST or NETWORK/BITS, commas between' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l credentials -d 'User names, passwords, client identifiers and certificates of the clients, from a file in CSV whose first line says which: username, password, client_id, cert, key. Publishers take theirs first' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l broker-pid -d 'Process id of the broker on this machine, whose CPU time and memory are then reported (Linux); what the broker says of itself in $SYS otherwise' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l threshold -d 'What must hold, or the exit status is 67: p50 to p99.999 and max in us, ms or s, loss (also in %), duplicates, reordered, corrupt, rate, failures' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l find-max -d 'Searches the highest rate at which these conditions hold, run after run, beginning with --rate' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l runs -d 'Runs one after the other; 1, or 5 to compare' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l compare -d 'Compares with the runs in this file, written by --runs 5 --json before' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l against -d 'Compares the brokers of two URLs, in turn (twice)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l csv -d 'Writes each second of the run into this file, in CSV' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l hdr -d 'Writes a HdrHistogram log of the latency, an interval a second, into this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l html -d 'Writes the report as a page of its own into this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s L -l url -d 'The same as a flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s h -l host -d 'Host of the broker; localhost by default. [env: MQTT_HOST]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s p -l port -d 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l unix -d 'Connects to this Unix socket instead' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s A -l from -d 'Local address to connect from' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s u -l username -d 'User name. [env: MQTT_USERNAME]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s P -l pw -l password -d 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l password-file -d 'Reads the password from the first line of this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l password-fd -d 'Reads the password from this file descriptor' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s i -l id -d 'Client identifier; the broker assigns one by default' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s I -l id-prefix -d 'Client identifier that begins with this and ends with the process id' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s k -l keepalive -d 'Seconds between signs of life when nothing else is said; 0 turns them off' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s x -l session-expiry -d 'Seconds the broker keeps the session when the connection ends; -1 for ever. MQTT 5' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s D -l property -d 'A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s V -l protocol-version -d 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5' -r -f -a "5\t''
311\t''
31\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s M -l max-inflight -d 'Messages above QoS 0 in flight at once; the broker may allow fewer' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l wait -d 'How long to wait for the broker when it cannot be reached or does not answer: seconds, or forever' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s o -d 'Reads options from this file, one a line; those of the command line win' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l will-topic -d 'The broker publishes a message to this topic when this client is lost' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l will-payload -d 'Payload of that message; none by default' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l will-qos -d 'Quality of service of that message: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l ws-path -d 'Path that the WebSocket is asked for with' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l ws-header -d 'A header of the request for the WebSocket, such as \'Authorization: Bearer x\' (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l proxy -d 'Connects through a proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l cafile -d 'Trusts the authorities in this PEM file instead of those of the system; turns TLS on' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l capath -d 'Trusts the authorities in the PEM files of this directory; turns TLS on' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l cert -d 'Our certificate with its chain in PEM, or with its key as PKCS#12' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l key -d 'The key of our certificate, in PEM' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l tls-alpn -d 'Offers this application protocol (ALPN)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l tls-version -d 'Exactly this version of TLS; 1.2 and 1.3 otherwise' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l key-pass-file -d 'The pass phrase of an encrypted key stands in the first line of this file; without it the terminal is asked' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l keyform -d 'The form of the key: PEM, the only one' -r -f -a "pem\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l ciphers -d 'Ciphers in the words of OpenSSL: suites of TLS 1.3 if that is the version, else ciphers of TLS 1.2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l psk -d 'Speaks TLS with a key that the broker knows too, in hexadecimal digits' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l psk-identity -d 'Which key that is' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l tls-keylog -d 'Appends the secrets of the connection to this file, with which Wireshark reads it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l tls-engine -d 'Refused: OpenSSL has replaced engines by providers, which need no flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l tls-engine-kpass-sha1 -d 'Refused as well' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l scenario -d 'The same as SCENARIO, for files' -r -f -a "pub-sub\t'Each publisher has a topic and a subscriber of its own'
fan-in\t'Many publishers, few subscribers; each of these gets everything'
fan-out\t'Few publishers, many subscribers; each of these gets everything'
shared\t'The subscribers form one shared group: each message goes to one of them'
connect\t'Clients connect, 1,000 of them, and stay for the duration'
churn\t'Clients connect, subscribe and leave, --rate a second'
ping\t'Clients ask for signs of life, --rate a second in all'
retained\t'--count retained messages, and subscribers that come to them, --rate a second'
offline\t'Subscribers come back to --count messages that were published while they were away'
reconnect\t'All clients lose their connection at once and come back, at once or at --connect-rate'
conn-tcp-10K-100\t'10,000 connections, 100 a second (Open MQTT Benchmark Suite)'
fanout-1-1K-1-1K\t'One publisher, 1,000 subscribers, one message a second at QoS 1 (Open MQTT Benchmark Suite)'
p2p-1K-1K-1K-1K\t'1,000 pairs, 1,000 messages a second at QoS 1 (Open MQTT Benchmark Suite)'
sharedsub-1K-5-1K-1K\t'1,000 publishers, five subscribers in a group, 1,000 messages a second at QoS 1 (Open MQTT Benchmark Suite)'"
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l no-sys -d 'Does not ask the broker for its $SYS, which takes one more connection'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l json -d 'Prints the report as JSON; --json-schema says what is in it'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l json-schema -d 'Prints the JSON schema of the report'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l nodelay -d 'Sends small packets at once; always so, the flag is there for scripts that give it'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l ask-password -d 'Asks for the password on the terminal, without showing it'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s c -l disable-clean-session -d 'Resumes the session of this client identifier and keeps it afterwards; needs -i'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l quiet -d 'Tells nothing on stderr but errors in the flags'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l will-retain -d 'Retains that message'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l ws -d 'Speaks MQTT over WebSocket, as ws:// and wss:// do'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -s S -l srv -d 'Asks the DNS for the broker of the domain given as host: its SRV record for _mqtt._tcp, or _secure-mqtt._tcp'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l insecure -d 'Accepts a certificate that is made out to another host'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l tls-use-os-certs -d 'Turns TLS on with the authorities that the system trusts'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l no-tls -d 'Turns TLS off, whatever else says on'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l help -d 'Shows this help'
complete -c skeeter -n "__fish_skeeter_using_subcommand bench" -l version -d 'Shows the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -s c -l config-file -d 'The configuration, in mosquitto\'s language: see skeeter.conf(5)' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -s p -l port -d 'Port to listen on, 1883 unless given; 0 takes a free one and reports it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l bind -d 'Address or name to listen on (repeatable); 0.0.0.0, :: or * opens the broker to the network' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l bind-interface -d 'Listens on the addresses of this network interface alone' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l unix -d 'Listens on a Unix socket as well' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l unix-mode -d 'Permissions of the Unix socket in octal digits, such as 660' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l ws -d 'Speaks MQTT over WebSocket as well, on port 9001 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l wss -d 'Speaks MQTT over WebSocket with TLS as well, on port 9443 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l origin -d 'Pages from this origin may open a WebSocket (repeatable); any may unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l trusted-proxy -d 'Believes what X-Forwarded-For says when the connection comes from this address or network (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l proxy-protocol -d 'Expects the header of the PROXY protocol on every TCP connection: version 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l handshake-timeout -d 'Seconds that TLS, WebSocket and the header of a proxy may take together' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l tls -d 'Speaks TLS with certificates that are made once for this machine, and says how to use them' -r -f -a "auto\t'They are made once'"
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l cert -d 'Speaks TLS with this certificate, in PEM with those of its authorities' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l key -d 'The key of the certificate, in PEM' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l key-pass-file -d 'The pass phrase of an encrypted key stands in the first line of this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l tls-port -d 'Port for MQTT over TLS, 8883 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l cafile -d 'Clients that show a certificate of these authorities, in PEM, are known' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l capath -d 'The same with a directory of such files, named by hash as `openssl rehash` does' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l crlfile -d 'Certificates that are revoked, in PEM' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l tls-version -d 'Lowest version of TLS' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l ciphers -d 'Ciphers of TLS 1.2, in the words of OpenSSL' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l ciphers-tls13 -d 'Ciphers of TLS 1.3' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l tls-alpn -d 'Takes one of these application protocols of those a client offers (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l tls-keylog -d 'Appends the secrets of every connection to this file, with which Wireshark reads them' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l psk-file -d 'Speaks TLS with keys that clients share: one IDENTITY:HEXADECIMAL a line' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l user -d 'Lets this user in, and no longer those without a name (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l password-file -d 'Lets in the users of this file, one NAME:HASH a line, made by `skeeter passwd` or mosquitto_passwd' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l acl-file -d 'Allows what the rules of this file say, in mosquitto\'s format, and nothing else' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l data-dir -d 'Keeps sessions, their messages, retained messages and wills in this directory, through restarts and crashes' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l durability -d 'What may be lost in a crash: `acks`, `interval=TIME` or `none`' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l sync-delay -d 'Makes each sync take so many milliseconds longer, so that benchmarks compare on any disk' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l ports-file -d 'Writes process id and listeners to this file as JSON, once they are ready' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l exec -d 'Runs a shell command with MQTT_HOST, MQTT_PORT and MQTT_URL set, stops with it and exits with its status' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l log-format -d 'How the log is written; human unless given' -r -f -a "human\t'For people'
json\t'One JSON object a line'"
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l workers -d 'Threads that serve connections; as many as there are processors by default' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-connections -d 'Connections at once; 100,000 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-connections-per-address -d 'Connections at once from one address, or one IPv6 network of 64 bits; any number unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-failed-logins -d 'Failed logins from one address after which it must wait, a second first, up to five minutes; 20 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-waiting-logins -d 'Passwords that wait to be verified; 16,384 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-connect-size -d 'Bytes of a CONNECT, the one packet that anybody can send; 256K unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-filter-levels -d 'Levels of one topic filter or topic name; 201 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-packet-size -d 'Bytes of one packet from a client; 16M unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-queued-messages -d 'Messages that wait for one session; 100,000 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-queued-bytes -d 'Bytes of the messages that wait for one session; 64M unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l receive-maximum -d 'Messages above QoS 0 that a client may have in flight towards the broker (Receive Maximum); 1,024 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-inflight -d 'Messages above QoS 0 in flight towards one client, if it does not ask for fewer; 1,024 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-topic-alias -d 'Topic aliases of one connection, in each direction; 64 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-keep-alive -d 'Longest keep alive in seconds; 0, as it is unless given, permits any, and clients that ask for none' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l connect-timeout -d 'Seconds that a connection may take to send its CONNECT; 10 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-session-expiry -d 'Longest time in seconds that a session is kept without a connection; without it sessions may be kept for ever' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l max-subscriptions -d 'Subscriptions of one session; 100,000 unless given' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l sys-interval -d 'Seconds between publications under $SYS, 10 unless given; 0 publishes none' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l check-config -d 'Names every fault of the configuration and of the files it names, touches nothing, and ends'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l test-config -d 'The same for the configuration alone, as mosquitto does it: the files it names are not opened'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l no-plain -d 'Leaves out the listeners without TLS'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l require-certificate -d 'Refuses clients without a certificate'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l use-identity-as-username -d 'Takes the user name from the common name of the client\'s certificate, or from the identity of its key'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l use-subject-as-username -d 'Takes the user name from the whole subject of the client\'s certificate'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l anonymous -d 'Lets clients without a user name in, though there are users'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l no-anonymous -d 'Keeps out who is not a user, and so everybody where there are no users'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l refuse-unreadable -d 'Refuses a subscription (0x87, in 3.1.1 0x80) to whose filter the rules allow no topic at all'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l check-retain-source -d 'Keeps a retained message back when the client that published it may not publish there any more'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -s d -l daemon -d 'Goes on in the background, without stdin, stdout and stderr'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -s q -l quiet -d 'Logs errors only'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -s v -l verbose -d 'Logs everything: subscriptions as well'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l allow-control-characters -d 'Accepts control characters and non-characters in topics, client IDs and usernames'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -l version -d 'Shows the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand broker" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand cert" -l data-dir -d 'The data directory of the broker; without it the authority is in skeeter/tls in $XDG_STATE_HOME or ~/.local/state' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand cert" -l version -d 'Shows the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand cert" -s h -l help -d 'Print help'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s H -l hash -d 'How passwords are kept: argon2id unless given. Before version 2.1 mosquitto does not know that' -r -f -a "argon2id\t'Argon2id: slow on graphics cards too'
sha512-pbkdf2\t'PBKDF2 with HMAC-SHA-512, which mosquitto knows since 2.0'
sha512\t'SHA-512 once, which mosquitto has always known. Quickly guessed'"
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s I -l iterations -d 'Iterations of sha512-pbkdf2; with argon2id, passes over its memory' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -l password-file -d 'Reads the password from the first line of this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -l password-fd -d 'Reads the password from this file descriptor' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s c -l create -d 'Begins the file anew, without the users it has'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s b -l password-given -d 'Takes the password from the command line'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s D -l delete -d 'Deletes the user'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s U -l upgrade -d 'Hashes the passwords of a file that holds them as they are'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -l check -d 'Says whether the user\'s password is right, or without a user whether a broker would take the file'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -l batch -d 'Reads users from stdin, one NAME:PASSWORD a line'
complete -c skeeter -n "__fish_skeeter_using_subcommand passwd" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s t -l topic -d 'Topic to publish to; the URL may hold it instead' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s m -l message -d 'Publishes this text' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s f -l file -d 'Publishes the content of this file as one message' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s q -l qos -d 'Quality of service: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l delimiter -d 'The character between topic and payload with --lines-with-topic; a tab or a space by default' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l replay -d 'Publishes what sub --record has written to this file, with its timing' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l speed -d 'Replays so many times as fast as it was recorded' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l repeat -d 'Publishes the message so many times; not with -l' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l repeat-delay -d 'Seconds between one message and the next with --repeat' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s L -l url -d 'The same as a flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s h -l host -d 'Host of the broker; localhost by default. [env: MQTT_HOST]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s p -l port -d 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l unix -d 'Connects to this Unix socket instead' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s A -l from -d 'Local address to connect from' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s u -l username -d 'User name. [env: MQTT_USERNAME]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s P -l pw -l password -d 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l password-file -d 'Reads the password from the first line of this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l password-fd -d 'Reads the password from this file descriptor' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s i -l id -d 'Client identifier; the broker assigns one by default' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s I -l id-prefix -d 'Client identifier that begins with this and ends with the process id' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s k -l keepalive -d 'Seconds between signs of life when nothing else is said; 0 turns them off' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s x -l session-expiry -d 'Seconds the broker keeps the session when the connection ends; -1 for ever. MQTT 5' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s D -l property -d 'A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s V -l protocol-version -d 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5' -r -f -a "5\t''
311\t''
31\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s M -l max-inflight -d 'Messages above QoS 0 in flight at once; the broker may allow fewer' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l wait -d 'How long to wait for the broker when it cannot be reached or does not answer: seconds, or forever' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s o -d 'Reads options from this file, one a line; those of the command line win' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l will-topic -d 'The broker publishes a message to this topic when this client is lost' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l will-payload -d 'Payload of that message; none by default' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l will-qos -d 'Quality of service of that message: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l ws-path -d 'Path that the WebSocket is asked for with' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l ws-header -d 'A header of the request for the WebSocket, such as \'Authorization: Bearer x\' (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l proxy -d 'Connects through a proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l cafile -d 'Trusts the authorities in this PEM file instead of those of the system; turns TLS on' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l capath -d 'Trusts the authorities in the PEM files of this directory; turns TLS on' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l cert -d 'Our certificate with its chain in PEM, or with its key as PKCS#12' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l key -d 'The key of our certificate, in PEM' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l tls-alpn -d 'Offers this application protocol (ALPN)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l tls-version -d 'Exactly this version of TLS; 1.2 and 1.3 otherwise' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l key-pass-file -d 'The pass phrase of an encrypted key stands in the first line of this file; without it the terminal is asked' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l keyform -d 'The form of the key: PEM, the only one' -r -f -a "pem\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l ciphers -d 'Ciphers in the words of OpenSSL: suites of TLS 1.3 if that is the version, else ciphers of TLS 1.2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l psk -d 'Speaks TLS with a key that the broker knows too, in hexadecimal digits' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l psk-identity -d 'Which key that is' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l tls-keylog -d 'Appends the secrets of the connection to this file, with which Wireshark reads it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l tls-engine -d 'Refused: OpenSSL has replaced engines by providers, which need no flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l tls-engine-kpass-sha1 -d 'Refused as well' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s n -l null-message -d 'Publishes a message without payload; with pub -r it clears the retained one'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s s -l stdin-file -d 'Publishes all of stdin as one message'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s l -l stdin-line -d 'Publishes a message for each line of stdin'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l lines-with-topic -d 'Publishes a message for each line of stdin, which begins with its topic: TOPIC, a tab or a space, PAYLOAD'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l json -d 'Publishes a message for each JSON object on stdin, one a line, as sub --json prints them'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s 0 -l null -d 'Lines of stdin end with NUL instead of a newline'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l as-fast-as-possible -d 'Replays without its timing'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l loop -d 'Begins the replay again at its end, for ever'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l ping -d 'Publishes nothing: only asks whether the broker answers, for health checks'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l no-retry -d 'Ends when the connection is lost; -l, --json and --replay otherwise reconnect and go on'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l retry -d 'Takes --no-retry back'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s r -l retain -d 'Asks the broker to keep the message for later subscribers'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s d -l debug -d 'Tells each packet that is sent or received, on stderr'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l nodelay -d 'Sends small packets at once; always so, the flag is there for scripts that give it'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l ask-password -d 'Asks for the password on the terminal, without showing it'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s c -l disable-clean-session -d 'Resumes the session of this client identifier and keeps it afterwards; needs -i'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l quiet -d 'Tells nothing on stderr but errors in the flags'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l will-retain -d 'Retains that message'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l ws -d 'Speaks MQTT over WebSocket, as ws:// and wss:// do'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -s S -l srv -d 'Asks the DNS for the broker of the domain given as host: its SRV record for _mqtt._tcp, or _secure-mqtt._tcp'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l insecure -d 'Accepts a certificate that is made out to another host'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l tls-use-os-certs -d 'Turns TLS on with the authorities that the system trusts'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l no-tls -d 'Turns TLS off, whatever else says on'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l help -d 'Shows this help'
complete -c skeeter -n "__fish_skeeter_using_subcommand pub" -l version -d 'Shows the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s t -l topic -d 'Topic filter to subscribe to (repeatable); the URL may hold one more' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s q -l qos -d 'Quality of service to ask for: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s F -l format -d 'Output format, as in mosquitto_sub: %t topic, %p payload, %j JSON and more; see the man page' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l retain-handling -d 'When retained messages are sent on subscribing. MQTT 5' -r -f -a "always\t'All that match'
new\t'Those that match if the subscription is new'
never\t'None'"
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s W -l timeout -d 'Ends after so many seconds, with exit status 27' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l record -d 'Writes one JSON object a line to this file instead of printing, for pub --replay' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l exec -d 'Runs this command in a shell for each message instead of printing it' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l jobs -d 'So many commands of --exec run at once; with more than one their order is open' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l where -d 'Leaves out messages for which this is not true, such as \'temperature > 30\'; 68 if none was left at the end' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l until -d 'Ends after the message for which this is true; with exit status 68 if it never was at another end' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s C -l count -d 'Ends after so many messages' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l idle-timeout -d 'Ends after so many seconds without a message, with exit status 66' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s U -l unsubscribe -d 'Unsubscribes from this filter (repeatable), for a session that is resumed with -c' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s T -l filter-out -d 'Leaves out messages whose topic matches this filter (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l random-filter -d 'Prints only this share of the messages, in percent, picked at random' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l ready-file -d 'Creates this file once the broker has granted the subscriptions' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s L -l url -d 'The same as a flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s h -l host -d 'Host of the broker; localhost by default. [env: MQTT_HOST]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s p -l port -d 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l unix -d 'Connects to this Unix socket instead' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s A -l from -d 'Local address to connect from' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s u -l username -d 'User name. [env: MQTT_USERNAME]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s P -l pw -l password -d 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l password-file -d 'Reads the password from the first line of this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l password-fd -d 'Reads the password from this file descriptor' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s i -l id -d 'Client identifier; the broker assigns one by default' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s I -l id-prefix -d 'Client identifier that begins with this and ends with the process id' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s k -l keepalive -d 'Seconds between signs of life when nothing else is said; 0 turns them off' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s x -l session-expiry -d 'Seconds the broker keeps the session when the connection ends; -1 for ever. MQTT 5' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s D -l property -d 'A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s V -l protocol-version -d 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5' -r -f -a "5\t''
311\t''
31\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s M -l max-inflight -d 'Messages above QoS 0 in flight at once; the broker may allow fewer' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l wait -d 'How long to wait for the broker when it cannot be reached or does not answer: seconds, or forever' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s o -d 'Reads options from this file, one a line; those of the command line win' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l will-topic -d 'The broker publishes a message to this topic when this client is lost' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l will-payload -d 'Payload of that message; none by default' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l will-qos -d 'Quality of service of that message: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l ws-path -d 'Path that the WebSocket is asked for with' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l ws-header -d 'A header of the request for the WebSocket, such as \'Authorization: Bearer x\' (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l proxy -d 'Connects through a proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l cafile -d 'Trusts the authorities in this PEM file instead of those of the system; turns TLS on' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l capath -d 'Trusts the authorities in the PEM files of this directory; turns TLS on' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l cert -d 'Our certificate with its chain in PEM, or with its key as PKCS#12' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l key -d 'The key of our certificate, in PEM' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l tls-alpn -d 'Offers this application protocol (ALPN)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l tls-version -d 'Exactly this version of TLS; 1.2 and 1.3 otherwise' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l key-pass-file -d 'The pass phrase of an encrypted key stands in the first line of this file; without it the terminal is asked' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l keyform -d 'The form of the key: PEM, the only one' -r -f -a "pem\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l ciphers -d 'Ciphers in the words of OpenSSL: suites of TLS 1.3 if that is the version, else ciphers of TLS 1.2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l psk -d 'Speaks TLS with a key that the broker knows too, in hexadecimal digits' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l psk-identity -d 'Which key that is' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l tls-keylog -d 'Appends the secrets of the connection to this file, with which Wireshark reads it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l tls-engine -d 'Refused: OpenSSL has replaced engines by providers, which need no flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l tls-engine-kpass-sha1 -d 'Refused as well' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s v -l verbose -d 'Prints the topic before each payload'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l pretty -d 'Lays out the JSON of %j and %J for people'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s N -l no-newline -d 'Prints no newline after a message'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s R -l no-retained -d 'Leaves out retained messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l retain-as-published -d 'Asks for the retain flag as it was published. MQTT 5'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l json -d 'Prints one JSON object a line, which pub --json can read'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s w -l watch -d 'Gives each topic a line of the screen, where its last message stands'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l message-rate -d 'Prints the rate of messages each second instead of the messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l stats -d 'Shows rates below the messages, if stderr is a terminal'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l retained-only -d 'Prints retained messages only, and ends at the first that is not'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l remove-retained -d 'Clears the retained messages that arrive, by an empty retained message to each topic'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l dry-run -d 'Only tells which retained messages --remove-retained would clear'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s E -l end-when-subscribed -d 'Ends once the subscriptions are granted'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s d -l debug -d 'Tells each packet that is sent or received, on stderr'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l nodelay -d 'Sends small packets at once; always so, the flag is there for scripts that give it'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l ask-password -d 'Asks for the password on the terminal, without showing it'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s c -l disable-clean-session -d 'Resumes the session of this client identifier and keeps it afterwards; needs -i'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l quiet -d 'Tells nothing on stderr but errors in the flags'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l will-retain -d 'Retains that message'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l ws -d 'Speaks MQTT over WebSocket, as ws:// and wss:// do'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -s S -l srv -d 'Asks the DNS for the broker of the domain given as host: its SRV record for _mqtt._tcp, or _secure-mqtt._tcp'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l insecure -d 'Accepts a certificate that is made out to another host'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l tls-use-os-certs -d 'Turns TLS on with the authorities that the system trusts'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l no-tls -d 'Turns TLS off, whatever else says on'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l help -d 'Shows this help'
complete -c skeeter -n "__fish_skeeter_using_subcommand sub" -l version -d 'Shows the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s t -l topic -d 'Topic to publish to; the URL may hold it instead' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s m -l message -d 'Publishes this text' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s f -l file -d 'Publishes the content of this file as one message' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s q -l qos -d 'Quality of service: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s e -l response-topic -d 'Topic to wait for the response on; in MQTT 5 the request carries it as its response topic' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s F -l format -d 'Output format, as in mosquitto_sub: %t topic, %p payload, %j JSON and more; see the man page' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l retain-handling -d 'When retained messages are sent on subscribing. MQTT 5' -r -f -a "always\t'All that match'
new\t'Those that match if the subscription is new'
never\t'None'"
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s W -l timeout -d 'Ends after so many seconds, with exit status 27' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s L -l url -d 'The same as a flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s h -l host -d 'Host of the broker; localhost by default. [env: MQTT_HOST]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s p -l port -d 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l unix -d 'Connects to this Unix socket instead' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s A -l from -d 'Local address to connect from' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s u -l username -d 'User name. [env: MQTT_USERNAME]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s P -l pw -l password -d 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l password-file -d 'Reads the password from the first line of this file' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l password-fd -d 'Reads the password from this file descriptor' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s i -l id -d 'Client identifier; the broker assigns one by default' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s I -l id-prefix -d 'Client identifier that begins with this and ends with the process id' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s k -l keepalive -d 'Seconds between signs of life when nothing else is said; 0 turns them off' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s x -l session-expiry -d 'Seconds the broker keeps the session when the connection ends; -1 for ever. MQTT 5' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s D -l property -d 'A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s V -l protocol-version -d 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5' -r -f -a "5\t''
311\t''
31\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s M -l max-inflight -d 'Messages above QoS 0 in flight at once; the broker may allow fewer' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l wait -d 'How long to wait for the broker when it cannot be reached or does not answer: seconds, or forever' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s o -d 'Reads options from this file, one a line; those of the command line win' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l will-topic -d 'The broker publishes a message to this topic when this client is lost' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l will-payload -d 'Payload of that message; none by default' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l will-qos -d 'Quality of service of that message: 0, 1 or 2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l ws-path -d 'Path that the WebSocket is asked for with' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l ws-header -d 'A header of the request for the WebSocket, such as \'Authorization: Bearer x\' (repeatable)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l proxy -d 'Connects through a proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT]' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l cafile -d 'Trusts the authorities in this PEM file instead of those of the system; turns TLS on' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l capath -d 'Trusts the authorities in the PEM files of this directory; turns TLS on' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l cert -d 'Our certificate with its chain in PEM, or with its key as PKCS#12' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l key -d 'The key of our certificate, in PEM' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l tls-alpn -d 'Offers this application protocol (ALPN)' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l tls-version -d 'Exactly this version of TLS; 1.2 and 1.3 otherwise' -r -f -a "tlsv1.2\t''
tlsv1.3\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l key-pass-file -d 'The pass phrase of an encrypted key stands in the first line of this file; without it the terminal is asked' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l keyform -d 'The form of the key: PEM, the only one' -r -f -a "pem\t''"
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l ciphers -d 'Ciphers in the words of OpenSSL: suites of TLS 1.3 if that is the version, else ciphers of TLS 1.2' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l psk -d 'Speaks TLS with a key that the broker knows too, in hexadecimal digits' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l psk-identity -d 'Which key that is' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l tls-keylog -d 'Appends the secrets of the connection to this file, with which Wireshark reads it' -r -F
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l tls-engine -d 'Refused: OpenSSL has replaced engines by providers, which need no flag' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l tls-engine-kpass-sha1 -d 'Refused as well' -r
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s n -l null-message -d 'Publishes a message without payload; with pub -r it clears the retained one'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s s -l stdin-file -d 'Publishes all of stdin as one message'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s v -l verbose -d 'Prints the topic before each payload'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l pretty -d 'Lays out the JSON of %j and %J for people'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s N -l no-newline -d 'Prints no newline after a message'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s R -l no-retained -d 'Leaves out retained messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l retain-as-published -d 'Asks for the retain flag as it was published. MQTT 5'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l latency -d 'Prints how long the response took'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s d -l debug -d 'Tells each packet that is sent or received, on stderr'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l nodelay -d 'Sends small packets at once; always so, the flag is there for scripts that give it'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l ask-password -d 'Asks for the password on the terminal, without showing it'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s c -l disable-clean-session -d 'Resumes the session of this client identifier and keeps it afterwards; needs -i'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l quiet -d 'Tells nothing on stderr but errors in the flags'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l will-retain -d 'Retains that message'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l ws -d 'Speaks MQTT over WebSocket, as ws:// and wss:// do'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -s S -l srv -d 'Asks the DNS for the broker of the domain given as host: its SRV record for _mqtt._tcp, or _secure-mqtt._tcp'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l insecure -d 'Accepts a certificate that is made out to another host'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l tls-use-os-certs -d 'Turns TLS on with the authorities that the system trusts'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l no-tls -d 'Turns TLS off, whatever else says on'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l help -d 'Shows this help'
complete -c skeeter -n "__fish_skeeter_using_subcommand rr" -l version -d 'Shows the version'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import repair help" -s h -l help -d 'Print help'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import repair help" -f -a "check" -d 'Tells whether all is sound, and what there is; changes nothing'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import repair help" -f -a "export" -d 'Writes what there is as lines of JSON'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import repair help" -f -a "import" -d 'Reads such lines into a data directory, from stdin'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import repair help" -f -a "repair" -d 'Accepts that commits are missing, so that a broker starts again with what is left'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and not __fish_seen_subcommand_from check export import repair help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from export" -l messages -d 'Messages only: retained ones, and those that wait'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from repair" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "check" -d 'Tells whether all is sound, and what there is; changes nothing'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "export" -d 'Writes what there is as lines of JSON'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "import" -d 'Reads such lines into a data directory, from stdin'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "repair" -d 'Accepts that commits are missing, so that a broker starts again with what is left'
complete -c skeeter -n "__fish_skeeter_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert passwd pub sub rr store help" -f -a "bench" -d 'Measures an MQTT broker: latency, rates, loss, and who was the limit'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert passwd pub sub rr store help" -f -a "broker" -d 'Runs an MQTT broker for 3.1, 3.1.1 and 5.0'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert passwd pub sub rr store help" -f -a "cert" -d 'Makes a client certificate with the authority of `skeeter broker --tls auto`'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert passwd pub sub rr store help" -f -a "passwd" -d 'Makes and changes password files, for the broker here and for mosquitto'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert passwd pub sub rr store help" -f -a "pub" -d 'Publishes messages'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert passwd pub sub rr store help" -f -a "sub" -d 'Subscribes to topics and prints the messages that arrive'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert passwd pub sub rr store help" -f -a "rr" -d 'Publishes a request and prints the response'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert passwd pub sub rr store help" -f -a "store" -d 'Checks, saves and restores what a broker has kept in a data directory'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and not __fish_seen_subcommand_from bench broker cert passwd pub sub rr store help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "check" -d 'Tells whether all is sound, and what there is; changes nothing'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "export" -d 'Writes what there is as lines of JSON'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "import" -d 'Reads such lines into a data directory, from stdin'
complete -c skeeter -n "__fish_skeeter_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "repair" -d 'Accepts that commits are missing, so that a broker starts again with what is left'
