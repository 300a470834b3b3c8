#!/usr/bin/env bash
# bench/gpu.sh [-o FOLDER]        tests and measures this machine's GPU, in some ten minutes
# bench/gpu.sh --pack FILE.tar.gz what another machine with a GPU needs to do so
#
# Every part that cannot run here says why, and the others go on: the program's own test against the
# CPU, the agreement tests (ctest -L cuda), compute-sanitizer, tokens a second, PyTorch beside it,
# times of kernels. All goes into FOLDER (gpu-report), and into one file beside it, to send. Exit
# code 0 where nothing failed, 1 else.
#
# Without a build there is one made: preset cuda-exact, which needs the CUDA Toolkit 13. With --pack
# the programs, every library that they load but the C library's own, models and scripts are in one
# folder, bdh-gpu, which needs nothing to be installed: unpack it anywhere, run bdh-gpu/gpu.sh.
# GPUS=90-real: what --pack compiles for, as CMAKE_CUDA_ARCHITECTURES.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case " $* " in
  *" -h "* | *" --help "*)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    exit
    ;;
esac
out=$PWD/gpu-report packed=
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || { echo "gpu.sh: $1 needs a value" >&2; exit 2; }
  case $1 in
    -o) out=$2 ;;
    --pack) packed=$2 ;;
    *) echo "gpu.sh: unknown option '$1'; see --help" >&2; exit 2 ;;
  esac
  shift 2
done

source_tree=$(dirname "$here")
build=$source_tree/build/cuda-exact
if [ -d "$here/lib" ]; then # unpacked
  programs=$here/bin models=$here/share/bdh/models
else
  programs=${BDH_GPU_PROGRAMS:-$build/bin} models=$source_tree/examples/models
fi

# Programs find their libraries beside themselves first: RPATH, which holds for those that
# libraries load, too.
make_programs() {
  (cd "$source_tree" && cmake --preset cuda-exact -D CMAKE_UNITY_BUILD=ON \
    -D CMAKE_BUILD_WITH_INSTALL_RPATH=ON -D CMAKE_INSTALL_RPATH='$ORIGIN/../lib' \
    -D CMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags \
    ${GPUS:+-D CMAKE_CUDA_ARCHITECTURES="$GPUS"} >/dev/null &&
    cmake --build --preset cuda-exact --target bdh_program cuda_agreement_test)
}

# Not the C library's, which belong to the system's loader, nor the driver's.
own_libraries() {
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -vE '/(ld-linux[^/]*|lib(c|m|dl|rt|pthread|resolv|util|mvec|anl|nsl|cuda|nvidia[^/]*))\.so'
}

pack() {
  local name file
  file=$(realpath -m "$1")
  [ -n "${BDH_GPU_PROGRAMS:-}" ] || make_programs || return 1
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  mkdir -p "$folder/bdh-gpu"/{bin,lib,share/bdh/models}
  cp "$programs"/{bdh,cuda_agreement_test} "$folder/bdh-gpu/bin" || return 1
  # shellcheck disable=SC2046
  cp -L $(own_libraries "$programs"/{bdh,cuda_agreement_test}) "$folder/bdh-gpu/lib" || return 1
  strip --strip-debug "$folder/bdh-gpu"/{bin,lib}/* 2>/dev/null
  cp -rL "$source_tree/examples/models/shakespeare-4096" "$source_tree/tests/data/random-64" \
    "$folder/bdh-gpu/share/bdh/models"
  cp "$here"/{gpu.sh,gpu_torch.py,torch_bdh.py,models.py} "$folder/bdh-gpu"
  for name in bdh cuda_agreement_test; do
    readelf -d "$folder/bdh-gpu/bin/$name" | grep -q '(RPATH).*\$ORIGIN/../lib' ||
      echo "gpu.sh: $name does not look for its libraries beside itself; LD_LIBRARY_PATH must" >&2
  done
  tar -czf "$file" -C "$folder" bdh-gpu &&
    echo "$file: $(du -h "$file" | cut -f 1); needs x86-64 Linux with glibc $(ldd --version |
      sed -n '1s/.* //p') or later, and NVIDIA's driver"
}
if [ -n "$packed" ]; then
  pack "$packed"
  exit
fi

mkdir -p "$out" || exit 1
if [ -n "$(ls -A "$out")" ]; then
  echo "gpu.sh: $out: not empty, expected a new folder; -o gives another" >&2
  exit 2
fi

if [ ! -x "$programs/bdh" ]; then
  echo "gpu.sh: no program in $programs: building preset cuda-exact"
  make_programs || echo "gpu.sh: cannot build; every part of the program will say so"
fi
: >"$out/summary.txt"
failed=0
say() { printf '%-12s %s\n' "$1" "$2" | tee -a "$out/summary.txt"; }
there() { command -v "$1" >/dev/null 2>&1; }

# What a part printed about its speed, or else its last line.
result_line() {
  { grep -o -m 1 -E '[0-9,.]+ tokens in .*tokens/s|tokens in a second .*' "$out/$1.txt" ||
    grep -v '^$' "$out/$1.txt" | tail -n 1; } | sed 's/^skipped: //; s/  */ /g' | cut -c1-100
}
# part NAME SECONDS COMMAND...: its output in NAME.txt, what became of it in the summary. 77, and 3
# of bdh, which is no GPU, is no failure.
part() {
  local name=$1 most=$2 result
  shift 2
  timeout "$most" "$@" >"$out/$name.txt" 2>&1
  result=$?
  case $result in
    0) say "$name" "done: $(result_line "$name")" ;;
    77 | 3) say "$name" "skipped: $(result_line "$name")" ;;
    124) say "$name" "FAILED: not done after $most s" && failed=1 ;;
    *) say "$name" "FAILED with $result: $(result_line "$name")" && failed=1 ;;
  esac
}
# tool NAME TOOL SECONDS COMMAND...: a part that needs a tool of the toolkit.
tool() {
  local name=$1 what=$2
  shift 2
  if there "$what"; then part "$name" "$@"; else say "$name" "skipped: no $what here"; fi
}

