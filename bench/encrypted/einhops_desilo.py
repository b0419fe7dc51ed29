#!/usr/bin/env python3
"""The published algorithm of EinHops (arXiv 2507.07972) on the engine that its code uses, desilofhe.

    einhops_desilo.py NAME=EXPRESSION=SHAPES... (shapes: 128x128,128)

Run by bench-encrypted where PLIANT_PEER_DESILO names a Python that has desilofhe and numpy. Written from the paper's
description: one row-major layout of all labels (reduced ones outside), alignment by diagonals with 128 hoisted baby steps
and giant steps of 128, copies by doubling, a tree of products, sums by halving, a mask. What its code spends besides (an
encryption of zero for every giant step) is left out. CPU time of one thread, medians of up to three; encoding apart. One
JSON row a benchmark.
"""
import itertools
import json
import statistics
import sys
import time

import desilofhe
import numpy as np

BABIES = 128
clock = time.process_time


class Machine:
    """Operations with their keys, made when first asked for, and what encoding took."""

    def __init__(self):
        self.engine = desilofhe.Engine(max_level=17, mode="cpu", thread_count=1)
        self.secret = self.engine.create_secret_key()
        self.public = self.engine.create_public_key(self.secret)
        self.relinearization = self.engine.create_relinearization_key(self.secret)
        self.slots = self.engine.slot_count
        self.keys = {}
        self.key_seconds = self.encode_seconds = 0
        self.rotations = self.products = 0

    def key(self, steps):  # to the left
        begin = clock()
        if steps not in self.keys:
            self.keys[steps] = self.engine.create_fixed_rotation_key(self.secret, steps, 5)
        self.key_seconds += clock() - begin
        return self.keys[steps]

    def rotate(self, a, steps):
        self.rotations += 1
        return self.engine.rotate(a, self.key(steps))

    def rotate_many(self, a, steps):
        self.rotations += len(steps)
        return self.engine.rotate_many(a, [self.key(each) for each in steps])

    def multiply_plain(self, a, values):
        self.products += 1
        begin = clock()
        plain = self.engine.encode(values, a.level)
        self.encode_seconds += clock() - begin
        return self.engine.multiply(a, plain)

    def multiply(self, a, b):
        level = min(a.level, b.level)
        a, b = (each if each.level == level else self.engine.level_down(each, level) for each in (a, b))
        return self.engine.multiply(a, b, self.relinearization)


def padded(size):
    return 1 << (size - 1).bit_length()


def strides_of(labels, sizes):
    strides, at = {}, 1
    for label in reversed(labels):
        strides[label] = at
        at *= padded(sizes[label])
    return strides


def indices(labels, sizes, strides):
    at = np.zeros([sizes[label] for label in labels], dtype=np.int64)
    for axis, label in enumerate(labels):
        shape = [1] * len(labels)
        shape[axis] = sizes[label]
        at += (np.arange(sizes[label]) * strides[label]).reshape(shape)
    return at.ravel()


def aligned(machine, a, labels, sizes, strides):
    own = strides_of(labels, sizes)
    if all(own[label] == strides[label] for label in labels):
        return a
    source, target = indices(labels, sizes, own), indices(labels, sizes, strides)
    diagonals = {}
    for shift, slot in zip((source - target) % machine.slots, target):
        diagonals.setdefault(int(shift), []).append(slot)
    babies = sorted({shift % BABIES for shift in diagonals})
    turned = [each for each in babies if each]
    rotated = dict(zip(turned, machine.rotate_many(a, turned) if turned else []))
    rotated[0] = a
    total = None
    for giant, group in itertools.groupby(sorted(diagonals), lambda shift: shift // BABIES * BABIES):
        part = None
        for shift in group:
            mask = np.zeros(machine.slots)
            mask[(np.array(diagonals[shift]) + giant) % machine.slots] = 1
            product = machine.multiply_plain(rotated[shift % BABIES], mask)
            part = product if part is None else machine.engine.add(part, product)
        if giant:
            part = machine.rotate(part, giant)
        total = part if total is None else machine.engine.add(total, part)
    return total


def einsum(machine, expression, ciphers, sizes):
    operands, out = expression.split("->")
    operands = operands.split(",")
    reduced = [label for label in dict.fromkeys("".join(operands)) if label not in out]
    order = reduced + list(out)
    strides = strides_of(order, sizes)
    factors = []
    for a, labels in zip(ciphers, operands):
        a = aligned(machine, a, labels, sizes, strides)
        for label in order:
            step = strides[label]
            while label not in labels and step < strides[label] * padded(sizes[label]):
                a = machine.engine.add(a, machine.rotate(a, -step))
                step *= 2
        factors.append(a)
    while len(factors) > 1:
        pairs = [factors[i : i + 2] for i in range(0, len(factors), 2)]
        factors = [machine.multiply(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    a = factors[0]
    step = int(np.prod([padded(sizes[label]) for label in out], dtype=np.int64))
    end = step * int(np.prod([padded(sizes[label]) for label in reduced], dtype=np.int64))
    while step < end:
        a = machine.engine.add(a, machine.rotate(a, step))
        step *= 2
    mask = np.zeros(machine.slots)
    mask[indices(list(out), sizes, strides)] = 1
    return machine.multiply_plain(a, mask), indices(list(out), sizes, strides)


def run(machine, name, expression, shapes):
    operands = expression.split("->")[0].split(",")
    sizes = {label: size for labels, shape in zip(operands, shapes) for label, size in zip(labels, shape)}
    level = 4 if len(operands) > 2 else 3
    tensors = [np.random.default_rng(1).uniform(-1, 1, shape) for shape in shapes]
    ciphers = []
    for labels, tensor in zip(operands, tensors):
        slots = np.zeros(machine.slots)
        slots[indices(labels, sizes, strides_of(labels, sizes))] = tensor.ravel()
        ciphers.append(machine.engine.encrypt(slots, machine.public, level))
    times, encodes = [], []
    while len(times) < 3 and sum(times) < 500:
        machine.key_seconds = machine.encode_seconds = 0
        machine.rotations = machine.products = 0
        begin = clock()
        result, where = einsum(machine, expression, ciphers, sizes)
        whole = clock() - begin - machine.key_seconds
        times.append(1e3 * (whole - machine.encode_seconds))
        encodes.append(1e3 * machine.encode_seconds)
    error = np.abs(machine.engine.decrypt(result, machine.secret)[where] - np.einsum(expression, *tensors).ravel()).max()
    row = {"name": name, "ms": statistics.median(times), "encode_ms": statistics.median(encodes)}
    row |= {"rotations": machine.rotations, "products": machine.products, "error": float(error)}
    print(json.dumps(row), flush=True)


def main():
    machine = Machine()
    for text in sys.argv[1:]:
        name, expression, shapes = text.replace("->", ">").split("=")
        shapes = [tuple(int(size) for size in shape.split("x")) for shape in shapes.split(",")]
        run(machine, name, expression.replace(">", "->"), shapes)


if __name__ == "__main__":
    main()
