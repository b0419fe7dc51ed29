// What a run leaves is the same model in every file and on every machine.
#include <gtest/gtest.h>

#include <numeric>

#include "machine/native/native.h"
#include "machine/run_once.h"
#include "machine/torch/torch.h"
#include "models/language/files/convert.h"
#include "open/language_model.h"
#include "train/loop/counting.h"

namespace pliant::train {
namespace {

constexpr std::int64_t rows = 24;

Tensor run_on(Machine& machine, ThreadPool& pool, const LanguageModel& model, Graph graph,
              const std::vector<TensorView>& inputs) {
  const auto shared = std::make_shared<const Graph>(std::move(graph));
  return std::move(run_once(machine, shared, model.weights, inputs, pool)[0]);
}

// Of one text that counts up.
Tensor logits(Machine& machine, ThreadPool& pool, const LanguageModel& model) {
  Tensor ids({DType::i32, {rows}}), seq({DType::i32, {rows}}), tag({DType::i32, {rows}});
  std::iota(ids.span<std::int32_t>().begin(), ids.span<std::int32_t>().end(), 3);
  const LanguageConfig& config = model.config;
  const Tensor embedded = run_on(machine, pool, model, embed_graph(config, rows), {ids.view()});
  const auto last = static_cast<int>(config.layers.size());
  const Tensor hidden = run_on(machine, pool, model, layers_graph(config, 0, last, rows, false),
                               {embedded.view(), seq.view(), ids.view(), tag.view()});
  return run_on(machine, pool, model, head_graph(config, rows), {hidden.view()});
}

TEST(Export, FilesHoldTheBitsAndTheNativeMachineThinksAlike) {
  const Outcome outcome = train(small(), fresh_run("export"));
  const std::string folder = testing::TempDir() + "export-hf",
                    file = testing::TempDir() + "export.gguf";
  write_language_model(outcome.model, ModelFormat::hugging_face, folder);
  write_language_model(outcome.model, ModelFormat::gguf, file);
  for (const std::string& path : {folder, file}) {
    const LanguageModel back = load_language_model(path);
    EXPECT_EQ(back.config.layers, outcome.model.config.layers) << path;
    outcome.model.weights->for_each([&](const std::string& name, const Stored& stored) {
      EXPECT_TRUE(std::ranges::equal(stored.bytes, back.weights->at(name).bytes)) << path << name;
    });
  }
  ThreadPool pool(1);
  native::Machine native(pool);
  aten::Options one_thread;
  one_thread.threads = 1;
  aten::Machine torch(one_thread);
  const Tensor ours = logits(native, pool, outcome.model),
               theirs = logits(torch, pool, outcome.model);
  double worst = 0;
  for (std::size_t i = 0; i < ours.span<float>().size(); ++i)
    worst = std::max<double>(worst, std::abs(ours.span<float>()[i] - theirs.span<float>()[i]));
  EXPECT_LE(worst, 2e-4);
  EXPECT_GT(worst, 0);  // they are two machines
}

}  // namespace
}  // namespace pliant::train
