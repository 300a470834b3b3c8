#!/usr/bin/env bash
# examples/quickstart.sh [--python]: a trained BDH-GPU checkpoint becomes a graph of neurons and
# synapses, reads a text and writes on. Installs what is missing on Debian and Ubuntu, and builds
# the program, which takes some minutes once. Safe to run again, from any folder.
#
#   --python  afterwards also builds the Python module in a virtual environment, with the library
#             of the program, and runs the code of the first notebook
set -euo pipefail
python=no
case ${1:-} in
  '') ;;
  --python) python=yes ;;
  -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit ;;
  *) echo "unknown option $1; see examples/quickstart.sh --help" >&2; exit 2 ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source cmake/install-packages.sh
source cmake/build.sh

bdh=build/release/bin/bdh
checkpoint=examples/models/shakespeare-4096
out=examples/out
prompt='ROMEO:
But soft, what light '

# shown COMMAND...: what is typed, then what it does.
shown() {
  printf '$'
  printf ' %q' "$@"
  printf '\n'
  "$@"
}

cat <<'END'
From a trained checkpoint to a report, in five steps: builds the program, makes a graph of neurons
and synapses from the checkpoint, lets it read a line and write on, compares its numbers with those
of the authors' code, and draws what its neurons did.
The build takes minutes the first time (the next lines print how many), everything after it seconds.
END

say "1. Build the program (build/release)"
ensure_packages "to build bdh" "${build_packages[@]}"
build release bdh_program

say "2. Import: 4096 neurons in 4 heads, trained on Shakespeare with the authors' code, become a" \
  "graph; nothing is approximated"
mkdir -p $out
shown $bdh import $checkpoint/model.safetensors -o $out/shakespeare.bdh.h5 --training-window 512 \
  --force

say "3. Run: tokens stream through the graph one by one, every one changes its synapses; then it" \
  "writes on"
rm -rf $out/run
shown $bdh run $out/shakespeare.bdh.h5 --text "$prompt" --generate 300 -o $out/run \
  --record logits --record events

say "4. Verify: the logits, activities and text that the authors' code gave for the same tokens"
shown $bdh verify $out/shakespeare.bdh.h5 $checkpoint/expected.h5

say "5. Look: which neurons were active, as a picture; and the whole run as a page"
shown $bdh plot raster $out/run -o $out/raster.svg --force
shown $bdh report $out/run -o $out/report.html --force

if [ $python = yes ]; then
  say "6. The Python module, in a virtual environment ($out/python), with the library of" \
    "build/release: a minute or two"
  ensure_packages "for the Python module" "${python_packages[@]}"
  [ -x $out/python/bin/pip ] || python3 -m venv $out/python
  SECONDS=0
  shown $out/python/bin/pip install --quiet --disable-pip-version-check '.[plot]' \
    --config-settings cmake.source-dir=apps/python \
    --config-settings build-dir=build/python/quickstart \
    --config-settings "cmake.define.BDH_BUILD=$PWD/build/release"
  echo "Installed in $SECONDS s."
  echo "The code of examples/notebooks/1_first_steps.ipynb:"
  (cd examples/notebooks && MPLBACKEND=agg ../out/python/bin/python -B -c '
import json
for cell in json.load(open("1_first_steps.ipynb", encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        print(">>>", "".join(cell["source"]).replace("\n", "\n... "))
        exec("".join(cell["source"]))')
fi

say "Done. Results are in $out"
cat <<END
  $out/shakespeare.bdh.h5  the graph: neurons, hubs, weighted edges
      $bdh info $out/shakespeare.bdh.h5
  $out/run                 the run: summary.csv has active neurons, synaptic events and surprisal of
                           every token, logits.h5 what the model expected next, run.json what ran
      $bdh info $out/run
      column -s, -t $out/run/summary.csv | less -S
  $out/report.html         the run as one page, for any browser: its text by surprisal,
                           activity, degrees
  $out/raster.svg          which neurons were active at which token, with the points in raster.csv
      $bdh plot --help
Next: README.md, docs/, and a prompt to read on token by token: $bdh step $out/shakespeare.bdh.h5
The C++ programs in examples/ are built by: cmake --build --preset release
END
