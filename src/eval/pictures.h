// Questions about pictures, as Elastic Cache's protocol asks them (2407.18121): an answer is
// written, and the given one is read token by token.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/score.h"
#include "lm/chat/conversation.h"

namespace pliant::eval {

struct PictureItem {
  std::string id;
  std::vector<std::string> images;  // paths
  std::string question, answer;
};

// By its first line, which has "images".
bool asks_about_pictures(std::string_view json_lines);

// JSON lines {"id", "images", "question", "answer"}; paths of images are relative to the file's
// folder. `limit`: the first ones alone; 0: all. Throws Error{format} and {invalid} naming the
// line.
std::vector<PictureItem> picture_items(std::string_view text, const std::string& place,
                                       std::int64_t limit);

struct PictureAnswer {
  std::string id = {}, text = {};
  bool exact = false;       // the given answer, but for case, blanks around and a full stop
  double rouge_l = 0;       // of the text, by the given answer
  double nll = 0;           // of the given answer's tokens, in nats, summed
  std::int64_t tokens = 0;  // of the given answer
  std::int64_t prompt = 0;  // tokens, with the images'
  double kept = 0;          // of all at the answer's end: entries in the cache
  std::optional<double> rouge_full = {};  // by what the full cache answers
};

struct PictureScore {
  std::string name;  // of the set
  std::vector<PictureAnswer> answers;
  Share exact() const;
  Share rouge_l() const;
  double perplexity() const;  // over all tokens of all given answers
  std::optional<Share> rouge_full() const;
};

class PictureJudge {
 public:
  struct Model {
    lm::Session& session;
    lm::ImageEncoder& images;
    const Tokenizer& tokenizer;
    // null: "USER: ", the images and the question, " ASSISTANT:"
    const ChatTemplate* chat_template = nullptr;
  };
  // `whole`: where answers of the full cache come from, to be compared with; may be null, or the
  // model's own session. What is pointed to must outlive it.
  PictureJudge(const Model& model, const kv::Policy& policy, lm::Session* whole,
               const ScoreOptions& options);

  // Throws as decode_image(), ImageEncoder::encode() and Session::feed(), naming the item.
  PictureAnswer ask(const PictureItem& item) const;

 private:
  lm::ImagePrompt prompt_of(const PictureItem& item) const;
  std::string written(lm::Session& session, const kv::Policy& policy, const lm::ImagePrompt& prompt,
                      double* kept) const;
  void read_answer(const lm::ImagePrompt& prompt, const std::string& answer,
                   PictureAnswer& result) const;

  Model model_;
  kv::Policy policy_;
  lm::Session* whole_;
  ScoreOptions options_;
};

}  // namespace pliant::eval
