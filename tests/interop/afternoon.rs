//! A user's afternoon: an installation of mosquitto is looked at with `skeeter migrate`, switched to skeeter, and switched back.

use std::process::{Command, Stdio};

use crate::support::Folder;
use crate::{has, program};

/// Prints what the user sees at each step.
const AFTERNOON: &str = r##"
set -e
cd "$DIR"
ln -s "$SKEETER" skeeter
mkdir data conf.d
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > mosquitto.conf <<END
user root
persistence true
persistence_location $DIR/data
pid_file $DIR/pid
log_dest file $DIR/log
include_dir $DIR/conf.d
END
printf "listener $port 127.0.0.1\nallow_anonymous true\nautosave_interval 300\n" > conf.d/local.conf
wait_up() { for i in $(seq 200); do mosquitto_pub -p $port -t up -m x 2>/dev/null && return; sleep 0.05; done; echo "not up"; exit 1; }
stop() { kill $!; wait $! || true; }
retained() { mosquitto_sub -p $port -t 'state/#' -v -C $1 -W 5 | sort; }
resume() { mosquitto_sub -p $port -c -i phone -t 'news/#' -q 1 -C $1 -W 5; }

echo "# with mosquitto"
mosquitto -c mosquitto.conf & wait_up
mosquitto_sub -p $port -c -i phone -t 'news/#' -q 1 -E
mosquitto_pub -p $port -t state/lamp -m on -r -q 1
mosquitto_pub -p $port -t news/1 -m one -q 1
stop

echo "# skeeter migrate"
./skeeter migrate --quiet mosquitto.conf | sed "s|$DIR|DIR|g; /mosquitto.db: /!d"
./skeeter migrate --apply mosquitto.conf >/dev/null && echo applied
./skeeter broker -c skeeter.conf --check-config

echo "# with skeeter"
./skeeter broker -c skeeter.conf >/dev/null & wait_up
retained 1
resume 1
mosquitto_pub -p $port -t state/door -m open -r -q 1
mosquitto_pub -p $port -t news/2 -m two -q 1
stop

echo "# back with mosquitto"
mv data/mosquitto.db data/mosquitto.db.old
./skeeter store export --mosquitto data/mosquitto.db data | sed "s|$DIR|DIR|g"
mosquitto -c mosquitto.conf & wait_up
retained 2
resume 1
stop
"##;

#[test]
fn an_installation_is_switched_to_skeeter_and_back() {
    let programs = ["mosquitto", "mosquitto_pub", "python3"].map(program);
    if !has("mosquitto", programs.iter().all(Option::is_some)) {
        return;
    }
    let folder = Folder::new();
    let directory = folder.file("");
    let output = Command::new("bash")
        .args(["-c", AFTERNOON])
        .env("DIR", directory.to_str().unwrap().trim_end_matches('/'))
        .env("SKEETER", assert_cmd::cargo::cargo_bin!("skeeter"))
        .env("XDG_CONFIG_HOME", &directory)
        .env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let expected = "# with mosquitto\n# skeeter migrate\n\
        DIR/data/mosquitto.db: the first start imports 1 retained messages, 1 sessions, 1 subscriptions and 1 queued messages\n\
        applied\nConfiguration file is OK.\n# with skeeter\nstate/lamp on\none\n# back with mosquitto\n";
    assert!(text.starts_with(expected), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.ends_with("state/door open\nstate/lamp on\ntwo\n"), "{text}");
}
