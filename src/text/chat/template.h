// Chat templates: the Jinja subset that language models ship, interpreted. docs/formats.md lists
// what is understood.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pliant {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant", "tool"
  std::string content;
  std::string fields_json =
      {};  // an object of further fields (tool_calls, name, content of several parts); empty: none
};

struct ChatOptions {
  bool add_generation_prompt = true;
  std::string bos_token = {}, eos_token = {};
  std::string tools_json = {};      // a JSON array of tool descriptions; empty: none
  std::string variables_json = {};  // an object of further variables; empty: none
  std::int64_t now = 0;             // what strftime_now writes, in seconds since 1970 (UTC)
};

// The source of a template in a file. Throws Error{format} for an empty one or bytes that are no
// UTF-8, Error{capacity} for more than 4 MiB.
std::string read_chat_template(const std::string& path);

class ChatTemplate {  // immutable and thread-safe
 public:
  // Throws Error{format} naming line and column for what is no template of the subset.
  ChatTemplate(std::string_view source, std::string_view place);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  // Throws Error{invalid} with the text that the template gives to raise_exception, or for an
  // operation on values of the wrong type (line and column); Error{capacity} for output or work
  // beyond a bound.
  std::string render(const std::vector<ChatMessage>& messages,
                     const ChatOptions& options = {}) const;

 private:
  struct Parsed;
  std::unique_ptr<const Parsed> parsed_;
};

}  // namespace pliant
