# Sourced by examples/quickstart.sh: builds a target, and says beforehand how long that will take.

# About the processor time of `bdh_program` in preset release, from nothing and without ccache: s,
# on 2 cores of an AMD EPYC with other load; `bench/build.sh release bdh_program` measures it.
program_seconds=400

# build PRESET TARGET: only what is missing or has changed. On a terminal one line moves, elsewhere
# there is a line for each step.
build() {
  local preset=$1 target=$2 jobs=${CMAKE_BUILD_PARALLEL_LEVEL:-$(build_jobs)} all left seconds
  cmake --preset "$preset" >/dev/null
  all=$(ninja -C "build/$preset" -t inputs "$target" | grep -c '\.o$')
  left=$(ninja -C "build/$preset" -n "$target" | grep -c 'Building CXX') || true
  seconds=$((program_seconds * left / all / jobs))
  if [ "$left" = 0 ]; then
    echo "Everything is compiled."
  elif [ $seconds -lt 60 ]; then
    echo "$left of $all objects to compile, $jobs at a time: less than a minute"
  else
    echo "$left of $all objects to compile, $jobs at a time: about $(((seconds + 59) / 60)) minutes"
  fi
  NINJA_STATUS='[%f of %t, %e s] ' cmake --build --preset "$preset" --target "$target" --parallel \
    "$jobs"
}
