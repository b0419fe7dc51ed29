"""Makes matrix.f32 and errors.txt with ggml's own quantiser: python make_errors.py LIBGGML_BASE FOLDER

LIBGGML_BASE is the shared library libggml-base (0.13.1, as in the Python package pywhispercpp 1.5.1). Every row of 1024
values is of one kind; errors.txt holds for each type and kind the root of the mean squared error of what ggml writes
without an importance matrix, divided by the root mean square of the values.
"""
import ctypes
import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

from make import ENCODED, TYPES

COLUMNS, ROWS = 1024, 8


def kinds(rng):
    shape = (ROWS, COLUMNS)
    outliers = rng.normal(0, 0.02, shape)
    outliers[:, rng.integers(0, COLUMNS, 8)] *= 30
    scales = np.repeat(np.exp(rng.normal(0, 1, (ROWS, COLUMNS // 16))), 16, axis=1)
    return {"normal": rng.normal(0, 0.02, shape), "laplace": rng.laplace(0, 0.02, shape),
            "student": rng.standard_t(4, shape) * 0.02, "uniform": rng.uniform(-0.05, 0.05, shape),
            "outliers": outliers, "scales": rng.normal(0, 0.02, shape) * scales,
            "positive": rng.gamma(2, 0.02, shape)}


def ggml_bytes(lib, name, values):
    elements, size = GGML_QUANT_SIZES[T[name]]
    out = np.zeros(values.size // elements * size, np.uint8)
    lib.ggml_quantize_chunk.restype = ctypes.c_size_t
    written = lib.ggml_quantize_chunk(
        ctypes.c_int(T[name]), values.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_int64(0), ctypes.c_int64(len(values)), ctypes.c_int64(values.shape[1]), None)
    assert written == out.size, (name, written, out.size)
    return out


def main(library, folder):
    lib = ctypes.CDLL(library)
    data = {kind: values.astype(np.float32) for kind, values in kinds(np.random.default_rng(20240902)).items()}
    (folder / "matrix.f32").write_bytes(np.concatenate(list(data.values())).astype("<f4").tobytes())
    given = np.frombuffer((folder / "input.f32").read_bytes(), "<f4").reshape(4, -1).copy()
    lines = []
    for name in TYPES:
        if name in ENCODED and name != "MXFP4":
            assert ggml_bytes(lib, name, given).tobytes() == (folder / f"{name}.encoded").read_bytes(), name
        for kind, values in data.items():
            decoded = dequantize(ggml_bytes(lib, name, values), T[name]).reshape(values.shape).astype(np.float64)
            error = np.sqrt(((decoded - values) ** 2).mean() / (values.astype(np.float64) ** 2).mean())
            lines.append(f"{name} {kind} {error:.9g}\n")
    (folder / "errors.txt").write_text("".join(lines))


main(sys.argv[1], Path(sys.argv[2]))
