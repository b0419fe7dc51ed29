// A conversation with a model: what was said, put into words by a chat template, and the cache that
// holds as much of it as is unchanged.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "lm/generate.h"
#include "lm/vision/prompt.h"
#include "text/chat/template.h"

namespace pliant::lm {

// The template in `file`, or the model's own if that is empty. Throws Error{not_found} at `place`
// if the model has none, and as read_chat_template() and ChatTemplate do.
ChatTemplate chat_template_of(const Tokenizer& tokenizer, const std::string& file,
                              const std::string& place);

// In parts, images first, if the template of a model that sees images is to write it.
ChatMessage message_of(const char* role, const std::string& text, std::size_t images,
                       bool in_parts);
// With the tokens that begin and end texts.
ChatOptions names_of(const Tokenizer& tokenizer);

class Conversation {
 public:
  // Session and tokenizer must outlive it; it opens a sequence of its own. `system`: what the model
  // is told before anything is said; empty: nothing. `vision`: of a model that sees images, whose
  // template is given each message as a list of parts; may be null. Throws Error{capacity} as
  // Session::open().
  Conversation(Session& session, const kv::Policy& policy, const Tokenizer& tokenizer,
               ChatTemplate chat_template, std::string system = "",
               const VlmConfig* vision = nullptr);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  void reset();  // as at the beginning

  // The next message has this image too, before its text. Throws Error{invalid} without `vision`.
  void attach(std::shared_ptr<const EncodedImage> image);

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
  std::string_view marker() const;
  void pop();
  Generated answer(const GenerateOptions& options, const Show& show, const std::atomic<bool>* stop);
  std::int64_t tokens_before(std::size_t message, std::size_t images) const;
  void mark_segments(ImagePrompt& prompt) const;

  Session& session_;
  const Tokenizer& tokenizer_;
  ChatTemplate template_;
  std::string system_;
  const VlmConfig* vision_;
  SeqId sequence_;
  std::vector<ChatMessage> messages_;
  std::vector<std::size_t> attached_;  // images of each message
  Images images_, waiting_;            // of all messages; of the next one
};

}  // namespace pliant::lm
