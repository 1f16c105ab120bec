#!/usr/bin/env bash
# Holds a running sandbox bank to the official description of UK Open Banking 4.0: every request and answer of a whole
# journey goes through a Prism proxy, which refuses what the description does not allow.
#
#   tests/prism/check.sh BANK_URL CLIENT_ID CLIENT_SECRET [REDIRECT_URI]
#
# REDIRECT_URI    one that the client is registered with; nothing need listen there
# UK_OB_V4_SPEC   path or URL of account-info-openapi.yaml; fetched from the standard's repository if unset
# PRISM_HOME      where Prism is installed and found again; a scratch directory if unset
set -euo pipefail

if [ $# -lt 3 ]; then
  sed -n '5s/^# *//p' "$0" >&2
  exit 2
fi
bank=${1%/} redirect=${4:-http://127.0.0.1:18091/callback} here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d) proxy=
finish() {
  if [ -n "$proxy" ]; then
    kill "$proxy" 2>/dev/null || true
    wait "$proxy" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap finish EXIT

spec=${UK_OB_V4_SPEC:-}
if [ -z "$spec" ]; then
  echo "fetching the description of UK Open Banking 4.0"
  git clone --quiet --depth 1 --branch v4.0 \
    https://github.com/OpenBankingUK/read-write-api-specs "$scratch/specs" || {
    echo "cannot fetch it: set UK_OB_V4_SPEC to the path or URL of account-info-openapi.yaml" >&2
    exit 1
  }
  spec=$(find "$scratch/specs" -name account-info-openapi.yaml -print -quit)
  [ -n "$spec" ] || { echo "the repository holds no account-info-openapi.yaml; set UK_OB_V4_SPEC" >&2; exit 1; }
fi

home=${PRISM_HOME:-$scratch/prism}
prism=$home/node_modules/@stoplight/prism-cli/dist/index.js
if [ ! -f "$prism" ]; then
  mkdir -p "$home"
  npm install --prefix "$home" --no-audit --no-fund --loglevel=error @stoplight/prism-cli@5.14.2
fi

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
node "$prism" proxy "$spec" "$bank/open-banking/v4.0/aisp" --errors --host 127.0.0.1 --port "$port" \
  >"$scratch/prism.log" 2>&1 &
proxy=$!
deadline=$((SECONDS + 120))
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  if ! kill -0 "$proxy" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
    cat "$scratch/prism.log" >&2
    echo "Prism did not start" >&2
    exit 1
  fi
  sleep 0.2
done

python3 "$here/walk.py" "$bank" "http://127.0.0.1:$port" "$2" "$3" "$redirect" || {
  tail -n 40 "$scratch/prism.log" >&2
  exit 1
}
