#include "lm/decode/schema/json_schema.h"

#include <gtest/gtest.h>

#include "core/json.h"
#include "lm/decode/expect_error.h"
#include "lm/decode/grammar/grammar.h"

namespace pliant::lm {
namespace {

struct SchemaCase {
  const char* schema;
  std::vector<std::string> in, out;
};

void check_language(const SchemaCase& each) {
  const std::string gbnf = grammar_from_json_schema(each.schema, "schema");
  const Grammar grammar(gbnf, "grammar");
  for (const std::string& text : each.in)
    EXPECT_TRUE(grammar.matches(text)) << each.schema << "\n" << text << "\n" << gbnf;
  for (const std::string& text : each.out)
    EXPECT_FALSE(grammar.matches(text)) << each.schema << "\n" << text << "\n" << gbnf;
}

TEST(JsonSchema, GivesTheValuesOfEachKeyword) {
  const SchemaCase cases[] = {
      {"{}",
       {"{}", "[1, -2.5e3,\"a\"]", R"({"a": null,"b":[true]})", R"("\u00e9\ud83d\ude00\n")"},
       {"", "01", "{a:1}", R"("\ud800")", "[1,]"}},
      {"true", {"0"}, {"x"}},
      {R"({"type":"boolean"})", {"true", "false"}, {"null", "True"}},
      {R"({"type":["null","integer"]})", {"null", "-5", "0"}, {"1.5", "true"}},
      {R"({"type":"number"})", {"1", "-1.25", "2e10"}, {"1.", ".5", "\"1\""}},
      {R"({"const":{"a":[1,"x\n"]}})", {R"({"a":[1,"x\n"]})"}, {"{}"}},
      {R"({"enum":["a",1,null,"\u00e9\""]})",
       {"\"a\"", "1", "null", "\"\xC3\xA9\\\"\""},
       {"\"b\"", "a"}},
      {R"({"type":"string","enum":["a",1]})", {"\"a\""}, {"1"}},
      {R"({"type":"string","minLength":2,"maxLength":3})",
       {"\"ab\"", "\"\xF0\x9F\x98\x80zz\"", R"("\n\u0041")"},
       {"\"a\"", "\"abcd\""}},
      {R"({"type":"string","minLength":2})", {"\"ab\"", "\"abcdefgh\""}, {"\"a\"", "\"\""}},
      {R"({"type":"string","pattern":"^[a-c]+\\d{2}$"})",
       {"\"a12\"", "\"abc00\""},
       {"\"a1\"", "\"xa12\"", "\"a123\""}},
      {R"({"type":"string","pattern":"b|^a$"})", {"\"xbx\"", "\"b\"", "\"a\""}, {"\"xa\"", "\"\""}},
      {R"({"type":"string","pattern":"^(?:\"|\\\\|\\t)\\s?[^\\x00-\\x60{-\\uFFFF]$"})",
       {R"("\"a")", R"("\\ z")", R"("\t\nq")"},
       {"\"a\"", R"("\"A")"}},
      {R"({"type":"string","format":"date"})",
       {"\"2024-02-28\"", "\"1999-12-31\""},
       {"\"2024-02-30\"", "\"2024-13-01\"", "\"2024-04-31\""}},
      {R"({"type":"string","format":"date-time"})",
       {"\"2024-02-28T23:59:59.5Z\"", "\"2024-02-28T00:00:00+01:00\""},
       {"\"2024-02-28\"", "\"2024-02-28T24:00:00Z\""}},
      {R"({"type":"string","format":"uuid"})",
       {"\"01234567-89ab-cdef-0123-456789ABCDEF\""},
       {"\"0123456789ab\""}},
      {R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})",
       {"[1]", "[1, 2,3]"},
       {"[]", "[1,2,3,4]", "[true]"}},
      {R"({"type":"array","items":false})", {"[]"}, {"[1]"}},
      {R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}},
      {R"({"type":"array","prefixItems":[{"type":"null"},{"type":"boolean"}]})",
       {"[]", "[null]", "[null,true]"},
       {"[true]", "[null,null]"}},
      {R"({"type":"array","prefixItems":[{"type":"null"},{"type":"boolean"}],"items":{"type":"integer"},"minItems":2,"maxItems":4})",
       {"[null,true]", "[null, false, 1,2]"},
       {"[null]", "[null,true,1,2,3]", "[null,true,null]"}},
      {R"({"type":"array","prefixItems":[{"type":"null"}],"minItems":3})",
       {"[null,1,\"a\"]"},
       {"[null,1]"}},
      {R"({"type":"object"})", {"{}", R"({"a": 1})"}, {"[]"}},
      {R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"boolean"},"c":{"type":"integer"}},"required":["b"]})",
       {R"({"b":true})", R"({"a":null,"b":true})", R"({"b": true, "c": 1})",
        R"({"a":null,"b":false,"c":0})"},
       {"{}", R"({"a":null})", R"({"b":true,"a":null})", R"({"b":true,})", R"({"b":true,"d":1})"}},
      {R"({"type":"object","properties":{"a":{"type":"null"}},"additionalProperties":false})",
       {"{}", R"({"a":null})"},
       {R"({"b":1})"}},
      {R"({"type":"object","additionalProperties":false})", {"{}"}, {R"({"b":1})"}},
      {R"({"type":"object","properties":{"ab":{"type":"null"},"a":{"type":"null"}},"additionalProperties":{"type":"integer"}})",
       {"{}", R"({"ab":null,"x":1})", R"({"abc":1,"":2})", R"({"b":1})"},
       {R"({"ab":1})", R"({"a":1})", R"({"x":null})"}},
      {R"({"type":"object","required":["k"]})", {R"({"k":[1]})"}, {"{}"}},
      {R"({"anyOf":[{"type":"null"},{"type":"boolean"}]})", {"null", "true"}, {"1"}},
      {R"({"type":"integer","anyOf":[{"minimum":5,"maximum":6},{"type":"null"},{"enum":[9,"x"]}]})",
       {"5", "6", "9"},
       {"null", "4"}},
      {R"({"allOf":[{"type":["integer","null"],"minimum":3},{"maximum":4}]})",
       {"3", "4", "null"},
       {"2", "5"}},
      {R"({"allOf":[{"properties":{"a":{"type":["integer","null"]}},"required":["a"]},{"properties":{"a":{"minimum":7,"maximum":7},"b":{"const":1}}}],"type":"object"})",
       {R"({"a":7})", R"({"a":null,"b":1})"},
       {R"({"a":6})", "{}"}},
      {R"({"oneOf":[{"type":"string"},{"type":"integer"}]})", {"\"a\"", "3"}, {"true"}},
      {R"({"type":"object","oneOf":[{"properties":{"k":{"const":"a"},"v":{"type":"null"}},"required":["k"]},{"properties":{"k":{"const":"b"}},"required":["k"]}]})",
       {R"({"k":"a","v":null})", R"({"k":"b"})"},
       {"{}", R"({"k":"b","v":null})"}},
      {R"({"$defs":{"t":{"type":"object","properties":{"next":{"$ref":"#/$defs/t"},"v":{"type":"null"}},"additionalProperties":false}},"$ref":"#/$defs/t"})",
       {"{}", R"({"next":{"next":{},"v":null}})"},
       {R"({"next":null})"}},
      {R"({"type":"array","items":{"$ref":"#"},"maxItems":2})",
       {"[]", "[[],[[]]]"},
       {"[1]", "[[],[],[]]"}},
      {R"({"definitions":{"a~/b":{"type":"null"}},"$ref":"#/definitions/a~0~1b"})",
       {"null"},
       {"1"}},
      {R"({"title":"t","description":"d","default":1,"examples":[2],"type":"null"})",
       {"null"},
       {"1"}},
  };
  for (const SchemaCase& each : cases) check_language(each);
}

