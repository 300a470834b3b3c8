#!/usr/bin/env bash
# tests/package.sh [--packages DIR]
#
# Debian packages of bdh, from building to removing. Builds them (preset package, in build/package),
# lets lintian look at them, makes a bare system of this machine's release with debootstrap in a
# temporary folder, installs them there with apt, runs the trained model that comes with them as an
# ordinary user, compiles and links a C++ program against the library by CMake and by pkg-config,
# removes both packages and what came with them, and compares every path of the system with those
# from before.
#
#   --packages DIR  takes the packages that are there and builds nothing
#
# Packages come from where this machine's apt gets them. Needs root, debootstrap and 2 GB in $TMPDIR
# [/var/tmp]; without them it is skipped: exit code 77, with the reason.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source cmake/install-packages.sh

skip() { echo "skipped: $*"; exit 77; }
fail() { echo "FAILED: $*" >&2; exit 1; }

# Everything from debootstrap on, in a mount namespace of its own: no mount can outlive it. --in
# DIR: the temporary folder.
inside() {
  local root=$1/root packages=$1/packages
  local mirror release list

  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # As apt knows them: addresses, releases and components, whatever kind of file they are configured
  # in.
  list=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' | sort -u)
  mirror=$(awk -v release="$release" '$2 == release && $3 == "main" {print $1; exit}' <<<"$list")
  [ -n "$mirror" ] || skip "apt of this machine has no source for $release main"

  say "A bare $release"
  debootstrap --variant=minbase "$release" "$root" "$mirror" >"$1/debootstrap.log" ||
    { tail -n 20 "$1/debootstrap.log"; fail "debootstrap"; }
  awk -v release="$release" '$2 ~ "^" release {print "deb", $1, $2, $3}' <<<"$list" \
    >"$root/etc/apt/sources.list"
  apt-config dump | grep -iE '^Acquire::[a-z]+::Proxy' >"$root/etc/apt/apt.conf.d/99proxy" ||
    rm "$root/etc/apt/apt.conf.d/99proxy"
  mount -t proc proc "$root/proc"
  mkdir "$root/packages" "$root/consumer"
  cp "$packages"/*.deb "$root/packages/"
  cp tests/repository/consumer/* "$root/consumer/"
  chmod -R a+rX "$root/packages" "$root/consumer"
  # Neither folders of users nor of daemons, no locale, no language: what a system has at its least.
  in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C \
    "$@"; }
  as_administrator() { in_root chroot "$root" "$@"; }
  as_user() { in_root chroot --userspec=nobody:nogroup "$root" "$@"; }
  # What apt, dpkg and ldconfig keep for themselves, and where the test works, is no part of it.
  paths() {
    as_administrator find / -xdev \( -path /proc -o -path /dev -o -path /packages -o -path \
      /consumer -o -path /tmp -o -path /var/cache/apt \
      -o -path /var/lib/apt -o -path /var/cache/ldconfig -o -path /var/log \) -prune -o -print |
      grep -vE -e '^/var/lib/dpkg/(status|available|diversions|statoverride|lock|triggers/)' \
        -e '^/var/lib/dpkg/(alternatives|.*-old$)' -e '^/etc/ld\.so\.cache$' | sort
  }
  as_administrator apt-get update -qq
  paths >"$1/before"
  echo "$(wc -l <"$1/before") paths, $(as_administrator dpkg-query -W | wc -l) packages"

  say "Installing bdh"
  as_administrator sh -c 'apt-get install -y -qq --no-install-recommends /packages/bdh_*.deb' \
    >"$1/install.log" 2>&1 || { cat "$1/install.log"; fail "apt-get install bdh"; }
  as_administrator dpkg-query -W -f \
    '${Package} ${Version}, ${Installed-Size} kB, depends on ${Depends}\n' bdh
  echo "$(($(as_administrator dpkg-query -W | wc -l))) packages"

  say "The quick example, as an ordinary user, from the installed model"
  mkdir "$root/tmp/try"
  chmod 777 "$root/tmp/try"
  cat >"$root/tmp/try/example.sh" <<'END'
set -ex
cd /tmp/try
bdh --version
bdh import /usr/share/bdh/models/shakespeare-4096/model.safetensors -o shakespeare.bdh.h5 \
  --training-window 512
bdh verify shakespeare.bdh.h5 /usr/share/bdh/models/shakespeare-4096/expected.h5
bdh run shakespeare.bdh.h5 --text "To be, or not to be" --generate 40 -o run --record logits \
  --record events >text
cat text
bdh info run >/dev/null
bdh plot raster run -o raster.svg
bdh report run -o report.html
END
  as_user sh /tmp/try/example.sh 2>&1
  [ "$(as_user bdh --version | head -n 1)" = "bdh $version" ] ||
    fail "bdh --version: expected bdh $version"
  grep -q "^ the country's son,$" "$root/tmp/try/text" ||
    fail "bdh run: another text than everywhere else"
  ls -l "$root/tmp/try" | sed 1d

  say "Manual and completions"
  for page in bdh bdh-run bdh-import bdh-plot; do
    [ -s "$root/usr/share/man/man1/$page.1.gz" ] || fail "no manual page $page.1.gz"
  done
  echo "$(ls "$root"/usr/share/man/man1/bdh*.1.gz | wc -l) pages"
  for file in bash-completion/completions/bdh zsh/site-functions/_bdh \
    fish/vendor_completions.d/bdh.fish; do
    [ -s "$root/usr/share/$file" ] || fail "no /usr/share/$file"
  done
  local completed
  completed=$(as_user bash -c \
    '. /usr/share/bash-completion/completions/bdh; COMP_WORDS=(bdh run --pre); COMP_CWORD=2
    _bdh bdh --pre run; echo "${COMPREPLY[@]}"')
  [ "$completed" = --prefill ] ||
    fail "completion of 'bdh run --pre' in bash: found '$completed', expected --prefill"
  echo "bdh run --pre<TAB> gives $completed"

  say "Installing libbdh-dev, and compiling against it by CMake and by pkg-config"
  as_administrator sh -c \
    'apt-get install -y -qq --no-install-recommends /packages/libbdh-dev_*.deb \
    g++ cmake make pkg-config' >"$1/install.log" 2>&1 ||
    { cat "$1/install.log"; fail "apt-get install libbdh-dev"; }
  as_user sh -exc 'cmake -S /consumer -B /tmp/try/by-cmake >/dev/null
    cmake --build /tmp/try/by-cmake >/dev/null
    /tmp/try/by-cmake/consumer' && echo
  as_user sh -exc 'g++ -std=c++20 /consumer/main.cpp $(pkg-config --cflags --libs bdh) \
    -o /tmp/try/by-pkg-config && /tmp/try/by-pkg-config' && echo
  [ "$(as_user /tmp/try/by-cmake/consumer)" = "$(as_user /tmp/try/by-pkg-config)" ] ||
    fail "the two programs differ"

  say "Removing everything"
  as_administrator sh -c 'dpkg -L bdh libbdh-dev' | sort -u >"$1/installed"
  as_administrator apt-get purge -y -qq bdh libbdh-dev >"$1/purge.log" 2>&1 ||
    { cat "$1/purge.log"; fail "apt-get purge"; }
  # Folders may belong to other packages, too; files may not.
  while read -r path; do
    [ -d "$root$path" ] && continue
    [ ! -e "$root$path" ] && [ ! -L "$root$path" ] || fail "left: $path"
  done <"$1/installed"
  as_administrator sh -c \
    'apt-get purge -y -qq g++ cmake make pkg-config && apt-get autoremove --purge -y -qq' \
    >"$1/purge.log" 2>&1 || { cat "$1/purge.log"; fail "apt-get autoremove"; }
  paths >"$1/after"
  diff "$1/before" "$1/after" >"$1/left" || { cat "$1/left";
    fail "the system is not what it was: $(wc -l <"$1/left") lines, see above"; }
  echo "$(wc -l <"$1/installed") paths of both packages are gone; the $(wc -l \
    <"$1/after") paths of the system are those from before"
  umount "$root/proc"
}

packages=build/package built=no
while [ $# -gt 0 ]; do
  case $1 in
    --packages) packages=$2 built=yes; shift ;;
    --in) version=$3; inside "$2"; exit ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' tests/package.sh; exit ;;
    *) echo "unknown option $1; see tests/package.sh --help" >&2; exit 2 ;;
  esac
  shift
done

[ "$(id -u)" = 0 ] || skip "not root: debootstrap and chroot need it"
command -v apt-get >/dev/null || skip "no apt-get: not a Debian or Ubuntu system"
command -v debootstrap >/dev/null || skip "no debootstrap: apt-get install debootstrap"
unshare --mount true 2>/dev/null || skip "this machine allows no mount namespace"
version=$(sed -n 's/^project(bdh VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)

if [ $built = no ]; then
  say "Building the packages (build/package)"
  ensure_packages "to build bdh" "${build_packages[@]}"
  ensure_packages "to build packages of it" "${package_packages[@]}"
  rm -f build/package/*.deb
  CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)} cmake --workflow --preset \
    package
fi
ls -l "$packages"/*.deb

say "lintian"
if command -v lintian >/dev/null; then
  lintian --allow-root --fail-on error,warning "$packages"/*.deb ||
    fail "lintian has something against the packages"
  echo "no error, and no warning but those explained in packaging/debian"
else
  echo "not there: nothing looked at; apt-get install lintian"
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/bdh-package.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
mkdir "$work/packages"
cp "$packages"/*.deb "$work/packages/"
status=0
unshare --mount --propagation private tests/package.sh --in "$work" "$version" || status=$?
[ $status = 0 ] || exit $status
if grep -F "$work" /proc/self/mounts; then fail "a mount is left"; fi
say "passed: built, installed, used, removed; nothing left"
