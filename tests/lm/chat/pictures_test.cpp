// Conversations about pictures: the tiny models of golden/vlm with their own templates.
#include "errors.h"
#include "lm/chat/conversation.h"
#include "lm/greedy.h"
#include "machine/native/kv/policies/compression.h"
#include "models/vlm/files/load.h"
#include "models/vlm/golden.h"
#include "open/language/open_language.h"

namespace pliant::lm {
namespace {

struct Gallery {
  ThreadPool pool{1};
  OpenedLanguage model;
  Images images;

  explicit Gallery(const std::string& name, const SessionOptions& options = {.context = 250})
      : model(open_language("golden/vlm/" + name, options, pool)) {
    const vlm::Golden golden(name);
    for (const int i : {0, 1})
      images.push_back(std::make_shared<EncodedImage>(model.images->encode(golden.image(i))));
  }
  Conversation talk(const kv::Policy& policy = kv::full(), std::string system = "") {
    return {*model.session,    policy,
            *model.tokenizer,  chat_template_of(*model.tokenizer, "", "golden"),
            std::move(system), &model.images->config()};
  }
};

class Pictures : public testing::TestWithParam<const char*> {};

TEST_P(Pictures, AreReadOnceAndSeenAgain) {
  Gallery gallery(GetParam());
  Conversation conversation = gallery.talk();
  conversation.attach(gallery.images[0]);
  const Generated first = conversation.say("what is it?", greedy(3));
  EXPECT_GT(first.prompt_tokens, gallery.images[0]->count);
  conversation.attach(gallery.images[1]);
  const Generated second = conversation.say("and this?", greedy(3));
  EXPECT_GT(second.prompt_tokens, gallery.images[1]->count);
  // what was read is not read again; the model's own tokens may be spelled otherwise
  EXPECT_LT(second.prompt_tokens, gallery.images[1]->count + 60);
  conversation.take_back();
  const Generated third = conversation.say("and this?", greedy(3));  // without the second picture
  EXPECT_LT(third.prompt_tokens, 60);
}

TEST_P(Pictures, AnswersAreThoseOfAPromptReadWhole) {
  const auto asked = [](Gallery& gallery, const kv::Policy& policy) {
    Conversation conversation = gallery.talk(policy, "be brief.");
    conversation.attach(gallery.images[0]);
    conversation.attach(gallery.images[1]);
    std::vector<std::string> said{conversation.say("which?", greedy(4)).text};
    said.push_back(conversation.say("why?", greedy(4)).text);
    return said;
  };
  Gallery gallery(GetParam()), by_layer(GetParam(), {.context = 250, .by_layer = true});
  const auto wanted = asked(gallery, kv::full());
  EXPECT_EQ(asked(by_layer, kv::elastic(1)), wanted);
  EXPECT_EQ(asked(by_layer, kv::elastic(0.4)).size(), 2u);  // with the segments marked
}

TEST_P(Pictures, AMarkerInWordsIsRefusedAndForgotten) {
  Gallery gallery(GetParam());
  Conversation conversation = gallery.talk();
  conversation.attach(gallery.images[0]);
  EXPECT_NE(error_of([&] {
              conversation.say("<image> what?", greedy(2));
            }).find("has 2 image markers (<image>) for 1 image"),
            std::string::npos);
  EXPECT_TRUE(conversation.messages().empty());
  // the picture still waits for its message
  EXPECT_GT(conversation.say("what?", greedy(2)).prompt_tokens, gallery.images[0]->count);
}

INSTANTIATE_TEST_SUITE_P(Golden, Pictures, testing::ValuesIn(vlm::golden_cases),
                         [](const auto& info) { return std::string(info.param); });

TEST(Pictures, ALanguageModelSeesNone) {
  ThreadPool pool(1);
  const OpenedLanguage model = open_language("golden/language/llama", {}, pool);
  EXPECT_NE(error_of([&] { (void)model.need_images(); }).find("without an image encoder"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              (void)open_language("golden/vlm/llava", {.memory_limit = 1000}, pool);
            }).find("the image encoder takes"),
            std::string::npos);
}

}  // namespace
}  // namespace pliant::lm
