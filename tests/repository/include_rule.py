#!/usr/bin/env python3
"""include_rule.py [ROOT]: what a file may include and use follows from its folder.

core/base <- graph <- core <- kernels <- gpu; io sees core/base, graph and core; apps see all of them. Tests, examples and bench may do
anything. Prints one line per violation, exit code 1 if there is one."""
import re
import sys
from pathlib import Path

ALLOWED = {
    "core/base": {"core/base"},
    "graph": {"core/base", "graph"},
    "core": {"core/base", "graph", "core"},
    "kernels": {"core/base", "graph", "core", "kernels"},
    "gpu": {"core/base", "graph", "core", "kernels", "gpu"},
    "io": {"core/base", "graph", "core", "io"},
    "apps": {"core/base", "graph", "core", "kernels", "gpu", "io", "apps"},
}
SOURCES = {".hpp", ".cpp", ".inc", ".h", ".cu", ".cuh"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
CUDA_HEADER = re.compile(r"^(cuda|cublas|cusparse|cusolver|cufft|curand|cudnn|cutlass|thrust/|cub/|cooperative_groups|nccl|nvml|nvrtc|nvtx|"
                         r"mma\.h|device_launch_parameters)")
# Only apps print, read the environment or exit. snprintf only formats.
FORBIDDEN_IN_LIBRARY = re.compile(r"(?<![\w.>])(?:printf|fprintf|vprintf|vfprintf|puts|putchar|perror|exit|_exit|quick_exit|abort|getenv|"
                                  r"secure_getenv|setenv|putenv)\s*\(|std::(?:cout|cerr|clog|print|println)\b|fmt::print\b|"
                                  r"#\s*include\s*<(?:iostream|print)>")
# Kernel headers are compiled for the device too: no libm, no atomics, nothing that only one of the compilers knows.
FORBIDDEN_IN_KERNELS = re.compile(r"(?:std::|(?<![\w.>:]))(?:sin|cos|tan|exp|exp2|log|pow|sqrt|fma)f?\s*\(|std::(?:sin|cos|exp|pow|atomic\w*)\b|"
                                  r"__CUDA\w*|__(?:global|device|host|shared)__|threadIdx|blockIdx|__shfl\w*|__syncwarp|"
                                  r"#\s*include\s*<(?:cmath|math\.h|atomic)>")
THE_ONE_CHILD = "io/apart.cpp"  # the child process that it forks ends with _exit
THE_ONE_OF_CLI11 = "apps/command_line.cpp"
THE_ONE_SETTING = "core/base/instruction_set.cpp"  # BDH_INSTRUCTIONS, for whatever links the library
THE_ONE_GUARD = re.compile(r"^#if !defined\(__CUDACC__\)$")

# Comments, character and string literals; the names in #include lines are kept. A ' between digits is a separator.
LITERAL = re.compile(r'//[^\n]*|/\*.*?\*/|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])*\'|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"', re.S)


def without_literals(text):
    def blank(match):
        start = text.rfind("\n", 0, match.start()) + 1
        if match.group().startswith('"') and INCLUDE.match(text[start:match.end()]):
            return match.group()
        return re.sub(r"[^\n]", " ", match.group())
    return LITERAL.sub(blank, text)


def layer(path):
    """The folder that decides: 'core/base/ids.hpp' -> 'core/base', 'core/model.hpp' -> 'core'; None for anything else."""
    if path.startswith("core/base/"):
        return "core/base"
    folder = path.split("/")[0]
    return folder if folder in ALLOWED and "/" in path else None


def violations_of(root, name):
    here = layer(name)
    guards = 0
    for number, line in enumerate(without_literals((root / name).read_text()).split("\n"), 1):
        line = line.rstrip()
        include = INCLUDE.match(line)
        if include:
            mark, target = include.groups()
            there = layer(target)
            if there is not None and there not in ALLOWED[here]:
                yield number, f"{here} must not include {target}: allowed are {', '.join(sorted(ALLOWED[here]))}"
            elif mark == '"' and not (root / target).is_file():
                yield number, f"no file {target}: includes name the path from the root of the repository"
            elif mark == '"' and there is None:
                yield number, f"{here} must not include {target}"
            if target.startswith("CLI/") and name != THE_ONE_OF_CLI11:
                yield number, f"{target} costs ten seconds of processor time: {THE_ONE_OF_CLI11} alone includes it"
            if here != "gpu" and CUDA_HEADER.match(target):
                yield number, f"{target} belongs in gpu/ alone"
        if here != "apps":
            for found in FORBIDDEN_IN_LIBRARY.finditer(line):
                if name == THE_ONE_CHILD and found.group().startswith("_exit"):
                    continue
                if name == THE_ONE_SETTING and found.group().startswith("getenv"):
                    continue
                yield number, f"'{found.group().strip()}': only apps print, read the environment or exit"
        if here == "kernels" and name.endswith(".hpp"):
            if name == "kernels/group.hpp" and THE_ONE_GUARD.match(line) and guards == 0:
                guards = 1
                continue
            for found in FORBIDDEN_IN_KERNELS.finditer(line):
                yield number, f"'{found.group().strip()}' in a header that is compiled for devices too"


def violations(root):
    root = Path(root)
    for folder in sorted({name.split("/")[0] for name in ALLOWED}):
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
