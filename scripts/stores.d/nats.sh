# shellcheck shell=bash

# NATS, without JetStream: the log in SQL is what lasts.

nats_url() { echo "nats://127.0.0.1:$PORT"; }

nats_container() { container_of nats:2 --publish "127.0.0.1:$PORT:4222"; }

nats_install() { process_command nats nats-server -a 127.0.0.1 -p "$PORT" -P "$DATA/nats.pid"; }

nats_answers() {
  local line=''
  { line=$(exec 3<>"/dev/tcp/127.0.0.1/$PORT" && read -r -t 2 line <&3 && echo "$line"); } 2>/dev/null
  [[ $line == INFO* ]]
}
