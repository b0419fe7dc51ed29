// Any bytes as a chat template, rendered over a short conversation with tools.
#include <string_view>

#include "core/error.h"
#include "text/chat/template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pliant;
  static const std::vector<ChatMessage> messages = {
      {"system", "Be brief."},
      {"user", "Grüße, \"you\""},
      {"assistant", "",
       R"({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1.5}}}]})"}};
  const ChatOptions options{
      .bos_token = "<s>", .eos_token = "</s>", .tools_json = R"([{"name": "f", "x": [1, null]}])"};
  try {
    ChatTemplate({reinterpret_cast<const char*>(data), size}, "fuzz").render(messages, options);
  } catch (const Error&) {
  }
  return 0;
}
