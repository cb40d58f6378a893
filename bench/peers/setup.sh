#!/usr/bin/env bash
# Makes the Python environment of the peers, outside this repository, and prints its interpreter's path.
# Usage: bench/peers/setup.sh     (THAW_PEER_VENV: the folder, default ~/.cache/thaw/peers)
set -euo pipefail

venv=${THAW_PEER_VENV:-$HOME/.cache/thaw/peers}
packages=(torch==2.15.0 numpy==2.4.6 safetensors==0.8.0)

if [[ ! -x $venv/bin/python ]]; then
  echo "making $venv with ${packages[*]} from PyPI" >&2
  python3 -m venv "$venv" || {
    echo "setup.sh: error: cannot make a Python environment; on Debian: apt-get install python3-venv" >&2
    rm -rf "$venv"
    exit 1
  }
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" >&2
echo "$venv/bin/python"
