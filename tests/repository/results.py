"""results.py ROOT: what is written by hand about bench/results says what the results say: remarks
are those of bench/remarks.md, and the table of docs/performance.md has the figures of the rows
of `plan`."""
import glob
import os
import re
import sys

root = sys.argv[1]
wrong = []


def read(*path):
    with open(os.path.join(root, *path)) as f:
        return f.read()


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def parts(text):
    """Row -> what stands under its heading."""
    found = re.split(r"^## (\S+)\n", text, flags=re.M)[1:]
    return {name: content.strip() for name, content in zip(found[::2], found[1::2])}


remarks = parts(read("bench", "remarks.md"))
files = sorted(glob.glob(os.path.join(root, "bench/results/*.md")))
shown = set()
for path in files:
    name, text = os.path.relpath(path, root), read(path)
    found = parts(text)
    wrong += [f"{name}: ## {row}: does not end with the remark of bench/remarks.md" for row,
              remark in remarks.items() if not found.get(row, "").endswith(remark)]
    for what, ours, other, *_ in (cells(line) for line in text.splitlines()
                                  if line.startswith("| bdh plan: ")):
        what = what.removeprefix("bdh plan: ")
        ratio = re.search(rf"^\* {re.escape(what)}: .*planned over measured ([\d.]+)",
                          found["plan"], re.M).group(1)
        shown.add((what, ours.removeprefix("measured "), other.removeprefix("planned "), ratio))

table = read("docs",
             "performance.md").split("| X, Y active | measured | planned | ratio |\n")[1].split(
                 "\n\n")[0].splitlines()[1:]
for what, _, *values in map(cells, table):
    if (what, *values) not in shown:
        wrong.append(f"docs/performance.md: {what}: {', '.join(values)}, which no file of "
                     f"bench/results has")

print("\n".join(wrong) or f"{len(files)} file(s) of results, {len(remarks)} remarks, {len(table)} "
      f"rows of plan")
sys.exit(1 if wrong or not files or not table else 0)
