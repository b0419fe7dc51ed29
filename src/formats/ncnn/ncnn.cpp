#include "formats/ncnn/ncnn.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "formats/ncnn/param.h"
#include "graph/blocks.h"
#include "graph/builder.h"

namespace pliant {
namespace {

using ncnn::Layer;

// ncnn leaves out the batch of a feature map.
Shape graph_shape(const std::vector<std::int64_t>& sizes) {
  Shape shape(sizes.begin(), sizes.end());
  if (sizes.size() == 3) shape.insert(shape.begin(), 1);
  return shape;
}

std::string text_of(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ",")); }

class Importer {
 public:
  Importer(const std::map<std::string, Shape>& shapes, std::string_view place)
      : shapes_(shapes), place_(place) {}

  NcnnModel run(const std::vector<Layer>& layers) {
    for (const Layer& layer : layers) add_naming(layer);
    bool any = false;
    for (const Layer& layer : layers)
      for (const std::string& top : layer.tops)
        if (!used_.contains(top) && (layer.type != "Input" || layers.size() == 1)) {
          b_.output(blobs_.at(top), top);
          any = true;
        }
    if (!any)
      throw Error(ErrorKind::invalid, std::string(place_),
                  "every blob is used: there is no output");
    NcnnModel model{b_.finish(), std::move(opaque_), {}};
    for (const Value& value : model.graph.values())
      if (value.role == Role::weight) model.missing.push_back(value.name);
    return model;
  }

 private:
  [[noreturn]] void refuse(const Layer& layer, const std::string& problem,
                           ErrorKind kind = ErrorKind::invalid, std::string next = "") const {
    throw Error(kind, layer.place, fmt::format("'{}' ({}): {}", layer.name, layer.type, problem),
                std::move(next));
  }

  ValueId in(const Layer& layer, std::size_t i) const {
    if (i >= layer.bottoms.size()) refuse(layer, fmt::format("lacks operand {}", i));
    const auto found = blobs_.find(layer.bottoms[i]);
    if (found == blobs_.end())
      refuse(layer, fmt::format("reads '{}' before it is made", layer.bottoms[i]));
    return found->second;
  }

  // What the builder refuses is told with the line.
  void add_naming(const Layer& layer) {
    try {
      add(layer);
    } catch (const Error& error) {
      if (error.place() == layer.place) throw;
      refuse(layer, error.place() + ": " + error.problem(), error.kind());
    }
  }

  void add(const Layer& layer) {
    for (const std::string& top : layer.tops)
      if (blobs_.contains(top)) refuse(layer, fmt::format("makes '{}' again", top));
    if (layer.tops.empty()) refuse(layer, "has no result");
    for (const std::string& bottom : layer.bottoms) used_.insert(bottom);
    if (layer.type == "Split" || layer.type == "Dropout" || layer.type == "Noop") {
      for (std::size_t i = 0; i < layer.tops.size(); ++i)
        give(layer, i, in(layer, layer.type == "Split" ? 0 : i));
      return;
    }
    if (layer.type == "Input" || layer.type == "MemoryData") return give(layer, 0, leaf(layer));
    const ValueId before = b_.next();
    const ValueId made = layer.tops.size() == 1 ? known(layer) : blocks::none;
    if (made == blocks::none) return add_opaque(layer);
    if (made >= before) b_.rename(made, layer.tops[0], layer.name);
    if (!layer.hints.empty() && graph_shape(layer.hints[0]) != b_.shape(made))
      refuse(layer, fmt::format("its parameters give {}, its hint says {}", text_of(b_.shape(made)),
                                text_of(graph_shape(layer.hints[0]))));
    give(layer, 0, made);
  }

  void give(const Layer& layer, std::size_t i, ValueId value) {
    if (!blobs_.emplace(layer.tops[i], value).second)
      refuse(layer, fmt::format("makes '{}' again", layer.tops[i]));
  }

