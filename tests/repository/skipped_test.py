#!/usr/bin/env python3
"""Is everything that a test left out in the list at the end of tests/run.sh, with its reason?
Planted tests, run by ctest itself."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
CTEST = sys.argv.pop(1) if len(sys.argv) > 1 else "ctest"


class Skipped(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def build(self, name, tests):
        """The tests, NAME: SHELL COMMAND, run as tests/run.sh runs them."""
        build = self.root / name
        build.mkdir()
        text = "".join(f"add_test({test} sh -c [==[{command}]==])\n"
                       f"set_tests_properties({test} PROPERTIES SKIP_RETURN_CODE 77)\n" for test,
                       command in tests.items())
        (build / "CTestTestfile.cmake").write_text(text)
        done = subprocess.run(["bash", "-c", '. "$0"; ctest_then_closing "$@"',
                               HERE.parent / "support/ctest_then_closing.sh", build, CTEST, "-j",
                               "3"], capture_output=True, text=True, cwd=self.root)
        return f"{name}={build}", done

    def listed(self, *builds):
        done = subprocess.run([sys.executable, "-B", HERE.parent / "support/skipped.py", *builds],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def test_tests_and_parts_of_tests_are_listed_with_their_reasons(self):
        build, done = self.build("dev", {
            "part": "echo skipped: comparison with avx512: no such processor; echo more",
            "same_part": "echo skipped: comparison with avx512: no such processor",
            "whole": "echo 'skipped: no clang'; exit 77",
            "silent": "exit 77",
            "long": "seq 200000; echo skipped: the rest: no time; seq 200000",
            "no_line_end": "printf 'skipped: tail: no line end'",
            "twice": "echo skipped: a: b; echo skipped: a: b",
            "several": "echo skipped: one: x; echo skipped: two: y; exit 77",
            "bytes": r"printf '\377\ncafe\303\251\nskipped: \303\251: \377\n'",
            "passes": "echo not skipped: c: d; echo '  skipped: e: f'",
            "fails": "echo skipped: part of a failing one: g; false",
        })
        self.assertEqual(done.returncode, 8, done.stdout + done.stderr)
        lines = self.listed(build)
        for expected in ("part, same_part: comparison with avx512: no such processor",
                         "whole: no clang", "silent: gave no reason", "long: the rest: no time",
                         "no_line_end: tail: no line end", "twice: a: b", "several: one: x",
                         "several: two: y",
                         "bytes: \N{LATIN SMALL LETTER E WITH ACUTE}: \N{REPLACEMENT CHARACTER}",
                         "fails: part of a failing one: g"):
            def parts(line):
                return set(line.strip().replace(":", ",").split(", "))
            same = [line.strip() for line in lines if parts(line) == parts(expected)]
            self.assertEqual(len(same), 1, (expected, lines))
        self.assertEqual(len(lines), 10, lines)

    def test_of_several_builds_each_is_named(self):
        dev, _ = self.build("dev", {"t": "echo skipped: a: b", "u": "true"})
        tsan, _ = self.build("tsan", {"t": "echo skipped: a: b", "u": "echo skipped: a: b"})
        self.assertEqual(self.listed(dev, tsan), ["  t [dev, tsan]: a: b", "  u [tsan]: a: b"])

    def test_nothing_skipped_is_reported(self):
        build, done = self.build("dev", {"t": "echo well"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.listed(build), ["  nothing: every test was run, and all of it"])

    def test_the_summary_is_kept_for_the_end(self):
        build, done = self.build("dev", {"t": "true", "u": "exit 77"})
        self.assertIn("Test #1: t", done.stdout)
        self.assertNotIn("tests passed", done.stdout)
        closing = (Path(build.split("=")[1]) / "Testing/Temporary/closing.txt").read_text()
        self.assertTrue(closing.startswith("100% tests passed, 0 tests failed out of 2"), closing)
        self.assertIn("2 - u (Skipped)", closing)


if __name__ == "__main__":
    unittest.main()
