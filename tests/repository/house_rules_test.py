#!/usr/bin/env python3
"""Every kind of violation that house_rules.py knows, planted into a small tree of its own, must be
found where it is, and nothing else; and what lies just within a limit passes."""
import tempfile
import unittest
from pathlib import Path

import cpp_text
import house_rules

INSTALL = "install(DIRECTORY include/bdh DESTINATION include\n  FILES_MATCHING PATTERN \"*.hpp\")\n"
CLEAN = {
    "core/base/units.hpp": "#pragma once\n// a ? b : c ? d : e, named in a comment\n",
    "core/base/units.cpp": 'const char* text = "x ? y : z ? 1 : 2";\n'
         'int f(int a) { return a ? 1 : 2; }\n',
    "core/model/net.hpp": '#pragma once\n#include "core/base/units.hpp"\n',
    "include/bdh/error.hpp": "#pragma once\n#include <string>\n",
    "tests/unit/core_test.cpp": "int g(bool a, bool b) { return f(a ? 1 : 2, b ? 1 : 2); }\n",
    "tests/cli/test_cli.py": "# A task is no word of the list.\n",
    "cmake/install.cmake": INSTALL,
    "CMakeLists.txt": "project(bdh)\n",
    "cmake/build.sh": "#!/bin/sh\n",
    ".ci/run": "#!/usr/bin/env bash\n",
    "docs/files.md": "A long line of text. " * 20 + "\n",
    "tests/data/words.txt": "x" * 200 + " nobod" + "y was tol" + "d\n",
}


def body(lines):
    return "{\n" + "  ++n;\n" * (lines - 2) + "}\n"


def of_class(members, lines):
    return ("class wide {\n public:\n  int size() const;\n" + "  int a = 0;\n" * members
            + "\n" * (lines - 4 - members) + "};\n")


LONG = "x" * 101
# Rule, file, what is put at its end, line of the violation after the clean text's last.
PLANTED = [
    ("include", "core/base/units.hpp", '#include "core/model/net.hpp"\n', 1),
    ("columns", "core/base/units.cpp", f"// {LONG}\n", 1),
    ("columns", "tests/cli/test_cli.py", f"# {LONG}\n", 1),
    ("columns", "CMakeLists.txt", f"# {LONG}\n", 1),
    ("columns", "cmake/build.sh", f"# {LONG}\n", 1),
    ("columns", ".ci/run", f"# {LONG}\n", 1),
    ("file", "core/base/units.cpp", "\n" * 400, None),
    ("function", "core/base/units.cpp", "int& g(int& n) " + body(61), 1),
    ("function", "core/base/units.cpp", "namespace a {\nstruct b {\n  void c() " + body(61)
     + "};\n}\n", 3),
    ("function", "core/base/units.cpp", "a::a(int v)\n    : n_{v},\n      m_(v) " + body(59), 1),
    ("class", "core/base/units.hpp", of_class(3, 251), 1),
    ("class", "core/base/units.hpp", of_class(26, 40), 1),
    ("class", "core/base/units.hpp", "struct s {\n" + "  std::map<int, int> a, b;\n" * 13 + "};\n",
     1),
    ("conditional", "core/base/units.cpp", "int h(int a) { return a ? 1 : a > 2 ? 3 : 4; }\n", 1),
    ("conditional", "tests/unit/core_test.cpp",
     "int h(int a) {\n  return a ? f(a ? 1 : 2) : 4;\n}\n", 2),
    ("json", "core/base/units.cpp", "auto t = all.dump(1);\n", 1),
    ("json", "core/base/units.cpp", "auto t = all->dump();\n", 1),
    ("word", "core/base/units.hpp", "// nobod" + "y reads this\n", 1),
    ("word", "core/base/units.cpp", "void tel" + "l_all();\n", 1),
    ("word", "core/base/units.cpp", 'const char* m = "as aske' + 'd";\n', 1),
    ("word", "docs/files.md", "Who" + "ever reads this.\n", 1),
    ("word", "tests/cli/test_cli.py", "def test_it_is_tol" + "d(self):\n", 1),
    ("word", "core/base/units.cpp", "class onlook" + "er;\n", 1),
]
WITHIN = [
    ("core/base/units.cpp", "// " + "x" * 97 + "\n"),
    ("core/base/units.cpp", "\n" * 398),
    ("core/base/units.cpp", "int& g(int& n) " + body(60)),
    ("core/base/units.hpp", of_class(25, 250)),
    ("core/base/units.cpp", "int h(bool a, bool b) { return (a ? 1 : 2) + (b ? 1 : 2); }\n"),
    ("core/base/units.cpp", "auto k = values{a ? 1 : 2, b ? 3 : 4};\n"),
    ("tests/unit/core_test.cpp", "int& g(int& n) " + body(100)),
    ("tests/unit/core_test.cpp", "auto t = all.dump(1);\n"),
    ("core/base/units.cpp", "auto t = all.dump(1, ' ', false, json::error_handler_t::replace);\n"),
]


