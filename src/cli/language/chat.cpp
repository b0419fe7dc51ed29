#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/language/language.h"
#include "cli/print.h"
#include "cli/verb.h"
#include "core/error.h"
#include "lm/prefix.h"
#include "text/chat/template.h"

namespace pliant::cli {
namespace {

struct ChatVerbOptions {
  LanguageOptions language;
  lm::GenerateOptions generate;
  std::string system, template_file;
};

// A conversation and the cache that holds as much of it as is unchanged.
class Conversation {
 public:
  Conversation(const ChatVerbOptions& options, OpenLanguage& language, const ChatTemplate& chat_template,
               const Context& context)
      : options_(options),
        language_(language),
        template_(chat_template),
        context_(context),
        tokenizer_(need_tokenizer(language, options.language)),
        sequence_(language.session->open(language.policy)) {
    reset();
  }

  void reset() {
    messages_.clear();
    if (!options_.system.empty()) messages_.push_back({"system", options_.system});
  }

  // The model's answer; the text is shown as it is made.
  lm::Generated say(const std::string& text, const lm::Show& show) {
    messages_.push_back({"user", text});
    try {
      std::vector<TokenId> tokens = tokenizer_.encode(rendered(), {.add_special = false, .parse_special = true});
      lm::rewind(*language_.session, sequence_, tokens);  // what the cache holds of it stays
      lm::Generated answer = lm::generate(*language_.session, sequence_, &tokenizer_, tokens, options_.generate,
                                          nullptr, show, &context_.stop);
      messages_.push_back({"assistant", answer.text});
      return answer;
    } catch (...) {
      messages_.pop_back();
      throw;
    }
  }

  const std::vector<ChatMessage>& messages() const { return messages_; }

 private:
  std::string rendered() const {
    const SpecialTokens& special = tokenizer_.special();
    ChatOptions how;
    if (special.bos >= 0) how.bos_token = tokenizer_.piece(special.bos);
    if (special.eos >= 0) how.eos_token = tokenizer_.piece(special.eos);
    return template_.render(messages_, how);
  }

  const ChatVerbOptions& options_;
  OpenLanguage& language_;
  const ChatTemplate& template_;
  const Context& context_;
  const Tokenizer& tokenizer_;
  lm::SeqId sequence_;
  std::vector<ChatMessage> messages_;
};

ChatTemplate template_of(const ChatVerbOptions& options, const OpenLanguage& language) {
  if (!options.template_file.empty()) return {read_chat_template(options.template_file), options.template_file};
  const ChatSource& source = need_tokenizer(language, options.language).chat_template();
  if (!source.text.empty()) return {source.text, source.place};
  throw Error(ErrorKind::not_found, options.language.model, "has no chat template",
              "give one with --template, or continue plain text with pliant generate");
}

bool next_line(std::string& line, bool terminal) {
  if (terminal) std::cerr << "> " << std::flush;
  return static_cast<bool>(std::getline(std::cin, line));
}

int run_chat(ChatVerbOptions& options, const Context& context) {
  options.generate.sampling.seed = static_cast<std::uint64_t>(context.common.seed);
  OpenLanguage language = open_language(options.language, context);
  const ChatTemplate chat_template = template_of(options, language);
  Conversation conversation(options, language, chat_template, context);
  const bool terminal = isatty(STDIN_FILENO) == 1;
  const bool stream = !context.common.json;
  if (terminal) context.log.info("a line is a message; /reset begins anew, /exit or Ctrl-D ends");
  auto turns = nlohmann::ordered_json::array();
  const lm::Show show = [&](std::string_view text) {
    if (stream) context.out << text << std::flush;
    return true;
  };
  for (std::string line; !context.stop && next_line(line, terminal);) {
    if (line == "/exit") break;
    if (line == "/reset") {
      conversation.reset();
      continue;
    }
    if (line.empty()) continue;
    lm::Generated answer;
    try {
      answer = conversation.say(line, show);
    } catch (const Error& error) {
      if (!terminal || error.kind() != ErrorKind::capacity) throw;
      context.log.error(fmt::format("{}: {}; /reset begins anew", error.place(), error.problem()));
      continue;
    }
    if (stream) context.out << "\n" << std::flush;
    turns.push_back({{"user", line},
                     {"assistant", answer.text},
                     {"token_ids", answer.ids},
                     {"finish", lm::name(answer.finish)},
                     {"stats", stats_json(language, answer)}});
    context.log.debug(stats_line(language, answer));
    if (answer.finish == lm::Finish::context)
      context.log.warning("the context is full: /reset begins anew; --context or --window give more room");
  }
  if (!stream) print_json(context.out, {{"turns", turns}});
  return success;
}

}  // namespace

Verb chat_verb() {
  const auto options = std::make_shared<ChatVerbOptions>();
  options->generate.tokens = 512;
  options->generate.sampling.temperature = 0.7;
  options->generate.sampling.top_p = 0.95;
  options->generate.logprobs = -1;
  Command command{
      .name = "chat",
      .summary = "talk with a language model",
      .description = {"Each line of standard input is a message; the answers are printed as they are made. The model's "
                      "own chat template puts the conversation into words; what the cache already holds of it is not "
                      "computed again. /reset begins anew, /exit ends.",
                      "With --json: one object with the turns at the end."},
      .arguments = {argument("MODEL", options->language.model, "the model").path()},
      .options = {option("system", "TEXT", options->system, "what the model is told before the conversation"),
                  option("template", "FILE", options->template_file, "a chat template in place of the model's").path()},
      .examples = {
          {"pliant chat folder", "a conversation"},
          {"echo 'Name a river.' | pliant chat model.gguf --temperature 0 --json", "one question, for a script"}}};
  for (Option& each : sampling_options(options->generate)) command.options.push_back(std::move(each));
  for (Option& each : language_options(options->language)) command.options.push_back(std::move(each));
  return {std::move(command), [options](const Context& context) { return run_chat(*options, context); }};
}

}  // namespace pliant::cli
