#!/usr/bin/env bash
# Makes finetune/cases/letters/pretrained-0 .. pretrained-9, one for each partition of the letters.
# Usage: finetune/cases/letters/pretrain.sh FOLDER, which takes them; needs finetune/cases/get.sh tables
set -euo pipefail
cd "$(dirname "$0")/../../.."
folder=${1:?name a folder for the networks}
for partition in 0 1 2 3 4 5 6 7 8 9; do
  # The rule of finetune/cases/README.md: the first 16 are pretrained on.
  letters=$(python3 -c "import random, string
print(sorted(random.Random($partition).sample(string.ascii_uppercase, 26)[:16]))")
  build/release/bin/thaw train finetune/cases/letters/pretrain.toml --threads 1 --set "data.classes=$letters" \
    --out "$folder/run-$partition"
  mkdir -p "$folder/pretrained-$partition"
  cp "$folder/run-$partition"/{config.json,preprocess.json,model.safetensors} "$folder/pretrained-$partition"
done
