"""Writes tensors as a .safetensors file: a length, a JSON header, the values."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import InputError
from ._types import Path

_NAMES = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32",
          "uint8": "U8", "bool": "BOOL"}


def write(file: Path, tensors: Mapping[str, Any]) -> None:
    header: dict[str, Any] = {}
    values: list[NDArray[Any]] = []
    at = 0
    for name, tensor in tensors.items():
        array = _array(name, tensor)
        header[name] = {"dtype": _NAMES[str(array.dtype)], "shape": list(array.shape),
                        "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
        values.append(array)
    text = json.dumps(header).encode()
    with open(file, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for array in values:
            f.write(array.tobytes())


def _array(name: str, tensor: Any) -> NDArray[Any]:
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        if str(tensor.dtype) == "torch.bfloat16":
            tensor = tensor.float()
        tensor = tensor.numpy()
    array = np.ascontiguousarray(tensor)
    if str(array.dtype) not in _NAMES:
        raise InputError(f"from_torch, {name}", f"a tensor of {array.dtype}", "float or integer")
    return array
