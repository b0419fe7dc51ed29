"""Writes checkpoint.pt: weights of ../openelm/tiny_a as CoreNet saves them. See README.md."""

import collections

import torch
from safetensors.torch import load_file

LAYERS, TOKENS, ROWS = 2, 256, 288

torch.manual_seed(0)
state = collections.OrderedDict()
for name, tensor in load_file("../openelm/tiny_a/model.safetensors").items():
    name = name.removeprefix("transformer.")
    if name.startswith("layers.") and int(name.split(".")[1]) >= LAYERS:
        continue
    if name == "token_embeddings.weight":
        tensor = torch.cat([tensor[:TOKENS], torch.randn(ROWS - TOKENS, tensor.shape[1])])
    state[name] = tensor.clone()
state._metadata = collections.OrderedDict({"": {"version": 1}})  # as of Module.state_dict()
torch.save(state, "checkpoint.pt")
