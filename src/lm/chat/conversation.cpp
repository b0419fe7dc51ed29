#include "lm/chat/conversation.h"

#include "core/error.h"

namespace pliant::lm {

ChatTemplate chat_template_of(const Tokenizer& tokenizer, const std::string& file,
                              const std::string& place) {
  if (!file.empty()) return {read_chat_template(file), file};
  const ChatSource& source = tokenizer.chat_template();
  if (!source.text.empty()) return {source.text, source.place};
  throw Error(ErrorKind::not_found, place, "has no chat template",
              "give one with --template, or continue plain text with pliant generate");
}

Conversation::Conversation(Session& session, const kv::Policy& policy, const Tokenizer& tokenizer,
                           ChatTemplate chat_template, std::string system)
    : session_(session),
      tokenizer_(tokenizer),
      template_(std::move(chat_template)),
      system_(std::move(system)),
      sequence_(session.open(policy)) {
  reset();
}

Conversation::~Conversation() { session_.close(sequence_); }

void Conversation::reset() {
  messages_.clear();
  if (!system_.empty()) messages_.push_back({"system", system_});
}

Generated Conversation::say(const std::string& text, const GenerateOptions& options,
                            const Show& show, const std::atomic<bool>* stop) {
  messages_.push_back({"user", text});
  try {
    std::vector<TokenId> tokens =
        tokenizer_.encode(rendered(), {.add_special = false, .parse_special = true});
    session_.rewind(sequence_, tokens);  // what the cache holds of it stays
    Generated answer =
        generate(session_, sequence_, &tokenizer_, tokens, options, nullptr, show, stop);
    if (answer.finish == Finish::interrupted && answer.text.empty()) messages_.pop_back();
    else messages_.push_back({"assistant", answer.text});
    return answer;
  } catch (...) {
    messages_.pop_back();
    throw;
  }
}

void Conversation::take_back() {
  const auto is_system = [&] { return messages_.back().role == "system"; };
  while (!messages_.empty() && !is_system()) {
    const bool message = messages_.back().role == "user";
    messages_.pop_back();
    if (message) return;
  }
}

std::string Conversation::rendered() const {
  const SpecialTokens& special = tokenizer_.special();
  ChatOptions how;
  if (special.bos >= 0) how.bos_token = tokenizer_.piece(special.bos);
  if (special.eos >= 0) how.eos_token = tokenizer_.piece(special.eos);
  return template_.render(messages_, how);
}

}  // namespace pliant::lm
