#!/usr/bin/env bash
# bench/run.sh [--quick] [ROW...]
#
# Measures bdh against what users would pick instead, and against what this machine can do, and
# prints a table. Without ROW and --quick, all of it, into bench/results/<processor>.md (under half
# an hour; the machine should have nothing else to do). Installs what is missing (Debian, Ubuntu;
# PyTorch and NEST from PyPI into build/bench: several GB), builds the preset release. Safe to run
# again: what was made is kept below build/.
#
#   --quick   smaller models and fewer repetitions; the table goes to build/bench/results.md
#   ROW       only these: stream generation prompt probes streams sweeps nest pairs memory scale
#             reading importing opening sweep plan kernels
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source cmake/install-packages.sh

case " $* " in
  *" -h "* | *" --help "*) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' bench/run.sh; exit ;;
esac

ensure_packages "to build bdh" "${build_packages[@]}"
ensure_packages "to measure it" "${benchmark_packages[@]}"

say "Building preset release with its benchmarks"
cmake --preset release -D BDH_BUILD_BENCHMARKS=ON >/dev/null
cmake --build --preset release --target bdh_program kernels_bench files_bench

environment=build/bench/environment
python=$environment/bin/python
mkdir -p build/bench
[ -x $python ] || python3 -m venv --clear $environment
# install MODULE PACKAGE...: unless the module is there. The row that needs it is skipped, and says
# so, where it cannot be had.
install() {
  local module=$1
  shift
  $python -c "import $module" >/dev/null 2>&1 && return
  say "Installing into $environment: $*"
  $python -m pip install --quiet --disable-pip-version-check --retries 1 "$@" ||
    echo "cannot install $*" >&2
}
install torch torch
install scipy numpy scipy
install h5py h5py
install pandas pandas
install networkx networkx
install nest nest-simulator
$python -c "import torch, scipy, h5py" ||
  { echo "bench/run.sh: the benchmarks need PyTorch, SciPy and h5py" >&2; exit 1; }

exec $python -B bench/run.py "$@"
