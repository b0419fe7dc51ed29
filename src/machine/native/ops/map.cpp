#include <algorithm>

#include "machine/native/ops/operator_kernel.h"

namespace pliant::native {

namespace {

class MapKernel : public OperatorKernel {
 public:
  explicit MapKernel(Pointwise map) : map_(std::move(map)) {}

  void run(const KernelCall& call) const override {
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

std::unique_ptr<OperatorKernel> compile(const kind::Map& kind, const OperatorContext& context) {
  std::vector<TensorType> types;
  for (const Operand& operand : context.operands) types.push_back(operand.type);
  return map_kernel(Pointwise(kind.expr, types, context.results[0], context.options));
}

std::unique_ptr<OperatorKernel> map_kernel(Pointwise map) {
  return std::make_unique<MapKernel>(std::move(map));
}

}  // namespace pliant::native
