#include "core/utf8.h"

#include <gtest/gtest.h>

namespace pliant {
namespace {

using Status = Utf8Character::Status;

TEST(Utf8, EveryCodePointReadsBackAsItWasWritten) {
  for (char32_t code = 0; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 97) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    append_utf8(text, code);
    const Utf8Character read = first_character(text);
    ASSERT_EQ(read.status, Status::whole) << static_cast<std::uint32_t>(code);
    ASSERT_EQ(read.code, code);
    ASSERT_EQ(read.length, text.size());
    for (std::size_t cut = 1; cut < text.size(); ++cut)
      ASSERT_EQ(first_character(text.substr(0, cut)).status, Status::cut)
          << static_cast<std::uint32_t>(code);
  }
}

TEST(Utf8, WhatIsNoCharacterIsBroken) {
  for (const char* text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF5", "\xFF", "\xC3(", "\xE2\x82("})
    EXPECT_EQ(first_character(text).status, Status::broken) << text;
  EXPECT_FALSE(is_utf8("a\xED\xA0\x80"));
  EXPECT_FALSE(is_utf8("caf\xC3"));
  EXPECT_TRUE(is_utf8("caf\xC3\xA9"));
}

TEST(Utf8, BrokenTextBecomesReplacementCharacters) {
  EXPECT_EQ(to_utf8(code_points("a\xFF\xC3")), "a\xEF\xBF\xBD\xEF\xBF\xBD");
  std::string surrogate;
  append_utf8(surrogate, 0xD800);
  EXPECT_EQ(surrogate, "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace pliant
