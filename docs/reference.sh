#!/usr/bin/env bash
# docs/reference.sh [PYTHON [FOLDER]]: the reference of the Python module as HTML, from its
# docstrings, by pdoc, in FOLDER [build/reference]. PYTHON [python3] has bdhsim, the packages that
# its annotations name, and pdoc: pip install '.[all,reference]'. The pages need no network.
# Warnings are errors.
set -euo pipefail
python=$(command -v "${1:-python3}")
case $python in /*) ;; *) python=$PWD/$python ;; esac
folder=$(realpath -m "${2:-$(dirname "${BASH_SOURCE[0]}")/../build/reference}")
cd /  # so that the bdhsim that is installed is read, not a folder of that name
"$python" -W error -m pdoc --docformat markdown --no-show-source --output-directory "$folder" bdhsim
echo "$folder/bdhsim.html"
