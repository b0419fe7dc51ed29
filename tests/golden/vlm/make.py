"""Makes the golden vectors of the vision-language models with the Python packages torch and transformers.

    python make.py CASE ...      (all without arguments)

Per case: config.json, model.safetensors (random weights, norms perturbed so that a forgotten one shows),
preprocessor_config.json, tokenizer.json and tokenizer_config.json (written here: one token a character), and
io.safetensors: image0, image1 u8 [height, width, 3]; pixels0, pixels1 f32 [frames, 3, side, side], as the processor that
runs on Pillow makes them; rows0, rows1 f32, what the projector gives; ids [1, tokens] i64, whose image tokens stand for
the rows of image0, then image1; logits f32; greedy [1, tokens + 8] i64. Made with torch 2.15.0, transformers
5.24.0 and Pillow 13.0.0 on the CPU, one thread, f32, eager attention.
"""
import json
import pathlib
import sys

import numpy as np
import torch
import transformers as t
from PIL import Image
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
specials = (["<unk>", "<s>", "</s>", "<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>"]
            + [f"<row_{r}_col_{c}>" for r in (1, 2, 3) for c in (1, 2, 3)])
characters = list("abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n.,:?")
vocabulary = len(specials) + len(characters)
text = dict(vocab_size=vocabulary, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=False, bos_token_id=1,
            eos_token_id=2, pad_token_id=0)
llava_chat = ("{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'] | upper + ': ' }}"
              "{% endif %}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}"
              "{{ '<image>\n' }}{% endfor %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
              "{{ content['text'] + ' ' }}{% endfor %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}")
smol_chat = ("{% for message in messages %}{{ message['role'] | capitalize }}{% if message['content'][0]['type'] == 'image' %}"
             "{{ ':' }}{% else %}{{ ': ' }}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' %}"
             "{{ line['text'] }}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}"
             "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}")


def cases():
    clip = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2, image_size=28,
                patch_size=7, model_type="clip_vision_model")
    yield "llava", t.LlavaConfig(vision_config=clip, text_config=t.LlamaConfig(**text), image_token_index=3,
                                 image_seq_length=16), [(40, 30), (31, 45)], llava_chat
    siglip = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=16,
                  patch_size=4)
    yield "smolvlm", t.SmolVLMConfig(vision_config=siglip, text_config=t.LlamaConfig(**text), image_token_id=3,
                                     scale_factor=2, pad_token_id=0, tie_word_embeddings=False), [(50, 18), (12, 40)], smol_chat


def perturb(model):
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                parameter.add_(0.2 * noise)
            elif "embed" in name and "patch" not in name:
                parameter.copy_(0.6 * noise)
            else:
                parameter.copy_(noise * 1.2 / parameter[0].numel() ** 0.5)


def picture(width, height, seed):
    """A gradient, a square and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([255 * x / width, 255 * y / height, 128 + 60 * np.sin(x / 3.0)], -1)
    image[height // 4: height // 2, width // 3: 2 * width // 3] = [250, 10, 90]
    return np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


def processor_of(name, config):
    side = config.vision_config.image_size
    if name == "llava":
        return t.CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    return t.SmolVLMImageProcessorPil(size={"longest_edge": 3 * side}, max_image_size={"longest_edge": side},
                                      image_mean=[0.5] * 3, image_std=[0.5] * 3, do_image_splitting=True)


def tokenizer(folder, chat):
    tokens = [dict(id=i, content=each, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
              for i, each in enumerate(specials)]
    (folder / "tokenizer.json").write_text(json.dumps(dict(
        version="1.0", truncation=None, padding=None, added_tokens=tokens, normalizer=None, pre_tokenizer=None,
        post_processor=None, decoder={"type": "Fuse"},
        model=dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None, end_of_word_suffix=None,
                   fuse_unk=False, byte_fallback=False, ignore_merges=False,
                   vocab={each: i for i, each in enumerate(specials + characters)}, merges=[])), indent=0) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(
        bos_token="<s>", eos_token="</s>", unk_token="<unk>", tokenizer_class="PreTrainedTokenizerFast",
        chat_template=chat), indent=1) + "\n")


def ids_of(name, pixels, rows):
    """Text, what stands for each image, text."""
    number = {each: i for i, each in enumerate(specials + characters)}
    say = lambda words: [number[each] for each in words]
    ids = [1] + say("Look: ")
    for i, (each, row) in enumerate(zip(pixels, rows)):
        per_frame = row.shape[0] // each.shape[0]
        ids += [3] * (per_frame * each.shape[0]) + say("\nand" if i == 0 else "\nwhat is it?")
    return torch.tensor([ids])


def make(name, config, sizes, chat):
    torch.manual_seed(1)
    for each in (config, config.text_config, config.vision_config):
        each._attn_implementation = "eager"
    model = (t.LlavaForConditionalGeneration if name == "llava" else t.SmolVLMForConditionalGeneration)(config)
    model = model.float().eval()
    perturb(model)
    folder = here / name
    folder.mkdir(exist_ok=True)
    processor = processor_of(name, config)
    out, pixels, rows = {}, [], []
    with torch.no_grad():
        for i, (width, height) in enumerate(sizes):
            image = picture(width, height, i)
            value = processor([Image.fromarray(image)], return_tensors="pt")["pixel_values"]
            value = value[0] if value.dim() == 5 else value
            if name == "llava":
                features = model.model.get_image_features(pixel_values=value, return_dict=True)
            else:
                features = model.model.get_image_features(pixel_values=value[None], return_dict=True)
            features = getattr(features, "pooler_output", features)
            features = torch.cat([each for each in features]) if not torch.is_tensor(features) else features
            row = features.reshape(-1, features.shape[-1]).contiguous()
            pixels.append(value)
            rows.append(row)
            out |= {f"image{i}": torch.from_numpy(image), f"pixels{i}": value.contiguous(), f"rows{i}": row}
        ids = ids_of(name, pixels, rows)
        # all frames of both pictures, for the model as for its processor
        every = torch.cat(pixels)
        inputs = dict(pixel_values=every if name == "llava" else every[None])
        logits = model(input_ids=ids, use_cache=False, **inputs).logits
        greedy = ids
        for _ in range(8):
            greedy = torch.cat([greedy, model(input_ids=greedy, use_cache=False, **inputs).logits[:, -1:].argmax(-1)], 1)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    tokenizer(folder, chat)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file(out | {"ids": ids, "logits": logits.contiguous(), "greedy": greedy}, folder / "io.safetensors")
    for each in folder.iterdir():
        each.chmod(0o644)
    print(name, [tuple(each.shape) for each in pixels], [tuple(each.shape) for each in rows], ids.shape,
          f"|logit| up to {logits.abs().max():.2f}", {p.name: p.stat().st_size for p in folder.iterdir()})


torch.set_num_threads(1)
for case in cases():
    if len(sys.argv) == 1 or case[0] in sys.argv[1:]:
        make(*case)
