#!/usr/bin/env python3
"""include_rule.py [ROOT]: what a file may include and use follows from its room, the folder that it
is in.

A room stands on those that ROOMS names for it, and on those below them; the table has no circle,
so no include points upwards. Tests, examples and bench may do anything. The table of rooms in
docs/architecture.md is the same, in the same order. Prints one line per violation, exit code 1 if
there is one."""
import re
import sys
from pathlib import Path

import cpp_text

# From the ground up: each room names what it stands on, among the rooms before it.
ROOMS = {
    "core/base": [],
    "kernels": ["core/base"],
    "graph": ["core/base"],
    "graph/structure": ["graph"],
    "core/model": ["graph/structure"],
    "core/selection": ["core/model"],
    "core/simulation": ["core/selection", "kernels"],
    "core/analysis": ["core/simulation"],
    "core/ranks": ["core/simulation"],
    "kernels/cpu": ["core/simulation"],
    "gpu/device": ["kernels"],
    "gpu/programs": ["gpu/device", "core/simulation"],
    "gpu/cuda": ["gpu/programs"],
    "gpu/engine": ["gpu/programs", "kernels/cpu", "core/analysis"],
    "io/files": ["core/base"],
    "io/hdf5": ["io/files"],
    "io/text": ["io/files", "core/model"],
    "io/checkpoint": ["io/text"],
    "io/model": ["io/hdf5", "core/simulation"],
    "io/mpi": ["core/ranks"],
    "io/protocol": ["io/files", "core/selection"],
    "io/graph": ["io/hdf5", "core/analysis"],
    "io/recording": ["io/model", "core/analysis"],
    "include/bdh": ["gpu/cuda", "gpu/engine", "io/checkpoint", "io/graph", "io/recording"],
    "apps/ranks": ["core/ranks", "io/model", "kernels/cpu"],
    "apps/common": ["apps/ranks", "core/analysis", "gpu/cuda", "gpu/engine", "io/checkpoint",
                    "io/graph", "io/mpi", "io/protocol", "io/recording"],
    "apps/help": ["apps/common"],
    "apps/machine": ["apps/common"],
    "apps/runs": ["apps/machine"],
    "apps/analysis": ["apps/runs"],
    "apps/models": ["apps/runs"],
    "apps/plot/figure": ["io/files"],
    "apps/plot": ["apps/analysis", "apps/models", "apps/plot/figure"],
    "apps/step": ["apps/models", "apps/plot"],
    "apps/python": ["apps/ranks", "core/analysis", "gpu/engine", "io/checkpoint", "io/graph",
                    "io/mpi", "io/recording"],
    "apps": ["apps/help", "apps/step"],
}


# The public headers, all in include/bdh, and the room of each: what it may include follows from
# that, and it includes nothing but public headers and the standard library.
PUBLIC = {
    "ids": "core/base",
    "error": "core/base",
    "array": "core/base",
    "bfloat16": "core/base",
    "projection": "graph",
    "dynamics": "core/model",
    "model": "core/model",
    "selection": "core/selection",
    "intervention": "core/selection",
    "engine": "core/simulation",
    "probe": "core/simulation",
    "round_table": "core/simulation",
    "sampling": "core/simulation",
    "simulator": "core/simulation",
    "state": "core/simulation",
    "step_report": "core/simulation",
    "experiment": "core/analysis",
    "queries": "core/analysis",
    "cpu_engine": "kernels/cpu",
    "cuda": "gpu/device",
    "gpu_engine": "gpu/engine",
    "import_checkpoint": "io/checkpoint",
    "model_file": "io/model",
    "state_file": "io/model",
    "bdh": "include/bdh",
}


def closure():
    """Of every room, all that its files may include from; a KeyError if a room stands on one that
    comes later."""
    allowed = {}
    for room, below in ROOMS.items():
        allowed[room] = {room}.union(*(allowed[other] for other in below))
    return allowed


