#!/usr/bin/env python3
"""no_traces.py [ROOT]: no file mentions the machine it was written on, a mirror of packages, or how
it was made.

Looks at every file that git tracks or would track; without git, at every file outside build/.
Prints one line per trace, exit code 1 if there is one. The patterns are written so that they do
not match themselves."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# In any file, whatever its kind.
ANYWHERE = re.compile(
    rb"(?<![\w.}])/(?:wor[k]|roo[t]|hom[e]/[a-z]+)/|bash_job[s]|shared/DESIG[N]|"
    rb"pyp[i]\.org|pythonhoste[d]\.org|(?:deb|security)\.debia[n]\.org|"
    rb"archiv[e]\.ubuntu\.com|registr[y]\.npmjs|index\.crate[s]\.io|"
    rb"prox[y]\.golang\.org|cond[a]\.anaconda\.org")
# In text.
WORDS = re.compile(rb"\bhelper agen[t]|\bsub-?agen[t]s?\b|\bAI assistan[t]|\bcoding "
                   rb"agen[t]|\b(?:my|previous|another) sessio[n]\b|\bsessio[n]s? of the "
                   rb"project|\bcontext windo[w] limit|\banthropi[c]\b|\bclaud[e]\b|\bchatgp[t]\b",
                   re.I)


def files(root):
    command = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z", "--cached",
               "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True) if shutil.which("git") else None
    if listed and listed.returncode == 0:
        names = [name for name in os.fsdecode(listed.stdout).split("\0") if name]
    else:
        names = [path.relative_to(root).as_posix() for path in root.rglob("*")]
        # Without git: all but what .gitignore names, as far as this tree has any of it.
        names = [name for name in names if name.split("/")[0] not in (".git", "build", ".cache")
                 and "__pycache__" not in name and not name.startswith("examples/out/")
                 and not name.endswith(".bdh.h5")]
    return [name for name in sorted(set(names)) if (root / name).is_file()]


def traces(root):
    for name in files(root):
        data = (root / name).read_bytes()
        is_text = b"\0" not in data[:65536]
        for pattern in (ANYWHERE, WORDS) if is_text else (ANYWHERE,):
            for found in pattern.finditer(data):
                number = data.count(b"\n", 0, found.start()) + 1
                yield f"{name}:{number}: '{found.group().decode(errors='replace')}'"


if __name__ == "__main__":
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    found = list(traces(root))
    print("\n".join(found) if found else f"no traces in {len(files(root))} files")
    sys.exit(1 if found else 0)
