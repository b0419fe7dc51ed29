#include <algorithm>

#include "machine/native/ops/call.h"

namespace pliant::native {

namespace {

class MapAnchor : public Anchor {
 public:
  explicit MapAnchor(Pointwise map) : map_(std::move(map)) {}

  void run(const Call& call) const override {
    std::array<const std::byte*, most_operands> data{};
    for (std::size_t i = 0; i < map_.operands(); ++i) data[i] = call.data(i);
    constexpr std::int64_t grain = 4096;
    pieces(call.pool, call.elements, grain, [&](std::int64_t first, std::int64_t last) {
      map_.apply({data.data(), map_.operands()}, call.outputs[0], first, last - first);
      call.finish(first, last - first);
    });
  }

 private:
  Pointwise map_;
};

}  // namespace

std::unique_ptr<Anchor> compile(const kind::Map& kind, const Context& context) {
  return map_anchor(Pointwise(kind.expr, context.operands, context.results[0], context.options));
}

std::unique_ptr<Anchor> map_anchor(Pointwise map) { return std::make_unique<MapAnchor>(std::move(map)); }

}  // namespace pliant::native
