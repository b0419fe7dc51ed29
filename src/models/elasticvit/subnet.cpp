#include "models/elasticvit/subnet.h"

#include <cmath>

#include "graph/blocks.h"
#include "graph/losses.h"
#include "models/elasticvit/tensors.h"

namespace pliant::elasticvit {
namespace {

constexpr double eps = 1e-5;

kind::Convolve square_kernel(std::int64_t side, std::int64_t stride, std::int64_t groups) {
  const std::int64_t pad = (side - 1) / 2;
  return {.stride = {stride, stride},
          .low = {pad, pad},
          .high = {pad, pad},
          .dilation = {1, 1},
          .groups = groups};
}

struct BlockSizes {
  std::int64_t width, expansion, kernel, stride;
  bool squeeze, stem;
};

// Feature maps and tokens are both [B, C, side, side]; a layer on tokens is a 1x1 convolution.
class Network {
 public:
  Network(Builder& b, const Space& space, const SubnetOptions& options)
      : b_(b), space_(space), options_(options), tensors_(supernet_tensors(space)) {}

  Subnet run(ValueId image, const Architecture& architecture) {
    ValueId x = resized(image, architecture.resolution);
    x = first_convolution(x, architecture.stages[0].width);
    for (std::size_t i = 0; i < space_.stages.size(); ++i) {
      const StageChoice& choice = architecture.stages[i];
      x = space_.stages[i].kind == StageKind::mobile ? mobile_stage(x, i, choice)
                                                     : transformer_stage(x, i, choice);
      b_.rename(x, space_.stages[i].name);
    }
    const ValueId logits = head(x);
    if (batches_ != ValueId::none)
      subnet_.statistics.push_back(
          {batches_, b_.map(argument(0) + constant(1), {batches_}, {}, "batches.next")});
    subnet_.logits = logits;
    return std::move(subnet_);
  }

 private:
  std::int64_t channels(ValueId x) const { return b_.shape(x)[1]; }
  std::int64_t side(ValueId x) const { return b_.shape(x)[2]; }

  TensorType whole_type(const std::string& layer, const std::string& name) const {
    return {DType::f32, tensors_.at(layer.empty() ? name : layer + "." + name).shape};
  }

  // A box of a whole tensor. Call it inside the scope of its layer.
  ValueId part(ValueId whole, const Shape& start, const Shape& size) {
    return size == b_.shape(whole) ? whole
                                   : b_.slice(whole, {.start = start, .size = size, .step = {}});
  }
  ValueId leading(ValueId whole, const Shape& size) {
    return part(whole, Shape(size.size(), 0), size);
  }
  ValueId weight(const std::string& layer, const std::string& name) {
    return b_.weight(name, whole_type(layer, name));
  }
  ValueId leading_weight(const std::string& layer, const std::string& name, const Shape& size) {
    return leading(weight(layer, name), size);
  }

  ValueId resized(ValueId image, std::int64_t resolution) {
    Shape sizes = b_.shape(image);
    if (sizes[2] == resolution) return image;
    sizes[2] = sizes[3] = resolution;
    return blocks::resize(b_, image, sizes, {.mode = blocks::Interpolation::cubic}, "resized");
  }

  // Running statistics as carries: the new value of what stands at the beginning.
  void renew(const std::string& layer, const std::string& name, ValueId of_batch) {
    const ValueId whole = b_.input(name, whole_type(layer, name));
    const std::int64_t used = b_.shape(of_batch)[0], all = b_.shape(whole)[0];
    const ValueId old = leading(whole, {used});
    const Expr change = argument(1) - argument(0);
    ValueId next;
    if (options_.statistics == Statistics::momentum)
      next = b_.map(argument(0) + constant(options_.momentum) * change, {old, of_batch}, {},
                    name + ".renewed");
    else
      next = b_.map(argument(0) + change / (argument(2) + constant(1)), {old, of_batch, batches()},
                    {}, name + ".renewed");
    if (used < all)
      next = b_.concat({next, b_.slice(whole, 0, used, all - used)}, 0, name + ".next");
    subnet_.statistics.push_back({whole, next});
  }

  ValueId batches() {
    if (batches_ == ValueId::none) batches_ = b_.input("batches", {DType::f32, {}});
    return batches_;
  }

