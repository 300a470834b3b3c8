#!/usr/bin/env bash
# tests/distributions.sh [options] [NAME...]
#
# Are the two commands of README.md enough on a bare system? For every NAME: makes one in a folder
# with debootstrap (minbase), clones this repository into it (what is committed), runs
# ./examples/quickstart.sh and ./tests/run.sh there as they are, without git, sudo, locales or a
# user, and prints a table of what there was and what became of it. Needs root, debootstrap and git;
# exit code 77 where nothing could be tried, 1 where something failed.
#
#   NAME               debian-12 debian-13 (these two, if none is named) debian-testing
#                      debian-unstable ubuntu-22.04 ubuntu-24.04 ubuntu-26.04
#   --folder FOLDER    where systems (6 GB each) and logs go; default
#                      ${TMPDIR:-/tmp}/bdh-distributions
#   --compiler CXX     compiles with it: g++-14, clang++, clang++-19 ...; its package is installed
#                      first
#   --quick            instead of the two commands builds and runs the tests labelled unit, import,
#                      files and agreement
#   --run COMMAND      instead of the two commands, after the packages are installed; in the folder
#                      of the clone
#   --cache FOLDER     keeps packages and compiled objects there for the next time; minutes are then
#                      not those of a bare system
#   --mirror NAME=URL  packages of debian or ubuntu; by default from where this machine's apt has
#                      them
#   --keep             keeps the systems, and goes on in those that were kept, with a new clone
#
# Everything that gets mounted is mounted in a namespace of its own and gone with its last process,
# however that ends.
set -euo pipefail
unset CXX CCACHE_DIR CCACHE_BASEDIR CCACHE_NOHASHDIR
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

folder=${TMPDIR:-/tmp}/bdh-distributions compiler='' what=commands command='' cache='' keep=no \
  names=()
declare -A mirrors=()
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
wrong() { echo "$1; see tests/distributions.sh --help" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --folder | --compiler | --run | --cache | --mirror) [ $# -gt 1 ] ||
      wrong "$1: expected a value" ;;&
    --folder) folder=$2; shift ;;
    --compiler)
      [[ $2 =~ ^(g\+\+|clang\+\+)(-[0-9]+)?$ ]] ||
        wrong "--compiler: found '$2', expected g++, clang++, or one of them with a version"
      compiler=$2; shift ;;
    --quick) what=quick ;;
    --run) what=run command=$2; shift ;;
    --cache) cache=$2; shift ;;
    --mirror)
      [[ $2 =~ ^(debian|ubuntu)=(.+)$ ]] ||
        wrong "--mirror: found '$2', expected debian=URL or ubuntu=URL"
      mirrors[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}; shift ;;
    --keep) keep=yes ;;
    -h | --help) usage; exit ;;
    -*) wrong "unknown option $1" ;;
    *) names+=("$1") ;;
  esac
  shift