  ValueId leaf(const Layer& layer) {
    std::vector<std::int64_t> sizes;
    for (const int id : {2, 1, 0})  // channels, height, width
      if (layer.numbers.contains(id)) sizes.push_back(layer.whole(id, 1, 1));
    const std::string& name = layer.tops[0];
    if (layer.type == "MemoryData" && !sizes.empty())
      return b_.weight(name, {DType::f32, graph_shape(sizes)});
    if (!layer.hints.empty()) sizes = layer.hints[0];
    if (const auto given = shapes_.find(name); given != shapes_.end() && layer.type == "Input")
      return b_.input(name, {DType::f32, given->second});
    if (sizes.empty())
      refuse(layer, "its size is not in the file", ErrorKind::invalid,
             fmt::format("give --shape {}=1x3x224x224", name));
    return b_.input(name, {DType::f32, graph_shape(sizes)});
  }

  // The result of a layer of known type; none: it stays opaque.
  ValueId known(const Layer& layer) {
    const std::string& type = layer.type;
    if (type == "Convolution" || type == "ConvolutionDepthWise") return convolve(layer);
    if (type == "Pooling") return pool(layer);
    if (type == "InnerProduct")
      return linear(layer, flat(in(layer, 0)), layer.whole(0, 0, 1), layer.whole(1, 0) != 0);
    if (type == "Gemm") return gemm(layer);
    if (type == "ReLU")
      return layer.numbers.contains(0) ? blocks::none : blocks::relu(b_, in(layer, 0));
    if (type == "Swish") return blocks::silu(b_, in(layer, 0));
    if (type == "Sigmoid") return blocks::sigmoid(b_, in(layer, 0));
    if (type == "HardSigmoid") return blocks::hard_sigmoid(b_, in(layer, 0));
    if (type == "HardSwish") return blocks::hard_swish(b_, in(layer, 0));
    if (type == "GELU") return blocks::gelu(b_, in(layer, 0), layer.whole(0, 0) != 0);
    if (type == "BinaryOp" && layer.bottoms.size() == 2) return binary(layer, layer.whole(0, 0));
    if (type == "Eltwise")
      return binary(layer, layer.whole(0, 0) == 1 ? 0 : layer.whole(0, 0) == 0 ? 2 : 4);
    if (type == "Concat") return concat(layer);
    if (type == "Softmax")
      return b_.softmax(in(layer, 0), axis(layer, in(layer, 0), layer.whole(0, 0, -4, 4)));
    if (type == "LayerNorm") return layer_norm(layer);
    if (type == "Reshape") return reshape(layer);
    if (type == "Permute" && b_.shape(in(layer, 0)).size() == 2 && layer.whole(0, 0) == 1)
      return b_.transpose(in(layer, 0), {1, 0});
    if (type == "Crop" && layer.lists.contains(9)) return crop(layer);
    return blocks::none;
  }

  ValueId weight(const Layer& layer, std::string_view part, Shape shape) {
    return b_.weight(fmt::format("{}.{}", layer.name, part), {DType::f32, std::move(shape)});
  }

  ValueId convolve(const Layer& layer) {
    const ValueId x = in(layer, 0);
    if (b_.shape(x).size() != 4) refuse(layer, "its operand is no feature map");
    const std::int64_t out = layer.whole(0, 0, 1), groups = layer.whole(7, 1, 1),
                       channels = b_.shape(x)[1];
    const std::int64_t kernel = layer.whole(1, 1, 1), stride = layer.whole(3, 1, 1),
                       pad = layer.whole(4, 0, -300);
    const std::int64_t dilation = layer.whole(2, 1, 1);
    kind::Convolve conv{.stride = {},
                        .low = {layer.whole(14, pad, -300), pad},
                        .high = {},
                        .dilation = {},
                        .groups = groups};
    conv.high = {layer.whole(16, conv.low[0], -300), layer.whole(15, pad, -300)};
    // padding by the size
    if (std::min({pad, conv.low[0], conv.high[0], conv.high[1]}) < 0) return blocks::none;
    if (channels % groups != 0)
      refuse(layer, fmt::format("{} channels in {} groups", channels, groups));
    conv.stride = {layer.whole(13, stride, 1), stride};
    conv.dilation = {layer.whole(12, dilation, 1), dilation};
    const Shape shape{out, channels / groups, layer.whole(11, kernel, 1), kernel};
    check_weights(layer, 6, shape);
    ValueId y = b_.convolve(x, weight(layer, "weight", shape), conv);
    if (layer.whole(5, 0) != 0) y = blocks::add(b_, y, weight(layer, "bias", {out, 1, 1}));
    return activate(layer, y);
  }