  ValueId norm(const std::string& layer, const std::string& name, ValueId x) {
    const Shape size{channels(x)};
    const ValueId scale = leading_weight(layer, name + ".weight", size),
                  bias = leading_weight(layer, name + ".bias", size);
    const std::string mean = name + ".running_mean", variance = name + ".running_var";
    if (options_.statistics == Statistics::stored)
      return blocks::batch_norm(b_, x, scale, bias, leading_weight(layer, mean, size),
                                leading_weight(layer, variance, size), eps, name);
    const blocks::TrainedNorm trained = blocks::batch_norm_of_batch(b_, x, scale, bias, eps, name);
    renew(layer, mean, trained.mean);
    renew(layer, variance, trained.variance);
    return trained.y;
  }

  ValueId activated_norm(const std::string& layer, const std::string& name, ValueId x) {
    return blocks::hard_swish(b_, norm(layer, name, x), name + ".hard_swish");
  }

  // A mean and a variance per image, over tokens and channels.
  ValueId joint_norm(const std::string& layer, const std::string& name, ValueId x) {
    const Shape size{channels(x)};
    const ValueId scale = leading_weight(layer, name + ".weight", size),
                  bias = leading_weight(layer, name + ".bias", size);
    const ValueId normal = b_.normalize(x, {1, 2, 3}, eps, true, name + ".normal");
    return b_.map(argument(0) * argument(1) + argument(2),
                  {normal, blocks::per_channel(b_, x, scale), blocks::per_channel(b_, x, bias)}, {},
                  name);
  }

  ValueId convolve(const std::string& layer, const std::string& name, ValueId x, std::int64_t out) {
    const ValueId w = leading_weight(layer, name + ".weight", {out, channels(x), 1, 1});
    return b_.convolve(x, w, square_kernel(1, 1, 1), name);
  }

  // x [B, in, side, side] -> [B, out, side, side]
  ValueId per_token(ValueId x, ValueId w, ValueId bias, const std::string& name) {
    const Shape size = b_.shape(w);
    const ValueId kernel = b_.reshape(w, {size[0], size[1], 1, 1});
    return blocks::convolve(b_, x, kernel, bias, square_kernel(1, 1, 1), name);
  }
  ValueId per_token(const std::string& layer, const std::string& name, ValueId x,
                    std::int64_t out) {
    return per_token(x, leading_weight(layer, name + ".weight", {out, channels(x)}),
                     leading_weight(layer, name + ".bias", {out}), name);
  }

  ValueId depthwise(const std::string& layer, const std::string& name, ValueId x,
                    std::int64_t kernel, std::int64_t stride) {
    const ValueId whole = weight(layer, name + ".weight");
    const std::int64_t border = (b_.shape(whole)[2] - kernel) / 2;
    const ValueId w = part(whole, {0, 0, border, border}, {channels(x), 1, kernel, kernel});
    return b_.convolve(x, w, square_kernel(kernel, stride, channels(x)), name);
  }

  ValueId first_convolution(ValueId image, std::int64_t width) {
    const ValueId w = leading_weight("", "first_conv.weight", {width, 3, 3, 3});
    const ValueId y = b_.convolve(image, w, square_kernel(3, 2, 1), "first_conv.convolve");
    const ValueId x = activated_norm("", "first_conv_bn", y);
    b_.rename(x, "first_conv");
    return x;
  }

  ValueId squeeze(const std::string& layer, ValueId x) {
    const std::int64_t width = channels(x), squeezed = width / 4;
    const auto dense = [&](const std::string& name, ValueId in, std::int64_t out) {
      return blocks::convolve(
          b_, in, leading_weight(layer, name + ".weight", {out, channels(in), 1, 1}),
          leading_weight(layer, name + ".bias", {out}), square_kernel(1, 1, 1), name);
    };
    const ValueId mean = blocks::global_average_pool(b_, x, "se_mean");
    const ValueId inner = blocks::relu(b_, dense("se_conv1", mean, squeezed), "se_relu");
    const ValueId gate =
        blocks::hard_sigmoid(b_, dense("se_conv2", inner, width), 1.0 / 6, 0.5, "se_gate");
    return blocks::multiply(b_, x, gate, "se");
  }

  ValueId shortcut(const std::string& layer, ValueId x, const BlockSizes& sizes) {
    if (sizes.stride == 2) {
      // On an odd side the windows begin one before it, and what is outside counts as 0.
      const std::int64_t pad = side(x) % 2;
      x = b_.pool(x,
                  {.fn = kind::PoolFn::mean,
                   .size = {2, 2},
                   .stride = {2, 2},
                   .low = {pad, pad},
                   .high = {pad, pad},
                   .dilation = {1, 1}},
                  "shortcut_pool");
    }
    return channels(x) == sizes.width ? x : convolve(layer, "shortcut_conv", x, sizes.width);
  }

