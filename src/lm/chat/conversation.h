// A conversation with a model: what was said, put into words by a chat template, and the cache that
// holds as much of it as is unchanged.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "lm/generate.h"
#include "text/chat/template.h"

namespace pliant::lm {

// The template in `file`, or the model's own if that is empty. Throws Error{not_found} at `place`
// if the model has none, and as read_chat_template() and ChatTemplate do.
ChatTemplate chat_template_of(const Tokenizer& tokenizer, const std::string& file,
                              const std::string& place);

class Conversation {
 public:
  // Session and tokenizer must outlive it; it opens a sequence of its own. `system`: what the model
  // is told before anything is said; empty: nothing. Throws Error{capacity} as Session::open().
  Conversation(Session& session, const kv::Policy& policy, const Tokenizer& tokenizer,
               ChatTemplate chat_template, std::string system = "");
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  void reset();  // as at the beginning

  // The model's answer; `show` sees the text as it is made. What was said before `stop` ended it
  // stays said; if that is nothing, the message is forgotten too, as it is when this throws. Only
  // what the cache lacks is fed. Throws as generate() and ChatTemplate::render() do.
  Generated say(const std::string& text, const GenerateOptions& options, const Show& show = {},
                const std::atomic<bool>* stop = nullptr);

  // Forgets the last message and what answered it. Nothing happens when nothing was said.
  void take_back();

  const std::vector<ChatMessage>& messages() const { return messages_; }

 private:
  std::string rendered() const;

  Session& session_;
  const Tokenizer& tokenizer_;
  ChatTemplate template_;
  std::string system_;
  SeqId sequence_;
  std::vector<ChatMessage> messages_;
};

}  // namespace pliant::lm
