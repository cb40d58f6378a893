#!/usr/bin/env bash
# Writes messages.txt, the wordings that tests expect, from the messages of the built tests (the whole release build:
# unit, cli and the program). Review its diff.
# Usage: tests/golden/messages.sh [FOLDER OF THE BUILD]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
failed=false

for label in unit cli; do
  # The test suites of the sources that expect a wording.
  mapfile -t sources < <(grep -l expect_worded tests/"$label"_*.cpp)
  suites=$(sed -nE 's/^TEST(_F|_P)?\((\w+),.*/*\2.*/p' "${sources[@]}" | sort -u | paste -sd:)
  THAW_WRITE_MESSAGES=$lines "$build/tests/$label" --gtest_brief=1 --gtest_filter="$suites" || failed=true
done
LC_ALL=C sort -V -u "$lines" >tests/golden/messages.txt
if $failed; then echo "messages.sh: some tests failed, see above; their messages may be missing" >&2 && exit 1; fi