  ValueId mobile_block(const std::string& layer, ValueId x, const BlockSizes& sizes) {
    const Builder::Scope scope(b_, layer);
    ValueId y = x;
    if (!sizes.stem)
      y = activated_norm(layer, "pw_bn",
                         convolve(layer, "pw_conv", x, channels(x) * sizes.expansion));
    y = depthwise(layer, "dw_conv", y, sizes.kernel, sizes.stride);
    y = activated_norm(layer, "dw_bn", y);
    if (sizes.squeeze) y = squeeze(layer, y);
    y = norm(layer, "pwl_bn", convolve(layer, "pwl_conv", y, sizes.width));
    return blocks::add(b_, y, shortcut(layer, x, sizes), "block");
  }

  ValueId mobile_stage(ValueId x, std::size_t index, const StageChoice& choice) {
    const StageSpace& stage = space_.stages[index];
    for (std::int64_t layer = 0; layer < choice.depth; ++layer)
      x = mobile_block(layer_name(space_, index, layer), x,
                       {choice.width, choice.expansion(), choice.kernel(),
                        layer == 0 ? stage.stride : 1, stage.squeeze, index == 0});
    return x;
  }

  // Of query i and key j the row of the table for their distance, i32 [tokens, tokens]. The table
  // is laid out for the stage's side at the largest resolution, whatever the side is now.
  ValueId distances(const std::string& stage, std::int64_t now, std::int64_t largest) {
    Tensor index({DType::i32, {now * now, now * now}});
    auto out = index.span<std::int32_t>().begin();
    const std::int64_t span = 2 * largest - 1;
    for (std::int64_t i = 0; i < now * now; ++i)
      for (std::int64_t j = 0; j < now * now; ++j) {
        const std::int64_t down = i / now - j / now, right = i % now - j % now;
        *out++ = static_cast<std::int32_t>((down + largest - 1) * span + right + largest - 1);
      }
    return b_.constant(std::move(index), stage + ".distances");
  }

  // f32 [heads, tokens, tokens]
  ValueId position_bias(const std::string& layer, std::int64_t heads, ValueId distances) {
    const ValueId whole = weight(layer, "attention_bias");
    const ValueId table = leading(whole, {b_.shape(whole)[0], heads});
    return b_.transpose(b_.gather(table, distances, 0, 0, "bias_by_pair"), {2, 0, 1}, "bias");
  }

  // Queries, keys and values of the published supernet are cut head by head from the stacked rows
  // of three blocks: a head's key is in general not from the block of keys.
  ValueId mixed_rows(const std::string& layer, std::int64_t width, std::int64_t scale) {
    const ValueId whole = weight(layer, "qkv.weight");
    const std::int64_t most = b_.shape(whole)[1];
    const auto rows = [&](std::int64_t first, std::int64_t count) {
      return part(whole, {first, 0}, {count, width});
    };
    return b_.concat({rows(0, width), rows(most, width), rows(2 * most, scale * width)}, 0,
                     "qkv_rows");
  }

  ValueId attention(const std::string& layer, ValueId x, std::int64_t scale, ValueId distances) {
    const Builder::Scope scope(b_, layer);
    const std::int64_t batch = b_.shape(x)[0], width = channels(x), s = side(x),
                       d = space_.head_dim, heads = width / d;
    const ValueId mixed = per_token(joint_norm(layer, "norm1", x), mixed_rows(layer, width, scale),
                                    blocks::none, "qkv");
    const ValueId by_head = b_.reshape(mixed, {batch, heads, (2 + scale) * d, s * s});
    const ValueId q = b_.slice(by_head, 2, 0, d, "q"), k = b_.slice(by_head, 2, d, d, "k");
    const ValueId v =
        b_.reshape(b_.slice(by_head, 2, 2 * d, scale * d, "v"), {batch, scale * width, s, s});
    const ValueId values =
        b_.reshape(depthwise(layer, "dw_v_conv", v, 3, 1), {batch, heads, scale * d, s * s});
    const ValueId scores = b_.einsum("bhdi,bhdj->bhij", {q, k}, "scores");
    const ValueId biased =
        b_.map(argument(0) * constant(1 / std::sqrt(static_cast<double>(d))) + argument(1),
               {scores, position_bias(layer, heads, distances)}, {}, "biased_scores");
    const ValueId read =
        b_.einsum("bhij,bhdj->bhdi", {b_.softmax(biased, -1, "softmax"), values}, "read");
    const ValueId active = blocks::hard_swish(b_, b_.reshape(read, {batch, scale * width, s, s}),
                                              "attention_hard_swish");
    return blocks::add(b_, x, per_token(layer, "proj", active, width), "attention");
  }

