"""Runs the exported models in ONNX Runtime and saves their outputs here. See README.md."""
import pathlib
import sys

import numpy
import onnxruntime

here = pathlib.Path(__file__).parent
folder = pathlib.Path(sys.argv[1])
for path in sorted(folder.glob("*.onnx")):
    if path.stem.startswith("random_"):
        continue
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = {each.name: numpy.load(folder / f"{path.stem}_input_{i}.npy") for i, each in enumerate(session.get_inputs())}
    for i, output in enumerate(session.run(None, inputs)):
        numpy.save(here / f"{path.stem}_output_{i}.npy", output)
        print(path.stem, i, output.shape, output.std())