  void check_weights(const Layer& layer, int id, const Shape& shape) const {
    const std::int64_t said = layer.whole(id, elements(shape), 0, std::int64_t{1} << 40);
    if (said != elements(shape))
      refuse(layer, fmt::format("says {} weights, its sizes give {}", said, text_of(shape)));
  }

  ValueId activate(const Layer& layer, ValueId x) {
    switch (layer.whole(9, 0, 0, 10)) {
      case 0: return x;
      case 1: return blocks::relu(b_, x);
      case 4: return blocks::sigmoid(b_, x);
      case 6: return blocks::hard_swish(b_, x);
      default: refuse(layer, "has an activation that is not known", ErrorKind::unsupported);
    }
  }

  ValueId pool(const Layer& layer) {
    const ValueId x = in(layer, 0);
    if (b_.shape(x).size() != 4) refuse(layer, "its operand is no feature map");
    const auto fn = layer.whole(0, 0, 0, 1) == 0 ? kind::PoolFn::max : kind::PoolFn::mean;
    const Shape from = b_.shape(x);
    if (layer.whole(4, 0) != 0) {  // the whole map, to a vector
      const auto reduce = fn == kind::PoolFn::max ? kind::ReduceFn::max : kind::ReduceFn::mean;
      return b_.reshape(b_.reduce(reduce, x, {2, 3}), {from[1]});
    }
    if (layer.whole(7, 0) != 0) return adaptive_pool(layer, x, fn);
    const std::int64_t width = layer.whole(1, 1, 1), step = layer.whole(2, 1, 1),
                       left = layer.whole(3, 0, 0);
    const std::int64_t top = layer.whole(13, left, 0), mode = layer.whole(5, 0, 0, 3);
    kind::Pool pool{.fn = fn,
                    .size = {layer.whole(11, width, 1), width},
                    .stride = {layer.whole(12, step, 1), step},
                    .low = {top, left},
                    .high = {layer.whole(15, top, 0), layer.whole(14, left, 0)},
                    .dilation = {1, 1},
                    .divide_by_valid = layer.whole(6, 0) == 0};
    for (std::size_t i = 0; i < 2; ++i) pad(layer, pool, i, from[i + 2], mode);
    return b_.pool(x, pool);
  }

  // Modes: 0 covers every element, 1 takes the padding as it is, 2 and 3 are "same" with the odd
  // one last or first.
  void pad(const Layer& layer, kind::Pool& pool, std::size_t axis, std::int64_t from,
           std::int64_t mode) const {
    const std::int64_t size = pool.size[axis], stride = pool.stride[axis];
    if (mode >= 2) {
      const std::int64_t all =
          std::max<std::int64_t>(0, size + (from - 1) / stride * stride - from);
      pool.low[axis] = mode == 2 ? all / 2 : all - all / 2;
      pool.high[axis] = all - pool.low[axis];
    }
    const std::int64_t left = from + pool.low[axis] + pool.high[axis] - size;
    if (left < 0) refuse(layer, "its window is larger than its operand");
    if (mode == 0 && left % stride != 0) pool.high[axis] += stride - left % stride;
  }

  // Windows that share the operand out: from floor(i in / out) to ceil((i + 1) in / out), axis by
  // axis.
  ValueId adaptive_pool(const Layer& layer, ValueId x, kind::PoolFn fn) {
    constexpr std::int64_t keep = -233;
    const auto reduce = fn == kind::PoolFn::max ? kind::ReduceFn::max : kind::ReduceFn::mean;
    const std::int64_t width = layer.whole(8, 0, keep), height = layer.whole(18, width, keep);
    for (const auto& [axis, asked] : {std::pair{2, height}, std::pair{3, width}}) {
      const std::int64_t from = b_.shape(x)[axis], out = asked == keep ? from : asked;
      if (out < 1 || out > from) refuse(layer, fmt::format("adaptive size {} of {}", out, from));
      std::vector<ValueId> parts;
      for (std::int64_t i = 0; i < out && out < from; ++i) {
        const std::int64_t first = i * from / out, end = ((i + 1) * from + out - 1) / out;
        parts.push_back(b_.reduce(reduce, b_.slice(x, axis, first, end - first), {axis}, true));
      }
      if (!parts.empty()) x = parts.size() == 1 ? parts[0] : b_.concat(parts, axis);
    }
    return x;
  }

