#include "machine/encrypted/einsum/backend/in_the_clear.h"

#include "graph/kinds/notation.h"
#include "graph/reference/reference.h"

namespace pliant::einsum {

Tensor in_the_clear(const std::string& expression, std::span<const TensorView> operands,
                    ThreadPool& pool) {
  std::vector<Shape> shapes;
  for (const TensorView& operand : operands) shapes.push_back(operand.type.shape);
  const EinsumPlan plan =
      expand_notation(parse_notation(expression, "expression"), shapes, "expression");
  std::vector<TensorView> reshaped(operands.begin(), operands.end());
  for (std::size_t i = 0; i < operands.size(); ++i) reshaped[i].type.shape = plan.operands[i];
  Shape shape;
  for (const char label : plan.einsum.out)
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const std::size_t axis = plan.einsum.in[i].find(label);
      if (axis == std::string::npos) continue;
      shape.push_back(plan.operands[i][axis]);
      break;
    }
  Tensor out(TensorType{DType::f64, shape});
  const TensorView result = out.view();
  evaluate(Op{plan.einsum, {}, {}, ""}, reshaped, std::span(&result, 1), pool);
  return out;
}

}  // namespace pliant::einsum
