#include "lm/chat/conversation.h"

#include <limits>

#include "core/error.h"
#include "core/json.h"

namespace pliant::lm {

ChatMessage message_of(const char* role, const std::string& text, std::size_t images,
                       bool in_parts) {
  ChatMessage result{role, text};
  if (!in_parts) return result;
  nlohmann::json parts = nlohmann::json::array();
  for (std::size_t i = 0; i < images; ++i) parts.push_back({{"type", "image"}});
  parts.push_back({{"type", "text"}, {"text", text}});
  result.fields_json = nlohmann::json{{"content", std::move(parts)}}.dump();
  return result;
}

ChatOptions names_of(const Tokenizer& tokenizer) {
  const SpecialTokens& special = tokenizer.special();
  ChatOptions how;
  if (special.bos >= 0) how.bos_token = tokenizer.piece(special.bos);
  if (special.eos >= 0) how.eos_token = tokenizer.piece(special.eos);
  return how;
}

ChatTemplate chat_template_of(const Tokenizer& tokenizer, const std::string& file,
                              const std::string& place) {
  if (!file.empty()) return {read_chat_template(file), file};
  const ChatSource& source = tokenizer.chat_template();
  if (!source.text.empty()) return {source.text, source.place};
  throw Error(ErrorKind::not_found, place, "has no chat template",
              "give one with --template, or continue plain text with pliant generate");
}

Conversation::Conversation(Session& session, const kv::Policy& policy, const Tokenizer& tokenizer,
                           ChatTemplate chat_template, std::string system, const VlmConfig* vision)
    : session_(session),
      tokenizer_(tokenizer),
      template_(std::move(chat_template)),
      system_(std::move(system)),
      vision_(vision),
      sequence_(session.open(policy)) {
  reset();
}

Conversation::~Conversation() { session_.close(sequence_); }

void Conversation::reset() {
  messages_.clear();
  attached_.clear();
  images_.clear();
  waiting_.clear();
  if (system_.empty()) return;
  messages_.push_back(message_of("system", system_, 0, vision_ != nullptr));
  attached_.push_back(0);
}

void Conversation::attach(std::shared_ptr<const EncodedImage> image) {
  if (vision_ == nullptr)
    throw Error(ErrorKind::invalid, "image", "the model sees no images",
                "chat with a vision-language model");
  waiting_.push_back(std::move(image));
}

void Conversation::pop() {
  images_.resize(images_.size() - attached_.back());
  attached_.pop_back();
  messages_.pop_back();
}

Generated Conversation::say(const std::string& text, const GenerateOptions& options,
                            const Show& show, const std::atomic<bool>* stop) {
  messages_.push_back(message_of("user", text, waiting_.size(), vision_ != nullptr));
  attached_.push_back(waiting_.size());
  images_.insert(images_.end(), waiting_.begin(), waiting_.end());
  try {
    Generated given = answer(options, show, stop);
    if (given.finish == Finish::interrupted && given.text.empty()) {
      pop();
    } else {
      messages_.push_back(message_of("assistant", given.text, 0, vision_ != nullptr));
      attached_.push_back(0);
      waiting_.clear();
    }
    return given;
  } catch (...) {
    pop();
    throw;
  }
}

Generated Conversation::answer(const GenerateOptions& options, const Show& show,
                               const std::atomic<bool>* stop) {
  const EncodeOptions how{.add_special = false, .parse_special = true};
  if (vision_ == nullptr) {
    std::vector<TokenId> tokens = tokenizer_.encode(rendered(), how);
    session_.rewind(sequence_, tokens);  // what the cache holds of it stays
    return generate(session_, sequence_, &tokenizer_, tokens, options, nullptr, show, stop);
  }
  ImagePrompt prompt(
      *vision_, tokenizer_.encode(with_images(rendered(), marker(), vision_->family, images_), how),
      images_);
  const bool tagged = session_.edits(sequence_);
  if (tagged) mark_segments(prompt);
  const std::int64_t held = session_.rewind(sequence_, prompt.known());
  const std::vector<Piece> pieces = prompt.behind(held, tagged);
  return generate(session_, sequence_, &tokenizer_, prompt.tokens, pieces, options, nullptr, show,
                  stop);
}

// Of the first messages, which have so many images; all, if the template does not write a
// conversation that is cut there.
std::int64_t Conversation::tokens_before(std::size_t message, std::size_t images) const {
  ChatOptions how = names_of(tokenizer_);
  how.add_generation_prompt = false;
  try {
    const std::string text =
        template_.render({messages_.begin(), messages_.begin() + message}, how);
    const Images before(images_.begin(), images_.begin() + images);
    return std::ssize(tokenizer_.encode(with_images(text, marker(), vision_->family, before),
                                        {.add_special = false, .parse_special = true}));
  } catch (const Error&) {
    return std::numeric_limits<std::int64_t>::max();
  }
}

// The system's message, and each turn from its message on.
void Conversation::mark_segments(ImagePrompt& prompt) const {
  std::int32_t turn = 0;
  std::size_t images = 0;
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    if (messages_[i].role == "system") prompt.mark(0, {kv::SegmentKind::system, 0});
    if (messages_[i].role == "user") {
      if (i > 0) prompt.mark(tokens_before(i, images), {kv::SegmentKind::text, turn});
      ++turn;
    }
    images += attached_[i];
  }
}

void Conversation::take_back() {
  const auto is_system = [&] { return messages_.back().role == "system"; };
  while (!messages_.empty() && !is_system()) {
    const bool message = messages_.back().role == "user";
    pop();
    if (message) return;
  }
}

std::string Conversation::rendered() const {
  return template_.render(messages_, names_of(tokenizer_));
}

std::string_view Conversation::marker() const { return image_marker(tokenizer_, *vision_); }

}  // namespace pliant::lm
