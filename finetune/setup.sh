# Sourced by demo.sh and tests/run.sh: installs what a build needs, and times the steps of a script.
# shellcheck shell=bash

kProgramPackages=(g++ cmake ninja-build nlohmann-json3-dev libtomlplusplus-dev libcli11-dev libutf8proc-dev zlib1g-dev)

# need_packages PACKAGE...: installs the Debian packages that are missing. Elsewhere it says what is
# needed and goes on, for there the same libraries have other package names and may well be present.
need_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "note: this is not Debian; install the equivalents of these packages if the build misses them: $*" >&2
    return
  fi
  local package missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  local as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      echo "error: packages are missing and there is no sudo; as root: apt-get install ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "installing Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# step TITLE COMMAND...: runs the command under a heading, and says how long it took.
step() {
  local title=$1 start=$SECONDS
  shift
  echo "== $title"
  "$@"
  echo "== $title: $((SECONDS - start)) s"
}

# A second build of the same sources, as the test script makes, is cheaper with a compiler cache.
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
fi
