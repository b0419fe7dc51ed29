// Broken and hostile tokenizer files: typed errors that say where.
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "text/data.h"
#include "text/load/load.h"

namespace pliant::test {
namespace {

template <typename Load>
void expect_error(const Load& load, ErrorKind kind, const std::string& says) {
  try {
    load();
    ADD_FAILURE() << "no error; expected: " << says;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string(error.what()).find(says), std::string::npos)
        << error.what() << "\nexpected: " << says;
    EXPECT_EQ(std::string(error.what()).rfind("file", 0), 0u) << error.what();
  }
}

struct JsonCase {
  const char* patch;  // JSON merge patch of the small tokenizer
  ErrorKind kind;
  const char* says;
};

constexpr const char* small = R"({
  "added_tokens": [{"id": 4, "content": "<s>", "special": true}],
  "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
  "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "c": 3}, "merges": ["a b"]}})";

TEST(BrokenJson, NamesTheKey) {
  const JsonCase cases[] = {
      {R"({"model": null})", ErrorKind::format, "lacks the field 'model'"},
      {R"({"model": {"type": "WordLevel"}})", ErrorKind::unsupported, "'WordLevel'"},
      {R"({"model": {"vocab": {"a": 7}}})", ErrorKind::format, "no token has id 0"},
      {R"({"model": {"vocab": {"a": 9999999999999}}})", ErrorKind::format, "token id"},
      {R"({"model": {"vocab": {"a": 18446744073709551615}}})", ErrorKind::format, "token id"},
      {R"({"model": {"vocab": {"a": -1}}})", ErrorKind::format, "key 'model.vocab.a': token id -1"},
      {R"({"model": {"vocab": {"a": 1}}})", ErrorKind::format, "token id 1 is given to"},
      {R"({"model": {"vocab": {"a": "x"}}})", ErrorKind::format,
       "model.vocab.a: is not a token id"},
      {R"({"model": {"vocab": []}})", ErrorKind::format, "model.vocab: is array, not an object"},
      {R"({"model": {"merges": ["a c"]}})", ErrorKind::format,
       "merge 0 ('a' and 'c'): 'ac' is no token"},
      {R"({"model": {"merges": ["a x"]}})", ErrorKind::format, "'x' is no token"},
      {R"({"model": {"merges": ["ab"]}})", ErrorKind::format,
       "key 'model.merges[0]': 'ab' is no merge"},
      {R"({"model": {"merges": [["a"]]}})", ErrorKind::format, "key 'model.merges[0]'"},
      {R"({"model": {"merges": 3}})", ErrorKind::format, "model.merges: is number, not an array"},
      {R"({"model": {"unk_token": "?"}})", ErrorKind::format, "unk_token: '?' is no token"},
      {R"({"model": {"end_of_word_suffix": "</w>"}})", ErrorKind::unsupported,
       "end_of_word_suffix"},
      {R"({"added_tokens": [{"id": 0, "content": "x"}]})", ErrorKind::format,
       "token id 0 is given to 'a' and to 'x'"},
      {R"({"added_tokens": [{"id": 4, "content": "a"}]})", ErrorKind::format, "'a' has two ids"},
      {R"({"added_tokens": [{"id": 4294967296, "content": "x"}]})", ErrorKind::format,
       "added_tokens[0].id"},
      {R"({"added_tokens": [{"id": 4, "content": ""}]})", ErrorKind::format, "is empty"},
      {R"({"added_tokens": {}})", ErrorKind::format, "added_tokens: is object, not an array"},
      {R"({"normalizer": {"type": "Magic"}})", ErrorKind::unsupported,
       "normalizer: normalizer 'Magic'"},
      {R"({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "!"}})", ErrorKind::format,
       "base64"},
      {R"({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAAAA=="}})",
       ErrorKind::format, "normalisation table: is cut"},
      {R"({"normalizer": {"type": "Replace", "pattern": {"Regex": "("}, "content": ""}})",
       ErrorKind::format, "regular expression, byte 1"},
      {R"({"pre_tokenizer": {"type": "Magic"}})", ErrorKind::unsupported, "pre-tokenizer 'Magic'"},
      {R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Burn"}})",
       ErrorKind::format, "pre_tokenizer.behavior: is 'Burn'"},
      {R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": 1}]}})",
       ErrorKind::format, "pre_tokenizer.pretokenizers[0].type: is number, not a string"},
      {R"({"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<x>"}},
          {"Sequence": {"id": "A"}}]}})",
       ErrorKind::format, "names the token '<x>'"},
      {R"({"post_processor": {"type": "TemplateProcessing", "single": []}})", ErrorKind::format,
       "no place for the text"},
      {R"({"post_processor": {"type": "BertProcessing", "cls": ["a", 99], "sep": ["b", 1]}})",
       ErrorKind::format, "post_processor.cls[1]: is 99, not an integer from 0 to 4"},
      {R"({"decoder": {"type": "Magic"}})", ErrorKind::unsupported, "decoder 'Magic'"},
      {R"({"decoder": {"type": "Strip", "content": "x"}})", ErrorKind::unsupported,
       "Strip decoder"},
  };
  EXPECT_NO_THROW(tokenizer_from_json(small, "", "file"));
  for (const JsonCase& each : cases) {
    auto json = parse_json(small, "small");
    json.merge_patch(parse_json(each.patch, "patch"));
    expect_error([&] { tokenizer_from_json(json.dump(), "", "file"); }, each.kind, each.says);
  }
  expect_error([] { tokenizer_from_json("[]", "", "file"); }, ErrorKind::format, "not an object");
  expect_error([] { tokenizer_from_json("{", "", "file"); }, ErrorKind::format, "byte");
  expect_error([] { tokenizer_from_json("{\"a\": \"\xff\"}", "", "file"); }, ErrorKind::format,
               "byte");
}

