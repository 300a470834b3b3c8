#!/usr/bin/env bash
# bench/update-instructions.sh REASON: counts the instructions of the preset dev anew, into
# bench/instructions.json. REASON says why more (or fewer) are right; say it in the commit, too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# = 1 ] && [ -n "$1" ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
cmake --preset dev >/dev/null
cmake --build --preset dev --target bdh_program
python3 -B bench/instructions.py build/dev/bin/bdh "$(cat \
  build/dev/tests/instructions/compiler.txt)" --update "$1"
