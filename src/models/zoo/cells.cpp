// Networks of searched cells: NASNet-A (Zoph et al. 2018), PNASNet-5 (Liu et al. 2018), both
// mobile, AmoebaNet-D (Real et al. 2019, as GPipe sizes it), DARTS (Liu et al. 2019, second order,
// ImageNet).
#include <utility>

#include "core/error.h"
#include "models/zoo/layers.h"
#include "models/zoo/zoo.h"

namespace pliant::zoo {
namespace {

ValueId separable(Layers& net, ValueId x, std::int64_t kernel, std::int64_t filters,
                  std::int64_t stride = 1) {
  const ValueId half = net.relu(net.conv_norm(net.depthwise(x, kernel, stride), filters, 1));
  return net.conv_norm(net.depthwise(half, kernel), filters, 1);
}

// Half the size by two strided paths.
ValueId factorized(Layers& net, ValueId x, std::int64_t filters) {
  const auto path = [&](std::int64_t width) { return net.conv(net.mean_pool(x, 1, 2), width, 1); };
  const ValueId left = path(filters / 2);
  return net.norm(net.concat({left, path(filters - filters / 2)}));
}

// Brings the cell before the last one to the size and filters of this cell.
ValueId adjust(Layers& net, ValueId before, std::int64_t side, std::int64_t filters) {
  return net.side(before) == side ? net.conv_norm(before, filters, 1)
                                  : factorized(net, before, filters);
}

ValueId nasnet_normal(Layers& net, ValueId before, ValueId last, std::int64_t f) {
  const ValueId p = adjust(net, before, net.side(last), f);
  const ValueId h = net.conv_norm(last, f, 1);
  const ValueId a = net.sum({separable(net, h, 5, f), separable(net, p, 3, f)});
  const ValueId b = net.sum({separable(net, p, 5, f), separable(net, p, 3, f)});
  const ValueId c = net.sum({net.mean_pool(h, 3, 1), p});
  const ValueId d = net.sum({net.mean_pool(p, 3, 1), net.mean_pool(p, 3, 1)});
  const ValueId e = net.sum({separable(net, h, 3, f), h});
  return net.concat({p, a, b, c, d, e});
}

ValueId nasnet_reduction(Layers& net, ValueId before, ValueId last, std::int64_t f) {
  const ValueId p = adjust(net, before, net.side(last), f);
  const ValueId h = net.conv_norm(last, f, 1);
  const ValueId a = net.sum({separable(net, h, 5, f, 2), separable(net, p, 7, f, 2)});
  const ValueId b = net.sum({net.max_pool(h, 3, 2), separable(net, p, 7, f, 2)});
  const ValueId c = net.sum({net.mean_pool(h, 3, 2), separable(net, p, 5, f, 2)});
  const ValueId d = net.sum({net.mean_pool(a, 3, 1), b});
  const ValueId e = net.sum({separable(net, a, 3, f), net.max_pool(h, 3, 2)});
  return net.concat({b, c, d, e});
}

ValueId nasnet_body(Layers& net, ValueId image) {
  const ValueId stem = net.conv_norm(image, 32, 3, 2);
  ValueId before = stem, last = nasnet_reduction(net, stem, stem, 11);
  last = nasnet_reduction(net, std::exchange(before, last), last, 22);
  for (std::int64_t filters = 44; filters <= 176; filters *= 2) {
    for (int cell = 0; cell < 4; ++cell)
      last = nasnet_normal(net, std::exchange(before, last), last, filters);
    if (filters < 176) last = nasnet_reduction(net, std::exchange(before, last), last, 2 * filters);
  }
  return last;
}

ValueId pnasnet_cell(Layers& net, ValueId before, ValueId last, std::int64_t f,
                     std::int64_t stride) {
  const ValueId l = adjust(net, before, net.side(last), f);
  const ValueId r = net.conv_norm(last, f, 1);
  const ValueId a = net.sum({separable(net, l, 5, f, stride), net.max_pool(l, 3, stride)});
  const ValueId b = net.sum({separable(net, r, 7, f, stride), net.max_pool(r, 3, stride)});
  const ValueId c = net.sum({separable(net, r, 5, f, stride), separable(net, r, 3, f, stride)});
  const ValueId d = net.sum({separable(net, c, 3, f), net.max_pool(r, 3, stride)});
  const ValueId e =
      net.sum({separable(net, l, 3, f, stride), stride == 1 ? r : net.conv_norm(r, f, 1, stride)});
  return net.concat({a, b, c, d, e});
}

ValueId thin(Layers& net, ValueId x, const std::vector<Sizes>& kernels, std::int64_t stride) {
  const std::int64_t width = net.channels(x);
  ValueId y = net.conv_relu(x, width / 4, 1);
  for (const Sizes& kernel : kernels) {
    const auto along = [&](int axis) { return kernel[axis] > 1 ? stride : 1; };
    y = net.relu(net.norm(net.conv(y, width / 4, kernel, {.stride = {along(0), along(1)}})));
  }
  return net.conv_norm(y, width, 1);
}

ValueId amoebanet_normal(Layers& net, ValueId before, ValueId last, std::int64_t) {
  const std::vector<Sizes> crossed{{1, 7}, {7, 1}};
  const ValueId s2 =
      net.sum({net.conv_norm(last, net.channels(last), 1), net.max_pool(last, 3, 1)});
  const ValueId s3 = net.sum({last, thin(net, before, crossed, 1)});
  const ValueId s4 =
      net.sum({net.conv_norm(before, net.channels(before), 1), thin(net, before, crossed, 1)});
  const ValueId s5 = net.sum({net.max_pool(s2, 3, 1), s2});
  const ValueId s6 = net.sum({net.mean_pool(last, 3, 1), net.conv_norm(s5, net.channels(s5), 1)});
  return net.concat({before, s3, s4, s6});
}

ValueId amoebanet_reduction(Layers& net, ValueId before, ValueId last, std::int64_t f) {
  const ValueId s2 = net.sum({net.max_pool(before, 2, 2), net.max_pool(before, 3, 2)});
  const ValueId s3 = net.sum({s2, thin(net, last, {{3, 3}}, 2)});
  const ValueId s4 = net.sum({thin(net, s2, {{1, 7}, {7, 1}}, 1), net.max_pool(s2, 3, 1)});
  const ValueId s5 = net.sum({s3, net.max_pool(last, 2, 2)});
  const ValueId s6 = net.sum({net.mean_pool(s2, 3, 1), net.conv_norm(s3, f, 1)});
  return net.concat({s4, s5, s6});
}

ValueId amoebanet_cell(Layers& net, ValueId before, ValueId last, std::int64_t f, bool reduction) {
  const std::int64_t side = net.side(last);
  if (net.side(before) != side || net.channels(before) != f) before = adjust(net, before, side, f);
  last = net.conv_norm(last, f, 1);
  return reduction ? amoebanet_reduction(net, before, last, f)
                   : amoebanet_normal(net, before, last, f);
}

ValueId darts_separable(Layers& net, ValueId x) {
  const std::int64_t width = net.channels(x);
  return separable(net, x, 3, width);
}

ValueId darts_cell(Layers& net, ValueId before, ValueId last, std::int64_t c, bool reduction) {
  const ValueId s0 = adjust(net, before, net.side(last), c);
  const ValueId s1 = net.conv_norm(last, c, 1);
  if (reduction) {
    const ValueId s2 = net.sum({net.max_pool(s0, 3, 2), net.max_pool(s1, 3, 2)});
    const ValueId s3 = net.sum({s2, net.max_pool(s1, 3, 2)});
    const ValueId s4 = net.sum({net.max_pool(s0, 3, 2), s2});
    const ValueId s5 = net.sum({s2, net.max_pool(s1, 3, 2)});
    return net.concat({s2, s3, s4, s5});
  }
  const ValueId s2 = net.sum({darts_separable(net, s0), darts_separable(net, s1)});
  const ValueId s3 = net.sum({darts_separable(net, s0), darts_separable(net, s1)});
  const ValueId s4 = net.sum({darts_separable(net, s1), s0});
  const ValueId s5 = net.sum({s0, net.conv_norm(net.depthwise(s2, 3, 1, 2), c, 1)});
  return net.concat({s2, s3, s4, s5});
}

}  // namespace

Graph nasnet_a_mobile() {
  Layers net;
  return net.classify(nasnet_body(net, net.image()));
}

Graph nasnet_chain(int copies) {
  if (copies < 1 || copies > 64)
    throw Error(ErrorKind::usage, "copies", std::to_string(copies) + " is not from 1 to 64");
  Layers net;
  ValueId x = net.image();
  for (int copy = 0; copy < copies; ++copy) {
    if (copy > 0) x = net.resize(net.conv(x, 3, 1), 224);
    x = nasnet_body(net, x);
  }
  return net.classify(x);
}

Graph pnasnet5_mobile() {
  Layers net;
  const ValueId stem = net.conv_norm(net.image(), 32, 3, 2);
  ValueId before = stem, last = pnasnet_cell(net, stem, stem, 13, 2);
  last = pnasnet_cell(net, std::exchange(before, last), last, 27, 2);
  std::int64_t filters = 54;
  for (int cell = 0; cell < 9; ++cell) {
    const bool reduction = cell == 3 || cell == 6;
    if (reduction) filters *= 2;
    last = pnasnet_cell(net, std::exchange(before, last), last, filters, reduction ? 2 : 1);
  }
  return net.classify(last);
}

Graph amoebanet_d() {
  Layers net;
  std::int64_t filters = 208 / 4;
  const ValueId stem = net.conv_norm(net.image(), filters, 3, 2);
  ValueId before = stem, last = stem;
  const auto cell = [&](bool reduction) {
    if (reduction) filters *= 2;
    last = amoebanet_cell(net, std::exchange(before, last), last, filters, reduction);
  };
  cell(true);
  cell(true);
  for (int stage = 0; stage < 3; ++stage) {
    if (stage > 0) cell(true);
    for (int i = 0; i < 6; ++i) cell(false);
  }
  return net.classify(last);
}

Graph darts() {
  Layers net;
  std::int64_t c = 48;
  const ValueId first = net.conv_norm(net.conv_relu(net.image(), c / 2, 3, 2), c, 3, 2);
  ValueId before = first, last = net.conv_norm(first, c, 3, 2);
  for (int cell = 0; cell < 14; ++cell) {
    const bool reduction = cell == 4 || cell == 9;
    if (reduction) c *= 2;
    last = darts_cell(net, std::exchange(before, last), last, c, reduction);
  }
  return net.classify(last);
}

}  // namespace pliant::zoo
