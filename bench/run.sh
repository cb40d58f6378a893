#!/usr/bin/env bash
# Builds and runs the benchmarks and writes bench/RESULTS.md, about four minutes on a quiet machine with 2 cores.
# Usage: bench/run.sh
#   THAW_PEER_PYTHON  a Python with torch and safetensors; else the one that bench/peers/setup.sh made, else the
#                     comparison with PyTorch is left out, and that is said
#   THAW_BENCH_SECONDS  the least time for each row of a table, default 1.5
set -euo pipefail
cd "$(dirname "$0")/.."
source finetune/setup.sh

seconds=${THAW_BENCH_SECONDS:-1.5}
programs=build/release/bench
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cores=$(nproc)
threads=(1)
[[ $cores -lt 2 ]] || threads+=(2)

build_benchmarks() {
  mkdir -p build
  { cmake --preset release -DTHAW_BUILD_BENCH=ON &&
    cmake --build build/release --target bench_micro_ops bench_step bench_freeze bench_overhead; } >build/bench.log 2>&1 ||
    { cat build/bench.log; return 1; }
}

# One thread: the library's own cost, not the operating system's scheduling.
run_micro() {
  taskset --cpu-list 0 "$programs/bench_micro_ops" --benchmark_min_time=0.1 --benchmark_format=json \
    >"$scratch/micro.json" 2>"$scratch/micro.log" || { cat "$scratch/micro.log"; return 1; }
}

run_freeze() {
  local name count
  for name in mlp mlp-small cnn cnn-small; do
    for count in "${threads[@]}"; do
      "$programs/bench_freeze" --case "$name" --threads "$count" --seconds "$seconds" >>"$scratch/freeze.jsonl"
    done
  done
}

# The interpreter of the peers, or nothing.
peer_python() {
  local python=${THAW_PEER_PYTHON:-${THAW_PEER_VENV:-$HOME/.cache/thaw/peers}/bin/python}
  if "$python" -c 'import torch, safetensors.torch' 2>/dev/null; then echo "$python"; fi
}

run_peers() {
  "$python" bench/peers/steps.py --programs "$programs" --threads "${threads[@]}" --seconds "$seconds" \
    --out "$scratch/peers.md"
}

need_packages "${kProgramPackages[@]}" libbenchmark-dev python3
step "building the benchmarks" build_benchmarks
load=$(cut -d' ' -f1 /proc/loadavg)
step "single ops" run_micro
step "what freezing saves" run_freeze
python=$(peer_python)
peers_status=0
if [[ -n $python ]]; then
  step "training steps beside PyTorch" run_peers || peers_status=$?
else
  echo "note: no Python with torch and safetensors was found, so the comparison with PyTorch is LEFT OUT;" \
    "run bench/peers/setup.sh first, or set THAW_PEER_PYTHON" >&2
  printf '\n## Training steps beside PyTorch\n\nLeft out: no Python with torch was found.\n' >"$scratch/peers.md"
fi
python3 bench/report.py --micro "$scratch/micro.json" --freeze "$scratch/freeze.jsonl" --peers "$scratch/peers.md" \
  --load "$load" --build build/release >"$scratch/RESULTS.md"
# What takes longer, or needs data, is run by hand and noted there.
cat "$scratch/RESULTS.md" bench/by_hand.md >bench/RESULTS.md
echo "written: bench/RESULTS.md"
exit "$peers_status"
