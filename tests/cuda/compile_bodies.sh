#!/bin/sh
# compile_bodies.sh NVCC HOST_COMPILER SOURCE_DIR OUT_DIR exact|contracted: machine code for three
# generations of devices (exact: for one), and PTX, in which every kernel must store something and
# nothing may be rounded in another way than the host does; contracted: but that a*b+c is.
set -eu
nvcc=$1 host=$2 source=$3 out=$4 preset=$5
out=$out/$preset/bodies
rm -rf "$out"
mkdir -p "$out"
if [ "$preset" = exact ]; then
  flags="-DBDH_CUDA_EXACT=1 -fmad=false -gencode arch=compute_90,code=sm_90"
else
  flags="-DBDH_CUDA_EXACT=0 -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90"
  flags="$flags -gencode arch=compute_100,code=sm_100"
fi
# The PTX that the machine code is made from is kept.
"$nvcc" -ccbin "$host" -std=c++20 --expt-relaxed-constexpr -Werror all-warnings $flags \
  "-I$source/include" "-I$source" --keep --keep-dir "$out" -c -o "$out/compile_bodies.o" \
  "$source/tests/cuda/compile_bodies.cu"
ptx=$(ls "$out"/compile_bodies*.ptx | grep -E '(compute_90|bodies)\.ptx$' | tail -n 1)
awk -v exact="$preset" '
  /\.entry/ { name = $NF; sub(/\($/, "", name); kernels++; stores = 0 }
  /st\.(global|f32|b32|v2|v4)/ { stores++ }
  /fma\./ { contractions++ }
  /approx|\.ftz/ || (exact == "exact" && /fma\./) {
    print name ": " $0 " is not the host'\''s arithmetic"; bad = 1 }
  /^}/ { if (name != "" && stores == 0) {
      print name ": stores nothing, so its body calls something that is not constexpr"; bad = 1 }
    name = "" }
  END { print kernels " kernels"
    if (kernels != 23) { print "found " kernels " kernels, expected 23"; bad = 1 }
    if (exact != "exact" && !contractions) { print "nothing is contracted"; bad = 1 } exit bad }
' "$ptx"
