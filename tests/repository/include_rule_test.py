#!/usr/bin/env python3
"""Every kind of violation that include_rule.py knows, planted into a small tree of its own, must be
found, and nothing else."""
import tempfile
import unittest
from pathlib import Path

import include_rule

CLEAN = {
    "core/base/ids.hpp": "#pragma once\n#include <cstdint>\n",
    "include/bdh/ids.hpp": "#pragma once\n#include <cstdint>\n",
    "include/bdh/model.hpp": "#pragma once\n#include <string>\n#include <bdh/ids.hpp>\n",
    "core/model/model.hpp": '#pragma once\n#include <bdh/model.hpp>\n'
         '#include "core/base/ids.hpp"\n#include "graph/projection.hpp"\n',
    "graph/projection.hpp": '#pragma once\n#include "core/base/ids.hpp"\n',
    "kernels/group.hpp": "#pragma once\n// __CUDACC__, std::sin(x): named in a comment\n"
         "#if !defined(__CUDACC__)\n#endif\n",
    "kernels/propagate.hpp": '#pragma once\n#include "kernels/group.hpp"\n',
    "kernels/cpu/cpu_engine.cpp": '#include "core/model/model.hpp"\n'
         '#include "kernels/propagate.hpp"\n',
    "gpu/cuda/cuda_device.cu": '#include <cuda_runtime.h>\n#include "kernels/propagate.hpp"\n',
    "io/model/file.cpp": '#include "core/model/model.hpp"\n/* printf("x") */ const char* s = '
         '"exit(1) std::cout";\nint n = 1\'000;\n// getenv("HOME")\n',
    "apps/main.cpp": '#include <iostream>\n#include "io/model/file.hpp"\n'
         '#include "kernels/group.hpp"\nint main() { std::cout << 1; }\n',
    "apps/common/command_line.cpp": "#include <CLI/CLI.hpp>\n",
    "core/base/instruction_set.cpp": 'auto most = std::getenv("BDH_INSTRUCTIONS");\n',
    "core/simulation/simulator.hpp": "#pragma once\n",
    "graph/structure/degrees.hpp": "#pragma once\n",
    "gpu/device/device.hpp": "#pragma once\n",
    "io/files/sandbox.cpp": "void child() { ::_exit(0); }\n",
    "io/model/file.hpp": "#pragma once\nint snprintf_size();\n",
    "docs/architecture.md": "| room | stands on | what it is |\n|---|---|---|\n"
         + "".join(f"| `{room}` | {', '.join(f'`{b}`' for b in below)} | it |\n"
                   for room, below in include_rule.ROOMS.items()),
}

PLANTED = [
    ("core/model/model.hpp", '#include "core/simulation/simulator.hpp"'),
    ("graph/projection.hpp", '#include "graph/structure/degrees.hpp"'),
    ("gpu/device/device.hpp", "#include <cuda_runtime.h>"),
    ("core/base/ids.hpp", '#include "core/model/model.hpp"'),
    ("core/base/ids.hpp", "#include <bdh/model.hpp>"),
    ("graph/projection.hpp", "#include <bdh/model.hpp>"),
    ("core/model/model.hpp", "#include <bdh/unheard_of.hpp>"),
    ("core/model/model.hpp", '#include "bdh/model.hpp"'),
    ("include/bdh/ids.hpp", "#include <bdh/model.hpp>"),
    ("include/bdh/model.hpp", '#include "core/model/model.hpp"'),
    ("include/bdh/model.hpp", "#include <hdf5.h>"),
    ("include/bdh/model.hpp", "#include <fmt/format.h>"),
    ("core/base/ids.hpp", '#include "graph/projection.hpp"'),
    ("graph/projection.hpp", '#include "core/model/model.hpp"'),
    ("core/model/model.hpp", '#include "kernels/group.hpp"'),
    ("core/model/model.hpp", "#  include <io/model/file.hpp>"),
    ("kernels/cpu/cpu_engine.cpp", '#include "io/model/file.hpp"'),
    ("io/model/file.cpp", '#include "kernels/cpu/cpu_engine.hpp"'),
    ("io/model/file.cpp", '#include "file.hpp"'),
    ("io/model/file.cpp", '#include "../core/model.hpp"'),
    ("io/model/file.cpp", "#include <cuda_runtime.h>"),
    ("apps/main.cpp", "#include <cublas_v2.h>"),
    ("apps/main.cpp", "#include <CLI/CLI.hpp>"),
    ("core/model/model.hpp", 'inline void f() { std::printf("%d", 1); }'),
    ("core/model/model.hpp", "inline void f() { std::cerr << 1; }"),
    ("io/model/file.cpp", "void f() { std::exit(1); }"),
    ("io/model/file.cpp", "void f() { ::_exit(1); }"),
    ("io/files/sandbox.cpp", "void f() { std::exit(1); }"),
    ("core/base/instruction_set.cpp", 'void f() { setenv("HOME", "/", 1); }'),
    ("kernels/cpu/cpu_engine.cpp", 'auto home = std::getenv("HOME");'),
    ("kernels/propagate.hpp", "inline float f(float x) { return std::sin(x); }"),
    ("kernels/propagate.hpp", "inline float f(float x) { return expf(x); }"),
    ("kernels/propagate.hpp", "std::atomic<int> n;"),
    ("kernels/propagate.hpp", "#if !defined(__CUDACC__)"),
    ("kernels/propagate.hpp", "inline __device__ void f();"),
    ("kernels/group.hpp", "#if !defined(__CUDACC__)"),  # a second one
    ("kernels/group.hpp", "#ifdef __CUDA_ARCH__"),
]


class IncludeRule(unittest.TestCase):
    def found(self, planted_in=None, planted=""):
        with tempfile.TemporaryDirectory() as root:
            for name, text in CLEAN.items():
                path = Path(root) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text + (planted + "\n" if name == planted_in else ""))
            return list(include_rule.violations(root))

    def test_a_clean_tree_passes(self):
        self.assertEqual(self.found(), [])

    def test_a_folder_without_a_place_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            path = Path(root) / "core" / "attic" / "chest.hpp"
            path.parent.mkdir(parents=True)
            path.write_text("#pragma once\n")
            (Path(root) / "docs").mkdir()
            (Path(root) / "docs/architecture.md").write_text(CLEAN["docs/architecture.md"])
            self.assertEqual(len(list(include_rule.violations(root))), 1)

    def test_the_table_of_rooms_in_the_documentation_is_the_same(self):
        table = CLEAN["docs/architecture.md"]
        for wrong, line, what in (
                (table.replace("| `graph` |", "| `graphs` |"), 5, "graphs, expected graph"),
                (table.replace("| `core/selection`, `kernels` |", "| `kernels` |"), 9,
                 "core/simulation stands on core/selection, kernels"),
                (table[:table.index("| `apps` |")], 1, "no row of apps"),
                (table + "| `attic` | | it |\n", table.count("\n") + 1,
                 "attic, expected no further room"),
                (table + "\n" + table, table.count("\n") + 4,
                 "core/base, expected no further room")):
            self.assertNotEqual(wrong, table)
            self.assertEqual(list(include_rule.violations_of_table(wrong)), [(line, what)])

    def test_every_planted_violation_is_found_where_it_is(self):
        for name, line in PLANTED:
            with self.subTest(name=name, line=line):
                found = self.found(name, line)
                self.assertEqual(len(found), 1, found)
                self.assertTrue(found[0].startswith(f"{name}:{CLEAN[name].count(chr(10)) + 1}: "),
                                found)


if __name__ == "__main__":
    unittest.main()
