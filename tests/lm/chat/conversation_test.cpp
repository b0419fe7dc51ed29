#include "lm/chat/conversation.h"

#include <gtest/gtest.h>

#include <limits>

#include "errors.h"
#include "lm/chat/guides.h"
#include "lm/greedy.h"
#include "lm/talk.h"

namespace pliant::lm {
namespace {

constexpr const char* words =
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]";

// A template's words are UTF-8.
GenerateOptions in_ascii(std::int64_t tokens) {
  GenerateOptions options = greedy(tokens);
  options.logprobs = -1;
  for (TokenId id = 129; id <= 256; ++id)
    options.sampling.bias.push_back({id, -std::numeric_limits<float>::infinity()});
  return options;
}

struct Parlour {
  ListTokenizer tokenizer = vocabulary();
  Talk talk{tiny(), {.context = 256}};
  Conversation conversation{talk.session, kv::full(), tokenizer, {words, "words"}, "Be brief."};
};

TEST(Conversation, FeedsWhatIsNewAlone) {
  Parlour here;
  const Generated first = here.conversation.say("hello", in_ascii(4));
  EXPECT_EQ(here.conversation.messages().size(), 3u);
  EXPECT_EQ(here.conversation.messages()[2].content, first.text);
  const Generated second = here.conversation.say("and you?", in_ascii(4));
  EXPECT_LT(second.prompt_tokens, first.prompt_tokens + 4);
  Parlour there;  // where every message is taken back once
  for (int turn = 0; turn < 2; ++turn) {
    there.conversation.say("something else", in_ascii(4));
    there.conversation.take_back();
    const Generated again = there.conversation.say(turn == 0 ? "hello" : "and you?", in_ascii(4));
    EXPECT_EQ(again.text, turn == 0 ? first.text : second.text);
  }
}

TEST(Conversation, WhatWasTakenBackIsNotComputedAgain) {
  const ListTokenizer tokenizer = vocabulary();
  Talk talk(tiny(), {.context = 256, .prefix_bytes = std::int64_t{1} << 20});
  Conversation conversation(talk.session, kv::full(), tokenizer, {words, "words"}, "Be brief.");
  const std::string one(70, 'x'), other(70, 'y');
  const Generated first = conversation.say(one, in_ascii(4));
  EXPECT_GT(first.prompt_tokens, 70);
  conversation.take_back();
  EXPECT_GT(conversation.say(other, in_ascii(4)).prompt_tokens, 70);
  conversation.reset();
  const Generated again = conversation.say(one, in_ascii(4));
  EXPECT_EQ(again.prompt_tokens, 1);
  EXPECT_EQ(again.ids, first.ids);
}

TEST(Conversation, ForgetsAMessageThatWasNotAnswered) {
  Parlour here;
  const std::atomic<bool> stop = true;
  EXPECT_EQ(here.conversation.say("hello", in_ascii(4), {}, &stop).finish, Finish::interrupted);
  EXPECT_EQ(here.conversation.messages().size(), 1u);
  const std::string much(1000, 'x');
  EXPECT_EQ(thrown_by([&] { here.conversation.say(much, in_ascii(4)); }).kind(),
            ErrorKind::capacity);
  EXPECT_EQ(here.conversation.messages().size(), 1u);
}

TEST(Conversation, WhatWasSaidBeforeItWasStoppedStaysSaid) {
  Parlour here;
  std::atomic<bool> stop = false;
  std::string shown;
  const auto stopping = [&](std::string_view text) {
    shown += text;
    stop = shown.size() >= 20;
    return true;
  };
  const Generated first = here.conversation.say("hello", in_ascii(100), stopping, &stop);
  EXPECT_EQ(first.finish, Finish::interrupted);
  ASSERT_EQ(here.conversation.messages().size(), 3u);
  EXPECT_EQ(here.conversation.messages()[2].content, first.text);
  EXPECT_GE(first.text.size(), 20u);
  // The next prompt holds the answer, all of which but its last token the cache has computed.
  const std::size_t said = std::string_view("[user]and you?[assistant]").size();
  EXPECT_LE(here.conversation.say("and you?", in_ascii(4)).prompt_tokens, said + 2);
}

TEST(Conversation, BeginsAnewWithWhatTheModelIsTold) {
  Parlour here;
  here.conversation.say("hello", in_ascii(2));
  here.conversation.reset();
  ASSERT_EQ(here.conversation.messages().size(), 1u);
  EXPECT_EQ(here.conversation.messages()[0].content, "Be brief.");
  here.conversation.take_back();
  EXPECT_EQ(here.conversation.messages().size(), 1u);
}

TEST(Conversation, NeedsATemplate) {
  const ListTokenizer tokenizer = vocabulary();
  EXPECT_EQ(thrown_by([&] { chat_template_of(tokenizer, "", "model"); }).kind(),
            ErrorKind::not_found);
}

TEST(Guides, AreMadeByName) {
  const ListTokenizer tokenizer = vocabulary();
  const auto allows = [&](std::string_view kind, std::string_view text, char letter) {
    std::vector<float> logits(static_cast<std::size_t>(tokenizer.size()));
    make_filter(kind, text, "here", tokenizer)->mask(logits);
    return logits[static_cast<std::size_t>(letter) + 1] == 0;
  };
  EXPECT_TRUE(allows("grammar", "root ::= \"a\"", 'a'));
  EXPECT_FALSE(allows("grammar", "root ::= \"a\"", 'b'));
  EXPECT_TRUE(allows("json-schema", R"({"type": "boolean"})", 't'));
  EXPECT_FALSE(allows("json-schema", R"({"type": "boolean"})", '{'));
  EXPECT_EQ(thrown_by([&] { make_filter("regex", "a", "here", tokenizer); }).kind(),
            ErrorKind::usage);
}

TEST(Guides, ProposeByLookupOrByADraft) {
  Talk talk(tiny());
  const Ids history{1, 2, 3, 1, 2};
  Proposal found;
  make_proposer("lookup")->propose(history, 0, {1, 1}, found);
  EXPECT_EQ(found.tokens().size(), 1u);
  DraftModel draft;
  EXPECT_EQ(thrown_by([&] { make_proposer("draft", draft); }).kind(), ErrorKind::invalid);
  draft.session = &talk.session;
  found.clear();
  make_proposer("draft", draft, talk.vocabulary())->propose(history, 0, {2, 2}, found);
  EXPECT_EQ(found.tokens().size(), 2u);
  EXPECT_EQ(thrown_by([] { make_proposer("oracle"); }).kind(), ErrorKind::usage);
}

}  // namespace
}  // namespace pliant::lm
