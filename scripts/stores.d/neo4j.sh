# shellcheck shell=bash
# What is set elsewhere, scripts/stores sets.
# shellcheck disable=SC2154

# Neo4j. Its community edition has one database, which all tests share.

neo4j_url() { echo "bolt://neo4j:chatterbox@127.0.0.1:$PORT"; }

neo4j_container() {
  container_of neo4j:5.26 --publish "127.0.0.1:$PORT:7687" --publish "127.0.0.1:$HTTP_PORT:7474" \
    --env NEO4J_AUTH=neo4j/chatterbox --env NEO4J_dbms_usage__report_enabled=false \
    --env "NEO4J_server_bolt_advertised__address=127.0.0.1:$PORT" \
    --env NEO4J_server_memory_heap_initial__size=512m --env NEO4J_server_memory_heap_max__size=512m \
    --env NEO4J_server_memory_pagecache_size=128m
}

neo4j_lib() {
  local version
  version=$(sed -n 's:.*<neo4j.version>\(.*\)</neo4j.version>.*:\1:p' "$root/scripts/neo4j/pom.xml")
  echo "${XDG_CACHE_HOME:-$HOME/.cache}/chatterbox/neo4j-$version"
}

neo4j_requirements() {
  local instead="or start docker or podman, or set CHATTERBOX_TEST_GRAPH_URL" version
  have java || die "Neo4j needs Java 17 or newer (Debian: openjdk-17-jre-headless): install it, $instead"
  version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
  ((${version:-0} >= 17)) || die "Neo4j needs Java 17 or newer, java is version ${version:-unknown}: \
install it (Debian: openjdk-17-jre-headless), $instead"
  have curl || die "curl is missing: install it, $instead"
  [[ -d $(neo4j_lib) ]] || have mvn || die "Neo4j is fetched with Maven, which is missing: \
install it (Debian: maven), $instead"
}

# Renamed into place once it is whole: an interrupted download never counts.
neo4j_fetch() { # FOLDER
  local part
  mkdir -p "$(dirname "$1")"
  part=$(mktemp -d "$1.part.XXXXXX")
  say neo4j "fetching it with Maven, once (125 MB)"
  if ! mvn -q -B -f "$root/scripts/neo4j/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DoutputDirectory="$part" -DincludeScope=runtime >"$work/neo4j/maven.log" 2>&1; then
    rm -rf "$part"
    tail -n 15 "$work/neo4j/maven.log" >&2
    return 1
  fi
  chmod 755 "$part"
  # Another checkout may have been faster.
  mv -T "$part" "$1" 2>/dev/null || rm -rf "$part"
  [[ -d $1 ]]
}

neo4j_install() {
  local lib folder
  lib=$(neo4j_lib)
  [[ -d $lib ]] || neo4j_fetch "$lib" || return 1
  for folder in conf data logs plugins import run; do mkdir "$DATA/$folder"; done
  cat >"$DATA/conf/neo4j.conf" <<CONF
server.default_listen_address=127.0.0.1
server.default_advertised_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:$PORT
server.http.listen_address=127.0.0.1:$HTTP_PORT
server.https.enabled=false
server.memory.pagecache.size=128m
dbms.usage_report.enabled=false
CONF
  NEO4J_HOME=$DATA NEO4J_CONF=$DATA/conf java -cp "$lib/*" org.neo4j.cli.AdminTool \
    dbms set-initial-password chatterbox >"$work/neo4j/log" 2>&1 || {
    tail -n 15 "$work/neo4j/log" >&2
    return 1
  }
  process_command neo4j java -Xms512m -Xmx512m --add-opens=java.base/java.nio=ALL-UNNAMED \
    --add-opens=java.base/sun.nio.ch=ALL-UNNAMED -cp "$lib/*" org.neo4j.server.CommunityEntryPoint \
    --home-dir="$DATA" --config-dir="$DATA/conf"
}

neo4j_answers() {
  port_open "$PORT" && curl --silent --max-time 5 --user neo4j:chatterbox \
    --header 'Content-Type: application/json' --data '{"statements": [{"statement": "RETURN 1"}]}' \
    "http://127.0.0.1:$HTTP_PORT/db/neo4j/tx/commit" | grep -q '"errors":\[\]'
}
