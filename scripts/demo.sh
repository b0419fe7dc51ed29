#!/bin/sh
# ./x demo: plans and executes a network that example 1 builds.
set -eu
cd "$(dirname "$0")/.."
pliant=build/release/pliant
folder=build/demo
mkdir -p "$folder"
build/release/example-01_plan_and_execute "$folder/cells.onnx" >"$folder/example.log"

run() { printf '\n$ %s\n' "$*"; "$@"; }

cat <<'TEXT'

Pliant demo: a network of search-made cells, an accelerator with too little memory.
Each plan below says in which order to run the operators, where every tensor lies, and what must be moved to and from
off-chip memory; "optimal" means that no plan moves less. --execute then runs the network inside an arena of exactly
that many bytes and compares with the unconstrained run, bit for bit.
TEXT
run $pliant plan "$folder/cells.onnx" --scratchpad MR --execute
run $pliant plan "$folder/cells.onnx" --scratchpad MP --execute --out "$folder/plan.json"
run $pliant run "$folder/cells.onnx" --input random --top 3
printf '\nwritten: %s/cells.onnx, %s/plan.json. Next: %s plan --help\n' "$folder" "$folder" "$pliant"
