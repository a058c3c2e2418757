#!/usr/bin/env bash
# The most wanted missing runs first, on a GPU that is lent for minutes. From the checkout's root:
#
#   docs/gpu_minutes.sh OUT [MINUTES]
#
# OUT/store is a store that begins with the committed runs, so that none is repeated. What is new in
# it, finished runs and checkpoints alike, ends in OUT/new.tar: unpack it over the store that is to
# go on, here or elsewhere, and the same command continues.
set -euo pipefail

out=${1:?usage: docs/gpu_minutes.sh OUT [MINUTES]}
end=$((SECONDS + ${2:-9} * 60))
python=${PYTHON:-python}

mkdir -p "$out/store"
cp -r results/reproduction/. "$out/store"
touch "$out/begun"

# An interrupted run is saved (exit code 130); what a step leaves undone must not stop the next.
make_runs() {
  local left=$((end - SECONDS))
  if [ "$left" -gt 20 ]; then
    "$python" -m benchmark run "$@" --device cuda --store "$out/store" --time-limit "${left}s" || true
  fi
}

make_runs table2 --algorithm pfml --seeds 3
make_runs table2 --algorithm local --algorithm fedavg --algorithm pfedme --algorithm perfedavg --seeds 3
make_runs supplement1 --seeds 1
make_runs table4 --seeds 5
make_runs table2 --seeds 5

(cd "$out/store" && find . -newer ../begun -type f -print0 | tar --null --files-from=- -cf ../new.tar)
echo "$out/new.tar"
