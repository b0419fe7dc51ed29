// Images in prompts against what the Python package transformers says of them (golden/vlm).
#include "models/vlm/golden.h"
#include "lm/generate.h"
#include "lm/greedy.h"
#include "lm/vision/prompt.h"
#include "machine/native/kv/policies/compression.h"
#include "models/vlm/files/load.h"

namespace pliant::lm {
namespace {

using vlm::far;
using vlm::Golden;

struct Seen {
  Golden golden;
  VisionLanguageModel model;
  ThreadPool pool{1};
  ImageEncoder encoder;
  Session session;
  Images images;

  explicit Seen(const char* name, const SessionOptions& options = {})
      : golden(name),
        model(vlm_folder_model(golden.folder)),
        encoder(model, vlm_folder_pixels(golden.folder, model.config), pool),
        session(model.language, pool, options) {
    for (const int i : {0, 1})
      images.push_back(std::make_shared<EncodedImage>(encoder.encode(golden.image(i))));
  }
  ImagePrompt prompt() const { return {model.config, golden.ids("ids"), images}; }
};

class Vision : public testing::TestWithParam<const char*> {};

TEST_P(Vision, LogitsAndGreedyIdsAreThoseOfTransformers) {
  Seen seen(GetParam(), {.prompt_rows = 16, .exact_prompts = true});
  ImagePrompt prompt = seen.prompt();
  EXPECT_EQ(prompt.tokens, seen.golden.ids("ids"));
  const std::int64_t rows = std::ssize(prompt.tokens) - 1,
                     vocabulary = seen.session.config().vocabulary;
  const Tensor logits({DType::f32, {rows, vocabulary}});
  const TensorView view = logits.view();
  const SeqId first = seen.session.open();
  EXPECT_EQ(seen.session.feed(first, prompt.behind(0, true), &view), rows);
  EXPECT_LE(far(logits.span<float>(),
                decode(seen.golden.io.at("logits")).span<float>().first(rows * vocabulary)),
            5e-5);
  seen.session.close(first);
  const SeqId id = seen.session.open();
  const std::vector<TokenId> known = prompt.known();
  generate(seen.session, id, nullptr, prompt.tokens, prompt.behind(0, false), greedy(8));
  EXPECT_EQ(prompt.tokens, seen.golden.ids("greedy"));
  // what was read is known, images too
  EXPECT_EQ(seen.session.rewind(id, known), std::ssize(known) - 1);
}

INSTANTIATE_TEST_SUITE_P(Golden, Vision, testing::ValuesIn(vlm::golden_cases),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace pliant::lm
