#!/usr/bin/env python3
"""python_imports.py [SOURCE]: what a Python file imports by name from a file beside it is defined
there. Benchmarks need packages that no test has, so that none of them would run into it."""
import ast
import sys
from pathlib import Path

FOLDERS = "bench", "examples", "tests"


def defined(tree):
    """Names that the top level of a module binds, in its branches as well."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    return names


def faults_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module or node.level:
            continue
        beside = path.parent / (node.module + ".py")
        if not beside.is_file():
            continue
        known = defined(ast.parse(beside.read_text(encoding="utf-8")))
        for alias in node.names:
            if alias.name != "*" and alias.name not in known:
                yield f"{path}:{node.lineno}: {beside.name} has no {alias.name}"


def main():
    source = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    files = sorted(path for folder in FOLDERS for path in (source / folder).rglob("*.py"))
    faults = [fault for path in files for fault in faults_of(path)]
    if len(files) < 50:
        faults.append(f"{len(files)} files, expected 50 or more")
    print("\n".join(faults) or f"the imports of {len(files)} files are there")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
