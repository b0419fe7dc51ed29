#include "machine/encrypted/einsum/program/same.h"

#include <algorithm>
#include <bit>
#include <map>
#include <string>

namespace pliant::einsum {
namespace {

using Key = std::vector<std::int64_t>;

// Numbers things in the order of their first appearance; equal keys have equal numbers.
template <typename K>
class Numbers {
 public:
  std::int64_t of(K key) {
    return known_.try_emplace(std::move(key), static_cast<std::int64_t>(known_.size()))
        .first->second;
  }

 private:
  std::map<K, std::int64_t> known_;
};

class Comparison {
 public:
  explicit Comparison(const Program& program)
      : program_(program), first_(program.values.size(), CipherId::none) {
    Numbers<std::string> clears;
    for (const Clear& clear : program.clears) clears_.push_back(clears.of(text(clear)));
    Numbers<Key> plains;
    for (const Plain& plain : program.plains) plains_.push_back(plains.of(key(plain)));
  }

  ById<CipherId, CipherId> run() {
    std::map<Key, CipherId> known;
    for (const ProgramStep& step : program_.steps)
      for (std::size_t r = 0; r < step.out.size(); ++r) {
        const CipherId id = step.out[r];
        if (const auto* negate = std::get_if<Negate>(&step.action)) {
          first_[id] = first_[negate->of];
          continue;
        }
        Key key = std::visit([&](const auto& action) { return of(action, static_cast<int>(r)); },
                             step.action);
        key.insert(key.end(),
                   {static_cast<std::int64_t>(step.action.index()), program_.values[id].level});
        first_[id] = known.try_emplace(std::move(key), id).first->second;
      }
    return std::move(first_);
  }

 private:
  std::string text(const Clear& clear) const {
    std::string result = clear.out;
    for (const ClearId part : clear.parts) result += " part " + text(program_.clears[part]);
    for (std::size_t i = 0; i < clear.operands.size(); ++i)
      result += " " + std::to_string(clear.operands[i]) + clear.in[i] + to_string(clear.shapes[i]);
    return result;
  }
  Key key(const Plain& plain) const {
    Key result{plain.tensor == ClearId::none ? -1 : clears_[plain.tensor]};
    for (const Plain::Cell& cell : plain.cells)
      result.push_back(std::int64_t{cell.slot} << 32 | cell.element);
    std::sort(result.begin() + 1, result.end());
    result.push_back(std::bit_cast<std::int64_t>(plain.factor));
    return result;
  }
  std::int64_t first(CipherId id) const { return to_int(first_[id]); }
  Key pair(CipherId a, CipherId b) const {
    return {std::min(first(a), first(b)), std::max(first(a), first(b))};
  }

  Key of(const Input& a, int) const { return {a.tensor, a.index}; }
  Key of(const Rotate& a, int) const { return {first(a.of), modulo(a.steps, program_.slots)}; }
  Key of(const Add& a, int) const { return pair(a.left, a.right); }
  Key of(const Multiply& a, int) const { return pair(a.left, a.right); }
  Key of(const AddPlain& a, int) const { return {first(a.of), plains_[a.by]}; }
  Key of(const MultiplyPlain& a, int) const { return {first(a.of), plains_[a.by]}; }
  Key of(const Transform& a, int result) const {
    Key key{a.stride};
    for (const Transform::Term& term : a.terms)
      if (term.result == result)
        key.insert(key.end(), {first(a.of[term.source]), term.giant,
                               modulo(term.baby, program_.slots), plains_[term.plain]});
    return key;
  }
  Key of(const auto& a, int) const { return {first(a.of)}; }

  const Program& program_;
  ById<CipherId, CipherId> first_;
  ById<ClearId, std::int64_t> clears_;
  ById<PlainId, std::int64_t> plains_;
};

}  // namespace

ById<CipherId, CipherId> same_values(const Program& program) { return Comparison(program).run(); }

}  // namespace pliant::einsum
