#include "lm/decode/stop.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/rng.h"
#include "core/utf8.h"

namespace pliant::lm {
namespace {

TEST(Stop, NothingOfAStopStringIsShown) {
  StopMatcher stop({"</s>"});
  EXPECT_EQ(stop.push("one <"), "one ");
  EXPECT_EQ(stop.push("/"), "");
  EXPECT_EQ(stop.push("b></"), "</b>");
  EXPECT_FALSE(stop.stopped());
  EXPECT_EQ(stop.push("s> more"), "");
  EXPECT_TRUE(stop.stopped());
  EXPECT_EQ(stop.found(), "</s>");
  EXPECT_EQ(stop.push("more"), "");
  EXPECT_EQ(stop.finish(), "");
}

TEST(Stop, WhatWasHeldBackComesAtTheEnd) {
  StopMatcher stop({"abcabd"});
  EXPECT_EQ(stop.push("abcabc"), "abc");
  EXPECT_EQ(stop.finish(), "abc");
}

TEST(Stop, CharactersStayWhole) {
  StopMatcher stop({});
  EXPECT_EQ(stop.push("\xE2\x82"), "");
  EXPECT_EQ(stop.push("\xAC!\xF0"), "\xE2\x82\xAC!");
  EXPECT_EQ(stop.finish(), "\xEF\xBF\xBD");
}

TEST(Stop, TheFirstCompleteWinsOfEqualsTheLongest) {
  StopMatcher stop({"c", "abc", "abcd"});
  EXPECT_EQ(stop.push("xabcd"), "x");
  EXPECT_EQ(stop.found(), "abc");
}

// Over a small alphabet, so that stop strings overlap themselves and one another; cut at random.
TEST(Stop, EqualsASearchOfTheWholeText) {
  Rng rng(4);
  const std::string letters[] = {"a", "b", "\xC3\xA9", "\xE2\x82\xAC"};
  const auto text_of = [&](std::int64_t length) {
    std::string text;
    for (std::int64_t i = 0; i < length; ++i) text += letters[rng.below(4)];
    return text;
  };
  for (int trial = 0; trial < 4000; ++trial) {
    std::vector<std::string> stops;
    for (std::int64_t i = rng.below(3); i >= 0; --i) stops.push_back(text_of(rng.between(1, 4)));
    const std::string text = text_of(rng.between(0, 30));
    std::size_t want = text.size(), first_end = std::string::npos;
    for (const std::string& each : stops) {
      const std::size_t at = text.find(each);
      if (at == std::string::npos || at + each.size() > first_end) continue;
      want = at + each.size() < first_end ? at : std::min(want, at);
      first_end = at + each.size();
    }
    StopMatcher matcher(stops);
    std::string got;
    for (std::size_t at = 0; at < text.size();) {
      const auto take = static_cast<std::size_t>(rng.between(1, 5));
      const std::string shown = matcher.push(std::string_view(text).substr(at, take));
      ASSERT_TRUE(is_utf8(shown));
      got += shown;
      at += take;
      ASSERT_EQ(text.compare(0, got.size(), got), 0);
      ASSERT_LE(got.size(), want);
    }
    got += matcher.finish();
    ASSERT_EQ(got, text.substr(0, want)) << trial;
  }
}

TEST(Stop, WrongStopStringsAreErrors) {
  EXPECT_THROW(StopMatcher({""}), Error);
  EXPECT_THROW(StopMatcher({"a", "\xFF"}), Error);
}

}  // namespace
}  // namespace pliant::lm
