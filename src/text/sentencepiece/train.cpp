#include "text/sentencepiece/train.h"

#include <fmt/format.h>
#include <sentencepiece_trainer.h>

#include <unordered_map>

#include "core/error.h"

namespace pliant {
namespace {

// The lines of a text, without those that are empty.
class Lines : public sentencepiece::SentenceIterator {
 public:
  explicit Lines(std::string_view text) : rest_(text) { Next(); }
  bool done() const override { return done_; }
  void Next() override {
    line_.clear();
    while (line_.empty() && !rest_.empty()) {
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      line_ = rest_.substr(0, end);
      if (line_.ends_with('\r')) line_.pop_back();
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
    }
    done_ = line_.empty();
  }
  const std::string& value() const override { return line_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::string_view rest_;
  std::string line_;
  bool done_ = false;
};

std::string comma_separated(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) {
    if (word.empty() || word.find(',') != std::string::npos)
      throw Error(ErrorKind::usage, "special", fmt::format("'{}' is empty or holds a comma", word));
    joined += (joined.empty() ? "" : ",") + word;
  }
  return joined;
}

}  // namespace

std::string train_sentencepiece(std::string_view corpus, const SentencePieceTraining& options) {
  std::unordered_map<std::string, std::string> settings = {
      {"model_type", options.unigram ? "unigram" : "bpe"},
      {"vocab_size", std::to_string(options.size)},
      {"byte_fallback", "true"},
      {"split_digits", "true"},
      {"normalization_rule_name", "identity"},
      {"remove_extra_whitespaces", "false"},
      {"allow_whitespace_only_pieces", "true"},
      {"character_coverage", fmt::format("{}", options.coverage)},
      {"num_threads", "4"},  // sums are taken per thread: a fixed number of them keeps the result
                             // the same everywhere
      {"minloglevel", "2"}};
  if (!options.special.empty()) settings["control_symbols"] = comma_separated(options.special);
  Lines lines(corpus);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(settings, &lines, &model);
  if (!status.ok())
    throw Error(ErrorKind::invalid, "SentencePiece training", status.ToString(),
                "another --size, or a larger corpus");
  return model;
}

}  // namespace pliant
