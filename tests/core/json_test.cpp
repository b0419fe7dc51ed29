#include "core/json.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "core/error.h"

namespace pliant {
namespace {

std::string refusal(std::string_view text) {
  try {
    parse_json(text, "f");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::format);
    return error.what();
  }
  return "accepted";
}

TEST(Json, ReadsOneValue) {
  EXPECT_EQ(parse_json(R"({"a":[1,2.5,"x"]})", "f")["a"][1], 2.5);
  EXPECT_EQ(parse_json("18446744073709551615", "f").get<std::uint64_t>(), UINT64_MAX);
  EXPECT_EQ(parse_ordered_json(R"({"b":1,"a":2})", "f").dump(), R"({"b":1,"a":2})");
}

TEST(Json, RefusesBrokenText) {
  EXPECT_EQ(refusal("{"), "f at byte 2: is not JSON: the text is broken here");
  EXPECT_EQ(refusal(""), "f at byte 1: is not JSON: the text is broken here");
  EXPECT_EQ(refusal("1 2"), "f at byte 3: is not JSON: the text is broken here");
  EXPECT_EQ(refusal("\"\xff\""), "f at byte 2: is not JSON: the text is broken here");
}

TEST(Json, RefusesAFieldGivenTwice) {
  EXPECT_EQ(refusal(R"({"a":1,"a":2})"), "f: field 'a' is given twice in one object");
  EXPECT_EQ(refusal(R"([{"a":{"a":1}},{"a":2}])"), "accepted");
}

TEST(Json, RefusesDeepNesting) {
  EXPECT_EQ(refusal(std::string(100'000, '[')), "f: nested deeper than 64 levels");
  EXPECT_EQ(refusal(std::string(64, '[') + std::string(64, ']')), "accepted");
}

// Found by the problem_json fuzz target: the library throws another exception for it, which
// escaped.
TEST(Json, NumberBeyondADoubleIsAFormatError) {
  EXPECT_EQ(refusal("777777e777"), "f: is not JSON: it holds a number beyond what a double holds");
  EXPECT_EQ(refusal(R"({"bytes":-1e999})"),
            "f: is not JSON: it holds a number beyond what a double holds");
}

std::string node_refusal(std::string_view text, const std::function<void(const JsonNode&)>& read) {
  const nlohmann::json document = parse_json(text, "f");
  try {
    read(JsonNode(document, "f"));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::format);
    return error.what();
  }
  return "accepted";
}

TEST(JsonNode, IsOfNoTemporaryDocument) {
  EXPECT_TRUE((std::is_constructible_v<JsonNode, const nlohmann::json&, std::string_view>));
  EXPECT_FALSE((std::is_constructible_v<JsonNode, nlohmann::json, std::string_view>));
}

TEST(JsonNode, ReadsTypedFields) {
  const nlohmann::json document = parse_json(
      R"({"a": "x", "n": -3, "r": 2.5, "t": true, "none": null, "l": [1, 2], "w": ["u"], "o": {"k": [{"z": 7}]}})",
      "f");
  const JsonNode node(document, "f");
  EXPECT_EQ(node.text("a"), "x");
  EXPECT_EQ(node.text("b", "y"), "y");
  EXPECT_EQ(node.integer("n"), -3);
  EXPECT_EQ(node.integer("none", 4), 4);
  EXPECT_EQ(node.number("r"), 2.5);
  EXPECT_EQ(node.number("n", 1), -3);
  EXPECT_TRUE(node.truth("t"));
  EXPECT_TRUE(node.has("a") && !node.has("none") && !node.has("b"));
  EXPECT_EQ(node.integers("l"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(node.numbers("r"), (std::vector<double>{2.5}));
  EXPECT_EQ(node.texts("w"), (std::vector<std::string>{"u"}));
  EXPECT_FALSE(node.find("none").has_value());
  const JsonNode deep = node.object("o").objects("k")[0].at("z");
  EXPECT_EQ(deep.integer(0, 7), 7);
  EXPECT_EQ(deep.place(), "f: o.k[0].z");
}

TEST(JsonNode, RefusesOthersAtTheirPlace) {
  EXPECT_EQ(node_refusal("[]", [](const JsonNode& node) { node.text("a"); }),
            "f: is array, not an object");
  EXPECT_EQ(node_refusal("{}", [](const JsonNode& node) { node.text("a"); }),
            "f: lacks the field 'a'");
  const std::string_view text =
      R"({"a": 1, "n": 2.5, "m": 18446744073709551615, "o": {"l": [1, "x"], "none": null}})";
  const auto refusal = [&](const auto& read) { return node_refusal(text, read); };
  EXPECT_EQ(refusal([](const JsonNode& node) { node.text("a", "y"); }),
            "f: a: is number, not a string");
  EXPECT_EQ(refusal([](const JsonNode& node) { node.truth("a"); }),
            "f: a: is number, not true or false");
  EXPECT_EQ(refusal([](const JsonNode& node) { node.at("a").integer(2, 5); }),
            "f: a: is 1, not an integer from 2 to 5");
  EXPECT_EQ(refusal([](const JsonNode& node) { node.integer("n"); }),
            "f: n: is 2.5, not a whole number below 2^63");
  EXPECT_EQ(refusal([](const JsonNode& node) { node.integer("m"); }),
            "f: m: is 18446744073709551615, not a whole number below 2^63");
  EXPECT_EQ(refusal([](const JsonNode& node) { node.object("a"); }),
            "f: a: is number, not an object");
  EXPECT_EQ(refusal([](const JsonNode& node) { node.object("o").integers("l"); }),
            "f: o.l[1]: is string, not a whole number below 2^63");
  EXPECT_EQ(refusal([](const JsonNode& node) { node.object("o").objects("l"); }),
            "f: o.l[0]: is number, not an object");
  EXPECT_EQ(refusal([](const JsonNode& node) { node.list("o"); }), "f: o: is object, not an array");
  EXPECT_EQ(refusal([](const JsonNode& node) { node.object("o").text("none"); }),
            "f: o.none: is null, not a string");
}

TEST(JsonNode, RefusesUnknownFieldsNamingTheNearest) {
  constexpr std::string_view keys[] = {"bytes", "role"};
  EXPECT_EQ(node_refusal(R"({"byte": 1})", [&](const JsonNode& node) { node.only(keys); }),
            "f: unknown field 'byte' (did you mean 'bytes'?)");
  EXPECT_EQ(node_refusal(R"({"x": 1})", [&](const JsonNode& node) { node.only(keys); }),
            "f: unknown field 'x' (known: bytes, role)");
  EXPECT_EQ(node_refusal(R"({"role": null})", [&](const JsonNode& node) { node.only(keys); }),
            "f: role: is null");
}

}  // namespace
}  // namespace pliant
