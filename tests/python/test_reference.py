"""The reference of the Python module is made without a warning, has every public name, and needs
nothing from elsewhere."""
import inspect
import os
import re
import subprocess
import sys
import tempfile
import unittest

import bdhsim as bs
from support import SOURCE


class Reference(unittest.TestCase):
    def test_pages(self):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([os.path.join(SOURCE, "docs/reference.sh"), sys.executable,
                                   folder], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            page = os.path.join(folder, "bdhsim.html")
            self.assertEqual(done.stdout.splitlines()[-1], page)
            with open(page, encoding="utf-8") as file:
                text = file.read()
        for name in bs.__all__:
            self.assertIn(f'id="{name}"', text)
            found = getattr(bs, name)
            if inspect.isclass(found) and name != "BuildInfo":
                for member in dir(found):
                    if not member.startswith("_") and member in vars(found):
                        self.assertIn(f'id="{name}.{member}"', text)
        # Links lead elsewhere, what is loaded does not.
        self.assertEqual(re.findall(r'(?:src|href)="(https?:[^"]*\.(?:js|css|woff2?))"', text), [])
        self.assertNotIn("<script src", text)
        # Examples are shown as code.
        self.assertNotIn("<p>&gt;&gt;&gt;", text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
