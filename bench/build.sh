#!/usr/bin/env bash
# bench/build.sh [PRESET [TARGET]]: what a build from nothing costs, by default of preset release:
# processor time (user + sys) and time, of what is committed, in a fresh clone below
# ${TMPDIR:-/tmp}, without ccache; and the sources that took longest. cmake/build.sh has the figure
# of `bench/build.sh release bdh_program`, the quickstart's estimate of how long a build takes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=${1:-release}
target=${2:-all}

folder=$(mktemp -d "${TMPDIR:-/tmp}/bdh-build.XXXXXX")
trap 'rm -rf "$folder"' EXIT
git clone --quiet --no-hardlinks . "$folder/bdh"
cd "$folder/bdh"
export CCACHE_DISABLE=1
cmake --preset "$preset" >/dev/null

TIMEFORMAT='%U %S %R'
{ time cmake --build --preset "$preset" --target "$target" --parallel "$(nproc)" >"$folder/log" \
  2>&1; } 2>"$folder/times" || {
  tail -n 20 "$folder/log"
  exit 1
}
read -r user sys real < <(tail -n 1 "$folder/times")
echo "preset $preset, target $target, commit $(git rev-parse --short HEAD), $(c++ --version |
  head -n 1)"
awk -v user="$user" -v sys="$sys" -v real="$real" -v cores="$(nproc)" \
  'BEGIN { printf "processor time: %.0f s; time: %.0f s with %d compilers at a time\n",
    user + sys, real, cores }'
echo "longest:"
# Columns of .ninja_log: begin and end in ms, a date, the output.
awk 'NR > 1 { printf "%7.1f s  %s\n", ($2 - $1) / 1000, $4 }' "build/$preset/.ninja_log" |
  sort -rn | head -n 8
