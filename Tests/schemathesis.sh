#!/usr/bin/env bash
# Tries what /openapi.json says against a daemon of its own, with schemathesis: all checks, all phases, the same requests at
# each run. What differs from its defaults is in schemathesis.toml and schemathesis_hooks.py, with the reasons.
# Anything that is answered otherwise than the document says, or with 5xx, is a failure.
#
# Usage: Tests/schemathesis.sh [EXAMPLES]     how many requests each phase tries for an operation (default 10)
# Environment: STARLING, the executable (.build/debug/starling). SCHEMATHESIS, the tool; installed into a temporary directory
# when not set.
set -euo pipefail
cd "$(dirname "$0")/.."

examples="${1:-10}"
starling="${STARLING:-.build/debug/starling}"
version=4.32.5
work="$(mktemp -d)"
daemon=""
trap 'if [[ -n "$daemon" ]]; then kill "$daemon" 2>/dev/null || true; wait "$daemon" || true; fi; rm -rf "$work"' EXIT

tool="${SCHEMATHESIS:-}"
if [[ -z "$tool" ]]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
    tool="$work/venv/bin/schemathesis"
fi

"$starling" serve --data "$work/data" --http 127.0.0.1:0 --tcp 127.0.0.1:0 --admin 127.0.0.1:0 --workers 2 \
    --set ack=os --set memory.hugePages=false --set logging.level=warning > "$work/ready" 2> "$work/log" &
daemon=$!
for _ in $(seq 300); do
    grep -q '^ready ' "$work/ready" && break
    kill -0 "$daemon" || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
done
http="$(sed -nE 's/.* http=([^ ]+).*/\1/p' "$work/ready")"

export SCHEMATHESIS_HOOKS=schemathesis_hooks PYTHONPATH="$PWD/Tests"
"$tool" --config-file Tests/schemathesis.toml run "http://$http/openapi.json" --checks all --mode all \
    --phases examples,coverage,fuzzing,stateful --max-examples "$examples" --generation-deterministic --no-color

kill -0 "$daemon" || { echo "the daemon has ended" >&2; cat "$work/log" >&2; exit 1; }
