"""The examples of docstrings and of docs/python.md run, and print what they say."""
import doctest
import json
import os
import re
import struct
import sys
import tempfile
import unittest

import bdhsim as bs
import numpy as np
from support import SOURCE, TRAINED, Models

models = Models()
EXPECTED = os.path.join(SOURCE, "examples/models/shakespeare-4096/expected.h5")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
m = bs.load(models.trained)
ring = bs.import_graph(([0, 1, 2, 2], [1, 2, 0, 1], [1.0, 1.0, 0.5, -0.25]),
                       sensory="random:1@1", layers=2)


def tensors_of(checkpoint):
    """The state_dict of a .safetensors file, as NumPy arrays."""
    with open(checkpoint, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(size)), file.read()
    header.pop("__metadata__", None)
    return {name: np.frombuffer(data[slice(*t["data_offsets"])],
                                {"F32": np.float32, "I64": np.int64, "BOOL": bool}[t["dtype"]])
            .reshape(t["shape"]) for name, t in header.items()}


class Names:
    """What a docstring's example begins with: a new simulator, an empty folder."""

    def set_up(self, test):
        self._before = os.getcwd()
        self._folder = tempfile.TemporaryDirectory()
        os.chdir(self._folder.name)
        test.globs.update(bs=bs, np=np, m=m, ring=bs.Model(ring._core), brain=bs.Simulator(m),
                          example_model=models.trained, example_checkpoint=TRAINED,
                          example_expected=EXPECTED, tensors_of=tensors_of)

    def tear_down(self, test):
        os.chdir(self._before)
        self._folder.cleanup()


def load_tests(loader, tests, pattern):
    """Docstrings: those of the Python files, and of what the extension has of the interface."""
    names = Names()
    modules = sorted(n for n in sys.modules if n.startswith("bdhsim._") and n != "bdhsim._core")
    assert len(modules) > 12, modules
    for name in modules:
        try:
            tests.addTests(doctest.DocTestSuite(name, setUp=names.set_up, tearDown=names.tear_down,
                                                optionflags=FLAGS))
        except ValueError:  # has no docstrings
            pass
    report = doctest.DocTestParser().get_doctest(bs.StepReport.__doc__, {}, "StepReport", None, 0)
    tests.addTest(doctest.DocTestCase(report, FLAGS, names.set_up, names.tear_down))
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
