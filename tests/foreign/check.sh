#!/usr/bin/env bash
# A client that is not ours reads the public topic of a running `connector dev`: Confluent's Python client with its Avro
# deserialiser and the registry. Needs python3-venv; the binary is $CONNECTOR, or the debug build of this repository.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
connector=${CONNECTOR:-$here/../../target/debug/connector}
scratch=$(mktemp -d)
pid=''

finish() {
  local code=$?
  [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true
  ((code == 0)) || { echo "--- connector dev said:" && tail -n 60 "$scratch/dev.log"; } >&2
  rm -rf "$scratch"
}
trap finish EXIT

fail() {
  echo "foreign client: $*" >&2
  exit 1
}

start() {
  [[ -x $connector ]] || fail "no binary at $connector: run cargo build --package connector, or set CONNECTOR"
  "$connector" dev --seed-customers 2 --data-dir "$scratch/data" >"$scratch/dev.log" 2>&1 &
  pid=$!
  local deadline=$((SECONDS + 120))
  until [[ -f $scratch/data/endpoints.json ]]; do
    kill -0 "$pid" 2>/dev/null || fail "connector dev ended before it was ready"
    ((SECONDS < deadline)) || fail "connector dev is not ready after two minutes"
    sleep 0.2
  done
}

read_topic() {
  "$scratch/venv/bin/python" "$here/read_enriched.py" "$scratch/data/endpoints.json" "$@"
}

stop() {
  kill -TERM "$pid"
  local code=0
  wait "$pid" || code=$?
  pid=''
  ((code == 0)) || fail "connector dev ended with $code after SIGTERM, not with 0"
}

touch "$scratch/dev.log"
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
start
read_topic "$@"
stop
echo "foreign client: ok"