  ValueId flat(ValueId x) {
    return b_.shape(x).size() == 1 ? x : b_.reshape(x, {elements(b_.shape(x))});
  }

  ValueId linear(const Layer& layer, ValueId x, std::int64_t out, bool bias) {
    const Shape shape{out, b_.shape(x).back()};
    if (layer.type == "InnerProduct") check_weights(layer, 2, shape);
    const ValueId w = weight(layer, "weight", shape);
    return activate_linear(
        layer, blocks::linear(b_, x, w, bias ? weight(layer, "bias", {out}) : blocks::none));
  }

  ValueId activate_linear(const Layer& layer, ValueId x) {
    return layer.type == "InnerProduct" ? activate(layer, x) : x;
  }

  // x [M, K] and a constant [N, K] with a constant bias; other forms stay opaque.
  ValueId gemm(const Layer& layer) {
    const bool plain = layer.bottoms.size() == 1 && layer.whole(2, 0) == 0 &&
                       layer.whole(3, 0) == 1 && layer.whole(5, 0) == 1 &&
                       !layer.numbers.contains(0) && !layer.numbers.contains(1);
    if (!plain) return blocks::none;
    const std::int64_t out = layer.whole(8, 0, 1), width = layer.whole(9, 0, 1);
    if (b_.shape(in(layer, 0)).back() != width)
      refuse(layer,
             fmt::format("its operand is {} wide, not {}", b_.shape(in(layer, 0)).back(), width));
    return linear(layer, in(layer, 0), out, layer.whole(6, 0) == 1);
  }

  // A vector beside a feature map holds one element per channel.
  ValueId per_channel(ValueId x, ValueId beside) {
    const bool vector = b_.shape(x).size() == 1 && b_.shape(beside).size() == 4;
    return vector ? b_.reshape(x, {1, b_.shape(x)[0], 1, 1}) : x;
  }

  ValueId binary(const Layer& layer, std::int64_t op) {
    ValueId x = in(layer, 0);
    for (std::size_t i = 1; i < std::max<std::size_t>(2, layer.bottoms.size()); ++i) {
      const ValueId y = per_channel(in(layer, i), x);
      x = per_channel(x, y);
      const Expr a = argument(0), c = argument(1);
      switch (op) {
        case 0: x = b_.map(a + c, {x, y}); break;
        case 1: x = b_.map(a - c, {x, y}); break;
        case 2: x = b_.map(a * c, {x, y}); break;
        case 3: x = b_.map(a / c, {x, y}); break;
        case 4: x = b_.map(maximum(a, c), {x, y}); break;
        case 5: x = b_.map(minimum(a, c), {x, y}); break;
        default: return blocks::none;
      }
    }
    return x;
  }

  // ncnn counts axes without the batch.
  int axis(const Layer& layer, ValueId x, std::int64_t axis) const {
    const std::int64_t dims = b_.shape(x).size();
    const std::int64_t batch = dims == 4 ? 1 : 0;
    const std::int64_t at = axis < 0 ? dims + axis : axis + batch;
    if (at < batch || at >= dims) refuse(layer, fmt::format("axis {} is out of range", axis));
    return static_cast<int>(at);
  }

  ValueId concat(const Layer& layer) {
    std::vector<ValueId> parts;
    for (std::size_t i = 0; i < layer.bottoms.size(); ++i) parts.push_back(in(layer, i));
    if (parts.empty()) refuse(layer, "has no operands");
    return b_.concat(parts, axis(layer, parts[0], layer.whole(0, 0, -4, 4)));
  }