  ValueId feed_forward(const std::string& layer, ValueId x, std::int64_t ratio) {
    const Builder::Scope scope(b_, layer);
    const ValueId inner =
        per_token(layer, "fc1", joint_norm(layer, "norm1", x), ratio * channels(x));
    const ValueId active = blocks::hard_swish(b_, inner, "fc1.hard_swish");
    return blocks::add(b_, x, per_token(layer, "fc2", active, channels(x)), "ffn");
  }

  ValueId transformer_stage(ValueId x, std::size_t index, const StageChoice& choice) {
    const StageSpace& stage = space_.stages[index];
    x = mobile_block(layer_name(space_, index, 0) + ".reduction", x,
                     {choice.width, reduction_expansion, 3, stage.stride, true, false});
    const ValueId between =
        distances(stage.name, side(x), stage_sides(space_, space_.resolutions.back())[index]);
    for (std::int64_t layer = 0; layer < choice.depth; ++layer) {
      x = attention(layer_name(space_, index, 2 * layer), x, choice.v_scale(), between);
      x = feed_forward(layer_name(space_, index, 2 * layer + 1), x, choice.mlp_ratio());
    }
    return x;
  }

  ValueId head(ValueId x) {
    const std::int64_t batch = b_.shape(x)[0], inner = space_.head.multiplier * channels(x);
    ValueId y = activated_norm("", "pre_head_norm_0", per_token("", "pre_head_0", x, inner));
    y = b_.reshape(blocks::global_average_pool(b_, y, "mean_of_tokens"), {batch, inner});
    const auto dense = [&](const std::string& name, ValueId in, std::int64_t out) {
      return blocks::linear(b_, in, leading_weight("", name + ".weight", {out, b_.shape(in)[1]}),
                            leading_weight("", name + ".bias", {out}), name);
    };
    y = blocks::hard_swish(b_, dense("pre_head_1", y, space_.head.hidden), "pre_head_1.hard_swish");
    return dense("classifer", y, space_.head.classes);
  }

  Builder& b_;
  const Space& space_;
  const SubnetOptions& options_;
  SupernetTensors tensors_;
  Subnet subnet_;
  ValueId batches_ = ValueId::none;
};

ValueId image_input(Builder& b, const Architecture& architecture, const SubnetOptions& options) {
  const std::int64_t side = options.image_side == 0 ? architecture.resolution : options.image_side;
  return b.input("image", {DType::f32, {options.batch, 3, side, side}});
}

Graph finished(Builder& b, const Subnet& subnet) {
  b.output(subnet.logits, "logits");
  for (const Carry& each : subnet.statistics) b.carry(each.in, each.out);
  return b.finish();
}

Graph finished(Builder& b, const Subnet& subnet, ValueId loss_per_image) {
  b.output(b.reduce(kind::ReduceFn::mean, loss_per_image, {0}, false, "loss"), "loss");
  return finished(b, subnet);
}

}  // namespace

Subnet add_subnet(Builder& b, ValueId image, const Space& space, const Architecture& architecture,
                  const SubnetOptions& options) {
  check(space, architecture, "subnet");
  return Network(b, space, options).run(image, architecture);
}

Graph subnet_graph(const Space& space, const Architecture& architecture,
                   const SubnetOptions& options) {
  Builder b;
  const ValueId image = image_input(b, architecture, options);
  return finished(b, add_subnet(b, image, space, architecture, options));
}

Graph loss_graph(const Space& space, const Architecture& architecture,
                 const SubnetOptions& options) {
  Builder b;
  const ValueId image = image_input(b, architecture, options);
  const ValueId label = b.input("label", {DType::i32, {options.batch}});
  const Subnet subnet = add_subnet(b, image, space, architecture, options);
  return finished(b, subnet, blocks::negative_log_likelihood(b, subnet.logits, label));
}

Graph soft_loss_graph(const Space& space, const Architecture& architecture,
                      const SubnetOptions& options, Objective objective) {
  Builder b;
  const ValueId image = image_input(b, architecture, options);
  const ValueId target = b.input("target", {DType::f32, {options.batch, space.head.classes}});
  const Subnet subnet = add_subnet(b, image, space, architecture, options);
  return finished(b, subnet,
                  objective == Objective::cross_entropy
                      ? blocks::soft_cross_entropy(b, subnet.logits, target)
                      : blocks::alpha_divergence(b, subnet.logits, target));
}

}  // namespace pliant::elasticvit
