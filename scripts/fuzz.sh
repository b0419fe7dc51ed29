#!/bin/sh
# Runs the fuzz targets of build/sanitize, or the ones named, for FUZZ_SECONDS (10) each, JOBS (the processors) at a time.
# Their corpora grow in build/sanitize/corpus, beginning with fuzz/seeds. FUZZ_SEED (1) begins the mutations: a short run
# repeats, a long search gives another. Fails when a target has a finding, which is kept beside the corpus.
set -eu
cd "$(dirname "$0")/.."

if [ "${1:-}" = --one ]; then
  name=$2
  corpus=build/sanitize/corpus/$name
  mkdir -p "$corpus"
  seeds=fuzz/seeds/$name
  [ -d "$seeds" ] || seeds=
  if ! "build/sanitize/fuzz-$name" -max_total_time="${FUZZ_SECONDS:-10}" -seed="${FUZZ_SEED:-1}" -rss_limit_mb=2048 \
    -timeout=10 -verbosity=0 -print_final_stats=1 -artifact_prefix="build/sanitize/finding-$name-" "$corpus" \
    ${seeds:+"$seeds"} >"build/sanitize/$name.log" 2>&1; then
    cat "build/sanitize/$name.log" >&2
    printf '%s\n' "fuzz: $name failed; the input is build/sanitize/finding-$name-*" >&2
    exit 1
  fi
  sed -n "s/^stat::number_of_executed_units: */fuzz: $name, runs: /p" "build/sanitize/$name.log" >&2
  exit
fi

if [ $# -gt 0 ]; then
  for target; do
    [ -x "build/sanitize/fuzz-$target" ] || { printf '%s\n' "fuzz: no target '$target' in build/sanitize" >&2; exit 2; }
  done
else
  for target in build/sanitize/fuzz-*; do
    [ -x "$target" ] || { printf '%s\n' "fuzz: nothing is built: ./x build sanitize" >&2; exit 2; }
    set -- "$@" "${target#build/sanitize/fuzz-}"
  done
fi
printf '%s\n' "fuzz: $# targets, ${FUZZ_SECONDS:-10} s each" >&2
printf '%s\n' "$@" | xargs -P "${JOBS:-$(getconf _NPROCESSORS_ONLN)}" -n 1 sh scripts/fuzz.sh --one
