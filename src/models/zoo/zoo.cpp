#include "models/zoo/zoo.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/rng.h"
#include "core/suggest.h"
#include "models/language/openelm.h"
#include "models/zoo/layers.h"

namespace pliant::zoo {
namespace {

using Edges = std::set<std::pair<int, int>>;

struct Made {
  ZooNetwork entry;
  Graph (*make)();
};

Graph openelm_layers(std::int64_t rows, bool cached) {
  const LanguageConfig config = openelm::config(openelm::Size::m270);
  return layers_graph(config, 0, config.layers.size(), rows, cached);
}

const std::vector<Made>& table() {
  static const std::vector<Made> made{
      {{"resnet50", "ResNet-50, 224 x 224"}, resnet50},
      {{"densenet121", "DenseNet-121, 224 x 224"}, densenet121},
      {{"resnext50", "ResNeXt-50 32x4d, 224 x 224"}, resnext50},
      {{"r2plus1d-18", "R(2+1)D-18, 16 frames of 224 x 224, 400 classes"}, r2plus1d_18},
      {{"s3d", "S3D, 16 frames of 224 x 224, 400 classes"}, s3d},
      {{"fcn-resnet50", "FCN on ResNet-50, 224 x 224, without the auxiliary head"}, fcn_resnet50},
      {{"lraspp", "L-RASPP on MobileNetV3-Large, 224 x 224"}, lraspp_mobilenet_v3},
      {{"deeplabv3", "DeepLabV3 on ResNet-50, 224 x 224, without the auxiliary head"},
       deeplabv3_resnet50},
      {{"transformer", "Transformer base, 128 rows in and out, without embeddings"}, transformer},
      {{"vit-b-16", "ViT-B/16, 224 x 224"}, vit_b_16},
      {{"pnasnet5", "PNASNet-5 mobile, 224 x 224, without the auxiliary head"}, pnasnet5_mobile},
      {{"amoebanet-d", "AmoebaNet-D (18, 208), 224 x 224"}, amoebanet_d},
      {{"nasnet-a", "NASNet-A mobile, 224 x 224, without the auxiliary head"}, nasnet_a_mobile},
      {{"darts", "DARTS (second order), 224 x 224, without the auxiliary head"}, darts},
      {{"hrnet-w18", "HRNet-W18 for classification, 224 x 224"}, hrnet_w18},
      {{"unet", "U-Net, 3 x 224 x 224, padded"}, unet},
      {{"randwire", "RandWire WS(32, 4, 0.75), 78 channels, 224 x 224"},
       [] { return randwire(1); }},
      {{"openelm-prompt", "OpenELM-270M, all layers, a prompt of 128 rows"},
       [] { return openelm_layers(128, false); }},
      {{"openelm-token", "OpenELM-270M, all layers, one row beside its cache"},
       [] { return openelm_layers(1, true); }},
      {{"nasnet-a-x4", "four NASNet-A in a row: more than 2,000 operators"},
       [] { return nasnet_chain(4); }}};
  return made;
}

// Watts and Strogatz: a ring of k neighbours, each edge rewired with probability p; directed from
// the smaller to the larger node.
Edges small_world(int nodes, int k, double p, Rng& rng) {
  Edges ring;
  const auto edge = [](int a, int b) { return std::pair{std::min(a, b), std::max(a, b)}; };
  for (int distance = 1; distance <= k / 2; ++distance)
    for (int v = 0; v < nodes; ++v) ring.insert(edge(v, (v + distance) % nodes));
  for (int distance = 1; distance <= k / 2; ++distance) {
    for (int v = 0; v < nodes; ++v) {
      if (rng.uniform() >= p) continue;
      int other = rng.below(nodes);
      while (other == v || ring.contains(edge(v, other))) other = rng.below(nodes);
      ring.erase(edge(v, (v + distance) % nodes));
      ring.insert(edge(v, other));
    }
  }
  return ring;
}

ValueId wired_stage(Layers& net, ValueId x, std::int64_t channels, int nodes, const Edges& edges) {
  std::vector<ValueId> value(nodes), ends;
  std::vector<bool> used(nodes, false);
  for (const auto& [from, to] : edges) used[from] = true;
  for (int v = 0; v < nodes; ++v) {
    std::vector<ValueId> inputs;
    for (const auto& [from, to] : edges)
      if (to == v) inputs.push_back(value[from]);
    const bool first = inputs.empty();
    const ValueId in = first ? x : inputs.size() == 1 ? inputs[0] : net.sum(inputs);
    value[v] = net.conv_norm(net.depthwise(in, 3, first ? 2 : 1), channels, 1);
    if (!used[v]) ends.push_back(value[v]);
  }
  return ends.size() == 1 ? ends[0] : net.sum(ends);
}

}  // namespace

const std::vector<ZooNetwork>& entries() {
  static const std::vector<ZooNetwork> list = [] {
    std::vector<ZooNetwork> names;
    for (const Made& made : table()) names.push_back(made.entry);
    return names;
  }();
  return list;
}

bool has(std::string_view name) {
  return std::any_of(table().begin(), table().end(),
                     [&](const Made& made) { return made.entry.name == name; });
}

Graph build(std::string_view name) {
  for (const Made& made : table())
    if (made.entry.name == name) return made.make();
  std::vector<std::string> names;
  for (const Made& made : table()) names.emplace_back(made.entry.name);
  throw Error(ErrorKind::not_found, "zoo:" + std::string(name), "no such network",
              did_you_mean(name, names));
}

Graph randwire(std::uint64_t seed, int nodes, int k, double p, std::int64_t channels) {
  Layers net;
  Rng rng(seed);
  ValueId x = net.conv_norm(net.conv_relu(net.image(), channels / 2, 3, 2), channels, 3, 2);
  for (int stage = 0; stage < 3; ++stage)
    x = wired_stage(net, x, channels << stage, nodes, small_world(nodes, k, p, rng));
  return net.classify(net.conv_relu(x, 1280, 1));
}

}  // namespace pliant::zoo
