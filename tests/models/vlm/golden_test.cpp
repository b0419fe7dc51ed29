// Against what the Python package transformers computes (golden/vlm/make.py).
#include "models/vlm/golden.h"
#include "graph/reference/reference.h"
#include "machine/native/native.h"
#include "models/vlm/files/load.h"

namespace pliant::vlm {
namespace {

class Vlm : public testing::TestWithParam<const char*> {};

TEST_P(Vlm, PixelsAreThoseOfTheProcessor) {
  const Golden golden(GetParam());
  const VisionLanguageModel model = vlm_folder_model(golden.folder);
  const PixelOptions options = vlm_folder_pixels(golden.folder, model.config);
  for (const int i : {0, 1}) {
    const Tensor wanted = golden.tensor("pixels", i);
    const Pixels got = pixels(golden.image(i), options);
    ASSERT_EQ(std::ssize(got.frames), wanted.type().shape[0]);
    const std::size_t each = elements(got.frames[0].type().shape);
    for (std::size_t f = 0; f < got.frames.size(); ++f)
      EXPECT_LE(far(got.frames[f].span<float>(), wanted.span<float>().subspan(f * each, each)),
                2e-6)
          << i << ", frame " << f;
  }
}

TEST_P(Vlm, RowsAreThoseOfTransformersOnBothEvaluators) {
  const Golden golden(GetParam());
  const VisionLanguageModel model = vlm_folder_model(golden.folder);
  const auto graph = std::make_shared<const Graph>(image_graph(model.config));
  ThreadPool pool(2);
  native::Machine machine(pool);
  const auto program = machine.prepare(graph, model.weights);
  Workspace workspace(program->need(), pool);
  const std::int64_t side = model.config.vision.side, frame = 3 * side * side,
                     rows = model.config.rows() * model.config.text_width;
  for (const int i : {0, 1}) {
    const Tensor pixels = golden.tensor("pixels", i), wanted = golden.tensor("rows", i);
    for (std::int64_t f = 0; f < pixels.type().shape[0]; ++f) {
      Tensor one({DType::f32, {1, 3, side, side}});
      std::ranges::copy(pixels.span<float>().subspan(f * frame, frame), one.span<float>().begin());
      const TensorView input = one.view();
      const auto expected = wanted.span<float>().subspan(f * rows, rows);
      EXPECT_LE(far(evaluate(*graph, *model.weights, {&input, 1}, pool)[0].span<float>(), expected),
                2e-5);
      const Tensor out({DType::f32, {model.config.rows(), model.config.text_width}});
      const TensorView output = out.view();
      program->run({{&input, 1}, {&output, 1}}, workspace);
      EXPECT_LE(far(out.span<float>(), expected), 2e-5);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Vlm, testing::ValuesIn(golden_cases),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace pliant::vlm
