#!/usr/bin/env bash
# Fuzzes every parser of bytes from the disk with libFuzzer and AddressSanitizer.
#
#   run.sh [seconds] [target...]     runs the targets (all of them), 60 seconds each; `run.sh 600` is the full run
#   run.sh list                      prints the targets
#   run.sh seeds                     writes Corpora/ anew from the program's own writers
#   run.sh minimise [target...]      adds to Corpora/ what the last runs found, as few inputs as reach the same code
#   run.sh reproduce target file     runs one input
#
# Builds in .build-fuzz beside Package.swift of the repository, or where STARLING_FUZZ_BUILD says. A run begins with the
# inputs in Corpora/ and those of earlier runs in the build folder; it never changes Corpora/. Exit code 1: a finding, or a run cut short.
set -euo pipefail
cd "$(dirname "$0")"

build="${STARLING_FUZZ_BUILD:-$(cd ../.. && pwd)/.build-fuzz}"
program="$build/release/starling-fuzz"
# The backtracer can hang in a fuzzer, and what Swift keeps for the life of the process is no leak.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=16:malloc_context_size=4
# One input may take 20 s at most (a slow machine under load), one allocation 64 MB, the process 512 MB.
limits=(-timeout=20 -malloc_limit_mb=64 -rss_limit_mb=512)

swift build -c release --scratch-path "$build" 1>&2

all_targets() { "$program" list | cut -d ' ' -f 1; }
maximum_bytes() { "$program" list | awk -v name="$1" '$1 == name { print $2 }'; }

fuzz() {
    local target="$1" seconds="$2" work="$build/corpora/$1" findings="$build/findings/$1" output="$build/$1.log" status=0
    mkdir -p "$work" "$findings" "Corpora/$target"
    STARLING_FUZZ_TARGET="$target" "$program" "${limits[@]}" -max_total_time="$seconds" \
        -max_len="$(maximum_bytes "$target")" -dict=numbers.dict -print_final_stats=1 -artifact_prefix="$findings/" \
        "$work" "Corpora/$target" > "$output" 2>&1 || status=$?
    # Somebody may have ended the process: no finding, but no run of so many seconds either.
    local verdict="no finding"
    if [[ "$status" != 0 ]]; then
        verdict="ENDED EARLY, exit code $status"
        if grep -qE "^FINDING|ERROR: |Test unit written" "$output"; then verdict="FINDING"; fi
    fi
    awk -v target="$target" -v verdict="$verdict" '
        # "#123 DONE   cov: 1 ft: 2 corp: 3/4Kb ..."; after a finding the last line of that kind counts.
        /^#[0-9]+.* cov: / {
            for (field = 1; field < NF; field++) {
                if ($field == "cov:") coverage = $(field + 1)
                if ($field == "ft:") features = $(field + 1)
                if ($field == "corp:") corpus = $(field + 1)
            }
        }
        /^stat::number_of_executed_units/ { executions = $2 }
        /^stat::average_exec_per_sec/ { rate = $2 }
        /^stat::peak_rss_mb/ { memory = $2 }
        END {
            printf "%-10s %10d executions %7d/s  %5d edges %6d features  corpus %-10s %4d MB  %s\n", target, executions,
                rate, coverage, features, corpus, memory, verdict
        }' "$output"
    if [[ "$status" != 0 ]]; then
        grep -E "^FINDING|ERROR: |SUMMARY: |Fatal error|Test unit written" "$output" || tail -n 5 "$output"
        echo "  all of it: $output"
    fi
    return "$status"
}

minimise() {
    local target="$1" work="$build/corpora/$1" fresh="$build/minimised/$1"
    rm -rf "$fresh"
    mkdir -p "$fresh" "$work" "Corpora/$target"
    # Without counters an input counts only for the edges that it adds: corpora stay small.
    STARLING_FUZZ_TARGET="$target" "$program" "${limits[@]}" -merge=1 -use_counters=0 \
        -max_len="$(maximum_bytes "$target")" "$fresh" "Corpora/$target" "$work" > "$build/$target.merge.log" 2>&1
    rm -rf "Corpora/$target"
    cp -r "$fresh" "Corpora/$target"
    echo "$target: $(find "Corpora/$target" -type f | wc -l) inputs, $(cat "Corpora/$target"/* | wc -c) bytes"
}

case "${1:-}" in
list) all_targets ;;
seeds)
    rm -rf Corpora
    "$program" seeds Corpora
    ;;
reproduce) STARLING_FUZZ_TARGET="$2" exec "$program" "${limits[@]}" "$3" ;;
minimise)
    shift
    for target in ${*:-$(all_targets)}; do minimise "$target"; done
    ;;
*)
    seconds=60
    if [[ "${1:-}" =~ ^[0-9]+$ ]]; then
        seconds="$1"
        shift
    fi
    findings=0
    for target in ${*:-$(all_targets)}; do fuzz "$target" "$seconds" || findings=$((findings + 1)); done
    if [[ "$findings" != 0 ]]; then
        echo "$findings targets with findings or ended early"
        exit 1
    fi
    ;;
esac