done
[ ${#names[@]} -gt 0 ] || names=(debian-12 debian-13)

declare -A suites=([debian-12]=bookworm [debian-13]=trixie [debian-testing]=testing \
  [debian-unstable]=sid
  [ubuntu-22.04]=jammy [ubuntu-24.04]=noble [ubuntu-26.04]=resolute)
for name in "${names[@]}"; do [ -n "${suites[$name]:-}" ] ||
  wrong "$name: expected one of ${!suites[*]}"; done

nothing() { echo "skipped: $1"; exit 77; }
[ "$(id -u)" = 0 ] || nothing "not root: only root can make a system and enter it"
for tool in debootstrap git unshare chroot; do command -v $tool >/dev/null || nothing "no $tool";
  done
unshare --mount --pid --fork --propagation private true 2>/dev/null ||
  nothing "no mount namespaces here, so nothing can be mounted without a trace"

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
for name in "${names[@]}"; do
  [ $keep = yes ] || [ ! -e "$folder/$name" ] ||
    wrong "$folder/$name exists: --keep goes on in it, without it every system is a new one"
done
if [ -n "$cache" ]; then
  mkdir -p "$cache/ccache"
  cache=$(cd "$cache" && pwd)
fi

child='' made=()
cleanup() {
  local status=$? root
  trap - EXIT
  # and with it, by --kill-child, everything inside
  [ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
  wait 2>/dev/null || true
  if [ $keep = no ]; then
    for root in "${made[@]}"; do
      if grep -qF " $root/" /proc/self/mounts; then
        echo "$root: something is mounted there, so it stays" >&2
      else
        rm -rf --one-file-system -- "$root"
      fi
    done
  fi
  exit $status
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# apart COMMAND...: with mounts and processes of its own.
apart() {
  local status=0
  unshare --mount --pid --fork --kill-child --propagation private "$@" </dev/null &
  child=$!
  wait $child || status=$?
  child=''
  return $status
}

# inside ROOT COMMAND...: in the system, with the devices that a container has. A bare environment:
# no locale, no user's settings.
inside() {
  local root=$1
  shift
  # shellcheck disable=SC2016  # the inner shell's variables
  apart bash -c '
    set -e
    root=$1 cache=$2
    shift 2
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount -o remount,bind,ro "$root/sys"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for device in null zero full random urandom tty; do
      touch "$root/dev/$device"
      mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s fd/0 "$root/dev/stdin"
    ln -s fd/1 "$root/dev/stdout"
    ln -s fd/2 "$root/dev/stderr"
    if [ -n "$cache" ]; then
      mkdir -p "$root/var/cache/ccache"
      mount --bind "$cache/ccache" "$root/var/cache/ccache"
      # paths that other clones have, too
      export CCACHE_DIR=/var/cache/ccache CCACHE_BASEDIR=/opt CCACHE_NOHASHDIR=1
    fi
    passed_on=()
    for name in http_proxy https_proxy no_proxy CXX CCACHE_DIR CCACHE_BASEDIR CCACHE_NOHASHDIR; do
      [ -z "${!name:-}" ] || passed_on+=("$name=${!name}")
    done
    exec chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${passed_on[@]}" "$@"
  ' inside "$root" "$cache" "$@"
}

# mirror_of debian|ubuntu: where this machine gets its own packages, if it is of that kind.
mirror_of() {
  if [ -n "${mirrors[$1]:-}" ]; then
    echo "${mirrors[$1]}"
  else
    # shellcheck disable=SC2016  # apt's variables
    apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' \
      2>/dev/null |
      awk -v kind="$1" 'tolower($1) == kind && $2 !~ /-/ { print $3; exit }'
  fi
}

# bare_system NAME ROOT: by debootstrap, with the mirror and the proxies of this machine.
bare_system() {
  local kind=${1%%-*} suite=${suites[$1]} root=$2 mirror options=(--variant=minbase)
  mirror=$(mirror_of "$kind")
  [ -n "$mirror" ] || { why="this machine's apt has no packages of $kind; see --mirror";
    return 77; }
  [ -e "/usr/share/debootstrap/scripts/$suite" ] || { why="this debootstrap does not know $suite";
    return 77; }
  if [ "$kind" = ubuntu ]; then
    [ -e /usr/share/keyrings/ubuntu-archive-keyring.gpg ] ||
      { why="no ubuntu-archive-keyring to check its packages with"; return 77; }
    options+=("--components=main,universe")
  fi
  if [[ $mirror == https:* ]]; then options+=(--include=ca-certificates); fi
  if [ -n "$cache" ]; then
    mkdir -p "$cache/packages-$suite"
    options+=("--cache-dir=$cache/packages-$suite")
  fi
  apart debootstrap "${options[@]}" "$suite" "$root" "$mirror" ||
    { why="debootstrap $suite failed"; return 1; }
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  if [[ $mirror == https:* ]]; then cp /etc/ssl/certs/ca-certificates.crt \
    "$root/etc/ssl/certs/ca-certificates.crt"; fi
  apt-config dump | grep -iE '^Acquire::[a-z]+::([^ ]*::)?Proxy' \
    >"$root/etc/apt/apt.conf.d/90proxies" || true
  # Lists of what moves every day are called expired where a mirror stands still.
  case $suite in testing | sid) echo 'Acquire::Check-Valid-Until "false";' \
    >"$root/etc/apt/apt.conf.d/90moving" ;; esac
}

# In the system, in the folder of the clone.
# shellcheck disable=SC2016  # as above
install_packages='source cmake/install-packages.sh
  ensure_packages "to build bdh" "${build_packages[@]}"
  ensure_packages "to test it" "${test_packages[@]}"'
# shellcheck disable=SC2016
quick='
  cmake --preset dev -D CMAKE_UNITY_BUILD=ON
  labels="^(unit|import|files|agreement)$"
  ctest --preset dev -N -L "$labels" | sed -n "s/^ *Test *#[0-9]*: //p" | sort >build/wanted
  ninja -C build/dev -t targets all | sed -n "s/: phony$//p" | sort >build/targets
  ninja -C build/dev $(comm -12 build/wanted build/targets)
  ctest --preset dev -j "$(nproc)" -L "$labels"'
# shellcheck disable=SC2016
facts='
  version() { dpkg-query -W -f "\${Version}\n" "$1" 2>/dev/null |
    sed "s/^[0-9]*://;s/[-+].*//" | head -n 1; }
  of() { sed -n "1s/[^0-9]*\([0-9][0-9.]*\).*/\1/p"; }
  echo "system|$(. /etc/os-release; echo "$PRETTY_NAME")"
  echo "compiler|${CXX:-g++} $("${CXX:-g++}" --version | of)"
  echo "CMake|$(cmake --version | of)"
  for package in libhdf5-dev=HDF5 libtbb-dev=TBB libfmt-dev=fmt libigraph-dev=igraph \
    libboost-graph-dev=Boost libcli11-dev=CLI11; do
    echo "${package#*=}|$(version "${package%=*}")"
  done
  echo "Python|$(python3 --version | of)"
  echo "glibc|$(ldd --version | sed -n "1s/.* //p")"'

# count REGEX FILE
count() { grep -cE "$1" "$2" || true; }
minutes_since() { printf '%d.%d min' $(((SECONDS - $1) / 60)) $(((SECONDS - $1) % 60 / 6)); }

# attempt NAME LABEL COMMAND LOG: one result of the table.
attempt() {
  local start=$SECONDS result=passed
  echo "$1: $2"
  inside "$folder/$1" bash -c "set -euo pipefail; cd /opt/bdh; $3" >"$4" 2>&1 ||
    { result="FAILED ($?)"; failed=yes; }
  echo "  $result, $(minutes_since $start): $4"
  cell[$1|$2]="$result, $(minutes_since $start)"
}

# tests_of NAME LOG: ctest's own lines.
tests_of() {
  local line='^ *[0-9]+/[0-9]+ Test +#[0-9]+: [^ ]+ \.*'
  cell[$1|tests]="$(count "$line +Passed" "$2") passed, $(count \
    "$line\*\*\*(Failed|Timeout|Exception|Not Run)|$line *Subprocess" "$2") failed, $(count \
    "$line\*\*\*Skipped" "$2") skipped"
}

# try NAME
try() {
  local name=$1 root=$folder/$1 log=$folder/$1 status=0
  if [ ! -e "$root" ]; then
    made+=("$root")
    echo "$name: a bare system in $root"
    bare_system "$name" "$root" >"$log.debootstrap.log" 2>&1 || status=$?
    [ $status = 0 ] || rm -rf --one-file-system -- "$root"
    if [ $status = 77 ]; then
      echo "  skipped: $why"
      skipped+=("$name: $why")
      return
    elif [ $status != 0 ]; then
      echo "  FAILED: $why: $log.debootstrap.log"
      failed=yes
      return
    fi
  fi
  tried+=("$name")
  rm -rf --one-file-system -- "$root/opt/bdh"
  git clone --quiet --no-hardlinks "$repository" "$root/opt/bdh"
  export CXX=$compiler
  if [ -n "$compiler" ]; then
    attempt "$name" "compiler installed" \
      "source cmake/install-packages.sh; ensure_packages 'the compiler' ${compiler/clang++/clang}" \
      "$log.compiler.log"
  fi
  case $what in
    commands)
      attempt "$name" ./examples/quickstart.sh ./examples/quickstart.sh "$log.quickstart.log"
      attempt "$name" ./tests/run.sh ./tests/run.sh "$log.tests.log"
      tests_of "$name" "$log.tests.log" ;;
    quick)
      attempt "$name" packages "$install_packages" "$log.packages.log"
      attempt "$name" "quick tests" "$quick" "$log.quick.log"
      tests_of "$name" "$log.quick.log" ;;
    run)
      attempt "$name" packages "$install_packages" "$log.packages.log"
      attempt "$name" "$command" "$command" "$log.run.log" ;;
  esac
  local key value
  while IFS='|' read -r key value; do cell["$name|$key"]=$value;
    done < <(inside "$root" bash -c "$facts" 2>>"$log.facts.log")
}

