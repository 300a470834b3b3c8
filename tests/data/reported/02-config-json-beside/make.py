"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import save, state

save({"model": state(rotation=False)}, "model.pt")
save({"model": state()}, "table.pt")
