// Programs that share a machine, and a cache.
#include "core/rng.h"
#include "lm/talk.h"
#include "machine/native/program.h"

namespace pliant::lm {
namespace {

using Views = std::vector<TensorView>;

// The layers [0, cut) and [cut, all) as two programs over one cache: pipeline stages.
TEST(Stages, OfAPipelineShareACache) {
  const LanguageModel model = tiny();
  const std::int64_t rows = 8, width = model.config.width;
  const int last = static_cast<int>(model.config.layers.size());
  ThreadPool pool(2);
  native::Machine machine(pool);
  const auto compile = [&](int from, int to) {
    return machine.compile(
        std::make_shared<Graph>(layers_graph(model.config, from, to, rows, true)), model.weights);
  };
  const auto whole = compile(0, last), front = compile(0, 2), back = compile(2, last);
  const kv::CacheOptions options{.context = 40};
  kv::Cache one(kv::layers_of(whole->graph()), options),
      two(kv::layers_of(whole->graph()), options);
  const kv::SeqId seq = one.open(kv::full());
  ASSERT_EQ(two.open(kv::full()), seq);

  Workspace workspace(whole->need(), pool);
  Tensor x({DType::f32, {rows, width}}), middle({DType::f32, {rows, width}}),
      y({DType::f32, {rows, width}}), z({DType::f32, {rows, width}});
  Tensor seqs({DType::i32, {rows}}), pos({DType::i32, {rows}}), tag({DType::i32, {rows}});
  Rng rng(1);
  const kv::SequenceRows reserved{seq, rows};
  for (std::int32_t run = 0; run < 4; ++run) {
    fill_normal(x.view(), rng, 1);
    for (std::int32_t r = 0; r < rows; ++r) {
      seqs.span<std::int32_t>()[r] = seq;
      pos.span<std::int32_t>()[r] = run * static_cast<std::int32_t>(rows) + r;
    }
    const auto in = [&](const Tensor& hidden) {
      return Views{hidden.view(), seqs.view(), pos.view(), tag.view()};
    };
    const Views x_in = in(x), middle_in = in(middle), y_out{y.view()}, middle_out{middle.view()},
                z_out{z.view()};
    one.reserve({&reserved, 1});
    whole->run({x_in, y_out, rows, nullptr}, workspace, one);
    two.reserve({&reserved, 1});
    front->run({x_in, middle_out, rows, nullptr}, workspace, two);
    EXPECT_EQ(two.length(seq), run * rows);  // not yet through all layers
    back->run({middle_in, z_out, rows, nullptr}, workspace, two);
    EXPECT_EQ(two.length(seq), (run + 1) * rows);
    ASSERT_TRUE(std::ranges::equal(y.raw(), z.raw()));
  }
  // A run that was given up between the stages is rolled back.
  two.reserve({&reserved, 1});
  for (std::int32_t& each : pos.span<std::int32_t>()) each += static_cast<std::int32_t>(rows);
  const Views in{x.view(), seqs.view(), pos.view(), tag.view()}, out{middle.view()};
  front->run({in, out, rows, nullptr}, workspace, two);
  two.truncate(seq, 4 * rows);
  EXPECT_EQ(two.entries(seq, 0, 0), 4 * rows);
  EXPECT_TRUE(one.save(seq, 1) == two.save(seq, 1));
}

TEST(Stages, MatricesStayEncodedAndDecodedVectorsAreHeldOnce) {
  const LanguageModel model = tiny();
  auto half = std::make_shared<WeightStore>();
  std::int64_t stored = 0, decoded = 0;
  model.weights->for_each([&](const std::string& name, const Stored& plain) {
    const Tensor values = decode(plain);
    auto bytes =
        std::make_shared<const std::vector<std::byte>>(encode(values.view(), Encoding::f16, name));
    stored += std::ssize(*bytes);
    if (plain.type.shape.size() < 2) decoded += std::ssize(plain.bytes);
    half->add(name, Stored{plain.type, Encoding::f16, *bytes}, bytes);
  });
  Talk talk({model.config, half});
  EXPECT_EQ(talk.session.memory().weights, stored + decoded);
  Talk plain(model);
  const Ids ids = some_ids(30, model.config.vocabulary);
  EXPECT_LT(distance(talk.steps(talk.session.open(), ids), plain.steps(plain.session.open(), ids)),
            0.05);
}

}  // namespace
}  // namespace pliant::lm
