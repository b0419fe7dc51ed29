#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/language/language.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "command/stop.h"
#include "core/error.h"
#include "lm/prefix.h"
#include "text/chat/template.h"

namespace pliant::cli {
namespace {

constexpr const char* chat_help =
    "a line is a message; Ctrl-C ends an answer, and at the prompt the program, as /exit and Ctrl-D do; /reset begins "
    "anew";

struct ChatVerbOptions {
  LanguageOptions language;
  lm::GenerateOptions generate;
  std::string system, template_file;
};

// A conversation and the cache that holds as much of it as is unchanged.
class Conversation {
 public:
  Conversation(const ChatVerbOptions& options, OpenLanguage& language, const ChatTemplate& chat_template)
      : options_(options),
        language_(language),
        template_(chat_template),
        tokenizer_(language.need_tokenizer()),
        sequence_(language.session->open(language.policy)) {
    reset();
  }

  void reset() {
    messages_.clear();
    if (!options_.system.empty()) messages_.push_back({"system", options_.system});
  }

  // The model's answer; the text is shown as it is made. What was said before `stop` ended it stays said; if that is
  // nothing, the message is forgotten too.
  lm::Generated say(const std::string& text, const lm::Show& show, const std::atomic<bool>& stop) {
    messages_.push_back({"user", text});
    try {
      std::vector<TokenId> tokens = tokenizer_.encode(rendered(), {.add_special = false, .parse_special = true});
      lm::rewind(*language_.session, sequence_, tokens);  // what the cache holds of it stays
      lm::Generated answer =
          lm::generate(*language_.session, sequence_, &tokenizer_, tokens, options_.generate, nullptr, show, &stop);
      if (answer.finish == lm::Finish::interrupted && answer.text.empty()) messages_.pop_back();
      else messages_.push_back({"assistant", answer.text});
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
  const Tokenizer& tokenizer_;
  lm::SeqId sequence_;
  std::vector<ChatMessage> messages_;
};

ChatTemplate template_of(const ChatVerbOptions& options, const OpenLanguage& language) {
  if (!options.template_file.empty()) return {read_chat_template(options.template_file), options.template_file};
  const ChatSource& source = language.need_tokenizer().chat_template();
  if (!source.text.empty()) return {source.text, source.place};
  throw Error(ErrorKind::not_found, options.language.model, "has no chat template",
              "give one with --template, or continue plain text with pliant generate");
}

// Standard input's lines, and what is done with them.
class Chat {
 public:
  Chat(const ChatVerbOptions& options, OpenLanguage& language, const ChatTemplate& chat_template,
       const Context& context)
      : language_(language), context_(context), conversation_(options, language, chat_template) {}

  void run() {
    if (terminal_) context_.log.info(chat_help);
    std::string line;
    while (!context_.stop && next(line) && line != "/exit")
      if (line == "/reset") conversation_.reset();
      else if (line == "/help") std::cerr << chat_help << '\n';
      else if (!line.empty()) answer(line);
    if (terminal_ && line != "/exit") std::cerr << '\n';  // behind the prompt
    if (!stream_) print_json(context_.out, {{"turns", turns_}});
  }

 private:
  bool next(std::string& line) {
    if (terminal_) std::cerr << "> " << std::flush;
    if (terminal_ && !wait_for_line()) return false;
    return static_cast<bool>(std::getline(std::cin, line));
  }

  void answer(const std::string& line) {
    std::optional<Interruptible> answering;  // who sits at no terminal cannot say which of the two is meant
    if (terminal_) answering.emplace();
    try {
      show(line, conversation_.say(line, show_, answering ? answering->interrupted() : context_.stop));
    } catch (const Error& error) {
      if (!terminal_ || error.kind() != ErrorKind::capacity) throw;
      context_.log.error(fmt::format("{}: {}; /reset begins anew", error.place(), error.problem()));
    }
  }

  void show(const std::string& line, const lm::Generated& answer) {
    if (stream_) context_.out << "\n" << std::flush;
    turns_.push_back({{"user", line},
                      {"assistant", answer.text},
                      {"token_ids", answer.ids},
                      {"finish", lm::name(answer.finish)},
                      {"stats", stats_json(language_, answer)}});
    context_.log.debug(stats_line(language_, answer));
    if (answer.finish == lm::Finish::context)
      context_.log.warning("the context is full: /reset begins anew; --context or --window give more room");
  }

  OpenLanguage& language_;
  const Context& context_;
  Conversation conversation_;
  const bool terminal_ = isatty(STDIN_FILENO) == 1, stream_ = !context_.common.json;
  nlohmann::ordered_json turns_ = nlohmann::ordered_json::array();
  const lm::Show show_ = [this](std::string_view text) {
    if (stream_) context_.out << text << std::flush;
    return true;
  };
};

int run_chat(ChatVerbOptions& options, const Context& context) {
  options.generate.sampling.seed = static_cast<std::uint64_t>(context.common.seed);
  OpenLanguage language = open_language(options.language, context);
  const ChatTemplate chat_template = template_of(options, language);
  Chat(options, language, chat_template, context).run();
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
                      "computed again. /reset begins anew, /exit ends, /help says so.",
                      "On a terminal Ctrl-C ends the answer being given, and what was said of it stays in the "
                      "conversation; at the prompt it ends the program, as Ctrl-D does.",
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
