"""Cuts the reference vectors down to what the tests read: cut.py FOLDER-OF-THE-WHOLE-ONES."""
import json
import struct
import sys
from array import array

INDICES = ["score_sum", "argsort", "selected", "thrown", "merge_into", "len_after", "removed_index_layer0"]
CACHES = ["k", "v", "k_prefill", "v_prefill", "step_k", "step_v", "k_final", "v_final"]
ENTRIES = ["score", "keep", "drop", "merge_slot", "k_pre", "v", "k_evict", "v_evict", "k_mean_postrope",
           "v_mean", "k_wmean_postrope", "v_wmean"]
QUERIES = ["fixed_kvhead_norm_gqa_r20", "fixed_window16_gqa_r30"]  # whose scores are computed again


def read(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    meta = header.pop("__metadata__", {})
    tensors = {}
    for name, each in header.items():
        first, last = each["data_offsets"]
        values = array("f" if each["dtype"] == "F32" else "i")
        values.frombytes(data[8 + size + first:8 + size + last])
        tensors[name] = (each["dtype"], each["shape"], values)
    return meta, tensors


def cut(tensor, axis, count):  # keeps the first `count` of an axis
    dtype, shape, values = tensor
    axis %= len(shape)
    count = min(count, shape[axis])
    inner = 1
    for size in shape[axis + 1:]:
        inner *= size
    block = shape[axis] * inner
    kept = array(values.typecode)
    for start in range(0, len(values), block):
        kept.extend(values[start:start + count * inner])
    return dtype, shape[:axis] + [count] + shape[axis + 1:], kept


def write(path, meta, tensors):
    header, data = {"__metadata__": meta}, b""
    for name, (dtype, shape, values) in tensors.items():
        part = values.tobytes()
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


def official(folder, name, caches):
    meta, tensors = read(f"{folder}/{name}.safetensors")
    kept = {each: tensors[each] for each in INDICES if each in tensors}
    for each in CACHES if caches else []:  # two KV heads, four of their numbers
        kept[each] = cut(cut(tensors[each], -1, 4), -3, 2)
    write(f"{name}.safetensors", meta, kept)


def corrected(folder, name):
    meta, tensors = read(f"{folder}/{name}.safetensors")
    names = ENTRIES + (["q_pre"] if name in QUERIES else [])
    write(f"{name}.safetensors", meta, {each: cut(tensors[each], 0, 1) for each in names})  # layer 0


def name_of(part):  # of a weight, as our models have it
    words = part.split(".")
    if words[0] != "b":
        return {"emb": "embedding.weight", "nf": "norm.weight", "head": "head.weight"}[words[0]]
    return f"layers.{words[1]}." + {
        "n1": "attention.norm", "q": "attention.q", "k": "attention.k", "v": "attention.v", "o": "attention.output",
        "n2": "ffn.norm", "g": "ffn.gate", "u": "ffn.up", "dn": "ffn.down"}[words[2]] + ".weight"


def trained(folder):
    meta, tensors = read(f"{folder}/e2e_desc.safetensors")
    _, weights = read(f"{folder}/e2e_weights.safetensors")
    kept = {each: tensors[each] for each in ["prompt_embeds", "answer_ids"]}
    for policy in ["full", "local", "elastic_off", "fix_evict", "fix_mergekv", "sum_mergekv_logn"]:
        for each in [f"logits__{policy}__true", f"len__{policy}__true"]:
            kept[each] = tensors[each]
    for each in weights:
        if not each.startswith("p"):
            kept[name_of(each)] = weights[each]
    write("e2e.safetensors", meta, kept)


for case in ["r20", "r50", "r80", "gqa_r50", "start4_r50", "dist30_r50", "tiny_forget1", "long_r60"]:
    official(sys.argv[1], "elastic_" + case, True)
official(sys.argv[1], "elastic_batch2_latencymode_r50", False)
for case in ["layer_r50", "kvhead_gqa_r50", "kvhead_norm_gqa_r20", "window16_gqa_r30"]:
    corrected(sys.argv[1], "fixed_" + case)
trained(sys.argv[1])
