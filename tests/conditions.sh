#!/usr/bin/env bash
# tests/conditions.sh [--build FOLDER] [--list] [NAME...]
#
# Runs the tests as machines and users would that are not like this one, and prints a table: what
# passed, failed or could not be made here, and why. Without NAME, all conditions. Names of
# conditions that are only variables of the environment can be joined, german+time-zone+no-home: all
# of them at once, in the time of one. One build of
# preset dev serves all but `path`, in FOLDER/dev (FOLDER: build/conditions); ctest's output of each
# is in FOLDER/NAME.log. `plain`, `avx2` and `path` run the whole suite (ctest -LE
# '^(cuda|reference|ptx-long)$', as tests/run.sh); the others those tests that the condition could
# matter to, without the slow ones and those that compare numbers: the comment at each says which.
# Needs root, or a user who may make namespaces, for some; a condition that cannot be made is
# skipped.
set -euo pipefail
from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source cmake/install-packages.sh
source tests/support/ctest_then_closing.sh
source=$PWD
builds=$source/build/conditions

declare -A about=(
  [plain]="only plain x86-64, by BDH_INSTRUCTIONS"
  [avx2]="AVX2 at most, by BDH_INSTRUCTIONS"
  [avx512]="AVX-512, by BDH_INSTRUCTIONS"
  [emulated-plain]="a processor without AVX, emulated"
  [emulated-avx2]="a processor with AVX2, emulated"
  [user]="an ordinary user without sudo, home and name; the files are another user's"
  [german]="LANG=de_DE.UTF-8"
  [latin1]="LANG=de_DE.ISO-8859-1"
  [c-locale]="LANG=C"
  [posix-locale]="LC_ALL=POSIX"
  [time-zone]="TZ=Pacific/Kiritimati, 14 hours before UTC"
  [one-core]="one core, for eight tests at a time"
  [eight-threads]="a machine that says it has eight cores"
  [path]="a path with blanks and umlauts"
  [read-only]="a source tree that cannot be written to, the build elsewhere"
  [no-home]="HOME not set"
  [small-tmp]="64 MB in /tmp"
  [no-terminal]="no terminal, TERM=dumb"
)
order=(plain avx2 avx512 emulated-plain emulated-avx2 user german latin1 c-locale posix-locale \
  time-zone one-core eight-threads path read-only
  no-home small-tmp no-terminal)

