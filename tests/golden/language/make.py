"""Makes the golden vectors of the language families with the Python packages torch and transformers.

    python make.py FAMILY ...      (all without arguments)

Per case: config.json as transformers writes it, model.safetensors (random weights, norms perturbed so that a forgotten
one shows), io.safetensors: ids [sequences, length] i64, logits f32, greedy [1, 24] i64, whose first
`prompt` [1] ids are given. Made with torch 2.15.0
and transformers 5.24.0 on the CPU, one thread, f32, eager attention.
"""
import pathlib
import sys

import torch
import transformers as t
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
common = dict(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=False)


def cases():
    yield "llama", t.LlamaConfig(**common, attention_bias=True, mlp_bias=True)
    yield "llama3_scaling", t.LlamaConfig(**{**common, "max_position_embeddings": 128, "tie_word_embeddings": True},
                                          rope_parameters=dict(rope_type="llama3", rope_theta=500.0, factor=8.0,
                                                               low_freq_factor=1.0, high_freq_factor=4.0,
                                                               original_max_position_embeddings=16))
    yield "llama_linear", t.LlamaConfig(**{**common, "num_hidden_layers": 1},
                                        rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=2.0))
    yield "qwen2", t.Qwen2Config(**common, use_sliding_window=True, sliding_window=8, max_window_layers=1)
    yield "qwen3", t.Qwen3Config(**{**common, "tie_word_embeddings": True}, head_dim=16)
    yield "gemma2", t.Gemma2Config(**{**common, "tie_word_embeddings": True}, head_dim=16, query_pre_attn_scalar=24,
                                   sliding_window=8, attn_logit_softcapping=2.0, final_logit_softcapping=3.0)
    phi = dict(pad_token_id=0, bos_token_id=1, eos_token_id=2)
    yield "phi3", t.Phi3Config(**common, **phi, sliding_window=8)
    # Half of each head is rotated. transformers takes the short factors for runs within the original context, so the
    # long case keeps all its runs beyond it.
    wide = {**common, "hidden_size": 64, "num_hidden_layers": 1, "max_position_embeddings": 128}
    for name, original in (("phi3_longrope_short", 64), ("phi3_longrope_long", 16)):
        yield name, t.Phi3Config(**wide, **phi, original_max_position_embeddings=original, rope_parameters=dict(
            rope_type="longrope", rope_theta=10000.0, partial_rotary_factor=0.5,
            original_max_position_embeddings=original, short_factor=[1.0, 1.1, 1.3, 1.7],
            long_factor=[1.5, 2.0, 3.0, 5.0]))
    yield "gpt2", t.GPT2Config(vocab_size=64, n_embd=32, n_layer=2, n_head=4, n_positions=64,
                               bos_token_id=1, eos_token_id=2)


def perturb(model):
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                parameter.add_(0.2 * noise)
            else:
                parameter.copy_(noise * (0.6 if "embed" in name or "wte" in name else 1.2 / parameter.shape[-1] ** 0.5))


def make(name, config):
    torch.manual_seed(1)
    config._attn_implementation = "eager"
    model = t.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    perturb(model)
    ids = torch.randint(3, config.vocab_size, (2, 24), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        logits = model(ids, use_cache=False).logits
        prompt = 20 if name == "phi3_longrope_long" else 8
        row = ids[:1, :prompt]
        for _ in range(24 - prompt):
            row = torch.cat([row, model(row, use_cache=False).logits[:, -1:].argmax(-1)], 1)
    folder = here / name
    folder.mkdir(exist_ok=True)
    saved = folder / "model.safetensors"
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file({"ids": ids, "logits": logits.contiguous(), "greedy": row, "prompt": torch.tensor([prompt])}, folder / "io.safetensors")
    for each in folder.iterdir():
        each.chmod(0o644)
    print(f"{name}: {sum(p.numel() for p in model.parameters())} parameters, {saved.stat().st_size} bytes, "
          f"|logit| up to {logits.abs().max():.2f}")


torch.set_num_threads(1)
for case, configuration in cases():
    if len(sys.argv) == 1 or case in sys.argv[1:]:
        make(case, configuration)
