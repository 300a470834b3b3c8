#!/usr/bin/env python3
"""house_rules.py [ROOT]: the limits that keep the code readable, and the words that it does
without.

Includes (include_rule.py), installed headers, columns, lengths of files, functions and classes,
nested conditionals, JSON as text, words. Prints one line per violation and a count per rule; exit
code 1 if there is a violation."""
import re
import sys
from collections import Counter
from pathlib import Path

import cpp_text
import include_rule
import no_traces

COLUMNS = 100
FILE_LINES, FUNCTION_LINES, CLASS_LINES, CLASS_MEMBERS = 400, 60, 250, 25  # of production code
INSTALLED_HEADERS = (1, 25)

PRODUCTION = {"include", "core", "graph", "kernels", "gpu", "io", "apps"}
CPP = {".hpp", ".cpp", ".inc", ".cu", ".cuh"}
SHELL = re.compile(r"#!.*\b(?:ba|da)?sh\b")
# Written by programs, or data.
NO_SOURCE = re.compile(r"^(?:tests/data/|tests/fuzz/corpus/|bench/results/|examples/models/|"
                       r"examples/(?:paper|concepts)/[\w-]+\.txt$)")

# (rule, file or file:name): why it is an exception.
ALLOWED = {
    ("word", "LICENSE"): "the text is not ours",
}

PERSON = "the subject is the code: name the function, or 'not recorded', 'unused', 'the caller'"
VERB = "the subject is the code: 'is given', 'reads', 'prints', 'requests', 'states', 'shows'"
# Pattern: what to write instead and why. The patterns are written so that they do not match
# themselves.
WORDS = {
    r"nobod[y](?![:`])|somebod[y]|anybod[y]|everybod[y]|no on[e]": PERSON,
    r"whoeve[r]|someon[e]|anyon[e]": PERSON,
    r"tol[d]|tel[l]s?|tellin[g]|as[k]s?|aske[d]|askin[g]": VERB,
    r"onlooke[r]s?": "round_observer",
    r"looking_a[t]|loo[k]ing::\w+": "observation",
    r"ho[p]::\w+|last_ho[p]": "stage",
    r"siblin[g]s?": "new_stream(), streams of one model",
    r"perform_togethe[r]|step_togethe[r]|pull_dense_togethe[r]": "perform_batch, step_streams, "
         "pull_dense_batch",
    r"joint_recordin[g]": "batched_graph",
    r"vouche[d]_\w+|vouche[d]|vouche[s]": "committed_rows; 'is checked by', 'is valid because'",
    r"tol[d]_work": "progress_meter",
    r"laborator[y]::\w+|class laborator[y]|laborator[y]\.[ch]pp": "experiment; the word is for the "
         "frame of a rotation",
    r"reliv[e]s?|relivin[g]": "replay",
    r"cut_grap[h]": "thresholded_graph",
    r"answered_edge[s]|answered_by_\w+|answered_byte[s]": "reciprocal_edges",
    r"dale_by_chanc[e]": "expected_dale_index",
    r"synapse_factor[s]": "hebbian_trace",
    r"graph_excerp[t]|excerpt_edg[e]|excerpt_reques[t]": "subgraph",
    r"weights_ar[e]::\w+": "validation::skip, validation::check",
    r"look_for_broke[n]|broken_synaps[e]_?": "find_non_finite",
    r"ordered_engin[e]": "permuted_engine",
    r"collect_row[s]": "reduce_block_rows",
    r"hear_[aw]|hear[d]_": "reduce_a, reduce_w, hub_input_",
    r"believ[e]\(|conclud[e]\(": "compute_x, compute_y",
    r"sealed_a[s]|seal[s]?\.[ch]pp|class sea[l]": "checksum_header",
    r"read_apar[t]|apar[t]\.[ch]pp": "read_in_child, sandbox",
    r"hdf5_scree[n]|hdf5_outpu[t]": "validate, driver",
    r"outloo[k]s?": "token_statistics",
}
# An underscore separates words, too.
WORD = re.compile("|".join(rf"(?<![A-Za-z])(?P<w{i}>{pattern})(?![A-Za-z])"
                           for i, pattern in enumerate(WORDS)), re.I)
INSTEAD = list(WORDS.values())


def is_cmake(name):
    return name.endswith(("CMakeLists.txt", ".cmake", ".cmake.in"))


def is_source(name, text):
    if NO_SOURCE.match(name):
        return False
    return Path(name).suffix in CPP | {".py", ".sh"} or is_cmake(name) or bool(SHELL.match(text))


