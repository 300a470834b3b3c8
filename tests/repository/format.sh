#!/bin/sh
# format.sh ROOT: clang-format agrees with every source that git tracks. Skipped (77) without
# clang-format 14, whose opinion it is: other versions differ in small things.
set -eu
cd "$1"
for tool in clang-format-14 clang-format; do
  command -v "$tool" >/dev/null && "$tool" --version | grep -q ' 14\.' && break
  tool=
done
# Files of any owner: they are only listed.
git() { command git -c safe.directory='*' "$@"; }
[ -n "$tool" ] || { echo "skipped: no clang-format 14"; exit 77; }
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || { echo "skipped: not a git checkout";
  exit 77; }
git ls-files -z '*.hpp' '*.cpp' '*.inc' '*.cu' '*.cuh' | xargs -0 "$tool" --dry-run -Werror