TEST(JsonSchema, IntegerRangesAreExact) {
  const std::int64_t ends[] = {-1205, -1000, -999, -100, -99, -12, -10, -9,  -1,  0,    1,
                               5,     9,     10,   11,   99,  100, 101, 137, 999, 1000, 1204};
  for (const std::int64_t low : ends)
    for (const std::int64_t high : ends) {
      if (low > high) continue;
      const std::string schema = "{\"type\":\"integer\",\"minimum\":" + std::to_string(low) +
                                 ",\"exclusiveMaximum\":" + std::to_string(high + 1) + "}";
      const Grammar grammar(grammar_from_json_schema(schema, "schema"), "grammar");
      for (std::int64_t value = -1300; value <= 1300;
           value += value % 10 == 1 && value % 100 > 20 ? 7 : 1)
        ASSERT_EQ(grammar.matches(std::to_string(value)), value >= low && value <= high)
            << schema << " " << value;
      ASSERT_FALSE(grammar.matches("01") || grammar.matches("1.0") || grammar.matches(""));
    }
}

TEST(JsonSchema, NumberRangesAreExact) {
  const char* ends[] = {"-10.05", "-2", "-1.5", "-0.25", "0",  "0.01",
                        "0.5",    "1",  "1.25", "9.99",  "10", "12.5"};
  for (const char* low : ends)
    for (const char* high : ends)
      for (const bool open : {false, true}) {
        const double from = std::stod(low), to = std::stod(high);
        if (from > to || (open && from == to)) continue;
        const std::string mark = open ? "exclusiveM" : "m";
        const std::string schema = "{\"type\":\"number\",\"" + mark + "inimum\":" + low + ",\"" +
                                   mark + "aximum\":" + high + "}";
        const Grammar grammar(grammar_from_json_schema(schema, "schema"), "grammar");
        for (int cents = -1300; cents <= 1300; cents += cents % 25 == 1 ? 4 : 1) {
          const double value = cents / 100.0;
          std::string text = std::to_string(value);
          text.resize(text.find('.') + 3);
          const bool inside = open ? value > from && value < to : value >= from && value <= to;
          ASSERT_EQ(grammar.matches(text), inside) << schema << " " << text;
        }
      }
}