TEST(BrokenJson, ConfigNamesTheKey) {
  const auto load = [](const char* config) {
    return [=] { tokenizer_from_json(small, config, "file"); };
  };
  expect_error(load("[]"), ErrorKind::format, "tokenizer_config.json: is not a JSON object");
  expect_error(load(R"({"bos_token": 3})"), ErrorKind::format, "key 'bos_token' is not a token");
  expect_error(load(R"({"add_bos_token": "yes"})"), ErrorKind::format, "key 'add_bos_token'");
  expect_error(load(R"({"chat_template": [{"name": "x"}]})"), ErrorKind::format,
               "key 'chat_template'");
  expect_error(load(R"({"added_tokens_decoder": {"x": {"content": "a"}}})"), ErrorKind::format,
               "added_tokens_decoder.x");
}

TEST(BrokenUnigram, NamesTheKey) {
  const auto load = [](const char* model) {
    return [=] { tokenizer_from_json(std::string("{\"model\":") + model + "}", "", "file"); };
  };
  expect_error(load(R"({"type": "Unigram", "vocab": [["a"]]})"), ErrorKind::format, "vocab[0]");
  expect_error(load(R"({"type": "Unigram", "vocab": [["a", 1], ["a", 2]]})"), ErrorKind::format,
               "'a' has two ids");
  expect_error(load(R"({"type": "Unigram", "unk_id": 5, "vocab": [["a", 1]]})"), ErrorKind::format,
               "unk_id");
  expect_error(load(R"({"type": "Unigram", "vocab": [["a", 1e300]]})"), ErrorKind::format,
               "not finite");
  expect_error(load(R"({"type": "Unigram", "vocab": []})"), ErrorKind::format, "pieces");
}

TEST(BrokenMerges, NameTheLine) {
  const auto load = [](const char* vocabulary, const char* merges) {
    return [=] { tokenizer_from_merges(vocabulary, merges, "", "file"); };
  };
  expect_error(load(R"({"a": 0, "b": 1})", "#version: 0.2\na b\n"), ErrorKind::format,
               "'ab' is no token");
  expect_error(load(R"({"a": 0})", "a\n"), ErrorKind::format, "merges.txt line 1");
  expect_error(load(R"({"a": 0, "a": 1})", ""), ErrorKind::format, "given twice");
  expect_error(load(R"({"a": 1})", ""), ErrorKind::format, "no token has id 0");
  expect_error(load(R"({"a": 1.5})", ""), ErrorKind::format, "is not an integer");
  expect_error(load("[1]", ""), ErrorKind::format, "vocab.json");
}

// Protobuf fields by hand.
std::string field(int number, const std::string& bytes) {
  return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(bytes.size()) +
         bytes;
}
std::string integer(int number, int value) {
  return std::string(1, static_cast<char>(number << 3)) + static_cast<char>(value);
}
std::string score(float value) {
  return std::string("\x15") + std::string(reinterpret_cast<const char*>(&value), 4);
}
std::string piece(const std::string& text, int type = 1) {
  return field(1, field(1, text) + score(-1) + integer(3, type));
}

std::shared_ptr<const Tokenizer> load_model(const std::string& bytes) {
  return tokenizer_from_sentencepiece(std::as_bytes(std::span(bytes)), "", "file");
}

