#!/bin/sh
# compile_device.sh NVCC HOST_COMPILER SOURCE_DIR OUT_DIR exact|contracted: the CUDA device for
# three generations of GPUs (exact: for one), and its PTX. Every program is there, needs no more
# registers than there are, rounds as the host does (contracted: but that a*b+c is rounded once),
# and stores something; those that read dense rows do it by 16 bytes.
set -eu
nvcc=$1 host=$2 source=$3 out=$4 preset=$5
out=$out/$preset/device
rm -rf "$out"
mkdir -p "$out"
programs=$(sed -n '/program_set<[a-z]/,/;/{s/.*program_set<//;s/[;>]//g;s/,/ /g;p;}' \
  "$source/gpu/programs/program_list.hpp")
if [ "$preset" = exact ]; then
  generations=1
  flags="-DBDH_CUDA_EXACT=1 -fmad=false -gencode arch=compute_90,code=sm_90"
else
  generations=3
  flags="-DBDH_CUDA_EXACT=0 -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90"
  flags="$flags -gencode arch=compute_100,code=[sm_100,compute_100]"
fi
# The PTX that the machine code is made from is kept.
"$nvcc" -ccbin "$host" -std=c++20 --expt-relaxed-constexpr -Werror all-warnings $flags \
  "-I$source/include" "-I$source" --keep --keep-dir "$out" -Xptxas -v -c -o "$out/cuda_device.o" \
  "$source/gpu/cuda/cuda_device.cu" 2>"$out/cuda_device.ptxas" ||
  { cat "$out/cuda_device.ptxas"; exit 1; }
ptx=$(ls "$out"/cuda_device*.ptx | grep -E '(compute_90|device)\.ptx$' | tail -n 1)
awk -v programs="$programs" -v generations=$generations '
  BEGIN { expected = 2 * generations * split(programs, unused, " ") }
  /Compiling entry function/ {
    name = $0; ours = name ~ /(3run|12run_together)I/
    sub(/.*(3run|12run_together)INS0_[0-9]+/, "", name)
    sub(/EEEv[^ ]*/, "", name); gsub(/\047/, "", name) }
  /spill stores/ && ours && ($1 != 0 || $5 != 0 || $9 != 0) { print name ": " $0; bad = 1 }
  /Used [0-9]+ registers/ && ours { print name ": " $5 " registers"; compiled++; ours = 0 }
  END {
    if (compiled != expected) { print "found " compiled " programs, expected " expected; bad = 1 }
    exit bad }
' "$out/cuda_device.ptxas"
awk -v programs="$programs" -v exact="$preset" '
  BEGIN { split("push_blocks reduce_block_sums pull_rows reweight_rows", row_readers, " ") }
  /\.entry/ {
    name = $NF; ours = name ~ /(3run|12run_together)I/
    sub(/.*(3run|12run_together)INS0_[0-9]+/, "", name); sub(/EEEvT_.*/, "", name)
    if (ours) stores[name] = 0 }
  ours && /st\.(global|f32|b32|v2|v4)/ { stores[name]++ }
  ours && /ld\.(global\.)?v4\.(f32|b32)/ { wide[name]++ }
  ours && /fma\./ { contractions++ }
  ours && (/approx|\.ftz/ || (exact == "exact" && /fma\./)) {
    print name ": " $0 " is not the host\047s arithmetic"; bad = 1 }
  END {
    if (exact != "exact" && !contractions) { print "nothing is contracted"; bad = 1 }
    count = split(programs, all, " ")
    for (i = 1; i <= count; i++)
      if (!(all[i] in stores) || stores[all[i]] == 0) {
        print all[i] ": stores nothing, so it calls something that is not constexpr"; bad = 1 }
    for (i in row_readers) {
      print row_readers[i] ": " wide[row_readers[i]] + 0 " loads of 16 bytes"
      if (wide[row_readers[i]] == 0) bad = 1
    }
    exit bad
  }
' "$ptx"
