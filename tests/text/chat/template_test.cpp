#include "text/chat/template.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/error.h"
#include "core/json.h"

namespace pliant {
namespace {

using Json = nlohmann::ordered_json;

Json golden_chat(const std::string& name) {
  std::ifstream file("golden/chat/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return parse_ordered_json(text.str(), name);
}

// The text, or the error's beginning with a mark that no text has.
std::string outcome(const std::string& source, const std::vector<ChatMessage>& messages,
                    const ChatOptions& options) {
  try {
    return ChatTemplate(source, "template").render(messages, options);
  } catch (const Error& error) {
    return std::string("\x01") + error.what();
  }
}

TEST(ChatTemplate, ExpressionsAndStatementsAreJinjas) {
  const Json document = golden_chat("expressions.json");
  ChatOptions options;
  options.variables_json = document["variables"].dump();
  options.now = document["now"].get<std::int64_t>();
  for (const Json& each : document["cases"]) {
    const auto source = each["template"].get<std::string>();
    const std::string got = outcome(source, {}, options);
    if (each["output"].is_null()) EXPECT_EQ(got[0], '\x01') << source << "\n" << got;
    else EXPECT_EQ(got, each["output"].get<std::string>()) << source;
  }
}

TEST(ChatTemplate, FamiliesRenderByteForByte) {
  const Json document = golden_chat("templates.json");
  for (const Json& each : document["renderings"]) {
    std::vector<ChatMessage> messages;
    for (Json message : document["conversations"][each["conversation"].get<std::string>()]) {
      ChatMessage made;
      made.role = message["role"].get<std::string>();
      message.erase("role");
      if (message["content"].is_string()) {
        made.content = message["content"].get<std::string>();
        message.erase("content");
      }
      if (!message.empty()) made.fields_json = message.dump();
      messages.push_back(made);
    }
    ChatOptions options;
    options.now = document["now"].get<std::int64_t>();
    options.bos_token = "<s>";
    options.eos_token = "</s>";
    options.add_generation_prompt = each["prompt"].get<bool>();
    if (each["tools"].get<bool>()) options.tools_json = document["tools"].dump();
    const std::string got =
        outcome(document["templates"][each["template"].get<std::string>()].get<std::string>(),
                messages, options);
    if (each["output"].is_null()) EXPECT_EQ(got[0], '\x01') << each.dump() << "\n" << got;
    else
      EXPECT_EQ(got, each["output"].get<std::string>())
          << each["template"] << " " << each["conversation"];
  }
}

void expect_chat_error(ErrorKind kind, const std::string& words, const std::string& source,
                       const std::string& variables = "") {
  try {
    ChatOptions options;
    options.variables_json = variables;
    ChatTemplate(source, "template").render({}, options);
    FAIL() << "no error: " << source.substr(0, 200);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(words), std::string_view::npos)
        << error.what() << "\n"
        << words;
  }
}

TEST(ChatTemplate, ErrorsNameLineAndColumn) {
  expect_chat_error(ErrorKind::format, "template, line 2, column 8: there is no filter 'nope'",
                    "é\nab{{ n|nope }}");
  expect_chat_error(ErrorKind::format, "template, line 1, column 1: there is no 'endif'",
                    "{% if true %}");
  expect_chat_error(ErrorKind::format,
                    "line 1, column 4: the statement 'include' is not understood",
                    "abc{% include 'x' %}");
  expect_chat_error(ErrorKind::invalid, "template, line 2, column 4: roles must alternate",
                    "\n{{ raise_exception('roles must alternate') }}");
  expect_chat_error(ErrorKind::invalid, "line 1, column 5: 'a' is undefined", "{{ a.b }}");
  expect_chat_error(ErrorKind::invalid, "integer of more than 64 bits",
                    "{{ 9223372036854775807 + 1 }}");
  expect_chat_error(ErrorKind::format, "integer of more than 64 bits",
                    "{{ 92233720368547758070 }}");
  expect_chat_error(ErrorKind::invalid, "a namespace cannot hold a namespace",
                    "{% set a = namespace() %}{% set a.b = [a] %}");
  expect_chat_error(ErrorKind::format, "an object expected", "", "[]");
}

std::string many(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(ChatTemplate, HostileTemplatesAreErrors) {
  const auto expect_capacity = [](const std::string& source) {
    expect_chat_error(ErrorKind::capacity, "", source);
  };
  expect_capacity("{{ " + many("(", 5000) + "1" + many(")", 5000) + " }}");
  expect_capacity("{{ " + many("-", 5000) + "1 }}");
  expect_capacity("{{ 1" + many("+ 1", 5000) + " }}");
  expect_capacity("{{ a" + many(".b", 5000) + " }}");
  expect_capacity(many("{% if true %}", 5000));
  expect_capacity("{{ 'a' * 1000000000 }}");
  expect_capacity("{{ range(10000000) }}");
  expect_capacity("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}");
  expect_capacity("{% for a in range(99999) %}{{ 'x' * 99999 }}{% endfor %}");
  expect_capacity("{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}");
  expect_capacity(
      "{% set n = namespace(x='ab') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor "
      "%}");
  expect_capacity(
      "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor "
      "%}{{ n.x }}");
  expect_capacity(
      "{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}{{ "
      "n.x }}");
  expect_capacity(
      "{% set n = namespace(x='a' * 9999) %}{% for i in range(99999) %}{{ n.x | replace('a', n.x) "
      "| length }}{% endfor "
      "%}");
}

TEST(ChatTemplate, VariablesOfAMessageAreItsFields) {
  ChatMessage message{"user", "hi", R"({"name": "Bo", "content": null, "role": "x"})"};
  EXPECT_EQ(ChatTemplate("{{ messages[0] }}", "template").render({message}),
            "{'role': 'user', 'content': None, 'name': 'Bo'}");
  EXPECT_EQ(ChatTemplate("{{ tools is none }}{{ bos_token }}{{ add_generation_prompt }}", "t")
                .render({}, {.bos_token = "B"}),
            "TrueBTrue");
}

}  // namespace
}  // namespace pliant
