#include "core/json.h"

#include <gtest/gtest.h>

#include <string>

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

// Found by the problem_json fuzz target: the library throws another exception for it, which escaped.
TEST(Json, NumberBeyondADoubleIsAFormatError) {
  EXPECT_EQ(refusal("777777e777"), "f: is not JSON: it holds a number beyond what a double holds");
  EXPECT_EQ(refusal(R"({"bytes":-1e999})"), "f: is not JSON: it holds a number beyond what a double holds");
}

}  // namespace
}  // namespace pliant
