#include <fmt/format.h>

#include <filesystem>

#include "cli/language/eval.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/log/progress.h"
#include "eval/pictures.h"

namespace pliant::cli {
namespace {

void refuse(const EvalOptions& options, const std::string& place) {
  const auto misused = [&](const char* option, bool given) {
    if (given)
      throw Error(ErrorKind::usage, option, "does not go with questions about pictures",
                  fmt::format("leave it out for {}", place));
  };
  misused("--machine", options.machine != "native");
  misused("--all", options.all);
  misused("--shots", options.items.shots > 0);
  misused("--prompt", options.items.prompt != eval::ItemOptions{}.prompt);
}

std::string share_text(const eval::Share& share) {
  return fmt::format("{:.2f} +- {:.2f}", 100 * share.mean, 100 * share.error);
}

nlohmann::ordered_json share_json(const eval::Share& share) {
  return {{"mean", share.mean}, {"stderr", share.error}};
}

nlohmann::ordered_json score_json(const eval::PictureScore& score) {
  nlohmann::ordered_json json{{"name", score.name},
                              {"n", score.answers.size()},
                              {"exact", share_json(score.exact())},
                              {"perplexity", score.perplexity()},
                              {"rouge_l", share_json(score.rouge_l())}};
  if (const auto full = score.rouge_full()) json["rouge_l_full"] = share_json(*full);
  auto answers = nlohmann::ordered_json::array();
  for (const eval::PictureAnswer& each : score.answers) {
    answers.push_back({{"id", each.id},
                       {"text", each.text},
                       {"exact", each.exact},
                       {"rouge_l", each.rouge_l},
                       {"nll", each.nll},
                       {"answer_tokens", each.tokens},
                       {"prompt_tokens", each.prompt},
                       {"kept_tokens", each.kept}});
    if (each.rouge_full) answers.back()["rouge_l_full"] = *each.rouge_full;
  }
  json["answers"] = std::move(answers);
  return json;
}

void print_scores(std::ostream& out, const std::vector<eval::PictureScore>& scores) {
  out << fmt::format("{:<22}{:>7}{:>17}{:>17}{:>17}{:>12}\n", "set (shares in %)", "items", "exact",
                     "ROUGE-L", "ROUGE-L, full", "perplexity");
  for (const eval::PictureScore& each : scores) {
    const auto full = each.rouge_full();
    out << fmt::format("{:<22}{:>7}{:>17}{:>17}{:>17}{:>12.3f}\n", each.name.substr(0, 21),
                       each.answers.size(), share_text(each.exact()), share_text(each.rouge_l()),
                       full ? share_text(*full) : "", each.perplexity());
  }
}

bool keeps_less(const KeepChoice& keep) { return compresses(keep) || keep.window > 0; }

// A cache of bytes is too small for what the full one answers: that has a session of its own.
std::unique_ptr<lm::Session> whole_session(const EvalOptions& options, const Invocation& context) {
  if (!keeps_less(options.language.keep) || options.language.keep.bytes.count == 0) return nullptr;
  LanguageOptions whole = options.language;
  whole.keep = {};
  return std::move(
      pliant::open_language(whole.model, session_options(whole, 1), context.pool()).session);
}

eval::PictureScore score_set(const std::string& path, const EvalOptions& options,
                             const eval::PictureJudge& judge, Progress& progress,
                             const Invocation& context) {
  eval::PictureScore score{std::filesystem::path(path).stem().string(), {}};
  const std::vector<eval::PictureItem> items =
      eval::picture_items(read_file(path), path, options.items.limit);
  for (const eval::PictureItem& item : items) {
    if (context.stop) break;
    progress.show([&] {
      return fmt::format("{}: {} of {}", score.name, score.answers.size() + 1, items.size());
    });
    eval::PictureAnswer answer = judge.ask(item);
    if (!context.stop) score.answers.push_back(std::move(answer));
  }
  return score;
}

}  // namespace

bool about_pictures(const EvalOptions& options) {
  std::size_t count = 0;
  for (const std::string& path : options.sets)
    if (eval::asks_about_pictures(read_file(path))) ++count;
  if (count > 0 && count < options.sets.size())
    throw Error(ErrorKind::usage, "SET", "some sets ask about pictures, others do not",
                "score them in two runs");
  return count > 0;
}

int eval_pictures(const EvalOptions& options, const Invocation& context) {
  refuse(options, options.sets.front());
  const OpenLanguage language = open_language(options.language, context);
  const std::unique_ptr<lm::Session> whole = whole_session(options, context);
  const Tokenizer& tokenizer = language.need_tokenizer();
  std::optional<ChatTemplate> chat_template;
  if (!tokenizer.chat_template().text.empty())
    chat_template.emplace(lm::chat_template_of(tokenizer, "", options.language.model));
  eval::ScoreOptions how = options.score;
  how.stop = &context.stop;
  const eval::PictureJudge judge({*language.session, language.need_images(), tokenizer,
                                  chat_template ? &*chat_template : nullptr},
                                 language.policy,
                                 whole                               ? whole.get()
                                 : keeps_less(options.language.keep) ? language.session.get()
                                                                     : nullptr,
                                 how);
  Progress progress(context.log, steady_clock());
  std::vector<eval::PictureScore> scores;
  for (const std::string& path : options.sets) {
    if (context.stop) break;
    eval::PictureScore score = score_set(path, options, judge, progress, context);
    if (!score.answers.empty()) scores.push_back(std::move(score));
  }
  if (context.common.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const eval::PictureScore& each : scores) list.push_back(score_json(each));
    print_json(context.out, {{"sets", list}, {"seconds", progress.seconds()}});
  } else {
    print_scores(context.out, scores);
  }
  if (context.stop) context.log.warning("stopped early: the figures are of the beginning");
  return context.stop ? failure : success;
}

}  // namespace pliant::cli
