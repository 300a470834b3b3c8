# Sourced by examples/quickstart.sh, tests/run.sh and bench/run.sh: the Debian and Ubuntu packages
# that bdh needs, and how they get installed.

build_packages=(g++ cmake ninja-build pkg-config ccache libtbb-dev libhdf5-dev libcli11-dev \
  nlohmann-json3-dev libzip-dev libfmt-dev libssl-dev libboost-graph-dev libedit-dev librsvg2-dev \
  libeigen3-dev libigraph-dev libexpat1-dev libonig-dev libicu-dev libsentencepiece-dev)
test_packages=(doctest-dev libbenchmark-dev python3 fonts-dejavu-core)
more_test_packages=(hdf5-tools valgrind) # a test that lacks one is skipped
mpi_packages=(libopenmpi-dev openmpi-bin iproute2) # runs on several machines
cross_packages=(g++-aarch64-linux-gnu qemu-user)
# cmake/aarch64-sysroot.sh
aarch64_packages=(libtbb-dev libhdf5-dev nlohmann-json3-dev libzip-dev libfmt-dev libssl-dev \
  libboost-graph-dev libeigen3-dev libigraph-dev libexpat1-dev libonig-dev libicu-dev \
  libsentencepiece-dev doctest-dev)
package_packages=(dpkg-dev) # Debian packages of bdh
browser_packages=(chromium)
coverage_packages=(gcovr)
python_packages=(python3-dev python3-venv)
benchmark_packages=(libbenchmark-dev python3-venv git)

say() { printf '\n== %s\n' "$*"; }

# build_jobs: how many compilers at a time: as many as there are processors to use, and 1.5 GB of
# free memory for each.
build_jobs() {
  local jobs most
  jobs=$(nproc)
  most=$(awk '$1 == "MemAvailable:" { free = $2 * 1024 }
    FILENAME ~ /memory.max/ && $1 ~ /^[0-9]+$/ && (free == "" || $1 < free) { free = $1 }
    END { print free == "" ? "" : int(free / 1.5e9) }' /proc/meminfo \
    $([ ! -r /sys/fs/cgroup/memory.max ] || echo /sys/fs/cgroup/memory.max) 2>/dev/null) || true
  [ -z "$most" ] || [ "$most" -ge "$jobs" ] || jobs=$((most > 1 ? most : 1))
  echo "$jobs"
}

# as_root COMMAND...
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else
    echo "cannot install packages: neither root nor sudo; please run as root: $*" >&2
    return 1
  fi
}

packages_updated=no
update_package_lists() {
  [ "$packages_updated" = yes ] || as_root apt-get update -qq </dev/null
  packages_updated=yes
}

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# ensure_packages REASON PACKAGE...: installs those that dpkg does not know as installed; says
# nothing when all are there.
ensure_packages() {
  local reason=$1 package missing=()
  shift
  # another distribution: CMake names what it misses
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || return 0
  for package; do is_installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    echo "missing, $reason: ${missing[*]}; neither root nor sudo here, please run as root:" \
      "apt-get install ${missing[*]}" >&2
    return 1
  fi
  say "Installing with apt-get, $reason: ${missing[*]}"
  update_package_lists
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" </dev/null >/dev/null
}

# True when clang++ can build and link a fuzz target with sanitizers.
clang_can_sanitize() {
  command -v clang++ >/dev/null &&
    echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) {
      return 0; }' |
    clang++ -fsanitize=fuzzer,address,undefined -x c++ - -o /dev/null 2>/dev/null
}

# clang, and its sanitizer runtime, whose package has the version in its name and is called
# differently by older distributions. With clang comes clang-format, so that the format test runs
# too.
ensure_clang_sanitizers() {
  ensure_packages "to build with the sanitizers" clang clang-format
  clang_can_sanitize && return
  command -v apt-cache >/dev/null || return 0
  update_package_lists
  local version package
  version=$(clang --version | sed -n 's/.*clang version \([0-9]*\).*/\1/p')
  for package in "libclang-rt-$version-dev" "libclang-common-$version-dev"; do
    if apt-cache show "$package" >/dev/null 2>&1; then
      ensure_packages "the sanitizers of clang $version" "$package"
      clang_can_sanitize && return
    fi
  done
  echo "clang $version cannot link a fuzz target: no package with its sanitizer runtime found" >&2
  return 1
}
