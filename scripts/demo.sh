#!/bin/sh
# ./x demo: plans and executes a network that example 1 builds; talks with a language model that example 2 makes.
set -eu
cd "$(dirname "$0")/.."
pliant=build/release/pliant
folder=build/demo
mkdir -p "$folder"
build/release/example-01_plan_and_execute "$folder/cells.onnx" >"$folder/example-01.log"

run() { printf '\n$ %s\n' "$*"; "$@"; }

cat <<'TEXT'

Pliant demo, 1: a network of search-made cells, an accelerator with too little memory.
Each plan below says in which order to run the operators, where every tensor lies, and what must be moved to and from
off-chip memory; "optimal" means that no plan moves less. --execute then runs the network inside an arena of exactly
that many bytes and compares with the unconstrained run, bit for bit.
TEXT
run $pliant plan "$folder/cells.onnx" --scratchpad MR --execute
run $pliant plan "$folder/cells.onnx" --scratchpad MP --execute --out "$folder/plan.json"
run $pliant plan "$folder/cells.onnx" --scratchpad MR --export "$folder/cells_plan.h"
run $pliant run "$folder/cells.onnx" --input random --top 3

cat <<'TEXT'

Pliant demo, 2: a language model, made on the spot from this project's own documents by counting (a one-layer Llama whose
weights are the counts; it talks like its text and understands nothing). It is converted, rounded to 4 bits, and held to
a grammar.
TEXT
run build/release/example-02_language_model "$folder/talk" README.md CHANGELOG.md docs/planner.md docs/design.md \
  docs/encrypted.md docs/formats.md
run $pliant inspect "$folder/talk"
run $pliant generate "$folder/talk" -p 'The planner' -n 48 --temperature 0.5
run $pliant convert "$folder/talk" --to gguf --out "$folder/talk.gguf" --force
run $pliant quantize "$folder/talk.gguf" --to Q4_K --out "$folder/talk-q4.gguf" --force
run $pliant generate "$folder/talk-q4.gguf" -p 'The planner' -n 48 --temperature 0.5
printf 'root ::= " is " [a-z]+ (" and " [a-z]+)? "."\n' >"$folder/claim.gbnf"
run $pliant generate "$folder/talk-q4.gguf" -p 'A plan' --grammar "$folder/claim.gbnf" --seed 4
printf '\nwritten: %s/cells.onnx, plan.json, cells_plan.h, talk/, talk.gguf, talk-q4.gguf. Next: %s plan --help, %s chat --help\n' \
  "$folder" "$pliant" "$pliant"