def installed_headers(root):
    """The headers below the folders that cmake/install.cmake installs."""
    text = re.sub(r"#.*", "", (root / "cmake" / "install.cmake").read_text())
    loops = {name: items.split() for name, items in re.findall(r"foreach\((\w+) ([^)]*)\)", text)}
    headers = []
    for folder, how in re.findall(r"install\(DIRECTORY\s+(\S+)([^)]*)\)", text):
        if "hpp" not in how:
            continue
        for name in loops.get(folder.strip("${}"), [folder]):
            headers += sorted((root / name).rglob("*.hpp"))
    return [path.relative_to(root).as_posix() for path in headers]


def header_violations(root):
    headers = installed_headers(root)
    where = "cmake/install.cmake:1"
    if not INSTALLED_HEADERS[0] <= len(headers) <= INSTALLED_HEADERS[1]:
        least, most = INSTALLED_HEADERS
        yield "headers", where, f"{len(headers)} installed headers, expected {least} to {most}"
    internal = [header for header in headers if re.search(r"detail|internal", header)]
    if internal:
        yield "headers", where, f"installed, and internal by their names: {', '.join(internal)}"


RAW = re.compile(r'R"(\w*)\(.*?\)\1"', re.S)


def column_violations(name, text):
    # A raw string is a text of another language, which keeps its lines.
    raw = {number for found in RAW.finditer(text) if Path(name).suffix in CPP
           for number in range(text.count("\n", 0, found.start()) + 1,
                               text.count("\n", 0, found.end()) + 2)}
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > COLUMNS and number not in raw:
            yield "columns", f"{name}:{number}", f"{len(line)} columns, expected at most {COLUMNS}"


def length_violations(name, text):
    lines = text.count("\n")
    if lines > FILE_LINES:
        yield "file", f"{name}:1", f"{lines} lines, expected at most {FILE_LINES}: two subjects?"
    for scope in cpp_text.scopes(text):
        where, lines = f"{name}:{scope.first}", scope.last - scope.first + 1
        if scope.kind == "function" and lines > FUNCTION_LINES:
            yield "function", where, f"{scope.name}: {lines} lines, expected {FUNCTION_LINES}"
        if scope.kind == "class" and lines > CLASS_LINES:
            yield "class", where, f"{scope.name}: {lines} lines, expected {CLASS_LINES}"
        if scope.kind == "class" and scope.members > CLASS_MEMBERS:
            what = f"{scope.members} data members, expected {CLASS_MEMBERS}"
            yield "class", where, f"{scope.name}: {what}"


def conditional_violations(name, text):
    for number in cpp_text.nested_conditionals(text):
        yield "conditional", f"{name}:{number}", "a ?: in a ?:, expected if, switch or a function"


# Names of files and neurons may have bytes that are not UTF-8, for which dump() throws.
DUMP = re.compile(r"(?:\.|->)dump\((?!.*error_handler_t::replace)")


def json_violations(name, text):
    for number, line in enumerate(text.split("\n"), 1):
        if DUMP.search(line):
            yield "json", f"{name}:{number}", "dump() throws for what is not UTF-8: json_text()"


def word_violations(name, text):
    for number, line in enumerate(text.split("\n"), 1):
        for found in WORD.finditer(line):
            instead = INSTEAD[int(found.lastgroup[1:])]
            yield "word", f"{name}:{number}", f"'{found.group()}', expected: {instead}"


def violations_of(name, text):
    if is_source(name, text):
        yield from column_violations(name, text)
    if Path(name).suffix in CPP:
        yield from conditional_violations(name, text)
        if name.split("/")[0] in PRODUCTION:
            yield from length_violations(name, text)
            yield from json_violations(name, text)
    if not NO_SOURCE.match(name):
        yield from word_violations(name, text)


def violations(root):
    """(rule, place, what) of every violation, allowed ones excepted."""
    root = Path(root)
    for line in include_rule.violations(root):
        file, number, what = line.split(":", 2)
        yield "include", f"{file}:{number}", what.strip()
    yield from header_violations(root)
    for name in no_traces.files(root):
        data = (root / name).read_bytes()
        if b"\0" in data[:65536]:
            continue
        for rule, place, what in violations_of(name, data.decode(errors="replace")):
            if (rule, name) not in ALLOWED:
                yield rule, place, what


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    found = list(violations(root))
    for rule, place, what in found:
        print(f"{place}: {rule}: {what}")
    counts = Counter(rule for rule, _, _ in found)
    print(", ".join(f"{rule} {count}" for rule, count in sorted(counts.items())) or "no violation")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
