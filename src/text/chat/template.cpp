#include "text/chat/template.h"

#include "core/error.h"
#include "core/files.h"
#include "core/utf8.h"
#include "text/chat/render.h"

namespace pliant {
namespace {

void check_size(std::string_view source, std::string_view place) {
  constexpr std::size_t largest = 4U << 20;
  if (source.size() > largest)
    throw Error(ErrorKind::capacity, std::string(place), "a chat template of more than 4 MiB");
}

chat::Value message_value(const ChatMessage& message) {
  chat::Named fields = {{"role", chat::Value(message.role)},
                        {"content", chat::Value(message.content)}};
  if (!message.fields_json.empty()) {
    const chat::Value more = chat::from_json(message.fields_json, "chat message fields");
    if (!more.is_dict())
      throw Error(ErrorKind::format, "chat message fields", "an object expected");
    for (const auto& [name, value] : more.dict().items) {
      if (name == "content") fields[1].second = value;
      else if (name != "role") fields.emplace_back(name, value);
    }
  }
  return chat::make_dict(std::move(fields));
}

}  // namespace

std::string read_chat_template(const std::string& path) {
  const MappedFile file(path);
  check_size(file.text(), path);
  if (file.text().empty()) throw Error(ErrorKind::format, path, "a chat template without a letter");
  if (!is_utf8(file.text()))
    throw Error(ErrorKind::format, path, "a chat template that is no UTF-8");
  return std::string(file.text());
}

struct ChatTemplate::Parsed {
  chat::TemplateSource source;
  chat::Block block;
};

ChatTemplate::ChatTemplate(std::string_view source, std::string_view place) {
  check_size(source, place);
  chat::TemplateSource normal(chat::normal_source(source), std::string(place));
  chat::Block block = chat::parse(normal);
  parsed_ = std::make_unique<const Parsed>(Parsed{std::move(normal), std::move(block)});
}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(const std::vector<ChatMessage>& messages,
                                 const ChatOptions& options) const {
  chat::RenderInputs inputs;
  inputs.now = options.now;
  if (!options.variables_json.empty()) {
    const chat::Value more = chat::from_json(options.variables_json, "chat template variables");
    if (!more.is_dict())
      throw Error(ErrorKind::format, "chat template variables", "an object expected");
    for (const auto& [name, value] : more.dict().items)
      inputs.variables.insert_or_assign(name, value);
  }
  const auto add = [&](const char* name, chat::Value value) {
    inputs.variables.insert_or_assign(name, std::move(value));
  };
  std::vector<chat::Value> items;
  for (const ChatMessage& each : messages) items.push_back(message_value(each));
  add("messages", chat::make_list(std::move(items)));
  add("add_generation_prompt", chat::Value(options.add_generation_prompt));
  add("bos_token", chat::Value(options.bos_token));
  add("eos_token", chat::Value(options.eos_token));
  if (!options.tools_json.empty()) {
    add("tools", chat::from_json(options.tools_json, "chat template tools"));
  } else if (!inputs.variables.contains("tools")) {
    add("tools", chat::Value(chat::None{}));
  }
  return chat::render(parsed_->source, parsed_->block, inputs);
}

}  // namespace pliant
