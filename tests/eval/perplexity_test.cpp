#include "eval/perplexity.h"

#include <cmath>

#include "lm/decode/expect_error.h"
#include "lm/talk.h"

namespace pliant::eval {
namespace {

using lm::expect_error, lm::Ids, lm::Logits, lm::some_ids, lm::Talk, lm::tiny;

TEST(Perplexity, IsTheSumOverAllTokensButTheFirst) {
  Talk talk(tiny(), {.sequences = 2});
  const Ids ids = some_ids(40, 512);
  const std::vector<Logits> logits = talk.feed(talk.session.open(), ids);
  double wanted = 0;
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
    double sum = 0;
    for (const float each : logits[i]) sum += std::exp(static_cast<double>(each));
    wanted += std::log(sum) - static_cast<double>(logits[i][ids[i + 1]]);
  }
  const Perplexity got = perplexity(talk.session, ids);
  EXPECT_EQ(got.tokens, 39);
  EXPECT_NEAR(got.nll, wanted, 1e-4);
}

TEST(Perplexity, WindowsPredictEachTokenOnceWhateverTheStride) {
  Talk talk(tiny());
  const Ids ids = some_ids(100, 512);
  for (const std::int64_t stride : {1, 3, 15, 0}) {
    std::int64_t last = 0;
    const Perplexity got =
        perplexity(talk.session, ids, {.window = 16, .stride = stride}, [&](std::int64_t done) {
          EXPECT_GT(done, last);
          last = done;
          return true;
        });
    EXPECT_EQ(got.tokens, 99) << stride;
    EXPECT_EQ(last, 99) << stride;
  }
  EXPECT_EQ(
      perplexity(talk.session, ids, {.window = 16}, [](std::int64_t) { return false; }).tokens, 15);
}

TEST(Perplexity, RemembersWhatItsPolicySays) {
  Talk talk(tiny());
  const Ids ids = some_ids(60, 512);
  const double whole = perplexity(talk.session, ids).nll;
  EXPECT_GT(std::abs(perplexity(talk.session, ids, {.policy = kv::sink_window(1, 4)}).nll - whole),
            1e-3);
}

TEST(Perplexity, RefusesWhatMakesNoSense) {
  Talk talk(tiny(), {.context = 32});
  expect_error(ErrorKind::invalid, "fewer than two tokens",
               [&] { perplexity(talk.session, Ids{1}); });
  expect_error(ErrorKind::usage, "window: 33 is not from 2 to 32",
               [&] { perplexity(talk.session, some_ids(9, 512), {.window = 33}); });
  expect_error(ErrorKind::usage, "stride: 8 is not from 1 to 7",
               [&] { perplexity(talk.session, some_ids(9, 512), {.window = 8, .stride = 8}); });
}

}  // namespace
}  // namespace pliant::eval