ALLOWED = closure()
FOLDERS = sorted({room.split("/")[0] for room in ROOMS})
SOURCES = {".hpp", ".cpp", ".inc", ".h", ".cu", ".cuh"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
CUDA_HEADER = re.compile(r"^(cuda|cublas|cusparse|cusolver|cufft|curand|cudnn|cutlass|thrust/|"
                         r"cub/|cooperative_groups|nccl|nvml|nvrtc|nvtx|"
                         r"mma\.h|device_launch_parameters)")
# Only apps print, read the environment or exit. snprintf only formats.
FORBIDDEN_IN_LIBRARY = re.compile(r"(?<![\w.>])(?:printf|fprintf|vprintf|vfprintf|puts|putchar|"
                                  r"perror|exit|_exit|quick_exit|abort|"
                                  r"getenv|secure_getenv|setenv|putenv)\s*\(|"
                                  r"std::(?:cout|cerr|clog|print|println)\b|fmt::print\b|"
                                  r"#\s*include\s*<(?:iostream|print)>")
# Kernel headers are compiled for the device too: no libm, no atomics, nothing that only one of the
# compilers knows.
FORBIDDEN_IN_KERNELS = re.compile(r"(?:std::|(?<![\w.>:]))"
                                  r"(?:sin|cos|tan|exp|exp2|log|pow|sqrt|fma)f?\s*\(|"
                                  r"std::(?:sin|cos|exp|pow|atomic\w*)\b|"
                                  r"__CUDA\w*|__(?:global|device|host|shared)__|threadIdx|blockIdx|"
                                  r"__shfl\w*|__syncwarp|"
                                  r"#\s*include\s*<(?:cmath|math\.h|atomic)>")
THE_ONE_CHILD = "io/files/sandbox.cpp"  # the child process that it forks ends with _exit
THE_ONE_OF_CLI11 = "apps/common/command_line.cpp"
# BDH_INSTRUCTIONS, for whatever links the library
THE_ONE_SETTING = "core/base/instruction_set.cpp"
THE_ONE_GUARD = re.compile(r"^#if !defined\(__CUDACC__\)$")


def without_literals(text):
    """Comments and literals blanked; the names in #include lines stay."""
    def blank(match):
        start = text.rfind("\n", 0, match.start()) + 1
        if match.group().startswith('"') and INCLUDE.match(text[start:match.end()]):
            return match.group()
        return re.sub(r"[^\n]", " ", match.group())
    return cpp_text.LITERAL.sub(blank, text)


def room(path):
    """The folder of a file below one of FOLDERS: 'core/base/ids.hpp' -> 'core/base'; the room of a
    public header, as a file or as it is included; None for anything else."""
    folder, _, name = path.removeprefix("include/").rpartition("/")
    if folder == "bdh":
        return PUBLIC.get(name.removesuffix(".hpp"))
    return folder if folder.split("/")[0] in FOLDERS else None


def violations_of(root, name):
    here = room(name)
    below = ", ".join(ROOMS.get(here, []))
    guards = 0
    if here not in ROOMS:
        yield 1, f"{here or name} has no place in ROOMS or PUBLIC of include_rule.py"
        return
    for number, line in enumerate(without_literals((root / name).read_text()).split("\n"), 1):
        line = line.rstrip()
        include = INCLUDE.match(line)
        if include:
            mark, target = include.groups()
            there = room(target)
            if there is not None and there not in ALLOWED[here]:
                yield number, f"{here} must not include {target}: it stands on {below}"
            elif target.startswith("bdh/"):
                if mark == '"' or not (root / "include" / target).is_file():
                    yield number, f"no public header <{target}>"
            elif name.startswith("include/") and (mark == '"' or "." in target or "/" in target):
                yield number, f"a public header must not include {target}: only <bdh/...> and C++'s"
            elif mark == '"' and not (root / target).is_file():
                yield number, f"no file {target}: includes name the path from the root"
            elif mark == '"' and there is None:
                yield number, f"{here} must not include {target}"
            if target.startswith("CLI/") and name != THE_ONE_OF_CLI11:
                yield number, (f"{target} costs ten seconds of processor time: "
                               f"{THE_ONE_OF_CLI11} alone includes it")
            if here != "gpu/cuda" and CUDA_HEADER.match(target):
                yield number, f"{target} belongs in gpu/cuda alone"
        if not here.startswith("apps"):
            for found in FORBIDDEN_IN_LIBRARY.finditer(line):
                if name == THE_ONE_CHILD and found.group().startswith("_exit"):
                    continue
                if name == THE_ONE_SETTING and found.group().startswith("getenv"):
                    continue
                what = found.group().strip()
                yield number, f"'{what}': only apps print, read the environment or exit"
        if here == "kernels" and name.endswith(".hpp"):
            if name == "kernels/group.hpp" and THE_ONE_GUARD.match(line) and guards == 0:
                guards = 1
                continue
            for found in FORBIDDEN_IN_KERNELS.finditer(line):
                what = found.group().strip()
                yield number, f"'{what}' in a header that is compiled for devices too"


DOCUMENTED = "docs/architecture.md"


def documented(text):
    """Line number and cells, room and what it stands on, of the rows of its tables of rooms."""
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        inside = line.startswith("| room |") or inside and line.startswith("|")
        if inside and line.startswith("| `"):
            cells = line.split("|")
            yield number, re.findall(r"`([^`]+)`", cells[1]), re.findall(r"`([^`]+)`", cells[2])


def violations_of_table(text):
    rooms = iter(ROOMS)
    for number, names, below in documented(text):
        expected = next(rooms, None)
        if names != [expected]:
            yield number, f"{', '.join(names)}, expected {expected or 'no further room'}"
            return
        if below != ROOMS[expected]:
            yield number, f"{expected} stands on {', '.join(ROOMS[expected])}"
    for missing in rooms:
        yield 1, f"no row of {missing}"


def violations(root):
    root = Path(root)
    table = root / DOCUMENTED  # what a planted tree of the tests of these rules need not have
    for number, what in violations_of_table(table.read_text()) if table.exists() else ():
        yield f"{DOCUMENTED}:{number}: {what}"
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SOURCES and path.is_file():
                name = path.relative_to(root).as_posix()
                for number, what in violations_of(root, name):
                    yield f"{name}:{number}: {what}"


if __name__ == "__main__":
    root = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    found = list(violations(root))
    print("\n".join(found) if found else "every include is allowed")
    sys.exit(1 if found else 0)
