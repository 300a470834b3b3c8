#!/usr/bin/env bash
# tests/run.sh [--sanitizers] [--fuzz SECONDS] [--coverage] [--all] [--build FOLDER]
#
# Builds bdh with its tests (preset dev, in build/dev) and runs every test that needs no GPU, but
# for what takes minutes (ctest --preset dev -L 'reference|ptx-long'). Installs missing packages on
# Debian and Ubuntu. Safe to run again, from any folder: only what has changed is built. At its end
# is a list of the tests and parts of tests that could not be run or compared here, with the reason
# of each; then ctest's summary. BDH_INSTRUCTIONS=plain|avx2|avx512 limits the instructions of the
# processor that are used.
#
#   --sanitizers    also builds with the address and undefined-behaviour sanitizers (clang), and
#                   runs the tests of the library under them, and those of the program that are
#                   labelled sanitized; then the tests labelled threads under the thread sanitizer
#   --fuzz SECONDS  also runs every fuzz target for so long, in the same build
#   --coverage      also prints the line coverage of core, graph, kernels and io (gcovr)
#   --all           all of these, 60 seconds for each fuzz target, and every test of the program
#                   under the sanitizers but for those labelled slow or numbers
#   --build FOLDER  builds in FOLDER/dev, FOLDER/asan-ubsan ... instead of below build/: the source
#                   tree may be read-only
set -euo pipefail
from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source cmake/install-packages.sh
source tests/support/ctest_then_closing.sh

