"""Quantises one matrix of llama/ by the rule of MLX's documentation, in numpy alone: mlx.safetensors.

Per group of 32 along a row: the end of the range that is farther from zero is put on the grid, with zero; code =
round((w - bias) / scale), w = scale * code + bias. Codes stand in u32 words, the first in the lowest bits. Checked once
against mlx.core.quantize where that is installed.
"""
import pathlib

import numpy as np
from safetensors.numpy import load_file, save_file

here = pathlib.Path(__file__).parent
w = load_file(here / "llama/model.safetensors")["model.layers.0.self_attn.q_proj.weight"].astype(np.float32)
out = {}
for bits in (4, 8):
    groups = w.reshape(w.shape[0], -1, 32)
    low, high, steps = groups.min(-1), groups.max(-1), np.float32(2**bits - 1)
    far = np.abs(low) > np.abs(high)
    scale = np.maximum((high - low) / steps, np.float32(1e-7))
    scale = np.where(far, scale, -scale)
    edge = np.where(far, low, high)
    at = np.rint(edge / scale)
    scale, bias = np.where(at != 0, edge / np.where(at != 0, at, 1), scale), np.where(at != 0, edge, 0)
    codes = np.clip(np.rint((groups - bias[..., None]) / scale[..., None]), 0, steps).astype(np.uint32)
    values = codes.astype(np.float32) * scale[..., None] + bias[..., None]
    words = codes.reshape(w.shape[0], -1, 32 // bits)
    shifts = np.arange(32 // bits, dtype=np.uint32) * np.uint32(bits)
    packed = (words << shifts).sum(-1).astype(np.uint32)
    out |= {f"{bits}.weight": packed, f"{bits}.scales": scale.astype(np.float32),
            f"{bits}.biases": bias.astype(np.float32), f"{bits}.values": values.reshape(w.shape).astype(np.float32)}
    try:
        import mlx.core as mx
    except ImportError:
        continue
    q, s, b = mx.quantize(mx.array(w), group_size=32, bits=bits)
    print(bits, "bits: words equal to mlx:", (np.array(q) == packed).all(), "scales within",
          np.abs(np.array(s) - scale).max(), "biases within", np.abs(np.array(b) - bias).max())
save_file(out, here / "mlx.safetensors")