class HouseRules(unittest.TestCase):
    def found(self, name="", planted=""):
        with tempfile.TemporaryDirectory() as root:
            for path, text in CLEAN.items():
                path = Path(root) / path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            if name:
                with open(Path(root) / name, "a") as f:
                    f.write(planted)
            return list(house_rules.violations(root))

    def test_a_clean_tree_passes(self):
        self.assertEqual(self.found(), [])

    def test_every_planted_violation_is_found_where_it_is(self):
        for rule, name, planted, line in PLANTED:
            with self.subTest(rule=rule, name=name, planted=planted[:60]):
                found = self.found(name, planted)
                self.assertEqual([violation[0] for violation in found], [rule], found)
                at = 1 if line is None else CLEAN[name].count("\n") + line
                self.assertEqual(found[0][1], f"{name}:{at}")

    def test_what_lies_within_a_limit_passes(self):
        for name, planted in WITHIN:
            with self.subTest(name=name, planted=planted[:60]):
                self.assertEqual(self.found(name, planted), [])

    def test_installed_headers_are_counted(self):
        least, most = house_rules.INSTALLED_HEADERS
        loop = ('foreach(folder core graph)\n  install(DIRECTORY ${folder} DESTINATION include\n'
                '    FILES_MATCHING PATTERN "*.hpp")\nendforeach()\n')
        docs = 'install(DIRECTORY docs DESTINATION doc FILES_MATCHING PATTERN "*.md")\n'
        for text, folder, headers, violations in (
                (INSTALL, "include/bdh", most, 0), (INSTALL, "include/bdh", most + 1, 1),
                (INSTALL + loop, "graph/structure", most, 0), (loop, "core", most + 1, 1),
                (docs, "include/bdh", 3, 1), (INSTALL + docs, "include/bdh", least, 0)):
            with self.subTest(text=text, folder=folder, headers=headers):
                self.assertEqual(self.headers(text, [f"{folder}/h{k}.hpp" for k in range(headers)]),
                                 violations)
        self.assertEqual(self.headers(INSTALL, ["include/bdh/ids_detail.hpp"]), 1)

    def headers(self, install, names):
        with tempfile.TemporaryDirectory() as root:
            for name, text in [("cmake/install.cmake", install), *((name, "") for name in names)]:
                path = Path(root) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return len(list(house_rules.header_violations(Path(root))))

    def test_an_exception_names_its_reason(self):
        for (rule, name), reason in house_rules.ALLOWED.items():
            self.assertTrue(rule and name and len(reason) > 10, name)

    def test_scopes_of_what_the_code_has(self):
        text = """template <class T>
struct pair_of {
  T a{}, b{};
  std::function<void(int, int)> call;
  static constexpr int size = 2;
  enum class kind { one, two };
  explicit pair_of(T v) : a{v}, b{v} {}
  bool operator()(int k) const noexcept { return k < size; }
};
extern const std::vector<int> table{1, 2, 3};
auto f() -> int {
  const auto g = [](int a) { return a; };
  return g(1);
}
"""
        found = {scope.name: scope for scope in cpp_text.scopes(text)}
        classes = [scope for scope in cpp_text.scopes(text) if scope.kind == "class"]
        self.assertEqual([(c.first, c.last, c.members) for c in classes], [(1, 9, 3)])
        self.assertEqual((found["f"].first, found["f"].last), (11, 14))


if __name__ == "__main__":
    unittest.main()
