#!/usr/bin/env bash
# Unpacks Debian's packages for aarch64 that thaw and its tests stand on into build/aarch64-libraries. They are not
# installed: this machine's list of architectures stays as it is, and apt keeps its lists for them in that folder.
set -euo pipefail
folder=$(cd "$(dirname "$0")/../.." && pwd)/build/aarch64-libraries
packages=(libutf8proc-dev libgtest-dev libgmock-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev)

[[ ! -f $folder/complete ]] || exit 0
mkdir -p "$folder"/apt/{lists,archives}/partial
arm_apt() {
  apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root \
    -o Dir::State="$folder/apt" -o Dir::State::status=/dev/null -o Dir::Cache="$folder/apt" "$@"
}
arm_apt update
(cd "$folder/apt/archives" && arm_apt download "${packages[@]}")
for package in "$folder"/apt/archives/*.deb; do dpkg-deb --extract "$package" "$folder"; done
rm -rf "$folder/apt"
touch "$folder/complete"
