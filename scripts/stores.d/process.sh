# shellcheck shell=bash
# What is set elsewhere, scripts/stores sets.
# shellcheck disable=SC2154

# A store as a process of this machine (Linux). $work/NAME/command starts it, $work/NAME/pid names it.

process_requirements() { # NAME…
  local name packages=()
  [[ -d /proc/self ]] || die "without docker or podman this works on Linux only: \
start a container engine, or give the addresses of running servers (scripts/stores --help)"
  for name in "$@"; do
    case $name in
      mysql) have mariadbd mariadb-install-db mariadb || packages+=(mariadb-server) ;;
      nats) have nats-server || packages+=(nats-server) ;;
      neo4j) neo4j_requirements ;;
    esac
  done
  if ((${#packages[@]})); then apt_install "${packages[@]}"; fi
}

apt_install() { # PACKAGE…
  local log=$work/apt.log admin=() instead
  instead="or start docker or podman, or set CHATTERBOX_TEST_SQL_URL and CHATTERBOX_TEST_BUS_URL"
  have apt-get || die "MariaDB or NATS is missing: install what Debian calls $*, $instead"
  if ((EUID != 0)); then
    have sudo || die "run as root: apt-get install $*, $instead"
    admin=(sudo)
  fi
  echo "installing $*"
  mkdir -p "$work"
  {
    ${admin[@]+"${admin[@]}"} apt-get -o DPkg::Lock::Timeout=300 update &&
      ${admin[@]+"${admin[@]}"} env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
  } >"$log" 2>&1 || {
    tail -n 15 "$log" >&2
    die "apt-get could not install $*"
  }
}

process_create() { # NAME
  DATA=$work/$1/data
  mkdir "$DATA"
  # Until the state is saved nothing else would find a folder in /tmp.
  trap 'rm -rf "$DATA"' EXIT
  "$1_install" || die "$1 could not be prepared"
  trap - EXIT
}

# Written so that it can be run by hand, too.
process_command() { # NAME WORD…
  {
    echo '#!/usr/bin/env bash'
    printf 'exec'
    printf ' %q' "$(command -v "$2")" "${@:3}"
    echo
  } >"$work/$1/command"
  chmod +x "$work/$1/command"
}

# Detached, so that it outlives the caller; the lock must not be inherited.
process_start() { # NAME
  local pid
  setsid "$work/$1/command" </dev/null >>"$work/$1/log" 2>&1 9>&- &
  pid=$!
  echo "$pid" >"$work/$1/pid"
  # Until then it is a copy of this script, which process_running does not take for the store.
  until process_running "$1" || ! process_alive "$pid"; do sleep 0.01; done
}

process_pid() { cat "$work/$1/pid" 2>/dev/null; }

# The number alone may belong to another process by now.
process_running() { # NAME
  local pid
  pid=$(process_pid "$1") || return 1
  process_alive "$pid" && grep -qaF -e "$DATA" -e "$work/$1/command" "/proc/$pid/cmdline" 2>/dev/null
}

# A process nobody waits for stays as a zombie, but holds neither ports nor locks once it is alone.
process_alive() { # PID
  local threads=("/proc/$1/task"/*)
  [[ -d /proc/$1 ]] || return 1
  ((${#threads[@]} > 1)) || ! grep -q '^State:[[:space:]]*[ZX]' "/proc/$1/status" 2>/dev/null
}

process_signal() { # NAME SIGNAL
  local pid end=$((SECONDS + deadline))
  pid=$(process_pid "$1")
  kill "-$2" "$pid" 2>/dev/null || true
  while process_alive "$pid"; do
    ((SECONDS < end)) || die "$1 (process $pid) did not end within $deadline s"
    sleep 0.05
  done
}

process_stop() { process_signal "$1" TERM; }
process_kill() { process_signal "$1" KILL; }
process_exists() { [[ -d $DATA ]]; }
process_log() { cat "$work/$1/log"; }

process_remove() { # NAME
  if process_running "$1"; then process_kill "$1"; fi
  rm -rf "${DATA:?}"
}
