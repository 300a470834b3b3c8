#!/usr/bin/env bash
# tests/aarch64.sh [--short]
#
# The same bits on AArch64: cross-builds the library and its tests of units, agreement and the
# engine for GPUs (preset aarch64, in build/aarch64) and runs them under qemu-user, among them the
# one that compares with committed hashes. Installs Debian's or Ubuntu's cross compiler and
# qemu-user where they miss, and unpacks the libraries into a folder of their own,
# build/aarch64-sysroot. Exit code 77, with the reason, where that cannot be had.
#
#   --short   only the committed hashes, arithmetic, kernels, bits across sites and threads, and
#             saving and going on
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source cmake/install-packages.sh

tests='^(unit|agreement|device-fake|emulated)$'
short=
case ${1:-} in
  '') ;;
  --short) short='^(golden_bits_test|base_test|kernels_test|bits_test|processes_test)$' ;;
  -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' tests/aarch64.sh; exit ;;
  *) echo "unknown option $1; see tests/aarch64.sh --help" >&2; exit 2 ;;
esac

say "bdh on AArch64: cross-builds tests (build/aarch64) and runs them under qemu-user"
ensure_packages "to cross-build" "${cross_packages[@]}" cmake ninja-build pkg-config || true
for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v $tool >/dev/null ||
    { echo "skipped: AArch64: found no $tool; the packages ${cross_packages[*]} have it"; exit 77; }
done
say "Libraries for AArch64 (build/aarch64-sysroot)"
cmake/aarch64-sysroot.sh build/aarch64-sysroot || { [ $? = 77 ] &&
  echo "skipped: AArch64: its libraries cannot be had here" && exit 77; exit 1; }

say "Building"
cmake --preset aarch64 >/dev/null
select=(-L "$tests" -LE '^slow$')
[ -z "$short" ] || select+=(-R "$short")
mapfile -t targets < <(ctest --test-dir build/aarch64 -N "${select[@]}" |
  sed -n 's/^ *Test *#[0-9]*: //p')
cmake --build build/aarch64 --parallel "${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}" --target \
  "${targets[@]}"
say "Running ${#targets[@]} tests under $(qemu-aarch64 --version | head -n 1)"
ctest --test-dir build/aarch64 --output-on-failure --parallel "${CTEST_PARALLEL_LEVEL:-2}" \
  "${select[@]}"
