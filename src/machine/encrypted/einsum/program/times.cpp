#include "machine/encrypted/einsum/program/times.h"

#include <map>
#include <set>
#include <utility>

namespace pliant::einsum {
namespace {

// Distinct rotations, or those that a stride takes one after the other.
double giants(const Transform& transform, std::int64_t slots) {
  std::map<int, std::set<std::int64_t>> steps;
  for (const Transform::Term& term : transform.terms) {
    std::set<std::int64_t>& of =
        steps.try_emplace(term.result, std::set<std::int64_t>{0}).first->second;
    of.insert(transform.stride == 0 ? modulo(term.giant, slots) : term.giant / transform.stride);
  }
  std::int64_t count = 0;
  for (const auto& [result, of] : steps)
    count += transform.stride == 0 ? std::ssize(of) - 1 : *of.rbegin() - *of.begin();
  return static_cast<double>(count);
}

class Predicting {
 public:
  Predicting(const Program& program, Times& times) : program_(program), times_(times) {}

  Prediction run() {
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
      const ProgramStep& step = program_.steps[i];
      level_ = program_.values[step.out[0]].level;
      // the interpreter does both at once
      const bool fused = i > 0 && std::holds_alternative<Rescale>(step.action) &&
                         std::holds_alternative<Relinearize>(program_.steps[i - 1].action) &&
                         operands(step.action)[0] == program_.steps[i - 1].out[0];
      if (!fused) std::visit([&](const auto& action) { take(action, step); }, step.action);
    }
    return sum_;
  }

 private:
  void add(Operation operation, int level, double times = 1) {
    if (times > 0) sum_.evaluation += times * times_.seconds(operation, level);
  }
  void encode(int level, double times = 1) {
    sum_.encoding += times * times_.seconds(Operation::encoding, level);
  }

  void take(const Input&, const ProgramStep&) {}
  void take(const Rotate&, const ProgramStep&) { add(Operation::rotation, level_); }
  void take(const Add&, const ProgramStep&) { add(Operation::addition, level_); }
  void take(const AddPlain&, const ProgramStep&) {
    add(Operation::addition, level_);
    encode(level_);
  }
  void take(const Negate&, const ProgramStep&) { add(Operation::addition, level_); }
  void take(const Multiply&, const ProgramStep&) { add(Operation::product, level_); }
  void take(const MultiplyPlain&, const ProgramStep&) {
    add(Operation::plain_product, level_);
    encode(level_);
  }
  void take(const Relinearize&, const ProgramStep&) { add(Operation::relinearization, level_); }
  void take(const Rescale&, const ProgramStep&) { add(Operation::rescale, level_ + 1); }
  void take(const Lower& a, const ProgramStep&) {
    add(Operation::lowering, program_.values[a.of].level);
  }
  void take(const Transform& a, const ProgramStep& step) {
    const int level = level_ + 1;
    std::set<std::pair<int, std::int64_t>> babies;
    std::set<int> sources;
    for (const Transform::Term& term : a.terms)
      if (const std::int64_t baby = modulo(term.baby, program_.slots); baby != 0) {
        babies.emplace(term.source, baby);
        sources.insert(term.source);
      }
    const auto terms = static_cast<double>(a.terms.size());
    add(Operation::source, level, static_cast<double>(sources.size()));
    add(Operation::baby, level, static_cast<double>(babies.size()));
    add(Operation::giant, level, giants(a, program_.slots));
    add(Operation::diagonal, level, terms);
    add(Operation::result, level, static_cast<double>(step.out.size()));
    encode(level, terms);
  }

  const Program& program_;
  Times& times_;
  Prediction sum_;
  int level_ = 0;
};

}  // namespace

Prediction predict(const Program& program, Times& times) {
  return Predicting(program, times).run();
}

}  // namespace pliant::einsum
