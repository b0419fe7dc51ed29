"""Reads GGUF files of ours with the Python package gguf and compares them with the file they were made from.

Needs Python's gguf and numpy (for this comparison only).

    python3 bench/peers/gguf_files.py ORIGINAL.gguf OURS.gguf ...

For each of our files: metadata and tensor names must be those of the original, every tensor of a kept type must have
its bytes, and every tensor must decode to values near the original's. Printed are the tensors by type with the relative
root mean square error that the package's own decoder finds.
"""
import collections
import sys

import numpy
from gguf import GGUFReader
from gguf.quants import dequantize

CHANGED = {"general.file_type", "general.quantization_version", "GGUF.kv_count", "GGUF.version", "GGUF.tensor_count"}


def values(tensor):
    data = tensor.data if tensor.data.dtype != numpy.uint8 else tensor.data.reshape(-1, tensor.data.shape[-1])
    return dequantize(data, tensor.tensor_type).astype(numpy.float64).reshape(-1)


def metadata(reader):
    return {key: field.contents() for key, field in reader.fields.items() if key not in CHANGED}


def compare(original, path):
    ours = GGUFReader(path)
    assert metadata(ours) == metadata(original), "metadata differs"
    assert [t.name for t in ours.tensors] == [t.name for t in original.tensors], "names differ"
    sums = collections.defaultdict(lambda: [0, 0.0, 0.0])
    for old, new in zip(original.tensors, ours.tensors):
        assert old.shape.tolist() == new.shape.tolist(), f"{new.name}: shape"
        if old.tensor_type == new.tensor_type:
            assert old.data.tobytes() == new.data.tobytes(), f"{new.name}: bytes"
        a, b = values(old), values(new)
        entry = sums[new.tensor_type.name]
        entry[0] += 1
        entry[1] += ((a - b) ** 2).sum()
        entry[2] += (a ** 2).sum()
    print(path)
    for name, (count, error, size) in sorted(sums.items()):
        print(f"  {name:7} {count:5} tensors, error {100 * (error / size) ** 0.5:.4f} %")
        assert error < 0.2 * size, name


if __name__ == "__main__":
    first = GGUFReader(sys.argv[1])
    for each in sys.argv[2:]:
        compare(first, each)