PATH=$PATH:/usr/local/cuda/bin
bdh=$programs/bdh
checkpoint=$models/shakespeare-4096/model.safetensors
model=$out/shakespeare.bdh.h5
say "begun" "$(date -u +%Y-%m-%dT%H:%MZ), $(uname -srm), $(nproc) processors"
tool machine nvidia-smi 20 nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm \
  --format=csv,noheader
part version 20 "$bdh" --version
part devices 60 "$bdh" devices
part selftest 200 "$bdh" selftest --device cuda -o "$out/selftest.json"
part agreement 200 "$programs/cuda_agreement_test"
part import 60 "$bdh" import "$checkpoint" -o "$model"
text=(--text "To be, or not to be")
part speed 60 "$bdh" run "$model" "${text[@]}" --generate 400 --device cuda -o "$out/cuda"
part speed-cpu 60 "$bdh" run "$model" "${text[@]}" --generate 400 -o "$out/cpu"
if [ -d "$out/cuda" ]; then
  part same-bits 60 "$bdh" diff "$out/cuda" "$out/cpu"
else
  say same-bits "skipped: no run on a GPU"
fi
for gpu in h100 h200; do
  part "plan-$gpu" 60 "$bdh" plan "$model" --degree 64 --gpu $gpu --activity 25,4
done
# Every array an allocation of its own: what is written past one is seen.
export BDH_SEPARATE_ARRAYS=1
for check in memcheck initcheck racecheck; do
  tool $check compute-sanitizer 120 compute-sanitizer --tool $check \
    --error-exitcode 1 "$bdh" run "$model" --tokens 84,111,32,98 --device cuda
done
unset BDH_SEPARATE_ARRAYS
tool kernels nsys 90 nsys profile --force-overwrite true --trace cuda --cuda-graph-trace node \
  --stats true -o "$out/kernels" "$bdh" run "$model" "${text[@]}" --generate 50 --device cuda
tool pytorch python3 200 python3 -B "$here/gpu_torch.py" "$checkpoint" cuda \
  "$out/random-32768.safetensors"
if [ -s "$out/random-32768.safetensors" ]; then
  part import-large 60 "$bdh" import "$out/random-32768.safetensors" -o "$out/random.bdh.h5"
  part speed-large 120 "$bdh" run "$out/random.bdh.h5" --text-file "$here/gpu.sh" --limit 400 \
    --device cuda
fi
rm -rf "$out"/*.bdh.h5 "$out"/*.safetensors "$out"/cuda "$out"/cpu
tar -czf "$out.tar.gz" -C "$(dirname "$out")" "$(basename "$out")"
echo "to send: $out.tar.gz"
exit $failed
