#!/usr/bin/env python3
"""tables_of_formats.py [SOURCE]: each row of the tables in docs/files.md that say what is read
names tests, and they are there: files, folders of inputs that a test uses, classes of a file."""
import os
import re
import sys

# The cells of their heads that such tables have.
HEAD = "who writes it"


def rows(text):
    """Cells of the rows, without heads."""
    wanted = False
    for line in text.splitlines():
        if not line.startswith("|"):
            wanted = False
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if HEAD in cells:
            wanted = True
        elif wanted and not set(line) <= set("|- "):
            yield cells


def faults_of(source, cell):
    named = re.findall(r"`([^`]+)`", cell)
    if not named:
        yield "no test"
    text = ""
    for name in named:
        path = os.path.join(source, name)
        if name.startswith("tests/data/reported/"):
            if not os.path.isdir(path) or os.path.basename(name) not in users(source):
                yield f"{name}, which is no folder of inputs that a test uses"
        elif "/" in name:
            if not os.path.isfile(path):
                yield f"{name}, which is not there"
            else:
                with open(path, encoding="utf-8") as file:
                    text = file.read()
        elif not re.search(rf"^class {name}\(", text, re.M):
            yield f"{name}, which is no class of the file before it"


def users(source):
    """All tests of the program from outside."""
    folder = os.path.join(source, "tests/cli")
    text = ""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text += file.read()
    return text


def main():
    source = sys.argv[1] if len(sys.argv) > 1 else "."
    with open(os.path.join(source, "docs/files.md"), encoding="utf-8") as file:
        found = list(rows(file.read()))
    faults = [f"docs/files.md: the row of {cells[0][:40]!r} names {fault}"
              for cells in found for fault in faults_of(source, cells[-1])]
    if len(found) < 20:
        faults.append(f"docs/files.md: {len(found)} rows, expected 20 or more")
    print("\n".join(faults) or f"{len(found)} rows name their tests")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
