# PostgreSQL for tests/services: make a cluster, start, stop. Sourced, never run.
# Uses $dir, die, say, random_hex.
# shellcheck shell=bash disable=SC2154

# The newest PostgreSQL of Debian, else whatever is on the path.
postgres_bin() {
  local bin
  bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  [[ -x $bin/initdb ]] || bin=$(dirname "$(command -v initdb || echo /none/initdb)")
  echo "$bin"
}

# PostgreSQL refuses to run as root; then Debian's own user for it does.
as_postgres() {
  if ((EUID == 0)); then
    (cd / && runuser -u postgres -- "$@")
  else
    "$@"
  fi
}

postgres_init() {
  [[ -f $dir/postgres/PG_VERSION ]] && return
  local admin_password=$1
  rm -rf "$dir/postgres"
  mkdir -m 700 "$dir/postgres"
  ((EUID != 0)) || chown postgres: "$dir/postgres"
  as_postgres test -w "$dir/postgres" || die "user postgres cannot reach $dir: choose another place with --dir"
  # The inner shell opens the password file: user postgres may not read a pipe that belongs to root.
  # shellcheck disable=SC2016
  as_postgres bash -c '"$0" "$@" --pwfile=<(cat)' "$(postgres_bin)/initdb" -D "$dir/postgres" -U postgres \
    -E UTF8 --locale=C.UTF-8 --auth=scram-sha-256 <<<"$admin_password" >"$dir/initdb.log" 2>&1 ||
    die "initdb failed, see $dir/initdb.log"
  postgres_settings | as_postgres tee -a "$dir/postgres/postgresql.conf" >/dev/null
}

# Durable on purpose: the tests kill things, and what was acknowledged must still be there.
postgres_settings() {
  cat <<END
listen_addresses = '127.0.0.1'
port = $postgres_port
unix_socket_directories = ''
max_connections = 200
fsync = on
synchronous_commit = on
log_line_prefix = '%m [%p] '
END
}

postgres_ctl() {
  as_postgres "$(postgres_bin)/pg_ctl" -D "$dir/postgres" "$@" </dev/null >>"$dir/postgres_ctl.log" 2>&1 9>&-
}

postgres_alive() { [[ -f $dir/postgres/PG_VERSION ]] && postgres_ctl status; }

postgres_start() {
  postgres_alive && return
  say "starting PostgreSQL on port $postgres_port"
  postgres_ctl start -w -t 60 -l "$dir/postgres/server.log" ||
    die "PostgreSQL did not come up, see $dir/postgres_ctl.log and $dir/postgres/server.log"
}

postgres_stop() {
  postgres_alive || return 0
  postgres_ctl stop -w -t 60 -m fast || die "PostgreSQL does not stop, see $dir/postgres_ctl.log"
}

# admin_sql: runs the statements of its standard input as the superuser.
admin_sql() { PGOPTIONS='-c client_min_messages=warning' "$(postgres_bin)/psql" -X -q -v ON_ERROR_STOP=1 -d "$DATABASE_ADMIN_URL"; }

# The connector's role is no superuser: row-level security would not hold one back.
postgres_create_database() {
  [[ -f $dir/database.done ]] && return
  admin_sql <<END || die "creating the database failed, see $dir/postgres/server.log"
DROP DATABASE IF EXISTS connector;
DROP ROLE IF EXISTS connector;
CREATE ROLE connector LOGIN CREATEDB PASSWORD '$1';
CREATE DATABASE connector OWNER connector;
END
  touch "$dir/database.done"
}

postgres_answers() { "$(postgres_bin)/psql" -X -q -c 'SELECT 1' -d "$DATABASE_URL" >/dev/null 2>&1; }
