"""Latency of networks in Pliant and in ONNX Runtime, turn by turn in one run.

Needs Python's onnxruntime and numpy (for this comparison only), build/release/bench-latency and bench-native.

    python3 bench/peers/onnxruntime.py [NET.onnx ...] [--threads 1 2] [--rounds 5] [--seconds 1]

Without networks: the seven light ones and RFB-320 of $PLIANT_DATA. For each network and number of threads both sides
run for a second, five times in turn. Printed are the medians of the rounds' medians and their ratio, the least time of
all and its ratio (above 1: Pliant is slower); Pliant's GFLOP/s by its least time, counting the multiply-accumulates
of the plain sum; the arithmetic limit, which is those over the threads' measured multiply-add peak, and the share of
it that either side reached (Winograd's convolutions multiply less, and may pass it); and the largest difference of the
first output in units of its standard deviation, or - where the output is nearly constant. The input is the same;
weights are the file's. ONNX Runtime gets the model without its weights among the inputs, which lets it fold them.
"""
import sys

# This script has the name of the package it compares with; its own folder must not be searched.
sys.path.pop(0)

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import numpy
import onnxruntime

programs = pathlib.Path(__file__).resolve().parents[2] / "build/release"


def our_networks():
    graphs = pathlib.Path(os.environ["PLIANT_DATA"]) / "graphs"
    return [graphs / "onnx-models/version-RFB-320.onnx", *sorted((graphs / "onnx-light").glob("*.onnx"))]


def peak_gflops():
    """Of one thread: independent multiply-adds in registers."""
    done = subprocess.run([programs / "bench-native", "--peak"], capture_output=True, text=True, check=True)
    return float(re.search(r"peak ([0-9.]+) GFLOP/s", done.stdout)[1])


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def fields(data):
    """Of a protobuf message: (number, begin of the field, begin of its bytes or None, end)."""
    at = 0
    while at < len(data):
        begin = at
        key, at = varint(data, at)
        body = None
        if key & 7 == 0:
            _, at = varint(data, at)
        elif key & 7 == 2:
            size, body = varint(data, at)
            at = body + size
        else:
            at += 8 if key & 7 == 1 else 4
        yield key >> 3, begin, body, at


def name_in(data, number):
    return next((data[body:end] for field, _, body, end in fields(data) if field == number), b"")


def size_bytes(size):
    text = bytearray()
    while size > 127:
        text.append(size & 127 | 128)
        size >>= 7
    return bytes(text + bytes([size]))


def without_weight_inputs(model):
    """The model, its weights no longer listed as inputs: else ONNX Runtime folds nothing into them, and is slower.
    Before IR version 4 weights must be inputs, and count as constants."""
    if model[:1] == b"\x08" and varint(model, 1)[0] < 4:
        return model
    result = b""
    for field, begin, body, end in fields(model):
        graph = model[body:end] if field == 7 else b""
        weights = {name_in(graph[b:e], 8) for number, _, b, e in fields(graph) if number == 5}
        kept = b"".join(graph[a:e] for number, a, b, e in fields(graph)
                        if number != 11 or name_in(graph[b:e], 1) not in weights)
        result += b"\x3a" + size_bytes(len(kept)) + kept if field == 7 else model[begin:end]
    return result


def session_for(path, threads):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    model = without_weight_inputs(path.read_bytes())
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def peer_times(session, feed, seconds):
    for _ in range(3):
        session.run(None, feed)
    times = []
    while sum(times) < seconds or len(times) < 5:
        start = time.perf_counter()
        session.run(None, feed)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times), min(times)


def our_times(path, threads, seconds, folder):
    command = [programs / "bench-latency", path, "--threads", threads, "--seconds", seconds, "--input", folder / "x.npy", "--out", folder / "y.npy"]
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)
    return figures["median_ms"], figures["least_ms"], figures["macs"]


def compare(path, threads, rounds, seconds, folder, peak):
    described = session_for(path, threads).get_inputs()[0]
    x = numpy.random.default_rng(1).standard_normal(described.shape).astype(numpy.float32)
    numpy.save(folder / "x.npy", x)
    ours, peer = [], []
    for _ in range(rounds):
        ours.append(our_times(path, threads, seconds, folder))
        # A session of its own per round: its threads spin between runs and would slow the other side.
        session = session_for(path, threads)
        peer.append(peer_times(session, {described.name: x}, seconds))
        expected = session.run(None, {described.name: x})[0]
        del session
    flat = expected.std() < 1e-3 * numpy.abs(expected).max()
    difference = "-" if flat else f"{numpy.abs(numpy.load(folder / 'y.npy') - expected).max() / expected.std():.1e}"
    medians = [statistics.median(each[0] for each in side) for side in (ours, peer)]
    least = [min(each[1] for each in side) for side in (ours, peer)]
    gflop = 2e-9 * ours[0][2]
    limit = 1e3 * gflop / (peak * threads)
    print(f"{path.stem.removeprefix('light_'):<16} {threads:>7} {medians[0]:>9.2f} {medians[1]:>9.2f} "
          f"{medians[0] / medians[1]:>6.2f} {least[0]:>9.2f} {least[1]:>9.2f} {least[0] / least[1]:>6.2f} "
          f"{1e3 * gflop / least[0]:>8.1f} {limit:>9.2f} {100 * limit / least[0]:>5.0f} % {100 * limit / least[1]:>5.0f} % "
          f"{difference:>10}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", type=pathlib.Path)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1)
    asked = parser.parse_args()
    peak = peak_gflops()
    print(f"ms; ONNX Runtime {onnxruntime.__version__}; ratio = Pliant / ONNX Runtime; peak {peak:.0f} GFLOP/s per thread")
    print(f"{'network':<16} {'threads':>7} {'median':>9} {'ORT':>9} {'ratio':>6} {'least':>9} {'ORT':>9} {'ratio':>6} "
          f"{'GFLOP/s':>8} {'limit':>9} {'share':>7} {'ORT':>7} {'difference':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for path in asked.networks or our_networks():
            for threads in asked.threads:
                compare(path, threads, asked.rounds, asked.seconds, pathlib.Path(folder), peak)


main()
