
use builtin;
use str;

set edit:completion:arg-completer[skeeter] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'skeeter'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'skeeter'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand broker 'Runs an MQTT broker for 3.1, 3.1.1 and 5.0'
            cand pub 'Publishes messages'
            cand sub 'Subscribes to topics and prints the messages that arrive'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'skeeter;broker'= {
            cand -p 'Port to listen on, 1883 unless given; 0 takes a free one and reports it'
            cand --port 'Port to listen on, 1883 unless given; 0 takes a free one and reports it'
            cand --bind 'Address to listen on (repeatable); 0.0.0.0 or :: opens the broker to the network'
            cand --user 'Lets this user in, and no longer those without a name (repeatable)'
            cand --ports-file 'Writes process id and listeners to this file as JSON, once they are ready'
            cand --exec 'Runs a shell command with MQTT_HOST, MQTT_PORT and MQTT_URL set, stops with it and exits with its status'
            cand --log-format 'How the log on stderr is written'
            cand --workers 'Threads that serve connections; as many as there are processors by default'
            cand --max-connections 'Connections at once'
            cand --max-packet-size 'Bytes of one packet, in both directions'
            cand --max-queued-messages 'Messages that wait for one session'
            cand --max-queued-bytes 'Bytes of the messages that wait for one session'
            cand --receive-maximum 'Messages above QoS 0 that a client may have in flight towards the broker (Receive Maximum)'
            cand --max-inflight 'Messages above QoS 0 in flight towards one client, if it does not ask for fewer'
            cand --max-topic-alias 'Topic aliases of one connection, in each direction'
            cand --max-keep-alive 'Longest keep alive in seconds; 0 permits any, and clients that ask for none'
            cand --connect-timeout 'Seconds that a connection may take to send its CONNECT'
            cand --max-session-expiry 'Longest time in seconds that a session is kept without a connection; without it sessions may be kept for ever'
            cand --max-subscriptions 'Subscriptions of one session'
            cand --sys-interval 'Seconds between publications under $SYS; 0 publishes none'
            cand -q 'Logs errors only'
            cand --quiet 'Logs errors only'
            cand -v 'Logs subscriptions as well'
            cand --verbose 'Logs subscriptions as well'
            cand --version 'Shows the version'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'skeeter;pub'= {
            cand -t 'Topic to publish to; the URL may hold it instead'
            cand --topic 'Topic to publish to; the URL may hold it instead'
            cand -m 'Publishes this text'
            cand --message 'Publishes this text'
            cand -f 'Publishes the content of this file as one message'
            cand --file 'Publishes the content of this file as one message'
            cand -q 'Quality of service: 0, 1 or 2'
            cand --qos 'Quality of service: 0, 1 or 2'
            cand -L 'The same as a flag'
            cand --url 'The same as a flag'
            cand -h 'Host of the broker; localhost by default. [env: MQTT_HOST]'
            cand --host 'Host of the broker; localhost by default. [env: MQTT_HOST]'
            cand -p 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]'
            cand --port 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]'
            cand -A 'Local address to connect from'
            cand -u 'User name. [env: MQTT_USERNAME]'
            cand --username 'User name. [env: MQTT_USERNAME]'
            cand -P 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]'
            cand --pw 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]'
            cand --password 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]'
            cand -i 'Client identifier; the broker assigns one by default'
            cand --id 'Client identifier; the broker assigns one by default'
            cand -I 'Client identifier that begins with this and ends with the process id'
            cand --id-prefix 'Client identifier that begins with this and ends with the process id'
            cand -k 'Seconds between signs of life when nothing else is said; 0 turns them off'
            cand --keepalive 'Seconds between signs of life when nothing else is said; 0 turns them off'
            cand -V 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5'
            cand --protocol-version 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5'
            cand -M 'Messages above QoS 0 in flight at once; the broker may allow fewer'
            cand --wait 'Tries to connect for so many seconds when the broker is not there yet'
            cand --cafile 'Trusts the authorities in this PEM file instead of those of the system; turns TLS on'
            cand --capath 'Trusts the authorities in the PEM files of this directory; turns TLS on'
            cand --cert 'Our certificate with its chain, in PEM'
            cand --key 'The key of our certificate, in PEM (PKCS#8)'
            cand --tls-version 'Exactly this version of TLS; 1.2 and 1.3 otherwise'
            cand -n 'Publishes a message without payload; with -r it clears the retained one'
            cand --null-message 'Publishes a message without payload; with -r it clears the retained one'
            cand -l 'Publishes a message for each line of stdin'
            cand --stdin-line 'Publishes a message for each line of stdin'
            cand -s 'Publishes all of stdin as one message'
            cand --stdin-file 'Publishes all of stdin as one message'
            cand -r 'Asks the broker to keep the message for later subscribers'
            cand --retain 'Asks the broker to keep the message for later subscribers'
            cand -c 'Resumes the session of this client identifier and keeps it afterwards; needs -i'
            cand --disable-clean-session 'Resumes the session of this client identifier and keeps it afterwards; needs -i'
            cand --quiet 'Tells nothing on stderr but errors in the flags'
            cand --insecure 'Accepts a certificate that is made out to another host'
            cand --tls-use-os-certs 'Turns TLS on with the authorities that the system trusts'
            cand --no-tls 'Turns TLS off, whatever else says on'
            cand --help 'Shows this help'
            cand --version 'Shows the version'
        }
        &'skeeter;sub'= {
            cand -t 'Topic filter to subscribe to (repeatable); the URL may hold one more'
            cand --topic 'Topic filter to subscribe to (repeatable); the URL may hold one more'
            cand -q 'Quality of service to ask for: 0, 1 or 2'
            cand --qos 'Quality of service to ask for: 0, 1 or 2'
            cand -C 'Ends after so many messages'
            cand -W 'Ends after so many seconds, with exit status 27'
            cand --ready-file 'Creates this file once the broker has granted the subscriptions'
            cand -L 'The same as a flag'
            cand --url 'The same as a flag'
            cand -h 'Host of the broker; localhost by default. [env: MQTT_HOST]'
            cand --host 'Host of the broker; localhost by default. [env: MQTT_HOST]'
            cand -p 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]'
            cand --port 'Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]'
            cand -A 'Local address to connect from'
            cand -u 'User name. [env: MQTT_USERNAME]'
            cand --username 'User name. [env: MQTT_USERNAME]'
            cand -P 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]'
            cand --pw 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]'
            cand --password 'Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]'
            cand -i 'Client identifier; the broker assigns one by default'
            cand --id 'Client identifier; the broker assigns one by default'
            cand -I 'Client identifier that begins with this and ends with the process id'
            cand --id-prefix 'Client identifier that begins with this and ends with the process id'
            cand -k 'Seconds between signs of life when nothing else is said; 0 turns them off'
            cand --keepalive 'Seconds between signs of life when nothing else is said; 0 turns them off'
            cand -V 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5'
            cand --protocol-version 'Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5'
            cand -M 'Messages above QoS 0 in flight at once; the broker may allow fewer'
            cand --wait 'Tries to connect for so many seconds when the broker is not there yet'
            cand --cafile 'Trusts the authorities in this PEM file instead of those of the system; turns TLS on'
            cand --capath 'Trusts the authorities in the PEM files of this directory; turns TLS on'
            cand --cert 'Our certificate with its chain, in PEM'
            cand --key 'The key of our certificate, in PEM (PKCS#8)'
            cand --tls-version 'Exactly this version of TLS; 1.2 and 1.3 otherwise'
            cand -v 'Prints the topic before each payload'
            cand --verbose 'Prints the topic before each payload'
            cand -N 'Prints no newline after each message'
            cand -c 'Resumes the session of this client identifier and keeps it afterwards; needs -i'
            cand --disable-clean-session 'Resumes the session of this client identifier and keeps it afterwards; needs -i'
            cand --quiet 'Tells nothing on stderr but errors in the flags'
            cand --insecure 'Accepts a certificate that is made out to another host'
            cand --tls-use-os-certs 'Turns TLS on with the authorities that the system trusts'
            cand --no-tls 'Turns TLS off, whatever else says on'
            cand --help 'Shows this help'
            cand --version 'Shows the version'
        }
        &'skeeter;help'= {
            cand broker 'Runs an MQTT broker for 3.1, 3.1.1 and 5.0'
            cand pub 'Publishes messages'
            cand sub 'Subscribes to topics and prints the messages that arrive'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'skeeter;help;broker'= {
        }
        &'skeeter;help;pub'= {
        }
        &'skeeter;help;sub'= {
        }
        &'skeeter;help;help'= {
        }
    ]
    $completions[$command]
}