TEST(BrokenSentencePiece, NamesTheByte) {
  const std::string good = piece("<unk>", 2) + piece("a") + field(2, integer(3, 1));
  EXPECT_EQ(load_model(good)->encode("a").size(), 2u);  // the space before it is unknown
  expect_error([&] { load_model(good.substr(0, good.size() - 1)); }, ErrorKind::format, "byte");
  expect_error([&] { load_model(good + piece("a")); }, ErrorKind::format,
               "the piece 'a' is given twice");
  expect_error([&] { load_model(good + piece("")); }, ErrorKind::format, "without text");
  expect_error([&] { load_model(good + piece("x", 9)); }, ErrorKind::format, "type 9");
  expect_error([&] { load_model(good + field(1, field(1, "n") + score(NAN))); }, ErrorKind::format,
               "not finite");
  expect_error([&] { load_model(piece("a") + field(2, integer(3, 4))); }, ErrorKind::unsupported,
               "model type 4");
  expect_error([&] { load_model(good + field(2, integer(3, 1) + "\x98\x02\x01")); },
               ErrorKind::format, "byte fallback without the piece '<0x00>'");
  expect_error([&] { load_model(good + field(3, field(2, "abc"))); }, ErrorKind::format,
               "normalisation table");
  expect_error([&] { load_model(""); }, ErrorKind::format, "no pieces");
  expect_error([&] { load_model("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"); },
               ErrorKind::format, "are left");
  expect_error([&] { load_model("\x0F"); }, ErrorKind::format, "wire type 7");
}

TEST(BrokenGguf, NamesTheKey) {
  const auto with = [](std::vector<std::pair<std::string, GgufValue>> metadata) {
    return [metadata = std::move(metadata)] {
      Gguf file;
      file.metadata = metadata;
      tokenizer_from_gguf(file, "file");
    };
  };
  const std::pair<std::string, GgufValue> model{"tokenizer.ggml.model", std::string("llama")},
      byte_model{"tokenizer.ggml.model", std::string("gpt2")},
      tokens{"tokenizer.ggml.tokens", GgufArray{std::vector<std::string>{"a", "b"}}},
      scores{"tokenizer.ggml.scores", GgufArray{std::vector<float>{0, -1}}};
  expect_error(with({}), ErrorKind::not_found, "tokenizer.ggml.model");
  expect_error(with({{"tokenizer.ggml.model", std::string("rwkv")}}), ErrorKind::unsupported,
               "'rwkv'");
  expect_error(with({model}), ErrorKind::not_found, "tokenizer.ggml.tokens");
  expect_error(with({model, tokens}), ErrorKind::not_found, "tokenizer.ggml.scores");
  expect_error(with({model, tokens, {"tokenizer.ggml.scores", GgufArray{std::vector<float>{0}}}}),
               ErrorKind::format, "scores' has 1 entries for 2");
  expect_error(with({model,
                     tokens,
                     scores,
                     {"tokenizer.ggml.token_type", GgufArray{std::vector<std::int32_t>{1, 77}}}}),
               ErrorKind::format, "token_type' of token 1 is 77");
  expect_error(with({model, tokens, scores, {"tokenizer.ggml.bos_token_id", std::uint32_t{2}}}),
               ErrorKind::format, "bos_token_id' is 2, of 2 tokens");
  expect_error(with({byte_model, tokens, {"tokenizer.ggml.pre", std::string("magic")}}),
               ErrorKind::unsupported, "'magic'");
  expect_error(with({byte_model, tokens}), ErrorKind::not_found, "tokenizer.ggml.merges");
  expect_error(with({byte_model,
                     tokens,
                     {"tokenizer.ggml.merges", GgufArray{std::vector<std::string>{"a b"}}}}),
               ErrorKind::format, "'ab' is no token");
  expect_error(with({model,
                     {"tokenizer.ggml.tokens", GgufArray{std::vector<std::string>{"a", "a"}}},
                     scores}),
               ErrorKind::format, "'a' has two ids");
}

TEST(BrokenFiles, ArePlain) {
  EXPECT_THROW(load_tokenizer("golden/text/no such file"), Error);
  try {
    load_tokenizer("golden/openmoji");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
  }
}

TEST(Decoding, RefusesIdsOutOfRange) {
  const auto tokenizer = load_tokenizer("golden/text/gpt2.tokenizer.json");
  for (const TokenId id : {-1, tokenizer->size()}) {
    EXPECT_THROW(tokenizer->decode(std::vector<TokenId>{id}), Error);
    EXPECT_THROW(tokenizer->bytes(id), Error);
    EXPECT_THROW(tokenizer->piece(id), Error);
    EXPECT_THROW(tokenizer->kind(id), Error);
  }
}

}  // namespace
}  // namespace pliant::test
