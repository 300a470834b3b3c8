#!/usr/bin/env bash
# cmake/aarch64-sysroot.sh FOLDER [PACKAGE...]
#
# Unpacks the AArch64 libraries that bdh's library and tests are built with, and all that these
# need, into FOLDER: from where this machine's apt gets its own packages, Debian or Ubuntu. Neither
# apt's state nor the machine's packages change, and root is not needed: apt has lists, a cache and
# a (bare) list of installed packages of its own, under FOLDER-packages. Nothing is done when FOLDER
# is complete already. Exit code 77, with the reason, where no packages for AArch64 can be had.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/install-packages.sh"
[ $# -ge 1 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 2; }
mkdir -p "$(dirname "$1")"
root=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
work=$root-packages
compiler=$(aarch64-linux-gnu-g++ -dumpversion) ||
  { echo "no aarch64-linux-gnu-g++: the package g++-aarch64-linux-gnu has it" >&2; exit 77; }
packages=(libc6-dev "libstdc++-${compiler%%.*}-dev" "${aarch64_packages[@]}" "$@")

skip() {
  echo "no AArch64 libraries: $*" >&2
  exit 77
}
command -v apt-get >/dev/null || skip "found no apt-get, expected Debian or Ubuntu"
[ "$(cat "$root/complete" 2>/dev/null)" = "${packages[*]}" ] && exit 0

rm -rf "$root"
mkdir -p "$work"/{state/lists/partial,cache/archives/partial}
: >"$work/status"
cat >"$work/apt.conf" <<END
APT::Architecture "arm64";
#clear APT::Architectures;
APT::Architectures { "arm64"; };
APT::Sandbox::User "";
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
END
export APT_CONFIG=$work/apt.conf
# From here on nothing of a mirror's name is shown: only which step failed.
attempt() {
  "$@" </dev/null >"$work/log" 2>&1 || skip "'$1 $2' failed, see $work/log"
}
attempt apt-get update
attempt apt-get install --download-only -y --no-install-recommends "${packages[@]}"

# As on the distribution itself, /lib is /usr/lib.
for folder in lib bin sbin; do
  mkdir -p "$root/usr/$folder"
  ln -s "usr/$folder" "$root/$folder"
done
for package in "$work"/cache/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" |
    tar -x --keep-directory-symlink --no-same-owner -C "$root" --exclude='./usr/share/doc' \
    --exclude='./usr/share/man' \
      --exclude='./usr/share/locale'
done
# What the packages' scripts would have chosen.
libraries=$root/usr/lib/aarch64-linux-gnu
ln -sf blas/libblas.so.3 "$libraries/libblas.so.3"
ln -sf lapack/liblapack.so.3 "$libraries/liblapack.so.3"
[ -e "$libraries/pkgconfig/hdf5.pc" ] || ln -sf hdf5-serial.pc "$libraries/pkgconfig/hdf5.pc"
# Links from / lead into FOLDER.
find "$root" -type l -lname '/*' | while read -r link; do
  ln -sfn "$(realpath -m --relative-to="$(dirname "$link")" "$root$(readlink "$link")")" "$link"
done
rm -rf "$work/cache"
echo "${packages[*]}" >"$root/complete"
