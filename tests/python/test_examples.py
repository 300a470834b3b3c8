"""The examples of docstrings and of docs/python.md run, and print what they say."""
import doctest
import os
import re
import sys
import tempfile
import unittest

import bdhsim as bs
from support import SOURCE, Models

models = Models()


def load_tests(loader, tests, pattern):
    """Docstrings."""
    for name in ("_model", "_simulator", "_state", "_values", "_run", "_sweep", "_measures"):
        module = sys.modules[f"bdhsim.{name}"]
        tests.addTests(doctest.DocTestSuite(module, extraglobs={"example_model": models.trained},
                                            optionflags=doctest.ELLIPSIS))
    return tests


class Page(unittest.TestCase):
    def test_docs_python(self):
        """All blocks of the page, one after the other, in an empty folder with model.bdh.h5."""
        with open(os.path.join(SOURCE, "docs/python.md"), encoding="utf-8") as page:
            blocks = re.findall(r"```python\n(.*?)```", page.read(), re.DOTALL)
        self.assertGreater(len(blocks), 8)
        before = os.getcwd()
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(models.trained, os.path.join(folder, "model.bdh.h5"))
            os.chdir(folder)
            try:
                names = {"__name__": "page"}
                for number, block in enumerate(blocks):
                    with self.subTest(number=number):
                        exec(compile(block, f"docs/python.md, block {number}", "exec"), names)
            finally:
                os.chdir(before)

    def test_every_public_name_is_on_the_page(self):
        with open(os.path.join(SOURCE, "docs/python.md"), encoding="utf-8") as page:
            text = page.read()
        for name in bs.__all__:
            self.assertIn(name, text)
        for name in dir(bs.Simulator):
            if not name.startswith("_"):
                self.assertIn(name, text, f"Simulator.{name}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
