#include "machine/encrypted/einsum/program/times.h"

#include <algorithm>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

namespace pliant::einsum {

std::string_view name(Operation operation) {
  switch (operation) {
    case Operation::rotation: return "rotation";
    case Operation::relinearization: return "relinearization";
    case Operation::rescale: return "rescale";
    case Operation::lowering: return "lowering";
    case Operation::addition: return "addition";
    case Operation::product: return "product";
    case Operation::plain_product: return "plain product";
    case Operation::transform: return "transform";
    case Operation::error: return "errors in sums";
    case Operation::encoding: return "encoding";
    case Operation::diagonal_encoding: return "encoding of diagonals";
  }
  return "";
}

namespace {

struct Giants {
  std::int64_t alone = 0, chained = 0;  // as TransformTimes has them
};

// Rotations that differ, or those that a stride takes one after the other, from both ends inwards.
Giants giants(const Transform& transform, std::int64_t slots) {
  std::map<int, std::set<std::int64_t>> steps;
  for (const Transform::Term& term : transform.terms) {
    std::set<std::int64_t>& of =
        steps.try_emplace(term.result, std::set<std::int64_t>{0}).first->second;
    of.insert(transform.stride == 0 ? modulo(term.giant, slots) : term.giant / transform.stride);
  }
  Giants sum;
  for (const auto& [result, of] : steps) {
    if (transform.stride == 0) {
      sum.alone += std::ssize(of) - 1;
      continue;
    }
    for (const std::int64_t run : {*of.rbegin(), -*of.begin()}) {
      sum.alone += run > 0;
      sum.chained += std::max<std::int64_t>(run - 1, 0);
    }
  }
  return sum;
}

// Whether what it makes has an error of its own, beside its operands'.
template <typename Of>
constexpr bool adds_error(const Of&) {
  return std::is_same_v<Of, Input> || std::is_same_v<Of, Rotate> ||
         std::is_same_v<Of, Relinearize> || std::is_same_v<Of, Rescale> ||
         std::is_same_v<Of, Lower> || std::is_same_v<Of, Transform>;
}

class Predicting {
 public:
  Predicting(const Program& program, Times& times)
      : program_(program), times_(times), errors_(program.values.size(), 0) {}

  Prediction run() {
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
      const ProgramStep& step = program_.steps[i];
      level_ = program_.values[step.out[0]].level;
      follow(step);
      // the interpreter does both at once
      const bool fused = i > 0 && std::holds_alternative<Rescale>(step.action) &&
                         std::holds_alternative<Relinearize>(program_.steps[i - 1].action) &&
                         operands(step.action)[0] == program_.steps[i - 1].out[0];
      if (!fused) std::visit([&](const auto& action) { take(action, step); }, step.action);
    }
    return std::move(sum_);
  }

 private:
  void note(double& sum, Operation operation, double seconds, std::int64_t count) {
    sum += seconds;
    sum_.parts[operation].seconds += seconds;
    sum_.parts[operation].count += count;
  }
  void add(Operation operation, int level) {
    note(sum_.evaluation, operation, times_.seconds(operation, level), 1);
  }
  void encode(Operation operation, int level, std::int64_t count) {
    note(sum_.encoding, operation, static_cast<double>(count) * times_.seconds(operation, level),
         count);
  }

  // One for every slot of every event that an error stems from; above the most that are followed
  // they are one.
  void follow(const ProgramStep& step) {
    const auto* transform = std::get_if<Transform>(&step.action);
    const bool has_own =
        std::visit([](const auto& action) { return adds_error(action); }, step.action);
    std::vector<std::int64_t> sums(step.out.size(), has_own);
    if (transform != nullptr)
      for (const Transform::Term& term : transform->terms)
        sums[term.result] += errors_[transform->of[term.source]];
    else
      for (const CipherId id : operands(step.action)) sums[0] += errors_[id];
    for (std::size_t r = 0; r < sums.size(); ++r)
      errors_[step.out[r]] = sums[r] > times_.most_errors() ? 0 : sums[r];
  }

  void take(const Input&, const ProgramStep&) {}
  void take(const Rotate&, const ProgramStep&) { add(Operation::rotation, level_); }
  void take(const Add& a, const ProgramStep&) {
    add(Operation::addition, level_);
    const std::int64_t errors = errors_[a.left] + errors_[a.right];
    if (errors > 0)
      note(sum_.evaluation, Operation::error,
           static_cast<double>(errors) * times_.seconds(Operation::error, level_), errors);
  }
  void take(const AddPlain&, const ProgramStep&) {
    add(Operation::addition, level_);
    encode(Operation::encoding, level_, 1);
  }
  void take(const Negate&, const ProgramStep&) { add(Operation::addition, level_); }
  void take(const Multiply&, const ProgramStep&) { add(Operation::product, level_); }
  void take(const MultiplyPlain&, const ProgramStep&) {
    add(Operation::plain_product, level_);
    encode(Operation::encoding, level_, 1);
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
    std::set<PlainId> plains;
    for (const Transform::Term& term : a.terms) {
      plains.insert(term.plain);
      if (const std::int64_t baby = modulo(term.baby, program_.slots); baby != 0) {
        babies.emplace(term.source, baby);
        sources.insert(term.source);
      }
    }
    const Giants turned = giants(a, program_.slots);
    const auto seconds = [&](Diagonals diagonals) {
      const TransformTimes each = times_.transform(diagonals, level);
      double sum = 0;
      const auto add = [&](std::int64_t count, double part) {  // none of what takes for ever
        if (count > 0) sum += static_cast<double>(count) * part;
      };
      add(std::ssize(sources), each.source);
      add(std::ssize(babies), each.baby);
      add(turned.alone, each.giant);
      add(turned.chained, each.chained);
      add(std::ssize(a.terms), each.diagonal);
      add(std::ssize(step.out), each.result);
      return sum;
    };
    note(sum_.evaluation, Operation::transform,
         std::min(seconds(Diagonals::few), seconds(Diagonals::many)), 1);
    encode(Operation::diagonal_encoding, level, std::ssize(plains));
  }

  const Program& program_;
  Times& times_;
  ById<CipherId, std::int64_t> errors_;
  Prediction sum_;
  int level_ = 0;
};

}  // namespace

Prediction predict(const Program& program, Times& times) {
  return Predicting(program, times).run();
}

}  // namespace pliant::einsum
