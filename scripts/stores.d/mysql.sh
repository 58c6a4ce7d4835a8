# shellcheck shell=bash
# What is set elsewhere, scripts/stores sets.
# shellcheck disable=SC2154

# MySQL, or MariaDB where it comes from packages. The user may create databases: each test makes its own.

mysql_url() { echo "mysql://chatterbox:chatterbox@127.0.0.1:$PORT/chatterbox"; }

# For localhost as well: MariaDB's anonymous local user would go before '%'.
mysql_accounts() {
  cat <<'SQL'
CREATE DATABASE IF NOT EXISTS chatterbox CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS 'chatterbox'@'%' IDENTIFIED BY 'chatterbox';
CREATE USER IF NOT EXISTS 'chatterbox'@'localhost' IDENTIFIED BY 'chatterbox';
GRANT ALL ON *.* TO 'chatterbox'@'%' WITH GRANT OPTION;
GRANT ALL ON *.* TO 'chatterbox'@'localhost' WITH GRANT OPTION;
SQL
}

mysql_options=(--max-connections=500 --character-set-server=utf8mb4
  --innodb-flush-log-at-trx-commit=1 --innodb-buffer-pool-size=256M)

mysql_container() {
  mysql_accounts >"$work/mysql/accounts.sql"
  container_of mysql:8.4 --publish "127.0.0.1:$PORT:3306" --env MYSQL_ROOT_PASSWORD=chatterbox \
    --volume "$work/mysql/accounts.sql:/docker-entrypoint-initdb.d/accounts.sql:ro,z" \
    -- "${mysql_options[@]}"
}

mysql_install() {
  local as=()
  if ((EUID == 0)); then
    as=(--user=mysql)
    mysql_reachable_data
  fi
  mariadb-install-db --no-defaults ${as[@]+"${as[@]}"} --datadir="$DATA" --skip-test-db \
    --auth-root-authentication-method=normal >"$work/mysql/log" 2>&1 || {
    tail -n 15 "$work/mysql/log" >&2
    return 1
  }
  mysql_accounts >"$DATA/accounts.sql"
  chmod 644 "$DATA/accounts.sql"
  # The socket's name is relative to the data: a whole path may be longer than a socket's may be.
  process_command mysql mariadbd --no-defaults ${as[@]+"${as[@]}"} --datadir="$DATA" --socket=mysql.sock \
    --pid-file="$DATA/mysql.pid" --bind-address=127.0.0.1 --port="$PORT" --skip-name-resolve \
    --init-file="$DATA/accounts.sql" "${mysql_options[@]}"
}

# Started by root the server works as its own user, who may not enter every folder.
mysql_reachable_data() {
  if ! runuser -u mysql -- test -x "$DATA"; then
    rmdir "$DATA"
    DATA=$(mktemp -d /tmp/chatterbox-mysql.XXXXXX)
  fi
}

mysql_answers() {
  case $KIND in
    container) "$ENGINE" exec --env MYSQL_PWD=chatterbox "$CONTAINER" \
      mysql --host=127.0.0.1 --user=chatterbox --execute='SELECT 1' ;;
    process) MYSQL_PWD=chatterbox mariadb --no-defaults --protocol=tcp --host=127.0.0.1 --port="$PORT" \
      --user=chatterbox --execute='SELECT 1' chatterbox ;;
  esac >/dev/null 2>&1
}
