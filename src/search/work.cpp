#include "search/work.h"

namespace pliant::search {
namespace {

constexpr std::array<std::string_view, kinds_of_work> names{
    "pointwise", "narrow", "weights", "depthwise", "attention", "scores", "elements", "operators"};
constexpr double few_pixels = 32;

// Adds up what operators do; sizes are doubles for the sake of products.
class Sum {
 public:
  const Amounts& amounts() const { return amounts_; }

  void pointwise(double in, double out, double pixels) {
    add(Work::pointwise, in * out * pixels);
    if (pixels < few_pixels) add(Work::narrow, in * out * pixels);
    add(Work::weights, in * out);
    written(out * pixels);
  }
  void depthwise(double channels, double taps, double pixels) {
    add(Work::depthwise, channels * taps * pixels);
    written(channels * pixels);
  }
  void attention(double heads, double tokens, double keys, double values) {
    add(Work::attention, heads * tokens * tokens * (keys + values));
    add(Work::scores, heads * tokens * tokens);
    written(2 * heads * tokens * tokens);
    written(heads * values * tokens);
    add(Work::operators, 1);  // two products, a softmax
  }
  void written(double elements) {
    add(Work::elements, elements);
    add(Work::operators, 1);
  }

 private:
  void add(Work work, double amount) { amounts_[static_cast<std::size_t>(work)] += amount; }
  Amounts amounts_{};
};

struct Block {
  double in, out, expansion, kernel, stride;
  bool squeeze, stem;
};

void mobile_block(Sum& sum, const Block& block, double side_before, double side) {
  const double inner = block.in * block.expansion, pixels = side * side;
  if (!block.stem) sum.pointwise(block.in, inner, side_before * side_before);
  sum.depthwise(inner, block.kernel * block.kernel, pixels);
  if (block.squeeze) {
    const auto squeezed = static_cast<double>(static_cast<std::int64_t>(inner) / 4);
    sum.pointwise(inner, squeezed, 1);
    sum.pointwise(squeezed, inner, 1);
    sum.written(inner * pixels);
  }
  sum.pointwise(inner, block.out, pixels);
  if (block.stride == 2) sum.written(block.in * pixels);
  if (block.in != block.out) sum.pointwise(block.in, block.out, pixels);
}

void layer_pair(Sum& sum, double width, double head_dim, double scale, double ratio,
                double tokens) {
  const double heads = width / head_dim, values = scale * width;
  sum.written(width * tokens);
  sum.pointwise(width, 2 * width + values, tokens);
  sum.depthwise(values, 9, tokens);
  sum.attention(heads, tokens, head_dim, scale * head_dim);
  sum.pointwise(values, width, tokens);
  sum.written(width * tokens);
  sum.pointwise(width, ratio * width, tokens);
  sum.pointwise(ratio * width, width, tokens);
}

double side_before(const elasticvit::Space& space, std::int64_t resolution, std::size_t stage) {
  return static_cast<double>(stage == 0 ? resolution / 2
                                        : stage_sides(space, resolution)[stage - 1]);
}

}  // namespace

std::string_view name(Work work) { return names[static_cast<std::size_t>(work)]; }

Amounts stage_work(const elasticvit::Space& space, std::int64_t resolution, std::size_t stage,
                   std::int64_t input_width, const elasticvit::StageChoice& choice) {
  const elasticvit::StageSpace& of = space.stages[stage];
  const auto side = static_cast<double>(stage_sides(space, resolution)[stage]),
             width = static_cast<double>(choice.width), stride = static_cast<double>(of.stride);
  double in = stage == 0 ? width : static_cast<double>(input_width),
         before = side_before(space, resolution, stage);
  Sum sum;
  if (of.kind == elasticvit::StageKind::transformer) {
    mobile_block(sum, {in, width, elasticvit::reduction_expansion, 3, stride, true, false}, before,
                 side);
    for (std::int64_t layer = 0; layer < choice.depth; ++layer)
      layer_pair(sum, width, static_cast<double>(space.head_dim),
                 static_cast<double>(choice.v_scale()), static_cast<double>(choice.mlp_ratio()),
                 side * side);
    return sum.amounts();
  }
  if (stage == 0) sum.pointwise(27, width, side * side);
  for (std::int64_t layer = 0; layer < choice.depth; ++layer) {
    mobile_block(
        sum,
        {in, width, static_cast<double>(choice.expansion()), static_cast<double>(choice.kernel()),
         layer == 0 ? stride : 1, of.squeeze, stage == 0},
        before, side);
    in = width;
    before = side;
  }
  return sum.amounts();
}

Amounts head_work(const elasticvit::Space& space, std::int64_t resolution, std::int64_t width) {
  const auto side = static_cast<double>(stage_sides(space, resolution).back()),
             out = static_cast<double>(width), hidden = static_cast<double>(space.head.hidden),
             inner = static_cast<double>(space.head.multiplier) * out;
  Sum sum;
  sum.pointwise(out, inner, side * side);
  sum.pointwise(inner, hidden, 1);
  sum.pointwise(hidden, static_cast<double>(space.head.classes), 1);
  return sum.amounts();
}

Amounts work(const elasticvit::Space& space, const elasticvit::Architecture& architecture) {
  std::int64_t width = 0;
  Amounts total{};
  const auto add = [&](const Amounts& more) {
    for (std::size_t i = 0; i < kinds_of_work; ++i) total[i] += more[i];
  };
  for (std::size_t i = 0; i < architecture.stages.size(); ++i) {
    add(stage_work(space, architecture.resolution, i, width, architecture.stages[i]));
    width = architecture.stages[i].width;
  }
  add(head_work(space, architecture.resolution, width));
  return total;
}

}  // namespace pliant::search
