#!/usr/bin/env bash
# bench/compare-commits.sh [--tests] BEFORE [AFTER]
#
# Did building, running or testing get more expensive between two commits (AFTER: HEAD)? Builds the
# program of each in build/compare (preset dev, without ccache), and prints the processor time of
# the build and the instructions of five fixed runs, which no load of the machine changes; fails
# where a run takes over 1 % more. --tests builds everything, and prints the processor time of all
# tests that need no GPU, too. Minutes a commit; with --tests, half an hour.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tests=no
[ "${1:-}" != --tests ] || { tests=yes; shift; }
[ $# = 1 ] || [ $# = 2 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }
export CCACHE_DISABLE=1 TIMEFORMAT='%U %S'
folder=$PWD/build/compare
mkdir -p "$folder"

# processor_seconds LOG COMMAND...: user and system time of a command and its children.
processor_seconds() {
  local log=$1
  shift
  { time "$@" >"$log" 2>&1 || echo "failed: see $log" >&3; } 2>&1 |
    awk '{ printf "%.0f", $1 + $2 }'
}

for commit in "$1" "${2:-HEAD}"; do
  name=$(git rev-parse --short "$commit^{commit}")
  names+=("$name")
  tree=$folder/$name
  [ -e "$tree" ] || git worktree add -q --detach "$tree" "$name"
  cmake -S "$tree" --preset dev -D CMAKE_UNITY_BUILD=ON -B "$tree/build/dev" >"$tree.log"
  target=(--target bdh_program)
  [ $tests = no ] || target=()
  taken=$(processor_seconds "$tree.log" cmake --build "$tree/build/dev" "${target[@]}" 3>&2)
  echo "$name: build ${taken} s of processor time"
  [ $tests = no ] || echo "$name: tests $(processor_seconds "$tree-tests.log" ctest --test-dir \
    "$tree/build/dev" -LE '^(cuda|reference)$' -j2 3>&2) s of processor time," \
    "$(grep -o '[0-9]*% tests passed.*' "$tree-tests.log")"
done
echo "Instructions of ${names[1]}, against ${names[0]}:"
python3 -B bench/instructions.py "$folder/${names[1]}/build/dev/bin/bdh" "" --against \
  "$folder/${names[0]}/build/dev/bin/bdh"
