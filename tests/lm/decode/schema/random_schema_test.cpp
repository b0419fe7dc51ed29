// 1,000 random schemas, texts drawn by a model of random logits: every one is JSON and holds to its
// schema.
#include <gtest/gtest.h>

#include <cmath>

#include "core/rng.h"
#include "lm/decode/grammar/grammar.h"
#include "lm/decode/sampling.h"
#include "lm/decode/schema/json_schema.h"
#include "lm/decode/schema/validator.h"
#include "lm/decode/vocabulary.h"

namespace pliant::lm {
namespace {

using Json = nlohmann::json;

class RandomSchema {
 public:
  explicit RandomSchema(std::uint64_t seed) : rng_(seed) {}

  Json make() {
    Json schema = value(3);
    if (uses_definition_) {
      Json tree = {{"type", "object"},
                   {"properties", {{"left", {{"$ref", "#/$defs/tree"}}}, {"v", value(0)}}}};
      if (maybe()) tree["required"] = {"v"};
      schema["$defs"] = {{"tree", tree}};
    }
    return schema;
  }

 private:
  bool maybe() { return rng_.below(2) == 0; }

  Json value(int depth) {
    switch (rng_.below(depth > 0 ? 13 : 7)) {
      case 0: return {{"type", maybe() ? "null" : "boolean"}};
      case 1: return integer();
      case 2: return number();
      case 3:
      case 4: return string();
      case 5: return constants();
      case 6:
        return Json{{"type", {"integer", "null", "string"}},
                    {"maxLength", rng_.below(6)},
                    {"minimum", rng_.between(-50, 50)}};
      case 7: return array(depth);
      case 8:
      case 9: return object(depth);
      case 10: return Json{{"anyOf", {value(depth - 1), value(depth - 1)}}};
      case 11: return combined(depth);
      default:
        uses_definition_ = true;
        return maybe() ? Json{{"$ref", "#/$defs/tree"}} : Json::object();
    }
  }

  Json integer() {
    Json schema = {{"type", "integer"}};
    const std::int64_t low = rng_.between(-3000, 3000);
    if (maybe()) schema[maybe() ? "minimum" : "exclusiveMinimum"] = low;
    if (maybe()) schema[maybe() ? "maximum" : "exclusiveMaximum"] = low + rng_.between(2, 500);
    return schema;
  }

  Json number() {
    Json schema = {{"type", "number"}};
    const double low = static_cast<double>(rng_.between(-4000, 4000)) / 64;
    if (maybe()) schema[maybe() ? "minimum" : "exclusiveMinimum"] = low;
    if (maybe())
      schema[maybe() ? "maximum" : "exclusiveMaximum"] =
          low + static_cast<double>(rng_.between(1, 300)) / 8;
    return schema;
  }

  Json string() {
    Json schema = {{"type", "string"}};
    const char* patterns[] = {"^[a-z]{2,5}$", "^(foo|ba[rz])-\\d{1,3}$", "^\\w+@\\w+\\.(com|org)$",
                              "x{2}",         "^\\s?[^a-z]\\.?$",        "^\"\\\\$"};
    const char* formats[] = {"date", "time", "date-time", "uuid"};
    switch (rng_.below(5)) {
      case 0: schema["pattern"] = patterns[rng_.below(6)]; break;
      case 1: schema["format"] = formats[rng_.below(4)]; break;
      case 2: schema["minLength"] = rng_.below(4); [[fallthrough]];
      case 3: schema["maxLength"] = rng_.between(4, 20); break;
      default: break;
    }
    return schema;
  }

  Json constants() {
    const Json pool = {1,
                       -7,
                       2.5,
                       "a\"b\\",
                       "\xC3\xA9\xE2\x82\xAC\n",
                       nullptr,
                       true,
                       {{"k", {1, 2}}},
                       Json::array(),
                       ""};
    if (maybe()) return {{"const", pool[rng_.below(10)]}};
    Json list = Json::array();
    for (std::int64_t i = rng_.between(1, 4); i > 0; --i) list.push_back(pool[rng_.below(10)]);
    return {{"enum", list}};
  }

  Json array(int depth) {
    Json schema = {{"type", "array"}};
    if (maybe()) schema["items"] = value(depth - 1);
    if (rng_.below(3) == 0) schema["prefixItems"] = {value(depth - 1), value(0)};
    const std::int64_t least = rng_.below(4);
    if (maybe()) schema["minItems"] = least;
    if (maybe()) schema["maxItems"] = least + rng_.below(4);
    return schema;
  }

  Json object(int depth) {
    Json schema = {{"type", "object"}, {"properties", Json::object()}};
    Json required = Json::array();
    const char* names[] = {"a", "ab", "name", "\xC3\xA9", "q\"\\", "x y"};
    for (const char* name : names) {
      if (rng_.below(3) == 0) continue;
      schema["properties"][name] = value(depth - 1);
      if (maybe()) required.push_back(name);
    }
    if (maybe()) schema["required"] = required;
    if (maybe()) schema["additionalProperties"] = maybe() ? Json(false) : value(0);
    return schema;
  }

