"""Every public name of bdhsim, and every public member of its classes, has a docstring; those of
functions, methods, properties and classes have an example that runs, or the shape of what is
returned. Every parameter and result has an annotation."""
import ast
import inspect
import re
import sys
import typing
import unittest

import bdhsim as bs

SHAPE = re.compile(r"\((?:\w[\w ]*)(?:, [\w ]+)*\)|\(\d")  # (tokens, layers)


def public_classes():
    return [c for c in (getattr(bs, n) for n in bs.__all__) if inspect.isclass(c)]


def members(cls):
    """Public functions and properties, of bases in this package too."""
    for name in dir(cls):
        if name.startswith("_") and name != "__getitem__":
            continue
        for base in cls.__mro__:
            if name in vars(base):
                if base.__module__.startswith("bdhsim"):
                    yield name, vars(base)[name]
                break


def attributes_without_text(cls):
    """Annotated attributes of a class that no string follows."""
    tree = ast.parse(inspect.getsource(sys.modules[cls.__module__]))
    body = next(n for n in ast.walk(tree)
                if isinstance(n, ast.ClassDef) and n.name == cls.__name__).body
    for one, following in zip(body, body[1:] + [None]):
        if isinstance(one, ast.AnnAssign) and not one.target.id.startswith("_") and not (
                isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)):
            yield f"{cls.__name__}.{one.target.id}"


class Docstrings(unittest.TestCase):
    def test_names(self):
        for name in bs.__all__:
            doc = inspect.getdoc(getattr(bs, name)) or ""
            self.assertGreater(len(doc), 20, name)
            if name != "BuildInfo":
                self.assertTrue(">>>" in doc or SHAPE.search(doc), f"{name}: {doc}")

    def test_members(self):
        seen = 0
        for cls in public_classes():
            for name, member in members(cls):
                where = f"{cls.__name__}.{name}"
                if not callable(getattr(cls, name)) and not hasattr(member, "__get__"):
                    continue
                doc = inspect.getdoc(member) or ""
                self.assertGreater(len(doc), 4, where)
                seen += 1
                if cls is not bs.StepReport:
                    self.assertTrue(">>>" in doc or SHAPE.search(doc), f"{where}: {doc}")
        self.assertGreater(seen, 90)

    def test_attributes(self):
        for cls in public_classes():
            if cls not in (bs.StepReport, bs.BuildInfo):
                self.assertEqual(list(attributes_without_text(cls)), [])

    def test_annotations(self):
        def complete(function, where):
            function = inspect.unwrap(function)
            signature = inspect.signature(function)
            for p in list(signature.parameters.values())[1 if "." in where else 0:]:
                self.assertIsNot(p.annotation, inspect.Parameter.empty, f"{where}: {p.name}")
            self.assertIsNot(signature.return_annotation, inspect.Signature.empty, where)
        for name in bs.__all__:
            if inspect.isfunction(getattr(bs, name)):
                complete(getattr(bs, name), name)
        for cls in (c for c in public_classes() if c is not bs.StepReport):  # that has a stub
            for name, member in members(cls):
                where = f"{cls.__name__}.{name}"
                if isinstance(member, property):
                    complete(member.fget, where)
                elif inspect.isfunction(member):
                    complete(member, where)

    def test_annotations_can_be_evaluated(self):
        """But for those that name packages which are not needed to import the module."""
        for name in ("Circuit", "State", "Recording", "Intervention", "Token", "Round"):
            typing.get_type_hints(getattr(bs, name).__init__, None, {"Model": bs.Model})


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
