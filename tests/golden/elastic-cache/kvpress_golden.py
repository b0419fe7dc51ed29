"""Makes kvpress.safetensors: scores of cached tokens by the Python package kvpress, for two models of ../language.

    python3 kvpress_golden.py

For each of llama and qwen3 a prompt of 40 ids (`MODEL.ids`) and scores [layers, KV heads, 40]: `observed` (attention by
row), `window` (of the last 8 rows, without pooling; the last 8 tokens have the highest), `expected` and `expected_mean`
(with and without covariance, 4 sinks, 512 positions), `kvzip` (the prompt repeated behind itself, in one part). `value` is
no press: the attention that each query head gave, by row, times the 2-norm of what its part of o_proj makes of the value,
mean over a KV head's query heads. Made with kvpress 0.5.0, torch 2.15.0 and transformers 5.24.0 on the CPU, one thread,
f32, eager attention.
"""
import pathlib

import torch
import transformers
from kvpress import ExpectedAttentionPress, KVzipPress, ObservedAttentionPress, SnapKVPress
from kvpress.utils import extract_keys_and_values
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
length = 40
presses = {
    "observed": ObservedAttentionPress(),
    "window": SnapKVPress(window_size=8, kernel_size=1),
    "expected": ExpectedAttentionPress(),
    "expected_mean": ExpectedAttentionPress(use_covariance=False),
}


def value_scores(module, values, attentions):
    heads, width, groups = module.config.num_attention_heads, module.head_dim, module.num_key_value_groups
    made = torch.einsum("ohd,hjd->hjo", module.o_proj.weight.view(-1, heads, width),
                        values[0].repeat_interleave(groups, 0))
    by_row = attentions[0].sum(1) / torch.arange(values.shape[2], 0, -1)
    return (by_row * made.norm(dim=-1)).view(-1, groups, values.shape[2]).mean(1)


def scores_of(model, ids):
    result = {name: [] for name in [*presses, "value"]}

    def look(module, args, kwargs, output):
        keys, values = extract_keys_and_values(kwargs["cache"], module.layer_idx)
        for name, press in presses.items():
            result[name].append(press.score(module, kwargs["hidden_states"], keys, values, output[1], kwargs)[0])
        result["value"].append(value_scores(module, values, output[1]))

    cache = transformers.DynamicCache()
    hooks = [layer.self_attn.register_forward_hook(look, with_kwargs=True) for layer in model.model.layers]
    model(ids, past_key_values=cache)
    for hook in hooks:
        hook.remove()

    replay = KVzipPress()
    replay.context_length = replay.end_idx = length
    layers, heads = model.config.num_hidden_layers, model.config.num_key_value_heads
    replay.score_val = torch.zeros(layers, 1, heads, length)

    def look_again(module, args, kwargs, output):  # kvpress asks for the cache by its former name
        return replay.forward_hook(module, args, {**kwargs, "past_key_values": kwargs["cache"]}, output)

    hooks = [layer.self_attn.register_forward_hook(look_again, with_kwargs=True) for layer in model.model.layers]
    model(ids, past_key_values=cache)
    for hook in hooks:
        hook.remove()
    return {name: torch.stack(each) for name, each in result.items()} | {"kvzip": replay.score_val[:, 0]}


torch.set_num_threads(1)
tensors = {}
for name in ["llama", "qwen3"]:
    model = transformers.AutoModelForCausalLM.from_pretrained(here.parent / "language" / name, dtype=torch.float32,
                                                              attn_implementation="eager").eval()
    for layer in model.model.layers:
        layer.self_attn.rotary_emb = model.model.rotary_emb
    ids = torch.randint(3, model.config.vocab_size, (1, length), generator=torch.Generator().manual_seed(11))
    with torch.no_grad():
        scores = scores_of(model, ids)
    tensors[name + ".ids"] = ids[0].to(torch.int32)
    for kind, values in scores.items():
        tensors[f"{name}.{kind}"] = values.float().contiguous()
        print(name, kind, tuple(values.shape), f"{values.min():.3g} to {values.max():.3g}")
save_file(tensors, here / "kvpress.safetensors")
(here / "kvpress.safetensors").chmod(0o644)
