#!/usr/bin/env bash
# Photos a second, how long answers take (p50 and p99) and memory of `petal serve` beside FastAPI with onnxruntime, which
# serve the same network one after the other to 1, 8 and 64 clients on this machine; the clients take part of it.
#
#     bench/serve/run.sh RUN FLOWER_PHOTOS [ROUNDS [SECONDS]]
#
# RUN is what `petal train` has written.
set -euo pipefail
cd "$(dirname "$0")/../.."
run=${1:?"bench/serve/run.sh RUN FLOWER_PHOTOS [ROUNDS [SECONDS]]"}
photos=${2:?"bench/serve/run.sh RUN FLOWER_PHOTOS [ROUNDS [SECONDS]]"}
rounds=${3:-3}
seconds=${4:-8}
python=${PYTHON:-$(bench/setup.sh)}
cargo build --release -q --workspace --bin petal --example load
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
target/release/petal export "$run" -o "$work/model.onnx" > /dev/null
port=18234

# measure NAME COMMAND…: starts the server, loads it, ends it.
measure() {
    local name=$1
    shift
    "$@" > "$work/$name.log" 2>&1 &
    server=$!
    until (echo > /dev/tcp/127.0.0.1/$port) 2>/dev/null; do
        kill -0 "$server" 2>/dev/null || { cat "$work/$name.log" >&2; exit 1; }
        sleep 0.1
    done
    for clients in 1 8 64; do
        target/release/examples/load "$name" 127.0.0.1:$port "$photos" "$clients" "$seconds"
    done
    printf '%s\tmemory\t%s\n' "$name" "$(awk '/VmHWM/ { print $2 / 1000 }' "/proc/$server/status")"
    kill "$server" && wait "$server" || true
    server=
}

for _ in $(seq "$rounds"); do
    measure petal target/release/petal serve "$run" --port $port --quiet
    measure fastapi "$python" bench/serve/fastapi_server.py "$work/model.onnx" $port 1
    measure fastapi-batching "$python" bench/serve/fastapi_server.py "$work/model.onnx" $port 32
done > "$work/lines"
"$python" bench/serve/table.py < "$work/lines"