  Json combined(int depth) {
    if (maybe())
      return {{"oneOf", {{{"type", "string"}, {"maxLength", 5}}, integer(), object(depth)}}};
    Json first = object(depth - 1), second = object(depth - 1);
    first.erase("additionalProperties");
    second.erase("additionalProperties");
    first["properties"].erase("a"), first["properties"].erase("ab"),
        first["properties"].erase("name");
    second["properties"].erase("q\"\\"), second["properties"].erase("x y"),
        second["properties"].erase("\xC3\xA9");
    for (Json* each : {&first, &second})
      if (each->contains("required"))
        (*each)["required"].erase(
            std::remove_if((*each)["required"].begin(), (*each)["required"].end(),
                           [&](const Json& name) {
                             return !(*each)["properties"].contains(name.get<std::string>());
                           }),
            (*each)["required"].end());
    return {{"allOf", {first, second}}};
  }

  Rng rng_;
  bool uses_definition_ = false;
};

ListTokenizer small_vocabulary() {
  std::vector<std::string> pieces = all_bytes();
  for (const char* each : {"\":",  "\": ",     "{\"",   "\",\"",    ", ",
                           "\"}",  "true",     "false", "null",     "ing",
                           "the",  "foo",      "00",    "12",       "\\u",
                           "\\\"", "]}",       "}}",    "[]",       "[[",
                           "{}",   "\xE2\x82", "\xAC",  "\xC3\xA9", "\xF0\x9F\x98\x80",
                           "-0",   ".5",       "e1",    "2024-",    "name"})
    pieces.emplace_back(each);
  return ListTokenizer(pieces);
}

// After `budget` tokens the model leans to what closes: strings without a bound and any-JSON then
// end soon.
std::string generate(GrammarFilter filter, const ListTokenizer& tokenizer, std::uint64_t seed) {
  constexpr int budget = 120, hard_limit = 4000;
  Rng rng(seed, 1);
  Sampler sampler({.temperature = 1, .seed = seed}, tokenizer.size());
  std::vector<float> logits(static_cast<std::size_t>(tokenizer.size()));
  std::string text;
  for (std::uint64_t index = 0; index < hard_limit; ++index) {
    for (float& each : logits) each = static_cast<float>(2 * rng.normal());
    if (index > budget) {
      const bool letter = rng.below(2) == 0;  // some patterns wait for one
      for (TokenId id = 0; id < tokenizer.size(); ++id) {
        const std::string bytes = tokenizer.bytes(id);
        float& logit = logits[id];
        if (id == 0 || bytes == "\"" || bytes == "}" || bytes == "]") logit += 40;
        if (bytes == "@" || bytes == "." || bytes == "n") logit += 30;
        if (bytes.size() == 1 && std::isdigit(static_cast<unsigned char>(bytes[0])) != 0)
          logit += 20;
        if (bytes == "x" && letter) logit += 60;
      }
    }
    filter.mask(logits);
    const TokenId id = sampler.sample(logits, {}, index);
    filter.accept(id);
    if (id == 0) return text;
    text += tokenizer.bytes(id);
  }
  ADD_FAILURE() << "no end: " << text;
  return "";
}

TEST(RandomSchema, AThousandGiveValidJson) {
  const ListTokenizer tokenizer = small_vocabulary();
  const auto trie = std::make_shared<const TokenTrie>(tokenizer);
  int made = 0, contradictory = 0;
  for (std::uint64_t seed = 0; made < 1000; ++seed) {
    const Json schema = RandomSchema(seed).make();
    std::string gbnf;
    try {
      gbnf = grammar_from_json_schema(schema.dump(), "schema");
    } catch (const Error& error) {
      // nothing satisfies it
      ASSERT_EQ(error.kind(), ErrorKind::format) << error.what() << "\n" << schema.dump();
      ++contradictory;
      continue;
    }
    ++made;
    const Grammar grammar(gbnf, "grammar");
    for (std::uint64_t draw = 0; draw < 3; ++draw) {
      const std::string text = generate(GrammarFilter(grammar, trie), tokenizer, 3 * seed + draw);
      const Json value = Json::parse(text, nullptr, false);
      ASSERT_FALSE(value.is_discarded()) << schema.dump() << "\n" << text;
      ASSERT_TRUE(SchemaValidator(schema).valid(value)) << seed << "\n"
                                                        << schema.dump() << "\n"
                                                        << text << "\n"
                                                        << gbnf;
    }
  }
  EXPECT_LT(contradictory, 100);
}

}  // namespace
}  // namespace pliant::lm
