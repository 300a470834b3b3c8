"""Every notebook of examples/notebooks runs from its first cell to its last. With --write FOLDER
the executed notebooks are written there, as those in the repository were made. The one that needs
PyTorch is skipped where this Python has none."""
import glob
import importlib.util
import os
import sys
import unittest

import nbformat
from nbclient import NotebookClient
from support import SOURCE

WRITE = sys.argv[sys.argv.index("--write") + 1] if "--write" in sys.argv else None
FOLDER = os.path.join(SOURCE, "examples/notebooks")


class Notebooks(unittest.TestCase):
    def test_each(self):
        files = sorted(glob.glob(os.path.join(FOLDER, "*.ipynb")))
        self.assertEqual(len(files), 6)
        os.environ["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
        for file in files:
            with self.subTest(file=os.path.basename(file)):
                notebook = nbformat.read(file, as_version=4)
                nbformat.validate(notebook)
                if any("import torch" in c["source"] for c in notebook.cells) and \
                        not importlib.util.find_spec("torch"):
                    print(f"skipped: {os.path.basename(file)}: no PyTorch in this Python")
                    continue
                NotebookClient(notebook, timeout=900, kernel_name="python3",
                               resources={"metadata": {"path": FOLDER}}).execute()
                shown = [o for c in notebook.cells for o in c.get("outputs", ())]
                self.assertFalse([o for o in shown if o["output_type"] == "error"])
                self.assertFalse([o for o in shown if o.get("name") == "stderr"], shown)
                if WRITE:
                    for cell in notebook.cells:
                        cell.get("metadata", {}).pop("execution", None)
                    nbformat.write(notebook, os.path.join(WRITE, os.path.basename(file)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
