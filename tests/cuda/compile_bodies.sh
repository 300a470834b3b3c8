#!/bin/sh
# compile_bodies.sh NVCC HOST_COMPILER SOURCE_DIR OUT_DIR exact|contracted: machine code for three generations of devices, then PTX, in which every
# kernel must store something and nothing may be rounded in another way than the host does; contracted: but that a*b+c is.
set -eu
nvcc=$1 host=$2 source=$3 out=$4 preset=$5
[ "$preset" = exact ] && flags="-DBDH_CUDA_EXACT=1 -fmad=false" || flags=-DBDH_CUDA_EXACT=0
out=$out/$preset
mkdir -p "$out"
compile() { "$nvcc" -ccbin "$host" -std=c++20 --expt-relaxed-constexpr -Werror all-warnings $flags "-I$source" "$source/tests/cuda/compile_bodies.cu" "$@"; }
compile -c -o "$out/compile_bodies.o" -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 -gencode arch=compute_100,code=sm_100
compile -ptx -o "$out/compile_bodies.ptx" -arch=compute_90
awk -v exact="$preset" '
  /\.entry/ { name = $NF; sub(/\($/, "", name); kernels++; stores = 0 }
  /st\.(global|f32|b32|v2|v4)/ { stores++ }
  /fma\./ { contractions++ }
  /approx|\.ftz/ || (exact == "exact" && /fma\./) { print name ": " $0 " is not the host'\''s arithmetic"; bad = 1 }
  /^}/ { if (name != "" && stores == 0) { print name ": stores nothing, so its body calls something that is not constexpr"; bad = 1 } name = "" }
  END { print kernels " kernels"; if (kernels != 18) { print "found " kernels " kernels, expected 18"; bad = 1 }
    if (exact != "exact" && !contractions) { print "nothing is contracted"; bad = 1 } exit bad }
' "$out/compile_bodies.ptx"
