#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/text/train_sentencepiece.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/log/progress.h"
#include "text/load/load.h"
#include "text/train/bpe.h"

namespace pliant::cli {

enum class TokenizerKind : std::uint8_t { byte_bpe, bpe, unigram };

}  // namespace pliant::cli

namespace pliant {

template <>
struct OptionWords<cli::TokenizerKind> {
  static constexpr std::pair<cli::TokenizerKind, const char*> words[] = {
      {cli::TokenizerKind::byte_bpe, "byte-bpe"},
      {cli::TokenizerKind::bpe, "bpe"},
      {cli::TokenizerKind::unigram, "unigram"}};
};

}  // namespace pliant

namespace pliant::cli {
namespace {

namespace fs = std::filesystem;

struct TokenizerTraining {
  std::string corpus, out;
  TokenizerKind kind = TokenizerKind::byte_bpe;
  std::int64_t size = 32000;
  std::vector<std::string> special;
  std::string family = "gpt-2";
};

void write_byte_bpe(const TrainedBpe& trained, const std::string& out) {
  if (extension(out) == ".json") return write_file(out, tokenizer_json(trained));
  std::error_code error;
  fs::create_directories(out, error);
  if (error) throw Error(ErrorKind::io, out, "cannot make the folder: " + error.message());
  write_file((fs::path(out) / "vocab.json").string(), vocabulary_json(trained));
  write_file((fs::path(out) / "merges.txt").string(), merges_text(trained));
  write_file((fs::path(out) / "tokenizer.json").string(), tokenizer_json(trained));
  write_file((fs::path(out) / "tokenizer_config.json").string(), tokenizer_config_json(trained));
}

std::string train_byte_level(const TokenizerTraining& options, std::string_view corpus,
                             const Invocation& context) {
  Progress progress(context.log, steady_clock());
  BpeTraining training{.size = options.size, .special = options.special, .family = options.family};
  training.progress = [&](std::int64_t done, std::int64_t all) {
    if (context.stop)
      throw Error(ErrorKind::cancelled, options.corpus, fmt::format("ended after {} merges", done));
    progress.show([&] { return fmt::format("tokenizer train: merge {} of {}", done, all); });
  };
  const TrainedBpe trained = train_byte_bpe(corpus, training);
  if (static_cast<std::int64_t>(trained.pieces.size()) < options.size)
    context.log.warning(
        fmt::format("the corpus gives {} tokens, not {}", trained.pieces.size(), options.size));
  write_byte_bpe(trained, options.out);
  return options.out;
}

std::string train_model(const TokenizerTraining& options) {
  const bool named = extension(options.out) == ".model";
  std::error_code error;
  if (!named) fs::create_directories(options.out, error);
  if (error) throw Error(ErrorKind::io, options.out, "cannot make the folder: " + error.message());
  const std::string path =
      named ? options.out : (fs::path(options.out) / "tokenizer.model").string();
  run_sentencepiece({.corpus = options.corpus,
                     .out = path,
                     .unigram = options.kind == TokenizerKind::unigram,
                     .size = options.size,
                     .special = options.special});
  return path;
}

int run_train(const TokenizerTraining& options, const Invocation& context) {
  const double begun = steady_clock()();
  const MappedFile corpus(options.corpus);
  const std::string written = options.kind == TokenizerKind::byte_bpe
                                  ? train_byte_level(options, corpus.text(), context)
                                  : train_model(options);
  const auto tokenizer = load_tokenizer(written);  // what was written can be read
  const double seconds = steady_clock()() - begun;
  if (context.common.json) {
    print_json(context.out, {{"out", written}, {"size", tokenizer->size()}, {"seconds", seconds}});
  } else {
    print_line(context.out, "written", written);
    print_line(context.out, "tokens", grouped_text(tokenizer->size()));
  }
  return success;
}

}  // namespace

Verb tokenizer_train_verb() {
  const auto options = std::make_shared<TokenizerTraining>();
  Command command{
      .name = "tokenizer train",
      .summary = "make a tokenizer from a text",
      .description = {"byte-bpe is byte-level BPE by a trainer of our own; into a folder it writes "
                      "vocab.json, merges.txt, tokenizer.json and tokenizer_config.json, into a "
                      "file that ends in .json tokenizer.json alone. bpe and unigram are "
                      "SentencePiece models with byte fallback, trained by the SentencePiece "
                      "library on the lines of the text; they are written as tokenizer.model."},
      .arguments = {argument("CORPUS", options->corpus, "the text, UTF-8").path()},
      .options =
          {option("kind", "KIND", options->kind, "the algorithm"),
           option("size", "N", options->size,
                  "entries of the vocabulary, special tokens and bytes included")
               .at_least(1),
           option("special", "TOKEN", options->special,
                  "a control token; the first one of byte-bpe marks the end of a text"),
           option("family", "NAME", options->family,
                  "how byte-bpe splits text into words: gpt-2, llama-bpe, qwen2 ..."),
           option("out", "PATH", options->out, "the folder or file to write").written().must()},
      .examples = {
          {"pliant tokenizer train book.txt --size 8000 --special \"<|endoftext|>\" --out "
           "tokenizer/",
           "byte-level BPE"},
          {"pliant tokenizer train book.txt --kind unigram --size 4000 --out tokenizer.model",
           "a SentencePiece model"}}};
  return {std::move(command),
          [options](const Invocation& context) { return run_train(*options, context); }};
}

}  // namespace pliant::cli