TEST(JsonSchema, OneSidedRangesReachFar) {
  check_language({R"({"type":"integer","minimum":100})",
                  {"100", "999", "1000", "123456789012345"},
                  {"99", "-100", "0"}});
  check_language(
      {R"({"type":"integer","maximum":-5})", {"-5", "-99", "-123456789012345"}, {"-4", "5", "0"}});
  check_language(
      {R"({"type":"number","exclusiveMinimum":0})", {"0.001", "1", "250.5"}, {"0", "0.0", "-1"}});
  check_language({R"({"minimum":1e3,"maximum":1.5e3,"type":"number"})",
                  {"1000", "1499.9", "1500"},
                  {"999", "1501"}});
  check_language(
      {R"({"type":"integer","exclusiveMinimum":-1,"exclusiveMaximum":1})", {"0"}, {"1", "-1"}});
  check_language({R"({"type":"integer","minimum":0.5,"maximum":2.5})", {"1", "2"}, {"0", "3"}});
  check_language(
      {R"({"type":"integer","minimum":-2.5,"maximum":-0.5})", {"-1", "-2"}, {"0", "-3", "-0"}});
}

TEST(JsonSchema, WhatAGrammarCannotFollowIsRefusedWithItsPath) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"not":{}})", "#/not"},
      {R"({"properties":{"a":{"multipleOf":2}}})", "#/properties/a/multipleOf"},
      {R"({"uniqueItems":true})", "#/uniqueItems"},
      {R"({"patternProperties":{}})", "#/patternProperties"},
      {R"({"if":{}})", "#/if"},
      {R"({"$ref":"other.json"})", "another document"},
      {R"({"$ref":"#name"})", "an anchor"},
      {R"g({"type":"string","pattern":"(?=a)"})g", "a group of this kind"},
      {R"({"type":"string","pattern":"\\1"})", "an escape of this kind"},
      {R"({"type":"string","pattern":"a\\b"})", "an escape of this kind"},
      {R"({"type":"string","pattern":"a{4,3}"})", "at least 4 and at most 3"},
      {R"({"type":"string","pattern":"a$b"})", "'$' before the end"},
      {R"({"type":"string","pattern":"a","maxLength":3})", "two of lengths, pattern and format"},
      {R"({"type":"string","format":"email"})", "'email'"},
      {R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", "a value may fit two"},
      {R"({"oneOf":[{"type":"object"},{"type":"object"}]})", "a value may fit two"},
      {R"({"enum":[1,2],"minimum":2})", "enum or const beside"},
      {R"({"type":"object","minProperties":1})", "minProperties"},
      {R"({"items":[{}]})", "use prefixItems"},
      {R"({"type":"number","minimum":1e-20})", "too many digits"},
      {R"({"unknown":1})", "#/unknown"},
  };
  for (const auto& [schema, words] : cases)
    expect_error(ErrorKind::unsupported, words,
                 [&json = schema] { grammar_from_json_schema(json, "schema"); });
}

