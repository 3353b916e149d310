#!/usr/bin/env bash
# Runs the tests under ThreadSanitizer or AddressSanitizer.
#
#   sanitize.sh thread|address [test target...]
#
# Builds in .build-tsan or .build-asan beside Package.swift, or where STARLING_SANITIZE_BUILD says. Without targets it
# runs those of the libraries, which share memory between threads or go through raw memory, and those of the server.
# StarlingCommandTests are left out: they start the built program and look at its allocator, which sanitizers replace.
# Prints a line for each target; exit code 1 when a test failed or a sanitizer found something.
set -euo pipefail
cd "$(dirname "$0")/.."

kind="${1:-}"
case "$kind" in
thread) build="${STARLING_SANITIZE_BUILD:-$PWD/.build-tsan}" ;;
address) build="${STARLING_SANITIZE_BUILD:-$PWD/.build-asan}" ;;
*)
    echo "usage: $0 thread|address [test target...]" >&2
    exit 64
    ;;
esac
shift
targets=("$@")
if [[ ${#targets[@]} == 0 ]]; then
    targets=(
        StarlingSetsTests StarlingLogTests StarlingSnapshotsTests StarlingSchemaTests StarlingWireTests
        StarlingEngineTests StarlingCheckTests StarlingServerTests
    )
fi

# One who allocates by jemalloc and frees by the sanitizer is stopped.
export STARLING_WITHOUT_JEMALLOC=1
# The default linker gives up on sanitized debug information.
build_options=(--sanitize="$kind" --scratch-path "$build" -Xswiftc -use-ld=lld)
swift build --build-tests "${build_options[@]}"
program="$(swift build --show-bin-path "${build_options[@]}")/starlingPackageTests.xctest"

# The backtracer can hang when a sanitizer reports. What Swift and the tests' own library keep is no leak.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1
# Every report of a run, not only the first.
export TSAN_OPTIONS="halt_on_error=0:history_size=5:second_deadlock_stack=1:suppressions=$PWD/Tests/sanitize-thread.supp"
preload=""
if [[ "$kind" == thread ]]; then
    preload="$build/sanitize-thread-mutex.so"
    clang -O2 -shared -fPIC -o "$preload" Tests/sanitize-thread-mutex.c -ldl
fi

failures=0
for target in "${targets[@]}"; do
    output="$build/$target.log"
    status=0
    # One after the other: a hundred at once, each some ten times slower, outlast the time-outs of the servers that they start.
    LD_PRELOAD="$preload" "$program" --testing-library swift-testing --no-parallel --filter "^$target\\." \
        > "$output" 2>&1 || status=$?
    reports="$(grep -cE '^(WARNING: ThreadSanitizer|==[0-9]+==ERROR: AddressSanitizer)' "$output" || true)"
    tests="$(grep -oE 'Test run with [0-9]+ tests?.*' "$output" | tail -n 1 || true)"
    printf '%-24s exit code %3d  %3d reports  %s\n' "$target" "$status" "$reports" "${tests:-no test has ended}"
    if [[ "$status" != 0 || "$reports" != 0 || -z "$tests" ]]; then
        failures=$((failures + 1))
        grep -E '^SUMMARY: ' "$output" | sort | uniq -c | sort -rn | head -n 20 || true
        echo "  all of it: $output"
    fi
done
[[ "$failures" == 0 ]]
