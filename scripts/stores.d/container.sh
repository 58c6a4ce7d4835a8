# shellcheck shell=bash
# What is set elsewhere, scripts/stores sets.
# shellcheck disable=SC2154

# A store as a container. Its data are in the container's own volumes, which outlive stop and kill.

container_engine() {
  local candidate limit=()
  if have timeout; then limit=(timeout 10); fi
  for candidate in docker podman; do
    have "$candidate" || continue
    if ${limit[@]+"${limit[@]}"} "$candidate" info >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
}

container_create() { # NAME
  CONTAINER=chatterbox-test-$1-$PORT
  container_remove
  "$1_container" || die "$ENGINE could not create the container of $1"
}

# The engine's arguments stand before the image, the server's after it.
container_of() { # IMAGE ARGUMENT… [-- ARGUMENT…]
  local image=$1 before=()
  shift
  while (($#)) && [[ $1 != -- ]]; do before+=("$1") && shift; done
  if (($#)); then shift; fi
  "$ENGINE" create --name "$CONTAINER" "${before[@]}" "$image" "$@" >/dev/null
}

# With podman the container is a descendant of this script: the lock must not be inherited.
container_start() { "$ENGINE" start "$CONTAINER" >/dev/null 9>&-; }
container_stop() { "$ENGINE" stop -t "$deadline" "$CONTAINER" >/dev/null; }
container_kill() { "$ENGINE" kill "$CONTAINER" >/dev/null && "$ENGINE" wait "$CONTAINER" >/dev/null; }
container_exists() { "$ENGINE" inspect "$CONTAINER" >/dev/null 2>&1; }
container_running() { [[ $("$ENGINE" inspect --format '{{.State.Running}}' "$CONTAINER" 2>/dev/null) == true ]]; }
container_log() { "$ENGINE" logs "$CONTAINER" 2>&1; }
container_remove() { "$ENGINE" rm --force --volumes "$CONTAINER" >/dev/null 2>&1 || true; }
