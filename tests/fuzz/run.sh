#!/usr/bin/env bash
# Fuzzes the readers of files with libFuzzer, under address and undefined-behaviour sanitizers (needs clang).
# Usage: tests/fuzz/run.sh [SECONDS [TARGET]...]
#   SECONDS: for each target, default 60.  TARGET: a folder of tests/fuzz/corpus, default all
# What breaks a reader is left in build/fuzz/found/TARGET; add it to the corpus with the mend.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-60}
targets=("${@:2}")
if [[ ${#targets[@]} -eq 0 ]]; then
  targets=(tests/fuzz/corpus/*)
  targets=("${targets[@]##*/}")
fi
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -- "${targets[@]/#/fuzz_}"

failed=()
for target in "${targets[@]}"; do
  # What was found stays outside of the committed corpus, which is read, too.
  mkdir -p "build/fuzz/grown/$target" "build/fuzz/found/$target"
  echo "== $target"
  log=build/fuzz/$target.log
  build/fuzz/tests/"fuzz_$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
    -print_final_stats=1 -verbosity=0 -artifact_prefix="build/fuzz/found/$target/" \
    "build/fuzz/grown/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1 || failed+=("$target")
  grep -E 'number_of_executed|ERROR|SUMMARY|Test unit' "$log" || { cat "$log"; failed+=("$target"); }
done
if [[ ${#failed[@]} -gt 0 ]]; then
  echo "fuzz: FAILED: ${failed[*]}" >&2
  exit 1
fi
echo "fuzz: nothing found"
