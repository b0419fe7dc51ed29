#include <fmt/format.h>

#include "machine/encrypted/einsum/program/program.h"

namespace pliant::einsum {
namespace {

struct Say {
  const Program& program;

  std::string id(CipherId of) const { return fmt::format("c{}", to_int(of)); }
  std::string plain(PlainId of) const {
    const Plain& p = program.plains[of];
    const std::string times = p.factor == 1 ? "" : fmt::format("{:.4g} ", p.factor);
    return p.tensor == ClearId::none ? fmt::format("{}mask of {}", times, p.cells.size())
                                     : fmt::format("{}plain {}", times, to_int(p.tensor));
  }
  std::string operator()(const Input& a) const {
    return fmt::format("input {}[{}]", a.tensor, a.index);
  }
  std::string operator()(const Rotate& a) const {
    return fmt::format("rotate {} by {}", id(a.of), a.steps);
  }
  std::string operator()(const Add& a) const {
    return fmt::format("{} + {}", id(a.left), id(a.right));
  }
  std::string operator()(const Multiply& a) const {
    return fmt::format("{} * {}", id(a.left), id(a.right));
  }
  std::string operator()(const MultiplyPlain& a) const {
    return fmt::format("{} * {}", id(a.of), plain(a.by));
  }
  std::string operator()(const AddPlain& a) const {
    return fmt::format("{} + {}", id(a.of), plain(a.by));
  }
  std::string operator()(const Negate& a) const { return fmt::format("-{}", id(a.of)); }
  std::string operator()(const Relinearize& a) const {
    return fmt::format("relinearize {}", id(a.of));
  }
  std::string operator()(const Rescale& a) const { return fmt::format("rescale {}", id(a.of)); }
  std::string operator()(const Lower& a) const {
    return fmt::format("lower {} to level {}", id(a.of), a.level);
  }
  std::string operator()(const Transform& a) const {
    std::string of;
    for (const CipherId each : a.of) of += (of.empty() ? "" : " ") + id(each);
    return fmt::format("transform {} by {} diagonals", of, a.terms.size());
  }
};

}  // namespace

std::string to_string(const Counts& c) {
  return fmt::format(
      "{} rotations, {} key switches, {} products, {} diagonals, {} plain products, {} levels, {} "
      "keys",
      c.rotations, c.key_switches, c.products, c.diagonals, c.plain_products, c.levels, c.keys);
}

std::string to_text(const Program& program) {
  std::string result;
  for (const ProgramStep& step : program.steps) {
    std::string out;
    for (const CipherId id : step.out)
      out += fmt::format("{}c{}", out.empty() ? "" : " ", to_int(id));
    result += fmt::format("{} @{} = {}\n", out, program.values[step.out[0]].level,
                          std::visit(Say{program}, step.action));
  }
  return result;
}

}  // namespace pliant::einsum
