// The Transformer (Vaswani et al. 2017, base; 128 rows of embeddings on either side, without the
// tables and the last layer) and ViT-B/16 (Dosovitskiy et al. 2021), with attention spelled out:
// scores and their softmax are tensors.
#include "models/zoo/layers.h"

namespace pliant::zoo {
namespace {

ValueId heads(Layers& net, ValueId x, std::int64_t count) {
  const Shape shape = net.b.shape(x);
  return net.b.reshape(net.linear(x, shape[1]), {shape[0], count, shape[1] / count});
}

ValueId attend(Layers& net, ValueId x, ValueId memory, std::int64_t count) {
  const Shape shape = net.b.shape(x);
  const ValueId q = heads(net, x, count), k = heads(net, memory, count),
                v = heads(net, memory, count);
  const ValueId scores = net.b.einsum("qhd,khd->hqk", {q, k});
  const ValueId scaled = net.b.map(argument(0) * constant(0.125), {scores});  // heads are 64 wide
  const ValueId mixed = net.b.einsum("hqk,khd->qhd", {net.b.softmax(scaled, -1), v});
  return net.linear(net.b.reshape(mixed, shape), shape[1]);
}

ValueId feed_forward(Layers& net, ValueId x, std::int64_t hidden, bool gelu) {
  const ValueId inner = net.linear(x, hidden);
  return net.linear(gelu ? blocks::gelu(net.b, inner) : net.relu(inner), net.b.shape(x)[1]);
}

}  // namespace

Graph transformer() {
  Layers net;
  ValueId x = net.b.input("source", {DType::f32, {128, 512}}),
          y = net.b.input("target", {DType::f32, {128, 512}});
  const auto add_norm = [&](ValueId a, ValueId by) { return net.layer_norm(net.sum({a, by})); };
  for (int layer = 0; layer < 6; ++layer) {
    x = add_norm(x, attend(net, x, x, 8));
    x = add_norm(x, feed_forward(net, x, 2048, false));
  }
  x = net.layer_norm(x);
  for (int layer = 0; layer < 6; ++layer) {
    y = add_norm(y, attend(net, y, y, 8));
    y = add_norm(y, attend(net, y, x, 8));
    y = add_norm(y, feed_forward(net, y, 2048, false));
  }
  return net.finish(net.layer_norm(y));
}

Graph vit_b_16() {
  Layers net;
  const ValueId w = net.weight("patch_weight", {768, 3, 16, 16}),
                bias = net.weight("patch_bias", {768, 1, 1});
  const kind::Convolve patches{
      .stride = {16, 16}, .low = {0, 0}, .high = {0, 0}, .dilation = {1, 1}};
  const ValueId patched = blocks::add(net.b, net.b.convolve(net.image(), w, patches), bias);
  const ValueId rows = net.b.transpose(net.b.reshape(patched, {768, 196}), {1, 0});
  ValueId x = net.b.concat({net.weight("class", {1, 768}), rows}, 0);
  x = net.sum({x, net.weight("position", {197, 768})});
  for (int layer = 0; layer < 12; ++layer) {
    const ValueId normal = net.layer_norm(x);
    x = net.sum({x, attend(net, normal, normal, 12)});
    x = net.sum({x, feed_forward(net, net.layer_norm(x), 3072, true)});
  }
  return net.finish(net.linear(net.b.slice(net.layer_norm(x), 0, 0, 1), 1000), "classes");
}

}  // namespace pliant::zoo
