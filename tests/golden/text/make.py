"""Makes the files beside this script: tiny tokenizers, trained on our own documents by the Python packages tokenizers
(0.23) and sentencepiece (0.2), the texts of texts.json encoded by them, and sp-unigram.json, the same texts encoded with
PLIANT_DATA/tokenizers/sp-unigram-test.model.

    python make.py FOLDER_OF_DOCUMENTS PLIANT_DATA
"""

import io
import json
import pathlib
import random
import sys

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

here = pathlib.Path(__file__).parent
corpus = [line for path in sorted(pathlib.Path(sys.argv[1]).glob("*.md")) for line in path.read_text().splitlines() if line]
data = pathlib.Path(sys.argv[2])

fixed = [
    "", " ", "  ", "   ", "\t", "\n", "\n\n", "\n\n\n", "\t\n", " \n ", "a", " a", "a ", "  a  b  ", "Hello world", " Hello World!",
    "Hello, y'all! How are you? I'll be there, they'Ve said. 'S IT'S we'RE", "don't can't I'm you're he'd",
    "3 33 333 3333 33333 1,234,567.89 2024-11-05 0x1F", "naïve café Führer Ångström Çelik İstanbul ı ſ K", "e\u0301 u\u0308 o\u0302\u0301",
    "ﬁ ﬂ ① ² ½ ™ Ａｂｃ　ｄ", "我想在apple工作1314151天～", "日本語のテキスト、カタカナ。", "한국어 문장입니다.", "нещо на Български",
    "កាន់តែពិសេសអាចខលចេញ", "🚀 (normal) 😶‍🌫️ (multiple emojis) ✅ 🦙🦙", "العربية نص ١٢٣", "עברית", "हिन्दी पाठ",
    "int main() {\n  return 0;\n}\n", "def f(x):\n\treturn x**2  # comment\n", "\u200b\u200d\ufeff\u00a0\u2003\u3000x", "a\u0000b\u0001c\u007f",
    "<s>hello</s>", "<|endoftext|>", "x <mask> y", "x<mask>y", "word wordy sword word", "[CLS] text [SEP]", "!!!!!! ...... ------=======",
    "``````\"\"\"\"''''", "https://example.org/path?query=1&b=2#frag", "foo_bar fooBar FOO_BAR foo-bar", "tensor[0:3], weight @ x",
    "the graph is a pure fixed-shape DAG of operators", "▁under▁score ▁", "\u2581\u2581", "\r\n\r\n windows \r\n", "a" * 200, "ab" * 150,
    "supercalifragilisticexpialidocious", " the the the", "The THE thE", "end.", "end. Start", "1st 2nd 3rd", "C++20 g++12 -O2",
]


def random_texts(count):
    draw = random.Random(1)
    pools = [
        "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJ", "0123456789", " \t\n  ", ".,;:!?'\"()[]{}<>-_/\\@#$%^&*+=|~`", "éèüößñçåøæ",
        "абвгдежз", "αβγδε", "中文字符日本", "ひらがなカタカナ", "한글", "😀🎉🦙👍🏽", "\u0301\u0308\u200d", "①②ﬁ½™",
    ]
    words = " ".join(corpus).split(" ")
    for i in range(count):
        if i % 2:
            yield " ".join(draw.choice(words) for _ in range(draw.randint(1, 25)))
        else:
            yield "".join(draw.choice(draw.choice(pools)) for _ in range(draw.randint(1, 40)))


texts = fixed + list(random_texts(200 - len(fixed)))


def write(name, value):
    (here / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def expected(tokenizer):
    plain = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    return {
        "ids": plain,
        "special": [tokenizer.encode(text).ids for text in texts[:60]],
        "decoded": [tokenizer.decode(ids, skip_special_tokens=True) for ids in plain],
    }


def keep(name, tokenizer):
    tokenizer.save(str(here / (name + ".tokenizer.json")), pretty=False)
    write(name + ".expected.json", expected(tokenizer))


def byte_level(pattern=None):
    if pattern is None:
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def byte_bpe(name, pre, size, normalizer=None, prefix=None, added=()):
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=["<|endoftext|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.add_tokens(list(added))
    if prefix:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=prefix + " $A", special_tokens=[(prefix, tokenizer.token_to_id(prefix))])
    keep(name, tokenizer)


contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
tail = r"\s*[\r\n]+|\s+(?!\S)|\s+"
llama3 = contractions + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + tail
qwen2 = contractions + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + tail

byte_bpe("gpt2", byte_level(), 400, added=[
    AddedToken("<mask>", lstrip=True, rstrip=False, special=False, normalized=False),
    AddedToken("word", single_word=True, special=False, normalized=False)])
byte_bpe("llama3", byte_level(llama3), 400, prefix="<|endoftext|>")
byte_bpe("qwen2", byte_level(qwen2), 400, normalizer=normalizers.NFC())
byte_bpe("falcon", pre_tokenizers.Sequence([
    pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False),
    pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")]), 400)
byte_bpe("digits", pre_tokenizers.Sequence([
    pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=True)]), 400)


def fallback():
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % byte for byte in range(256)]
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")  # for training alone
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=620, special_tokens=special, show_progress=False, limit_alphabet=80))
    made = json.loads(tokenizer.to_str())
    made["pre_tokenizer"] = None
    made["added_tokens"] = made["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(made))
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    keep("fallback", tokenizer)


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip(left=False, right=True)])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(corpus, trainers.UnigramTrainer(
        vocab_size=400, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    keep("unigram", tokenizer)


def wordpiece(name, normalizer, pre):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(corpus, trainers.WordPieceTrainer(
        vocab_size=400, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    keep(name, tokenizer)


fallback()
unigram()
wordpiece("wordpiece", normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer())
wordpiece("steps", normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]),
          pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]))


def sentencepiece_model(name, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=model, minloglevel=2, num_threads=1, **options)
    (here / (name + ".model")).write_bytes(model.getvalue())
    write(name + ".expected.json", sentencepiece_expected(sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())))


def sentencepiece_expected(processor):
    ids = [processor.encode(text) for text in texts]
    return {"ids": ids, "decoded": [processor.decode(each) for each in ids]}


sentencepiece_model("spm-bpe", model_type="bpe", vocab_size=600, byte_fallback=True, normalization_rule_name="identity",
                    remove_extra_whitespaces=False, user_defined_symbols=["<mask>", "foo"], split_digits=True,
                    character_coverage=0.99)
sentencepiece_model("spm-unigram", model_type="unigram", vocab_size=350, normalization_rule_name="identity",
                    user_defined_symbols=["<mask>"], character_coverage=0.995)
write("sp-unigram.expected.json", sentencepiece_expected(
    sentencepiece.SentencePieceProcessor(model_file=str(data / "tokenizers/sp-unigram-test.model"))))
write("texts.json", texts)