chosen=()
while [ $# -gt 0 ]; do
  case $1 in
    --build)
      [ -n "${2:-}" ] || { echo "--build: found nothing, expected a folder" >&2; exit 2; }
      case $2 in /*) builds=$2 ;; *) builds=$from/$2 ;; esac
      shift ;;
    --list) for name in "${order[@]}"; do printf '%-16s %s\n' "$name" "${about[$name]}"; done;
      exit ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' tests/conditions.sh; exit ;;
    *)
      for name in ${1//+/ }; do
        [ -n "${about[$name]:-}" ] || { echo "no condition '$name', expected some of: ${order[*]}" \
          >&2; exit 2; }
      done
      chosen+=("$1") ;;
  esac
  shift
done
[ ${#chosen[@]} -gt 0 ] || chosen=("${order[@]}")

build=$builds/dev
bin=$build/bin
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(build_jobs)}
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-2}
everything=(-LE '^(cuda|reference|ptx-long)$')
no_slow=(-LE
  '^(cuda(-compile)?|ptx(-long)?|reference|slow|numbers|oracle|scale|instructions|python)$')
# Whatever reads and writes text or files, or is seen by a user.
outside=(-L '^(cli|unit|repository|interop)$' -E '^(public_headers|installed_package|format)$' \
  "${no_slow[@]}")
# Of these, what meets the text of users in every command.
texts=(-L '^(sanitized|unit)$' "${no_slow[@]}")
# What the program does, and what starts threads.
threads=(-L '^(cli|threads)$' "${no_slow[@]}")

# A condition is a function of its name that runs the tests, or calls impossible REASON.
why=
impossible() {
  why=$*
  return 77
}

# tests [NAME=VALUE | -u NAME | COMMAND...] -- OPTIONS: ctest in that environment.
tests() {
  local around=()
  while [ "$1" != -- ]; do around+=("$1"); shift; done
  shift
  ctest_then_closing "$build" env "${around[@]}" ctest "$@"
}

# can_use SET: whether a set is here; otherwise why not.
can_use() {
  local reason
  reason=$("$bin/needs_instructions" "$1" "$(type -P true)") || { impossible "${reason##*: }";
    return; }
}
condition_plain() { tests BDH_INSTRUCTIONS=plain -- "${everything[@]}"; }
condition_avx2() { can_use avx2 && tests BDH_INSTRUCTIONS=avx2 -- "${everything[@]}"; }
condition_avx512() { can_use avx512 && tests BDH_INSTRUCTIONS=avx512 -- "${everything[@]}"; }

# What computes, on a processor that has nothing else: an instruction that it lacks ends the
# program. Not all tests: emulation is slow.
emulated() {
  local processor=$1 set=$2 program failed=0
  command -v qemu-x86_64 >/dev/null || { impossible "no qemu-x86_64 (apt-get install qemu-user)";
    return; }
  [ "$(uname -m)" = x86_64 ] || { impossible "this is $(uname -m)"; return; }
  rm -f "$build/Testing/Temporary/closing.txt"
  echo "bdh devices: $(qemu-x86_64 -cpu "$processor" "$bin/bdh" devices --json 2>/dev/null |
    tr -d '\n')"
  qemu-x86_64 -cpu "$processor" "$bin/bdh" devices --json 2>/dev/null |
    grep -q "\"instructions\": \"$set\"" || failed=1
  for program in kernels_test bits_test prefill_test golden_bits_test; do
    counted=$((counted + 1))
    echo "-- $program"
    (cd "$build" && qemu-x86_64 -cpu "$processor" "$bin/$program" \
      --test-case-exclude="blocks agree with tokens:*,threads and sites*") 2>&1 |
      grep -v 'TCG doesn.t support' || { failed=1; echo "$program: failed"; }
  done
  echo "-- bdh run"
  counted=$((counted + 1))
  rm -rf "$builds/emulated"
  mkdir "$builds/emulated"
  (
    cd "$builds/emulated"
    here=("$bin/bdh") there=(qemu-x86_64 -cpu "$processor" "$bin/bdh")
    "${there[@]}" import "$source/tests/data/random-64/model.safetensors" -o model.bdh.h5
    "${here[@]}" run model.bdh.h5 --text "To be, or not to be" --generate 20 -o here --record logits
    "${there[@]}" run model.bdh.h5 --text "To be, or not to be" --generate 20 -o there --record \
      logits
    cmp here/logits.h5 there/logits.h5
  ) || failed=1
  return $failed
}
condition_emulated-plain() { emulated qemu64 plain; }
condition_emulated-avx2() { emulated Haswell avx2; }

# As a number without an account, with the build folder as the only thing that it may write to
# besides /tmp. Tests that only compute cannot notice, nor those that would install something.
condition_user() {
  local user=54321 status=0
  [ "$(id -u)" = 0 ] || { impossible "this is an ordinary user already: tests/run.sh"; return; }
  command -v setpriv >/dev/null || { impossible "no setpriv"; return; }
  local reached python
  python=$(sed -n 's/^_Python3_EXECUTABLE:INTERNAL=//p' "$build/CMakeCache.txt")
  for reached in "$source/README.md" "$build/CMakeCache.txt" "$python"; do
    setpriv --reuid=$user --regid=$user --clear-groups test -r "$reached" ||
      { impossible "other users cannot reach $reached"; return; }
  done
  chown -R $user:$user "$build"
  tests -u HOME -u USER -u LOGNAME setpriv --reuid=$user --regid=$user --clear-groups \
    --inh-caps=-all --bounding-set=-all -- "${outside[@]}" ||
    status=$?
  chown -R 0:0 "$build"
  return $status
}

# locale NAME CHARSET: made below the build folder where the system does not have it.
locale_path() {
  local name=$1 charset=$2
  [ "$(LC_ALL=$name locale charmap 2>/dev/null)" != "$charset" ] || return 0
  command -v localedef >/dev/null && [ -e "/usr/share/i18n/locales/${name%%.*}" ] ||
    { impossible "no locale $name (apt-get install locales)"; return; }
  mkdir -p "$builds/locales"
  [ -e "$builds/locales/$name" ] ||
    localedef -i "${name%%.*}" -f "$charset" "$builds/locales/$name" ||
    [ -e "$builds/locales/$name" ]
  export LOCPATH=$builds/locales
}
condition_latin1() {
  local status=0
  locale_path de_DE.ISO-8859-1 ISO-8859-1 || return
  tests -u LC_ALL LANG=de_DE.ISO-8859-1 LANGUAGE=de -- "${texts[@]}" || status=$?
  unset LOCPATH
  return $status
}
condition_c-locale() { tests -u LC_ALL -u LC_CTYPE -u LANGUAGE LANG=C -- "${texts[@]}"; }
condition_posix-locale() { tests -u LANG LC_ALL=POSIX -- "${texts[@]}"; }

# Of conditions that are only an environment: the arguments of env, in `around`.
environment_german() {
  locale_path de_DE.UTF-8 UTF-8 || return
  around+=(-u LC_ALL LANG=de_DE.UTF-8 LANGUAGE=de)
}
environment_time-zone() {
  local zone=Pacific/Kiritimati
  [ -e /usr/share/zoneinfo/$zone ] || zone='<+14>-14'
  around+=(TZ=$zone)
}
environment_no-home() { around+=(-u HOME -u XDG_STATE_HOME -u XDG_CACHE_HOME); }
environment_no-terminal() { around+=(-u COLUMNS -u LINES TERM=dumb); }

# in_environment NAME[+NAME...]: without a terminal in any of them.
in_environment() {
  local around=() names name status=0
  IFS=+ read -ra names <<<"$1"
  for name in "${names[@]}"; do "environment_$name" || return; done
  tests "${around[@]}" setsid --wait -- "${outside[@]}" </dev/null || status=$?
  unset LOCPATH
  return $status
}

condition_one-core() {
  command -v taskset >/dev/null || { impossible "no taskset"; return; }
  local first
  first=$(taskset -pc $$ | sed 's/.*: //;s/[^0-9].*//')
  tests CTEST_PARALLEL_LEVEL=8 taskset -c "$first" -- "${threads[@]}"
}

