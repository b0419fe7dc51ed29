#include "machine/encrypted/einsum/program/compose.h"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

namespace pliant::einsum {
namespace {

class Composition {
 public:
  Composition(Program& program, Rotations of) : program_(program), of_(of) {}

  void run() {
    std::vector<ProgramStep> steps = std::move(program_.steps);
    for (ProgramStep& step : steps)
      if (const auto* rotate = std::get_if<Rotate>(&step.action))
        rotated(rotate->of, modulo(rotate->steps, program_.slots), step.out[0]);
      else if (const auto* transform = std::get_if<Transform>(&step.action))
        transformed(*transform, step.out);
      else emit(std::move(step.action), step.out[0]);
  }

 private:
  // Into `out`, or a new ciphertext.
  CipherId emit(Action action, CipherId out = CipherId::none) {
    if (out == CipherId::none) out = program_.values.push_back({});
    program_.steps.push_back({std::move(action), {out}});
    return out;
  }

  // What is left of a distance after its first step.
  std::pair<std::int64_t, std::int64_t> split(std::int64_t distance) const {
    const std::int64_t step = first_step(distance, program_.slots, of_);
    return {step, modulo(distance - step, program_.slots)};
  }

  CipherId rotated(CipherId of, std::int64_t distance, CipherId out = CipherId::none) {
    if (distance == 0) return of;
    const auto [step, rest] = split(distance);
    if (out != CipherId::none) return emit(Rotate{rotated(of, rest), step}, out);
    const auto [known, is_new] = known_.try_emplace({of, distance}, CipherId::none);
    if (is_new) known->second = emit(Rotate{rotated(of, rest), step});
    return known->second;
  }

  // Rotated sources times diagonals, a sum for each result and giant step; then the giant steps.
  void transformed(const Transform& transform, const std::vector<CipherId>& out) {
    std::vector<std::map<std::int64_t, int>> giants(out.size());  // to the number of the sum
    for (const Transform::Term& term : transform.terms)
      giants[term.result].emplace(modulo(term.giant, program_.slots), 0);
    std::vector<CipherId> results;
    for (std::size_t r = 0; r < out.size(); ++r)
      for (auto& [giant, number] : giants[r]) {
        const bool alone = giant == 0 && giants[r].size() == 1;
        number = static_cast<int>(results.size());
        results.push_back(alone ? out[r] : program_.values.push_back({}));
      }
    Transform sums;
    std::map<CipherId, int> sources;
    for (const Transform::Term& term : transform.terms) {
      const CipherId of = rotated(transform.of[term.source], modulo(term.baby, program_.slots));
      const auto [source, is_new] = sources.try_emplace(of, static_cast<int>(sources.size()));
      if (is_new) sums.of.push_back(of);
      const int sum = giants[term.result].at(modulo(term.giant, program_.slots));
      sums.terms.push_back({sum, source->second, 0, 0, term.plain});
    }
    std::ranges::sort(sums.terms, {}, [](const Transform::Term& term) {
      return std::pair(term.result, term.source);
    });
    program_.steps.push_back({std::move(sums), results});
    for (std::size_t r = 0; r < out.size(); ++r) {
      std::map<std::int64_t, CipherId> waiting;
      for (const auto& [giant, number] : giants[r]) waiting.emplace(giant, results[number]);
      gather(std::move(waiting), out[r]);
    }
  }

  // The sum of ciphertexts by what each is to be rotated: those of the smallest first step go one
  // step, to meet others.
  void gather(std::map<std::int64_t, CipherId> waiting, CipherId out) {
    const auto first = [](const auto& each) {  // after all others where it is done
      return each.first == 0 ? 64 : std::countr_zero(static_cast<std::uint64_t>(each.first));
    };
    while (waiting.size() > 1 || !waiting.contains(0)) {
      const auto next = std::ranges::min_element(waiting, {}, first);
      const auto [distance, of] = *next;
      waiting.erase(next);
      const auto [step, rest] = split(distance);
      const auto other = waiting.find(rest);
      const bool last = rest == 0 && waiting.size() <= (other == waiting.end() ? 0u : 1u);
      const bool meets = other != waiting.end();
      CipherId turned = emit(Rotate{of, step}, last && !meets ? out : CipherId::none);
      if (meets) turned = emit(Add{other->second, turned}, last ? out : CipherId::none);
      waiting[rest] = turned;
    }
  }

  Program& program_;
  Rotations of_;
  std::map<std::pair<CipherId, std::int64_t>, CipherId> known_;
};

}  // namespace

std::int64_t first_step(std::int64_t distance, std::int64_t slots, Rotations of) {
  const int zeros = std::countr_zero(static_cast<std::uint64_t>(distance));
  const std::int64_t power = std::int64_t{1} << zeros;
  const bool back = of == Rotations::signed_powers && (distance >> zeros & 3) == 3;
  return back && 2 * power < slots ? -power : power;
}

void compose_rotations(Program& program, Rotations of) {
  if (of != Rotations::any) Composition(program, of).run();
}

}  // namespace pliant::einsum
