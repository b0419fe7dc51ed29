"""Reduces a folder of reference data (README.md says what it holds) to what the tests read.

    python make.py REFERENCE
"""
import json
import math
import pathlib
import struct
import sys

source, here = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parent


def load(name):
    return json.loads((source / name).read_text())


def store(name, value):
    (here / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def tensors(name):
    data = (source / name).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    for key, entry in json.loads(data[8 : 8 + size]).items():
        if key != "__metadata__":
            begin, end = entry["data_offsets"]
            code = {"F32": "f", "F64": "d", "I64": "q"}[entry["dtype"]]
            yield key, entry["shape"], struct.unpack(f"<{(end - begin) // struct.calcsize(code)}{code}", data[8 + size + begin : 8 + size + end])


def store_floats(name, chosen):
    header, body = {}, b""
    for key, shape, values in chosen:
        begin = len(body)
        body += struct.pack(f"<{len(values)}f", *values)
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(body)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (here / name).write_bytes(struct.pack("<Q", len(text)) + text + body)


# Widths, depths and lists of every subnet, with what it costs.
rows = load("tables_shared.json")
store("subnets.json", rows["named"] + rows["random"] + rows["logit_subnets"])
store("space.json", load("space.json"))

# Names and shapes of the supernets' floating-point tensors.
store("tensors.json", {name: {each["name"]: each["shape"] for each in load(file)["tensors"]
                              if not each["name"].endswith(("num_batches_tracked", "relative_position_index"))}
                       for name, file in (("full", "supernet_tensors.json"), ("toy_a", "toy_a.json"), ("toy_b", "toy_b.json"))})

# The scaled-down supernets: subnets, sides and losses.
for toy in "toy_a", "toy_b":
    whole = load(f"{toy}.json")
    store(f"{toy}.json", {
        "stage_sides": whole["stage_sides"],
        "parameter_count": whole["parameter_count"],
        "subnets": {name: {"arch": each["arch"], "flops": each["flops_official_counter"]} for name, each in whole["subnets"].items()},
        "gradients": {name: {key: each[key] for key in ("image_tag", "image_shape", "labels", "loss_f64")}
                      for name, each in whole["gradients"].items()}})

# Logits of the double-precision runs: one subnet per resolution, and one whose image is resized.
full = [f"rl0{i}" for i in range(6)] + ["T1", "S2", "T1_from_224"]
store_floats("logits.safetensors",
             [(key.removesuffix(".f64"), shape, values) for key, shape, values in tensors("logits.safetensors")
              if key.endswith(".f64") and key.removesuffix(".f64") in full]
             + [(f"{toy}.{key.removesuffix('.f64')}", shape, values) for toy in ("toy_a", "toy_b")
                for key, shape, values in tensors(f"{toy}_logits.safetensors") if key.endswith(".f64")])

# Statistics of the stages, and their first values.
store("stages.json", {name: load("stages.json")[name] for name in ("T1", "S2")})
store_floats("inside_T1.safetensors", [each for each in tensors("stages_T1.safetensors") if each[0].startswith("T0.0.") and "block" in each[0]])

# One training step each: logits before it, running statistics and evaluation logits after it.
store_floats("training.safetensors",
             [(f"{run}.{key}", shape, values) for run in ("r0", "r1") for key, shape, values in tensors(f"toy_a_grads_{run}.safetensors")
              if key in ("train_logits", "eval_logits_after") or (key.startswith("after.") and not key.endswith("num_batches_tracked"))])


# Gradients of one step: per tensor its norm, its sum, its product with a probe, and how many entries are not 0.
def probe(name):
    seed = 14695981039346656037
    for letter in ("probe." + name).encode():
        seed = (seed ^ letter) * 1099511628211 % 2**64
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) % 2**64
        z = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        yield ((z ^ (z >> 31)) >> 11) * 2.0**-52 - 1


def digest(name, values):
    return [math.sqrt(sum(x * x for x in values)), sum(values), sum(x * u for x, u in zip(values, probe(name))), sum(x != 0 for x in values)]


def short(entry):
    return [float(f"{x:.9g}") for x in entry[:3]] + [entry[3]]


def listed(digests):
    return {each["name"]: short([each[key] for key in ("l2", "sum", "probe_dot", "nonzero")]) for each in digests}


steps = {f"toy_a.{run}": {key.removeprefix("grad."): short(digest(key.removeprefix("grad."), values))
                          for key, _, values in tensors(f"toy_a_grads_{run}.safetensors") if key.startswith("grad.")}
         for run in ("r0", "r1")}
for run, each in load("toy_b.json")["gradients"].items():
    steps[f"toy_b.{run}"] = listed(each["digest"])
t1 = load("grad_digest_T1.json")
steps["T1"] = listed(t1["parameters"])
store("gradients.json", {"T1": {key: t1[key] for key in ("image_tag", "image_shape", "labels", "loss_f64")}, "digests": steps})