# More than the machine has: the number that C++ and TBB read, and nothing else.
condition_eight-threads() {
  local shim=$builds/eight.so
  echo 'extern "C" int get_nprocs() { return 8; }' | c++ -x c++ -shared -fPIC -o "$shim" - ||
    { impossible "c++ makes no shared library"; return; }
  LD_PRELOAD=$shim "$bin/bdh" run --help | grep -q '\[8, as many' ||
    { impossible "the number of cores cannot be changed"; return; }
  tests LD_PRELOAD="$shim" -- "${threads[@]}"
}

# Another build, of the files that git knows and those that it would.
condition_path() {
  local copy="$builds/Pfad mit Blanks und Umläuten/bdh" status=0
  git -c safe.directory='*' rev-parse --is-inside-work-tree >/dev/null 2>&1 ||
    { impossible "not a git checkout"; return; }
  mkdir -p "$copy"
  git -c safe.directory='*' ls-files -z --cached --others --exclude-standard | rsync_or_tar "$copy"
  (
    cd "$copy"
    [ -e .git ] || { git init -q && git add -A; }
    cmake --preset dev -D CMAKE_UNITY_BUILD=ON >/dev/null && cmake --build build/dev
  ) || return
  ctest_then_closing "$copy/build/dev" ctest "${everything[@]}" || status=$?
  cp "$copy/build/dev/Testing/Temporary/closing.txt" "$build/Testing/Temporary/"
  return $status
}
# Copies what is new: a second run builds only that.
rsync_or_tar() { if command -v rsync >/dev/null; then rsync -a --from0 --files-from=- . "$1";
  else tar -c --null -T - | tar -x -C "$1" --keep-newer-files 2>/dev/null; fi; }

