#!/bin/sh
# coverage.sh SOURCE_DIR CTEST GCOVR, in a build of preset coverage: runs the tests and prints the
# line coverage of the library. Left out are tests that say nothing about it, and those without disk
# space or permissions, where the counters cannot be written either: they would complain on stderr
# and spoil what other tests counted. A failing test fails this too, after the figures.
find . -name '*.gcda' -delete
"$2" --output-on-failure -j 2 -LE '^(cuda|cuda-compile|repository|oracle|scale|reference)$' -E \
  '(disk_full|permissions)$'
failed=$?
build=$PWD
cd "$1" && "$3" --filter '(core|graph|kernels|io)/' --print-summary "$build" && exit $failed