sanitizers=no fuzz=0 coverage=no builds=build program=sanitized
while [ $# -gt 0 ]; do
  case $1 in
    --sanitizers) sanitizers=yes ;;
    --fuzz)
      fuzz=${2:-}
      [[ $fuzz =~ ^[1-9][0-9]*$ ]] ||
        { echo "--fuzz: found '$fuzz', expected a number of seconds" >&2; exit 2; }
      shift ;;
    --coverage) coverage=yes ;;
    --build)
      [ -n "${2:-}" ] || { echo "--build: found nothing, expected a folder" >&2; exit 2; }
      case $2 in /*) builds=$2 ;; *) builds=$from/$2 ;; esac
      shift ;;
    --all) sanitizers=yes fuzz=60 coverage=yes program=cli ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' tests/run.sh; exit ;;
    *) echo "unknown option $1; see tests/run.sh --help" >&2; exit 2 ;;
  esac
  shift
done

export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(build_jobs)}
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-2}

# build PRESET [options of cmake --build]: a failure is shown and ends everything. From nothing,
# sources are compiled in groups, in half the time; for work on them: cmake --preset dev -D
# CMAKE_UNITY_BUILD=OFF.
build() {
  local groups=()
  [ -e "$builds/$1/CMakeCache.txt" ] || groups=(-D CMAKE_UNITY_BUILD=ON)
  [ "$1" != dev ] || ! command -v mpicxx >/dev/null || groups+=(-D BDH_MPI=ON)
  cmake --preset "$1" -B "$builds/$1" "${groups[@]}" >/dev/null
  cmake --build "$builds/$1" "${@:2}"
}

tested=() fixed_addresses=()
# run_tests PRESET [options of ctest]; the summary of the preset dev comes later, after what was
# left out.
run_tests() {
  local status=0
  tested+=("$1=$builds/$1")
  ctest_then_closing "$builds/$1" "${fixed_addresses[@]}" ctest "${@:2}" || status=$?
  [ "$1" = dev ] || cat "$builds/$1/Testing/Temporary/closing.txt"
  return $status
}

failed=()
# attempt NAME COMMAND...: a failure is remembered, and the rest goes on.
attempt() {
  local name=$1
  shift
  "$@" || { failed+=("$name"); echo "FAILED: $name"; }
}

run_fuzzer() {
  local target=$1 name corpus
  name=$(basename "$target" _fuzzer)
  corpus=$builds/asan-ubsan/corpus/$name
  mkdir -p "$corpus"
  # New inputs go to the first folder, so that the one with the seeds stays as it is.
  "$target" -max_total_time="$fuzz" -timeout=100 -rss_limit_mb=2560 -verbosity=0 \
    -print_final_stats=1 \
    -artifact_prefix="$builds/asan-ubsan/$name-" "$corpus" "tests/fuzz/corpus/$name" 2>&1 |
    grep -vE '^stat::(new_units_added|slowest_unit)' ||
    return 1
}

say "bdh: builds the tests ($builds/dev) and runs those that need no GPU"
ensure_packages "to build bdh" "${build_packages[@]}"
ensure_packages "to test it" "${test_packages[@]}"
ensure_packages "for tests that need them" "${more_test_packages[@]}" ||
  echo "tests that need them will be skipped"
ensure_packages "to test runs on several machines" "${mpi_packages[@]}" ||
  echo "no MPI: the tests of ranks will be skipped"
ensure_packages "to test reports in a browser" "${browser_packages[@]}" ||
  echo "no browser: the test of reports in one will be skipped"
say "Building preset dev"
build dev

if [ $sanitizers = yes ]; then
  # The thread sanitizer of older compilers cannot live with much address randomisation; switch it
  # off where that is allowed.
  setarch "$(uname -m)" -R true 2>/dev/null && fixed_addresses=(setarch "$(uname -m)" -R)
  ensure_clang_sanitizers
  say "Building preset asan-ubsan, then its tests"
  build asan-ubsan
  attempt asan-ubsan run_tests asan-ubsan \
    -L "^(agreement|device-fake|emulated|examples|threads|unit|$program)\$" \
    -LE '^(numbers|scale|slow)$'
  say "Building the tests of threads with preset tsan, then running them"
  build tsan --target thread_tests
  attempt tsan run_tests tsan -L '^threads$'
fi

if [ "$fuzz" != 0 ]; then
  ensure_clang_sanitizers
  say "Building the fuzz targets, then each for $fuzz s, $CTEST_PARALLEL_LEVEL at a time"
  build asan-ubsan --target fuzzers
  for target in "$builds"/asan-ubsan/bin/*_fuzzer; do
    while [ "$(jobs -pr | wc -l)" -ge "$CTEST_PARALLEL_LEVEL" ]; do wait -n; done
    { run_fuzzer "$target" && echo passed || echo failed; } >"$target.log" 2>&1 &
  done
  wait
  for target in "$builds"/asan-ubsan/bin/*_fuzzer; do
    echo "-- $(basename "$target")"
    sed '$d' "$target.log"
    attempt "$(basename "$target")" [ "$(tail -n 1 "$target.log")" = passed ]
  done
fi

if [ $coverage = yes ]; then
  ensure_packages "to measure coverage" "${coverage_packages[@]}"
  say "Building preset coverage, then its tests and the coverage by line"
  build coverage
  attempt coverage cmake --build "$builds/coverage" --target coverage
fi

fixed_addresses=()
say "Tests of preset dev"
status=0
run_tests dev -LE '^(cuda|reference|ptx-long)$' || status=$?

say "Not run, or not compared, here"
python3 -B tests/support/skipped.py "${tested[@]}"  # first: ctest -N begins a new log
for left_out in "cuda: needs an NVIDIA GPU" "reference: takes minutes" "ptx-long: takes minutes"; do
  label=${left_out%%:*}
  names=$(ctest --test-dir "$builds/dev" -N -FA '.*' -L "^$label$" |
    sed -n 's/^ *Test *#[0-9]*: //p' |
    paste -sd, | sed 's/,/, /g')
  [ -z "$names" ] || echo "  $names: ${left_out#*: }; ctest -L $label runs them"
done

echo
[ ${#failed[@]} -eq 0 ] || echo "Failed before this, see above: ${failed[*]}"
cat "$builds/dev/Testing/Temporary/closing.txt" || status=1
[ ${#failed[@]} -eq 0 ] || status=1
exit $status