TEST(JsonSchema, WhatIsNoSchemaIsAnError) {
  const std::pair<const char*, const char*> cases[] = {
      {"{", "not JSON"},
      {"3", "a schema is an object"},
      {R"({"type":"text"})", "'text' is not a type"},
      {R"({"type":[]})", "no type"},
      {R"({"enum":[]})", "a list of values"},
      {R"({"minLength":-1})", "a count expected"},
      {R"({"minimum":"1"})", "a number expected"},
      {R"({"required":"a"})", "a list of names"},
      {R"({"properties":[]})", "an object of schemas"},
      {R"({"anyOf":[]})", "a list of schemas"},
      {R"({"$ref":"#/$defs/x"})", "points at nothing"},
      {R"({"$ref":"#"})", "refers to itself"},
      {R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})", "refers to itself"},
      {"false", "no value can satisfy"},
      {R"({"type":"integer","minimum":3,"maximum":2})", "no value can satisfy"},
      {R"({"allOf":[{"type":"null"},{"type":"string"}]})", "no value can satisfy"},
      {R"({"type":"object","required":["a"],"additionalProperties":false})",
       "no value can satisfy"},
      {R"({"type":"integer","exclusiveMinimum":1,"exclusiveMaximum":2})", "no number"},
      {R"({"type":"string","pattern":"[^\\s\\S]"})", "a class that no character is in"},
  };
  for (const auto& [schema, words] : cases) {
    try {
      grammar_from_json_schema(schema, "schema");
      FAIL() << schema;
    } catch (const Error& error) {
      EXPECT_NE(std::string_view(error.what()).find(words), std::string_view::npos) << error.what();
    }
  }
  // An object that can only be endless.
  EXPECT_THROW(
      Grammar(grammar_from_json_schema(
                  R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})", "s"),
              "g"),
      Error);
}

TEST(JsonSchema, HostileSchemasAreErrors) {
  std::string any_of = "{\"type\":\"null\"}";
  for (int i = 0; i < 12; ++i) any_of = "{\"anyOf\":[" + any_of + "," + any_of + "]}";
  expect_error(ErrorKind::capacity, "alternatives",
               [&] { grammar_from_json_schema(any_of, "schema"); });
  expect_error(ErrorKind::capacity, "a count of",
               [] { grammar_from_json_schema(R"({"maxLength":99999999})", "schema"); });
  std::string chain = "{\"$ref\":\"#/$defs/d0\",\"$defs\":{";
  for (int i = 0; i < 10000; ++i)
    chain +=
        "\"d" + std::to_string(i) + "\":{\"$ref\":\"#/$defs/d" + std::to_string(i + 1) + "\"},";
  chain += "\"d10000\":{\"type\":\"null\"}}}";
  EXPECT_TRUE(Grammar(grammar_from_json_schema(chain, "schema"), "grammar").matches("null"));
}

}  // namespace
}  // namespace pliant::lm
