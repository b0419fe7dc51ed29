"""TFLite files written by `pliant convert` and `pliant search export`, computed by LiteRT, against Pliant.

    python3 bench/peers/litert.py NET ... [--pliant build/release/pliant] [--random-weights]

Needs Python's ai-edge-litert and numpy (for this comparison only). A NET is what `pliant convert` opens; each is written
as TFLite, both sides get the same random input, and printed are the operators of the file and the largest difference of
each output as a share of its largest magnitude. Exits 1 beyond 1e-4.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy
from ai_edge_litert.interpreter import Interpreter


def in_file(x):
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def compared(pliant, net, folder, more):
    native = folder / "net.pliant"
    written = folder / "net.tflite"
    for path in native, written:
        subprocess.run([pliant, "convert", net, "--to", path.suffix[1:], "--out", path, "--force", "-q", *more], check=True)
    model = Interpreter(model_path=str(written))
    model.allocate_tensors()
    random = numpy.random.default_rng(1)
    command = [pliant, "run", native, "-q"]
    for i, each in enumerate(model.get_input_details()):
        shape = each["shape"]
        given = random.standard_normal([shape[k] for k in (0, 3, 1, 2)] if len(shape) == 4 else shape).astype(numpy.float32)
        numpy.save(folder / f"in{i}.npy", given)
        command += ["--input", f"{each['name']}={folder / f'in{i}.npy'}"]
        model.set_tensor(each["index"], in_file(given))
    for i, each in enumerate(model.get_output_details()):
        command += ["--out", f"{each['name']}={folder / f'out{i}.npy'}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    model.invoke()
    worst = 0
    for i, each in enumerate(model.get_output_details()):
        ours = in_file(numpy.load(folder / f"out{i}.npy")).astype(numpy.float64)
        theirs = model.get_tensor(each["index"]).astype(numpy.float64)
        assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
        scale = numpy.abs(ours).max() or 1
        worst = max(worst, float(numpy.abs(ours - theirs).max() / scale))
    return len(model._get_ops_details()), worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", nargs="+", metavar="NET")
    parser.add_argument("--pliant", default="build/release/pliant")
    parser.add_argument("--random-weights", action="store_true")
    arguments = parser.parse_args()
    bad = False
    for net in arguments.nets:
        with tempfile.TemporaryDirectory() as folder:
            try:
                operators, worst = compared(arguments.pliant, net, pathlib.Path(folder),
                                            ["--random-weights"] if arguments.random_weights else [])
            except subprocess.CalledProcessError:
                bad = True
                continue  # pliant has said why
        print(f"{net}: {operators} operators, largest difference {worst:.2g} of the largest magnitude", flush=True)
        bad |= not worst <= 1e-4
    sys.exit(bad)


if __name__ == "__main__":
    main()
