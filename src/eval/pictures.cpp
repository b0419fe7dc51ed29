#include "eval/pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "eval/perplexity.h"
#include "eval/rouge.h"
#include "image/image.h"

namespace pliant::eval {
namespace {

constexpr std::string_view around = " \t\r\n";

std::string plain(std::string_view text) {
  const std::size_t from = text.find_first_not_of(around);
  if (from == std::string_view::npos) return "";
  std::string result(text.substr(from, text.find_last_not_of(around) - from + 1));
  if (result.ends_with('.')) result.pop_back();
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

template <typename Value>
std::vector<double> each_of(const std::vector<PictureAnswer>& answers, const Value& value) {
  std::vector<double> values;
  for (const PictureAnswer& each : answers) values.push_back(value(each));
  return values;
}

// visit(line, place) for those that are not empty.
template <typename Visit>
void each_line(std::string_view text, const std::string& place, const Visit& visit) {
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.find_first_not_of(around) == std::string_view::npos) continue;
    if (!visit(line, fmt::format("{}, line {}", place, number))) return;
  }
}

// A sequence that is closed however its block ends.
class Opened {
 public:
  Opened(lm::Session& session, const kv::Policy& policy)
      : session_(session), id_(session.open(policy)) {}
  ~Opened() { session_.close(id_); }
  Opened(const Opened&) = delete;
  lm::SeqId id() const { return id_; }

 private:
  lm::Session& session_;
  lm::SeqId id_;
};

}  // namespace

bool asks_about_pictures(std::string_view json_lines) {
  bool found = false;
  try {
    each_line(json_lines, "", [&](std::string_view line, const std::string& place) {
      const nlohmann::json document = parse_json(line, place);
      found = document.is_object() && document.contains("images");
      return false;
    });
  } catch (const Error&) {  // who reads the set says where it is broken
  }
  return found;
}

std::vector<PictureItem> picture_items(std::string_view text, const std::string& place,
                                       std::int64_t limit) {
  if (limit < 0) throw Error(ErrorKind::usage, "limit", "is negative");
  const std::filesystem::path folder = std::filesystem::path(place).parent_path();
  std::vector<PictureItem> items;
  each_line(text, place, [&](std::string_view line, const std::string& where) {
    if (limit > 0 && std::ssize(items) == limit) return false;
    const nlohmann::json document = parse_json(line, where);
    const JsonNode json(document, where);
    json.object();
    PictureItem item;
    item.id = json.has("id") && json.at("id").json().is_number()
                  ? std::to_string(json.integer("id"))
                  : json.text("id");
    for (const std::string& image : json.texts("images"))
      item.images.push_back((folder / image).string());
    item.question = json.text("question");
    item.answer = json.text("answer");
    if (plain(item.answer).empty()) json.fail("answer", "is empty");
    items.push_back(std::move(item));
    return true;
  });
  if (items.empty()) throw Error(ErrorKind::invalid, place, "has no questions");
  return items;
}

Share PictureScore::exact() const {
  return share_of(each_of(answers, [](const auto& each) { return each.exact ? 1.0 : 0.0; }));
}

Share PictureScore::rouge_l() const {
  return share_of(each_of(answers, [](const auto& each) { return each.rouge_l; }));
}

std::optional<Share> PictureScore::rouge_full() const {
  if (answers.empty() || !answers.front().rouge_full) return {};
  return share_of(each_of(answers, [](const auto& each) { return *each.rouge_full; }));
}

double PictureScore::perplexity() const {
  double nll = 0, tokens = 0;
  for (const PictureAnswer& each : answers) {
    nll += each.nll;
    tokens += static_cast<double>(each.tokens);
  }
  return std::exp(nll / tokens);
}

PictureJudge::PictureJudge(const Model& model, const kv::Policy& policy, lm::Session* whole,
                           const ScoreOptions& options)
    : model_(model), policy_(policy), whole_(whole), options_(options) {}

PictureAnswer PictureJudge::ask(const PictureItem& item) const {
  try {
    const lm::ImagePrompt prompt = prompt_of(item);
    PictureAnswer result;
    result.id = item.id;
    result.prompt = std::ssize(prompt.tokens);
    result.text = written(model_.session, policy_, prompt, &result.kept);
    result.exact = plain(result.text) == plain(item.answer);
    result.rouge_l = rouge_l(result.text, item.answer).f;
    if (whole_ != nullptr)
      result.rouge_full = rouge_l(result.text, written(*whole_, kv::full(), prompt, nullptr)).f;
    read_answer(prompt, item.answer, result);
    return result;
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("question {}: {}", item.id, error.place()),
                error.problem(), error.next_step());
  }
}

lm::ImagePrompt PictureJudge::prompt_of(const PictureItem& item) const {
  lm::Images images;
  for (const std::string& path : item.images)
    images.push_back(std::make_shared<lm::EncodedImage>(
        model_.images.encode(decode_image(MappedFile(path).bytes(), path), options_.stop)));
  const VlmConfig& config = model_.images.config();
  const std::string& marker = lm::image_marker(model_.tokenizer, config);
  std::string text;
  if (model_.chat_template != nullptr) {
    text =
        model_.chat_template->render({lm::message_of("user", item.question, images.size(), true)},
                                     lm::names_of(model_.tokenizer));
  } else {
    text = "USER: ";
    for (std::size_t i = 0; i < images.size(); ++i) text += marker + "\n";
    text += item.question + " ASSISTANT:";
  }
  return {config,
          model_.tokenizer.encode(
              lm::with_images(text, marker, config.family, images),
              {.add_special = model_.chat_template == nullptr, .parse_special = true}),
          images};
}

std::string PictureJudge::written(lm::Session& session, const kv::Policy& policy,
                                  const lm::ImagePrompt& prompt, double* kept) const {
  const Opened sequence(session, policy);
  std::vector<TokenId> tokens = prompt.tokens;
  lm::GenerateOptions how;
  how.tokens = options_.answer_tokens;
  how.sampling.temperature = 0;
  const lm::Generated given =
      lm::generate(session, sequence.id(), &model_.tokenizer, tokens,
                   prompt.behind(0, session.edits(sequence.id())), how, nullptr, {}, options_.stop);
  if (kept != nullptr) *kept = session.kept(sequence.id());
  return given.text;
}

// As it would be decoded: a token at a time, so that the policy drops what it then would.
void PictureJudge::read_answer(const lm::ImagePrompt& prompt, const std::string& answer,
                               PictureAnswer& result) const {
  lm::Session& session = model_.session;
  const Opened sequence(session, policy_);
  session.feed(sequence.id(), prompt.behind(0, session.edits(sequence.id())), nullptr,
               options_.stop);
  const Tensor logits({DType::f32, {1, session.config().vocabulary}});
  TokenId last = prompt.tokens.back();
  const bool apart = around.find(answer.front()) == std::string_view::npos;
  for (const TokenId token : model_.tokenizer.encode(
           (apart ? " " : "") + answer, {.add_special = false, .parse_special = false})) {
    if (options_.stop != nullptr && *options_.stop) return;
    const lm::Draft draft{sequence.id(), {&last, 1}};
    session.step({&draft, 1}, logits.view());
    result.nll += negative_log_likelihood(logits.span<float>(), token);
    ++result.tokens;
    last = token;
  }
}

}  // namespace pliant::eval
