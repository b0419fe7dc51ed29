"""Makes the vectors beside it with the Python package gguf (0.19): python make.py FOLDER

TYPE.blocks  random blocks with finite scales    TYPE.f32  what the package decodes them to
input.f32    values of several kinds             TYPE.encoded  the package's bytes for input.f32, where it encodes
"""
import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.quants import dequantize, quantize
from gguf.constants import GGML_QUANT_SIZES

TYPES = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4"]
ENCODED = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "MXFP4"]
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": []}


def random_blocks(name, rng):
    elements, size = GGML_QUANT_SIZES[T[name]]
    blocks = rng.integers(0, 256, (2048 // elements, size), dtype=np.uint8)
    for at in SCALES[name]:
        scale = rng.normal(0, 0.01, len(blocks)).astype(np.float16)
        scale[0] = np.float16(6e-8)  # subnormal
        scale[1] = np.float16(0)
        blocks[:, at:at + 2] = scale.view(np.uint8).reshape(-1, 2)
    if name == "MXFP4":
        blocks[:, 0] = rng.integers(0, 140, len(blocks))
        blocks[:4, 0] = [0, 1, 2, 252]
    return blocks


def values(rng):
    """4096 values: normal, heavy-tailed, constant, tiny, large, one-sided, with an outlier, ties."""
    kinds = [rng.normal(0, 0.02, 1024), rng.standard_t(2, 512) * 0.1, np.full(256, 0.37), np.zeros(256),
             rng.normal(0, 1e-6, 256), rng.normal(0, 1e3, 256), rng.uniform(1, 2, 512), -rng.uniform(0, 1, 256),
             np.where(np.arange(256) % 64 == 5, 40.0, rng.normal(0, 0.1, 256)),
             rng.integers(-8, 8, 512) / 4.0]
    return np.concatenate(kinds).astype(np.float32)


def main(folder):
    rng = np.random.default_rng(20240901)
    for name in TYPES:
        blocks = random_blocks(name, rng)
        (folder / f"{name}.blocks").write_bytes(blocks.tobytes())
        (folder / f"{name}.f32").write_bytes(dequantize(blocks, T[name]).astype("<f4").tobytes())
    given = values(rng)
    (folder / "input.f32").write_bytes(given.astype("<f4").tobytes())
    for name in ENCODED:
        (folder / f"{name}.encoded").write_bytes(quantize(given, T[name]).tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
