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
#include "lm/chat/conversation.h"

namespace pliant::cli {
namespace {

constexpr const char* chat_help =
    "a line is a message; Ctrl-C ends an answer, and at the prompt the program, as /exit and "
    "Ctrl-D do; /reset begins anew; /image FILE shows a picture with the next message";

struct ChatVerbOptions {
  LanguageOptions language;
  lm::GenerateOptions generate;
  std::string system, template_file;
  std::vector<std::string> images;
};

// Standard input's lines, and what is done with them.
class Chat {
 public:
  Chat(const ChatVerbOptions& options, OpenLanguage& language, ChatTemplate chat_template,
       const Invocation& context)
      : options_(options),
        language_(language),
        context_(context),
        conversation_(*language.session, language.policy, language.need_tokenizer(),
                      std::move(chat_template), options.system,
                      language.images ? &language.images->config() : nullptr) {
    attach(options.images);
  }

  void run() {
    if (terminal_) context_.log.info(chat_help);
    std::string line;
    while (!context_.stop && next(line) && line != "/exit")
      if (line == "/reset") conversation_.reset();
      else if (line.starts_with(show_image)) see(line.substr(show_image.size()));
      else if (line == "/help") std::cerr << chat_help << '\n';
      else if (!line.empty()) answer(line);
    if (terminal_ && line != "/exit") std::cerr << '\n';  // behind the prompt
    if (!stream_) print_json(context_.out, {{"turns", turns_}});
  }

 private:
  static constexpr std::string_view show_image = "/image ";

  void attach(const std::vector<std::string>& files) {
    for (auto& image : read_images(files, language_, context_)) conversation_.attach(image);
  }

  // A wrong name ends no conversation at a terminal.
  void see(const std::string& file) {
    try {
      attach({file});
    } catch (const Error& error) {
      if (!terminal_) throw;
      context_.log.error(error.what());
    }
  }

  bool next(std::string& line) {
    if (terminal_) std::cerr << "> " << std::flush;
    if (terminal_ && !wait_for_line()) return false;
    return static_cast<bool>(std::getline(std::cin, line));
  }

  void answer(const std::string& line) {
    // who sits at no terminal cannot say which of the two is meant
    std::optional<Interruptible> answering;
    if (terminal_) answering.emplace();
    try {
      show(line, conversation_.say(line, options_.generate, show_,
                                   answering ? &answering->interrupted() : &context_.stop));
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
      context_.log.warning(
          "the context is full: /reset begins anew; --context or --window give more room");
  }

  const ChatVerbOptions& options_;
  OpenLanguage& language_;
  const Invocation& context_;
  lm::Conversation conversation_;
  const bool terminal_ = isatty(STDIN_FILENO) == 1, stream_ = !context_.common.json;
  nlohmann::ordered_json turns_ = nlohmann::ordered_json::array();
  const lm::Show show_ = [this](std::string_view text) {
    if (stream_) context_.out << text << std::flush;
    return true;
  };
};

int run_chat(ChatVerbOptions& options, const Invocation& context) {
  options.generate.sampling.seed = static_cast<std::uint64_t>(context.common.seed);
  OpenLanguage language = open_language(options.language, context);
  Chat(options, language,
       lm::chat_template_of(language.need_tokenizer(), options.template_file,
                            options.language.model),
       context)
      .run();
  language.trace->write();
  return success;
}

}  // namespace

Verb chat_verb() {
  const auto options = std::make_shared<ChatVerbOptions>();
  options->generate.tokens = 512;
  options->generate.sampling.temperature = 0.7;
  options->generate.sampling.top_p = 0.95;
  options->generate.logprobs = -1;
  options->language.prefix_cache = {std::int64_t{64} << 20};
  Command command{
      .name = "chat",
      .summary = "talk with a language model",
      .description =
          {"Each line of standard input is a message; the answers are printed as they are made. "
           "The model's own chat template puts the conversation into words; what the cache already "
           "holds of it is not computed again. /reset begins anew, /exit ends, /help says so.",
           "On a terminal Ctrl-C ends the answer being given, and what was said of it stays in the "
           "conversation; at the prompt it ends the program, as Ctrl-D does.",
           "With --image, of a vision-language model's folder: the first message shows the "
           "pictures; "
           "/image FILE shows one more with the next message.",
           "With --json: one object with the turns at the end."},
      .arguments = {model_argument(options->language.model)},
      .options = {image_option(options->images),
                  option("system", "TEXT", options->system,
                         "instructions to the model before the conversation"),
                  option("template", "FILE", options->template_file,
                         "a chat template in place of the model's")
                      .path(),
                  option("prefix-cache", "SIZE", options->language.prefix_cache,
                         "memory for what the model has read and the conversation went back from: "
                         "it is not computed again")},
      .examples = {{"pliant chat folder", "a conversation"},
                   {"pliant chat model.gguf --cache elastic --cache-bytes 64MiB",
                    "whose memory does not grow beyond 64 MiB"},
                   {"pliant chat vlm --image a.png --image b.png --cache elastic --keep 0.2",
                    "about two pictures, from a fifth of the cache"},
                   {"echo 'Name a river.' | pliant chat model.gguf --temperature 0 --json",
                    "one question, for a script"}}};
  for (Option& each : sampling_options(options->generate))
    command.options.push_back(std::move(each));
  for (Option& each : language_options(options->language))
    command.options.push_back(std::move(each));
  command.options.push_back(trace_option(options->language.trace));
  return {std::move(command),
          [options](const Invocation& context) { return run_chat(*options, context); }};
}

}  // namespace pliant::cli