# in_namespace SCRIPT ARGUMENT...: sh in a mount namespace of its own.
namespace=(unshare --mount)
[ "$(id -u)" = 0 ] || namespace=(unshare --user --map-root-user --mount)
in_namespace() { "${namespace[@]}" bash -c "$@"; }
can_mount() { in_namespace 'mount -t tmpfs none /mnt' 2>/dev/null ||
  { impossible "may not mount anything here"; return; }; }

# A mount of its own for the source, and one for the build folder, which may be inside. Also what
# builds something.
condition_read-only() {
  can_mount || return
  local status=0
  ctest_then_closing "$build" "${namespace[@]}" bash -c '
    set -e
    source=$1 build=$2; shift 2
    mount --bind "$source" "$source"
    mkdir -p "$build"
    mount --bind "$build" "$build"
    mount -o remount,ro,bind "$source"
    cd "$source"
    ! touch README.md 2>/dev/null || { echo "the source tree is still writable"; exit 1; }
    cmake --preset dev -D CMAKE_UNITY_BUILD=ON -B "$build" >/dev/null
    cmake --build "$build"
    exec "$@"' - "$source" "$build" ctest -L '^(cli|unit|repository|interop)$' "${no_slow[@]}" ||
      status=$?
  return $status
}

# 64 MB: large files of tests go elsewhere, or are skipped.
condition_small-tmp() {
  can_mount || return
  case $source/ in /tmp/*) impossible "the source tree is in /tmp"; return ;; esac
  case $builds/ in /tmp/*) impossible "the build folder is in /tmp"; return ;; esac
  tests -u TMPDIR "${namespace[@]}" bash -c \
    'mount -t tmpfs -o size=64m,mode=1777 none /tmp && exec "$@"' - -- -L \
    '^(cli|unit|scale|interop)$' \
    -LE '^(cuda|reference|ptx-long)$'
}

for names in "${chosen[@]}"; do
  [ "$names" = "${names#*+}" ] && continue
  for name in ${names//+/ }; do
    declare -F "environment_$name" >/dev/null ||
      { echo "$name: not only variables of the environment, cannot be joined" >&2; exit 2; }
  done
done
say "Building preset dev ($build)"
ensure_packages "to build bdh" "${build_packages[@]}"
ensure_packages "to test it" "${test_packages[@]}"
cmake --preset dev -D CMAKE_UNITY_BUILD=ON -B "$build" >/dev/null
cmake --build "$build"

rows=() failed=0
for name in "${chosen[@]}"; do
  what=${about[$name]:-all of these at once}
  run=(in_environment "$name")
  ! declare -F "condition_$name" >/dev/null || run=("condition_$name")
  say "$name: $what"
  why='' status=0 begin=$SECONDS counted=0
  rm -f "$build/Testing/Temporary/closing.txt"
  "${run[@]}" >"$builds/$name.log" 2>&1 || status=$?
  closing=$build/Testing/Temporary/closing.txt
  count=$counted left_out=0
  if [ -s "$closing" ]; then
    count=$(sed -n '1s/.* out of //p' "$closing")
    left_out=$(grep -c '(Skipped)$' "$closing" || true)
  fi
  case $status in
    0) result=passed ;;
    77) result=skipped ;;
    *) result=failed failed=1 ;;
  esac
  [ $result != failed ] || { tail -n 25 "$builds/$name.log"; [ ! -s "$closing" ] ||
    cat "$closing"; }
  [ $result != passed ] || [ "$left_out" = 0 ] ||
    why="$left_out of them skipped: $(python3 -X utf8 -B tests/support/skipped.py "$name=$build" |
    grep -c .) reasons in $name.log"
  [ $result != passed ] || [ ! -s "$closing" ] ||
    { echo; python3 -X utf8 -B tests/support/skipped.py "$name=$build"; cat "$closing";
    } >>"$builds/$name.log"
  rows+=("$(printf '%-15s %-8s %5s %6s  %s' "$name" $result "$count" "$((SECONDS - begin)) s" \
    "${why:-$what}")")
  echo "${rows[-1]}"
done

say "Conditions"
printf '%-15s %-8s %5s %6s\n' condition result tests time
printf '%s\n' "${rows[@]}"
exit $failed
