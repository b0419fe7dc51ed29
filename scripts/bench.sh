#!/bin/sh
# ./x bench [NAME] [OPTIONS...]: runs build/release/bench-NAME, or all of them.
set -eu
cd "$(dirname "$0")/.."
if [ $# -gt 0 ]; then
  name=$1
  shift
  exec "build/release/bench-$name" "$@"
fi
for program in build/release/bench-*; do
  [ -x "$program" ] || continue
  [ "${program##*/}" != bench-latency ] || continue  # that one needs a network
  printf '\n== %s\n' "${program##*/bench-}"
  "$program"
done
