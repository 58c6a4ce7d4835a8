# shellcheck shell=bash
# What is set elsewhere, scripts/cluster sets.
# shellcheck disable=SC2154

# HAProxy in front of the nodes, where it is installed; its port is known before those of the nodes.

balancer_ports() {
  rm -rf "${work:?}/balancer"
  if command -v haproxy >/dev/null; then
    mkdir "$work/balancer"
    free_ports 8070 >"$work/balancer/port"
  else
    say balancer "none: HAProxy is not installed"
  fi
}

balancer_port() { cat "$work/balancer/port" 2>/dev/null; }

# The names of the nodes become their addresses.
balancer_configuration() { # PORT
  local line words node
  while IFS= read -r line; do
    read -ra words <<<"$line"
    case "${words[*]:-}" in
      'bind :8080'*) line="bind 127.0.0.1:$1 ${words[*]:2}" ;;
      'bind :8081'*) line="bind 127.0.0.1:$(($1 + 1)) ${words[*]:2}" ;;
      'server-template '*)
        for node in $(nodes); do
          case "${words[3]}" in
            *:8080) line="server $node 127.0.0.1:$(port_of "$node") ${words[*]:4}" ;;
            *) line="server $node 127.0.0.1:$(($(port_of "$node") + 1)) ${words[*]:4}" ;;
          esac
          echo "    ${line//check port 8080/check port $(port_of "$node")}"
        done
        line=''
        ;;
    esac
    printf '%s\n' "$line"
  done <"$root/deploy/haproxy.cfg"
}

balancer_up() {
  [[ -d $work/balancer ]] || return 0
  balancer_configuration "$(balancer_port)" >"$work/balancer/haproxy.cfg"
  DATA=$work/balancer/data
  process_command balancer haproxy -db -f "$work/balancer/haproxy.cfg" -p "$DATA"
  launch balancer
}
