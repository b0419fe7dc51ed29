#include "planner/networks.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/rng.h"

namespace pliant::bench {
namespace {

using plan::Problem;
using plan::Role;
using plan::TensorId;

struct Feature {
  TensorId tensor = 0;
  std::int64_t side = 0, channels = 0;
};

// Adds operators with one output each; names count upwards.
class Network {
 public:
  Feature input(std::int64_t side, std::int64_t channels) {
    problem_.tensors.push_back({"image", side * side * channels, Role::input});
    return {0, side, channels};
  }

  Feature add(const std::string& kind, const std::vector<Feature>& inputs, std::int64_t side, std::int64_t channels) {
    const std::string name = kind + std::to_string(problem_.operators.size());
    const TensorId id = static_cast<TensorId>(problem_.tensors.size());
    problem_.tensors.push_back({name + ":0", side * side * channels, Role::activation});
    plan::Operator op{name, {}, {id}, 0};
    for (const Feature& f : inputs)
      if (std::find(op.inputs.begin(), op.inputs.end(), f.tensor) == op.inputs.end()) op.inputs.push_back(f.tensor);
    problem_.operators.push_back(std::move(op));
    return {id, side, channels};
  }

  Feature conv(Feature x, std::int64_t channels, std::int64_t stride = 1) {
    return add("conv", {x}, out_side(x, stride), channels);
  }
  Feature depthwise(Feature x, std::int64_t stride) { return add("dw", {x}, out_side(x, stride), x.channels); }
  Feature pool(Feature x, std::int64_t stride) { return add("pool", {x}, out_side(x, stride), x.channels); }
  Feature sum(const std::vector<Feature>& xs) { return add("sum", xs, xs[0].side, xs[0].channels); }
  Feature concat(const std::vector<Feature>& xs) {
    std::int64_t channels = 0;
    for (const Feature& x : xs) channels += x.channels;
    return add("concat", xs, xs[0].side, channels);
  }

  Problem classify(Feature x) {
    const Feature logits = add("fc", {add("mean", {x}, 1, x.channels)}, 1, 1000);
    problem_.tensors[logits.tensor].role = Role::output;
    return std::move(problem_);
  }

 private:
  static std::int64_t out_side(Feature x, std::int64_t stride) { return (x.side + stride - 1) / stride; }
  Problem problem_;
};

Feature separable(Network& net, Feature x, std::int64_t filters, std::int64_t stride = 1) {
  const Feature half = net.conv(net.depthwise(x, stride), filters);
  return net.conv(net.depthwise(half, 1), filters);
}

// Brings the cell before the last one to the size and filters of this cell.
Feature adjust(Network& net, Feature before, std::int64_t side, std::int64_t filters) {
  if (before.side == side) return net.conv(before, filters);
  const Feature left = net.conv(net.pool(before, 2), filters / 2);
  const Feature right = net.conv(net.pool(before, 2), filters / 2);
  return net.concat({left, right});
}

Feature normal_cell(Network& net, Feature before, Feature last, std::int64_t filters) {
  const Feature p = adjust(net, before, last.side, filters);
  const Feature h = net.conv(last, filters);
  const Feature a = net.sum({separable(net, h, filters), separable(net, p, filters)});
  const Feature b = net.sum({separable(net, p, filters), separable(net, p, filters)});
  const Feature c = net.sum({net.pool(h, 1), p});
  const Feature d = net.sum({net.pool(p, 1), net.pool(p, 1)});
  const Feature e = net.sum({separable(net, h, filters), h});
  return net.concat({p, a, b, c, d, e});
}

Feature reduction_cell(Network& net, Feature before, Feature last, std::int64_t filters) {
  const Feature p = adjust(net, before, last.side, filters);
  const Feature h = net.conv(last, filters);
  const Feature a = net.sum({separable(net, h, filters, 2), separable(net, p, filters, 2)});
  const Feature b = net.sum({net.pool(h, 2), separable(net, p, filters, 2)});
  const Feature c = net.sum({net.pool(h, 2), separable(net, p, filters, 2)});
  const Feature d = net.sum({net.pool(a, 1), b});
  const Feature e = net.sum({separable(net, a, filters), net.pool(h, 2)});
  return net.concat({b, c, d, e});
}

}  // namespace

Problem nasnet_a_mobile() {
  Network net;
  const Feature stem = net.conv(net.input(224, 3), 32, 2);
  Feature before = stem, last = reduction_cell(net, stem, stem, 11);
  last = reduction_cell(net, std::exchange(before, last), last, 22);
  for (std::int64_t filters = 44; filters <= 176; filters *= 2) {
    for (int cell = 0; cell < 4; ++cell) last = normal_cell(net, std::exchange(before, last), last, filters);
    if (filters < 176) last = reduction_cell(net, std::exchange(before, last), last, 2 * filters);
  }
  return net.classify(last);
}

namespace {

using Edges = std::set<std::pair<int, int>>;

// Watts-Strogatz: a ring where each node knows k/2 on each side, each edge rewired with probability p; edges then point
// from the smaller to the larger node.
Edges small_world(int nodes, int k, double p, Rng& rng) {
  Edges ring;
  const auto edge = [](int a, int b) { return std::pair{std::min(a, b), std::max(a, b)}; };
  for (int distance = 1; distance <= k / 2; ++distance)
    for (int v = 0; v < nodes; ++v) ring.insert(edge(v, (v + distance) % nodes));
  for (int distance = 1; distance <= k / 2; ++distance) {
    for (int v = 0; v < nodes; ++v) {
      if (rng.uniform() >= p) continue;
      int other = static_cast<int>(rng.below(nodes));
      while (other == v || ring.count(edge(v, other)) > 0) other = static_cast<int>(rng.below(nodes));
      ring.erase(edge(v, (v + distance) % nodes));
      ring.insert(edge(v, other));
    }
  }
  return ring;
}

Feature wired_stage(Network& net, Feature x, std::int64_t channels, int nodes, const Edges& edges) {
  std::vector<Feature> value(static_cast<std::size_t>(nodes)), ends;
  std::vector<bool> used(static_cast<std::size_t>(nodes), false);
  for (const auto& [from, to] : edges) used[static_cast<std::size_t>(from)] = true;
  for (int v = 0; v < nodes; ++v) {
    std::vector<Feature> inputs;
    for (const auto& [from, to] : edges)
      if (to == v) inputs.push_back(value[static_cast<std::size_t>(from)]);
    const bool first = inputs.empty();
    const Feature in = first ? x : inputs.size() == 1 ? inputs[0] : net.sum(inputs);
    value[static_cast<std::size_t>(v)] = net.conv(net.depthwise(in, first ? 2 : 1), channels);
    if (!used[static_cast<std::size_t>(v)]) ends.push_back(value[static_cast<std::size_t>(v)]);
  }
  return ends.size() == 1 ? ends[0] : net.add("mean", ends, ends[0].side, ends[0].channels);
}

}  // namespace

Problem randwire(std::uint64_t seed, int nodes, int k, double p, std::int64_t channels) {
  Network net;
  Rng rng(seed);
  Feature x = net.conv(net.conv(net.input(224, 3), channels / 2, 2), channels, 2);
  for (int stage = 0; stage < 3; ++stage)
    x = wired_stage(net, x, channels << stage, nodes, small_world(nodes, k, p, rng));
  return net.classify(net.conv(x, 1280));
}

}  // namespace pliant::bench