  ValueId layer_norm(const Layer& layer) {
    const ValueId x = in(layer, 0);
    const std::int64_t width = layer.whole(0, 1, 1);
    if (b_.shape(x).back() != width)
      refuse(layer, fmt::format("normalises {} of {}", width, b_.shape(x).back()));
    if (layer.whole(2, 1) == 0) return blocks::layer_norm(b_, x, blocks::none, blocks::none, 1e-5);
    const ValueId scale = weight(layer, "scale", {width}), bias = weight(layer, "bias", {width});
    return blocks::layer_norm(b_, x, scale, bias, 1e-5);
  }

  // Width, height, channels; 0 keeps the size, -1 is what is left.
  ValueId reshape(const Layer& layer) {
    const ValueId x = in(layer, 0);
    std::vector<std::int64_t> sizes;
    for (const int id : {2, 1, 0})
      if (layer.numbers.contains(id)) sizes.push_back(layer.whole(id, 1, -1));
    if (sizes.empty() || std::count(sizes.begin(), sizes.end(), 0) > 0) return blocks::none;
    return b_.reshape(x, graph_shape(sizes));
  }

  ValueId crop(const Layer& layer) {
    ValueId x = in(layer, 0);
    const std::vector<double>& starts = layer.lists.at(9);
    const auto ends = layer.lists.find(10), axes = layer.lists.find(11);
    if (ends == layer.lists.end() || axes == layer.lists.end() ||
        ends->second.size() != starts.size() || axes->second.size() != starts.size())
      return blocks::none;
    for (std::size_t i = 0; i < starts.size(); ++i) {
      if (axes->second[i] < -4 || axes->second[i] > 4) refuse(layer, "its axis is out of range");
      const int at = axis(layer, x, static_cast<std::int64_t>(axes->second[i]));
      const std::int64_t size = b_.shape(x)[at];
      const double end = std::min(ends->second[i], static_cast<double>(size));
      if (starts[i] < 0 || end <= starts[i]) return blocks::none;
      x = b_.slice(x, at, static_cast<std::int64_t>(starts[i]),
                   static_cast<std::int64_t>(end - starts[i]));
    }
    return x;
  }

  void add_opaque(const Layer& layer) {
    kind::Opaque opaque{.domain = "ncnn", .type = layer.type, .text = "", .results = {}};
    for (const auto& hint : layer.hints) opaque.results.push_back({DType::f32, graph_shape(hint)});
    if (opaque.results.empty() && keeps_shape(layer))
      opaque.results.push_back(b_.type(in(layer, 0)));
    if (opaque.results.size() != layer.tops.size())
      refuse(layer, "its shape does not follow and is not in the file", ErrorKind::unsupported,
             "write shape hints with ncnn's own tools");
    std::vector<ValueId> operands;
    for (std::size_t i = 0; i < layer.bottoms.size(); ++i)
      if (std::find(operands.begin(), operands.end(), in(layer, i)) == operands.end())
        operands.push_back(in(layer, i));
    const auto made =
        b_.add(std::move(opaque), operands, layer.name, layer.tops.size(), layer.tops);
    for (std::size_t i = 0; i < made.size(); ++i) give(layer, i, made[i]);
    opaque_.push_back(fmt::format("{} ({}): no such kind of operator", layer.name, layer.type));
  }

  static bool keeps_shape(const Layer& layer) {
    return layer.tops.size() == 1 && (layer.type == "MultiHeadAttention" || layer.type == "LRN" ||
                                      layer.type == "ShuffleChannel" || layer.type == "ReLU");
  }

  const std::map<std::string, Shape>& shapes_;
  std::string_view place_;
  Builder b_;
  std::unordered_map<std::string, ValueId> blobs_;
  std::unordered_set<std::string> used_;
  std::vector<std::string> opaque_;
};

}  // namespace

bool looks_like_ncnn(std::string_view text) {
  return text.rfind("7767517", 0) == 0 && text.size() > 7 && (text[7] == '\n' || text[7] == '\r');
}

NcnnModel parse_ncnn(std::string_view text, const std::map<std::string, Shape>& shapes,
                     std::string_view place) {
  return Importer(shapes, place).run(ncnn::read_layers(text, place));
}

}  // namespace pliant
