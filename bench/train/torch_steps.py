#!/usr/bin/env python3
"""Training steps of an OpenELM shape in PyTorch, written as its users would: one CPU thread, autocast to bf16 if asked,
scaled_dot_product_attention, rms_norm, AdamW in its fused form, clipping by the norm; eager, and through torch.compile.

    torch_steps.py SHAPE (JSON)

Run by bench-train where PLIANT_PEER_TORCH names a Python with torch. Answers each line "eager" or "compiled" of standard
input with the CPU seconds of one step. Both begin with the same weights; what is compiled is compiled at its first step.
"""
import contextlib
import json
import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, head, heads, kv_heads, ffn):
        super().__init__()
        self.head, self.heads, self.kv_heads = head, heads, kv_heads
        self.attn_norm, self.ffn_norm = nn.RMSNorm(width, eps=1e-6), nn.RMSNorm(width, eps=1e-6)
        self.q_norm, self.k_norm = nn.RMSNorm(head, eps=1e-6), nn.RMSNorm(head, eps=1e-6)
        self.qkv = nn.Linear(width, (heads + 2 * kv_heads) * head, bias=False)
        self.out = nn.Linear(heads * head, width, bias=False)
        self.proj_1 = nn.Linear(width, 2 * ffn, bias=False)
        self.proj_2 = nn.Linear(ffn, width, bias=False)

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        qkv = self.qkv(self.attn_norm(x)).view(batch, length, -1, self.head).transpose(1, 2)
        q, k, v = qkv.split([self.heads, self.kv_heads, self.kv_heads], dim=1)
        q, k = (turned(norm(each), cos, sin).to(v.dtype) for norm, each in ((self.q_norm, q), (self.k_norm, k)))
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, length, -1))
        gate, up = self.proj_1(self.ffn_norm(x)).chunk(2, dim=-1)
        return x + self.proj_2(F.silu(gate) * up)


def turned(x, cos, sin):
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class Model(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.embedding = nn.Embedding(shape["vocabulary"], shape["width"])
        self.blocks = nn.ModuleList(Block(shape["width"], shape["head"], *each) for each in shape["layers"])
        self.norm = nn.RMSNorm(shape["width"], eps=1e-6)
        frequencies = 10000 ** (-torch.arange(0, shape["head"], 2) / shape["head"])
        angles = torch.outer(torch.arange(shape["sequence"]).float(), frequencies)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, ids, target):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        logits = F.linear(self.norm(x), self.embedding.weight).float().flatten(0, 1)
        z = torch.logsumexp(logits, dim=-1)
        return F.cross_entropy(logits, target.flatten()) + 1e-4 * z.square().mean()


class Trainee:
    def __init__(self, shape, compiled):
        torch.manual_seed(1)
        self.model = Model(shape)
        self.loss = torch.compile(self.model) if compiled else self.model
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
        self.ids = torch.randint(shape["vocabulary"], (shape["batch"], shape["sequence"]))
        self.target = torch.randint(shape["vocabulary"], (shape["batch"], shape["sequence"]))
        self.bf16 = shape["bf16"]

    def step(self):
        begin = time.process_time()
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16) if self.bf16 else contextlib.nullcontext():
            loss = self.loss(self.ids, self.target)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return time.process_time() - begin


def main():
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    torch.set_num_threads(1)
    shape = json.loads(sys.argv[1])
    trainees = {"eager": Trainee(shape, False), "compiled": Trainee(shape, True)}
    print("ready", file=told, flush=True)
    for line in sys.stdin:
        print(trainees[line.strip()].step(), file=told, flush=True)


main()
