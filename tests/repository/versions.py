#!/usr/bin/env python3
"""versions.py [ROOT]: files that cannot read the version in CMakeLists.txt name it, too, and the
day of it. One line per difference, exit code 1 if there is one. And CITATION.cff has what its
format demands (all of it is checked where cffconvert can be had: interop_packaging)."""
import re
import sys
from pathlib import Path


def found(root, file, pattern):
    match = re.search(pattern, (root / file).read_text(), re.M)
    return match[1] if match else None


def differences(root):
    version = found(root, "CMakeLists.txt", r"^project\(bdh VERSION (\S+)")
    day = found(root, "CHANGELOG.md", r"^## \[[0-9.]+\] - (\d{4}-\d\d-\d\d)$")
    for file, pattern, expected in (("CHANGELOG.md", r"^## \[([0-9.]+)\]", version),
                                    ("CITATION.cff", r"^version: (\S+)$", version),
                                    ("CITATION.cff", r'^date-released: "(.*)"$', day),
                                    ("packaging/conda/recipe.yaml", r'^  version: "(.*)"$',
                                     version), ("CITATION.cff", r"^cff-version: (\S+)$", "1.2.0"),
                                    ("CITATION.cff", r"^message: .*(cite)", "cite"),
                                    ("CITATION.cff", r'^title: "(bdh)', "bdh"),
                                    ("CITATION.cff", r'^authors:\n  - name: "(.*)"$',
                                     found(root, "LICENSE", r"^Copyright \(c\) \d+ (.*)$")),
                                    ("CITATION.cff", r"^license: (\S+)$",
                                     found(root, "LICENSE", r"^(\S+) License$"))):
        if (here := found(root, file, pattern)) != expected or expected is None:
            yield f"{file}: '{pattern}' is {here}, expected {expected}"


if __name__ == "__main__":
    lines = list(differences(Path(sys.argv[1] if len(sys.argv) > 1
                                 else Path(__file__).resolve().parents[2])))
    print("\n".join(lines) if lines else "one version everywhere")
    sys.exit(1 if lines else 0)