# A row for each fact, a column for each system; what no system has is left out.
print_table() {
  local rows=(system compiler CMake HDF5 TBB fmt igraph Boost CLI11 Python glibc \
    "compiler installed" packages ./examples/quickstart.sh
    ./tests/run.sh "quick tests" "$command" tests)
  local row name known line="| |"
  for name in "${tried[@]}"; do line+=" $name |"; done
  echo "$line"
  line="|---|"
  for name in "${tried[@]}"; do line+="---|"; done
  echo "$line"
  for row in "${rows[@]}"; do
    line="| $row |" known=no
    for name in "${tried[@]}"; do
      line+=" ${cell[$name|$row]:-} |"
      [ -z "${cell[$name|$row]:-}" ] || known=yes
    done
    [ $known = no ] || echo "$line"
  done
}

failed=no why='' tried=() skipped=()
declare -A cell=()
[ -z "$(git -C "$repository" status --porcelain 2>/dev/null)" ] ||
  echo "note: what is not committed is not tried"
for name in "${names[@]}"; do try "$name"; done
[ ${#tried[@]} = 0 ] || print_table
for line in "${skipped[@]}"; do echo "skipped: $line"; done
[ $failed = no ] || exit 1
[ ${#tried[@]} -gt 0 ] || exit 77
