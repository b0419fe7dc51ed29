#include "machine/encrypted/einsum/program/gains.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "machine/encrypted/einsum/program/bounds.h"
#include "machine/encrypted/einsum/program/same.h"

namespace pliant::einsum {
namespace {

std::int32_t slot(std::int64_t at, std::int64_t slots) {
  return static_cast<std::int32_t>(modulo(at, slots));
}

// Values and their rotations. A rotation is one event however many steps ask for it: babies of
// several transforms of one value are the same.
class Rotations {
 public:
  struct Turned {
    CipherId id;
    std::int64_t steps;
  };
  explicit Rotations(const Program& program)
      : slots_(program.slots), next_(static_cast<std::int32_t>(program.values.size())) {}

  // `of` itself where it stays.
  CipherId rotated(CipherId of, std::int64_t steps) {
    const std::int64_t by = modulo(steps, slots_);
    if (by == 0) return of;
    const auto [place, is_new] = known_.try_emplace({of, by}, static_cast<CipherId>(next_));
    if (is_new) ++next_, of_[of].push_back({place->second, by});
    return place->second;
  }
  std::span<const Turned> of(CipherId id) const {
    const auto found = of_.find(id);
    return found == of_.end() ? std::span<const Turned>() : found->second;
  }
  std::size_t size() const { return next_; }  // ids, those of the values among them

 private:
  std::int64_t slots_;
  std::int32_t next_;
  std::map<std::pair<CipherId, std::int64_t>, CipherId> known_;
  std::map<CipherId, std::vector<Turned>> of_;
};

// A result of a Transform. Slot i takes takes[rows[i]] and those up to the next row.
struct Row {
  struct Take {
    CipherId of = CipherId::none;
    std::int32_t slot = 0;
    float weight = 1;
  };
  std::vector<std::int32_t> rows;
  std::vector<Take> takes;
  std::vector<std::pair<CipherId, std::int64_t>> terms;  // source and distance of each
  std::int64_t giants = 0;                               // rotations of sums
};

std::int64_t giants(const std::set<std::int64_t>& steps, std::int64_t stride) {
  if (stride == 0) return static_cast<std::int64_t>(steps.size()) - 1;
  return (*steps.rbegin() - *steps.begin()) / stride;
}

Row row_of(const Program& program, const Transform& transform, int result,
           const ById<CipherId, CipherId>& same, Rotations& rotations) {
  const std::int64_t slots = program.slots;
  Row row;
  row.rows.assign(slots + 1, 0);
  std::set<std::int64_t> steps{0};
  const auto each = [&](const auto& visit) {
    for (const Transform::Term& term : transform.terms)
      if (term.result == result) visit(term, program.plains[term.plain]);
  };
  each([&](const Transform::Term& term, const Plain& plain) {
    for (const Plain::Cell& cell : plain.cells)
      ++row.rows[slot(cell.slot - term.giant, slots) + std::size_t{1}];
    row.terms.emplace_back(same[transform.of[term.source]], modulo(term.giant + term.baby, slots));
    steps.insert(transform.stride == 0 ? modulo(term.giant, slots) : term.giant);
  });
  for (std::size_t i = 1; i < row.rows.size(); ++i) row.rows[i] += row.rows[i - 1];
  row.takes.resize(row.rows.back());
  std::vector<std::int32_t> next(row.rows.begin(), row.rows.end() - 1);
  each([&](const Transform::Term& term, const Plain& plain) {
    const CipherId of = rotations.rotated(same[transform.of[term.source]], term.baby);
    const auto weight = static_cast<float>(bound(plain, program));
    for (const Plain::Cell& cell : plain.cells)
      row.takes[next[slot(cell.slot - term.giant, slots)]++] = {of, cell.slot, weight};
  });
  row.giants = giants(steps, transform.stride);
  return row;
}

// Of the error of one value: what an element takes from each of its slots.
struct Shares {
  std::vector<double> of;           // empty, or one a slot
  std::vector<std::int32_t> slots;  // where it is not zero
};
struct Gain {
  double squares = 0, peaks = 0, sum = 0;
};
Gain gain(const Shares& shares) {
  Gain result;
  for (const std::int32_t i : shares.slots) {
    const double share = shares.of[i];
    result.squares += share * share;
    result.peaks = std::max(result.peaks, share * share);
    result.sum += share;
  }
  return result;
}

class Gains {
 public:
  Gains(const Plan& plan, std::int64_t work)
      : program_(plan.program),
        same_(same_values(plan.program)),
        rotations_(plan.program),
        bounds_(plan.program.values.size()),
        weights_(plan.program.plains.size()),
        rows_(plan.program.values.size()),
        work_(work) {
    ById<CipherId, bool> multiplied(program_.values.size(), false);
    for (const ProgramStep& step : program_.steps) {
      prepare(step);
      if (std::holds_alternative<Multiply>(step.action) ||
          std::holds_alternative<MultiplyPlain>(step.action) ||
          std::holds_alternative<Transform>(step.action))
        for (const CipherId id : operands(step.action)) multiplied[same_[id]] = true;
    }
    shares_ = ById<CipherId, Shares>(rotations_.size());
    std::vector<SlotLayout> layouts;
    for (const PlannedInput& input : plan.inputs) layouts.push_back(input.layout);
    each_slot_bound(program_, layouts, [&](CipherId id, std::span<const double> bounds) {
      if (multiplied[same_[id]]) widen(bounds_[same_[id]], bounds);
    });
  }

  std::vector<ErrorGain> of(const PlannedOutput& output) {
    most_.clear();
    const std::vector<std::int64_t> numbers = ciphertexts(output.layout);
    for (const std::int64_t at : addresses(output.layout)) {
      const auto number = std::ranges::find(numbers, at / output.layout.slots) - numbers.begin();
      follow(output.ciphertexts[number], static_cast<std::int32_t>(at % output.layout.slots));
      if (work_ < 0) return {};
    }
    std::vector<ErrorGain> result;
    for (const auto& [of, gain] : most_) result.push_back({of, gain.squares, gain.peaks, gain.sum});
    return result;
  }

 private:
  void prepare(const ProgramStep& step) {
    if (const auto* rotate = std::get_if<Rotate>(&step.action))
      rotations_.rotated(same_[rotate->of], rotate->steps);
    if (const auto* transform = std::get_if<Transform>(&step.action))
      for (std::size_t r = 0; r < step.out.size(); ++r)
        rows_[step.out[r]] = row_of(program_, *transform, static_cast<int>(r), same_, rotations_);
    if (const auto* product = std::get_if<MultiplyPlain>(&step.action)) {
      const Plain& plain = program_.plains[product->by];
      std::vector<double>& weights = weights_[product->by];
      weights.assign(program_.slots, 0);
      for (const Plain::Cell& cell : plain.cells) weights[cell.slot] += bound(plain, program_);
    }
  }

  static void widen(std::vector<double>& to, std::span<const double> by) {
    to.resize(by.size());
    for (std::size_t i = 0; i < by.size(); ++i) to[i] = std::max(to[i], by[i]);
  }

  void follow(CipherId output, std::int32_t slot) {
    gains_.clear();
    give(same_[output], slot, 1);
    for (auto step = program_.steps.rbegin(); step != program_.steps.rend(); ++step)
      for (const CipherId out : step->out) {
        for (const Rotations::Turned& turned : rotations_.of(out))
          take(turned.id, [&](const Shares& shares) { turn_back(out, turned.steps, shares); });
        take(out, [&](const Shares& shares) {
          std::visit([&](const auto& action) { back(action, out, shares); }, step->action);
        });
      }
    for (const auto& [of, gain] : gains_) {
      Gain& most = most_[of];
      most = {std::max(most.squares, gain.squares), std::max(most.peaks, gain.peaks),
              std::max(most.sum, gain.sum)};
    }
  }

  void give(CipherId to, std::int32_t slot, double share) {
    if (share == 0) return;
    Shares& shares = shares_[to];
    if (shares.of.empty()) {
      if (!pool_.empty()) shares = std::move(pool_.back()), pool_.pop_back();
      else shares.of.assign(program_.slots, 0);
    }
    double& sum = shares.of[slot];
    if (sum == 0) shares.slots.push_back(slot);
    sum += share;
  }
  // Hands what a value has gathered to `visit` and forgets it.
  template <typename Visit>
  void take(CipherId id, const Visit& visit) {
    if (shares_[id].slots.empty()) return;
    Shares shares = std::exchange(shares_[id], {});
    work_ -= static_cast<std::int64_t>(shares.slots.size());
    visit(shares);
    for (const std::int32_t i : shares.slots) shares.of[i] = 0;
    shares.slots.clear();
    pool_.push_back(std::move(shares));
  }

  using Kind = Disturbance::Kind;
  void disturb(const Disturbance& by, const Gain& more, double times = 1) {
    Gain& gain = gains_[by];
    gain.squares += times * more.squares;
    gain.peaks += times * more.peaks;
    gain.sum += times * more.sum;
  }
  void divide(CipherId out, const Shares& shares) {
    const State& of = program_.values[out];
    const Gain all = gain(shares);
    disturb({Kind::division, of.level, 1, of.parts}, all);
    disturb({Kind::scale, of.level}, {.sum = all.sum * of.magnitude});
  }
  void turn_back(CipherId of, std::int64_t steps, const Shares& shares) {
    const State& state = program_.values[of];
    disturb({Kind::switching, state.level, state.factors}, gain(shares));
    for (const std::int32_t i : shares.slots)
      give(of, einsum::slot(i + steps, program_.slots), shares.of[i]);
  }
  void pass(CipherId to, const Shares& shares) {
    for (const std::int32_t i : shares.slots) give(to, i, shares.of[i]);
  }

  void back(const Input&, CipherId out, const Shares& shares) {
    disturb({Kind::encryption, program_.values[out].level}, gain(shares));
  }
  void back(const Rotate& a, CipherId, const Shares& shares) {
    pass(rotations_.rotated(same_[a.of], a.steps), shares);
  }
  void back(const Add& a, CipherId, const Shares& shares) {
    pass(same_[a.left], shares);
    pass(same_[a.right], shares);
  }
  void back(const AddPlain& a, CipherId out, const Shares& shares) {
    disturb({Kind::encoding, program_.values[out].level}, {.sum = gain(shares).sum});
    pass(same_[a.of], shares);
  }
  void back(const Negate& a, CipherId, const Shares& shares) { pass(same_[a.of], shares); }
  void back(const Multiply& a, CipherId out, const Shares& shares) {
    disturb({Kind::product, program_.values[out].level}, {.sum = gain(shares).sum});
    const CipherId left = same_[a.left], right = same_[a.right];
    for (const std::int32_t i : shares.slots) {
      give(left, i, shares.of[i] * bounds_[right][i]);
      give(right, i, shares.of[i] * bounds_[left][i]);
    }
  }
  void back(const MultiplyPlain& a, CipherId out, const Shares& shares) {
    const CipherId of = same_[a.of];
    double sum = 0;
    for (const std::int32_t i : shares.slots) {
      sum += shares.of[i] * bounds_[of][i];
      give(of, i, shares.of[i] * weights_[a.by][i]);
    }
    disturb({Kind::encoding, program_.values[out].level}, {.sum = sum});
  }
  void back(const Relinearize& a, CipherId out, const Shares& shares) {
    const State& state = program_.values[out];
    disturb({Kind::switching, state.level, state.factors}, gain(shares));
    pass(same_[a.of], shares);
  }
  void back(const Rescale& a, CipherId out, const Shares& shares) {
    divide(out, shares);
    pass(same_[a.of], shares);
  }
  void back(const Lower& a, CipherId out, const Shares& shares) {
    divide(out, shares);
    pass(same_[a.of], shares);
  }
  void back(const Transform&, CipherId out, const Shares& shares) {
    const Row& row = rows_[out];
    const int level = program_.values[out].level + 1;
    divide(out, shares);
    if (row.giants > 0)
      disturb({Kind::switching, level, 2}, gain(shares), static_cast<double>(row.giants));
    for (const std::int32_t i : shares.slots)
      for (std::int32_t t = row.rows[i]; t < row.rows[i + std::size_t{1}]; ++t) {
        const Row::Take& take = row.takes[t];
        give(take.of, take.slot, shares.of[i] * take.weight);
      }
    double sum = 0;  // an encoding has an error in every slot
    for (const auto& [of, distance] : row.terms)
      for (const std::int32_t i : shares.slots)
        sum += shares.of[i] * bounds_[of][einsum::slot(i + distance, program_.slots)];
    disturb({Kind::encoding, level}, {.sum = sum});
    work_ -= static_cast<std::int64_t>(row.terms.size() * shares.slots.size());
  }

  const Program& program_;
  ById<CipherId, CipherId> same_;
  Rotations rotations_;
  ById<CipherId, std::vector<double>> bounds_;  // of what is multiplied
  ById<PlainId, std::vector<double>> weights_;
  ById<CipherId, Row> rows_;  // of the results of Transforms
  ById<CipherId, Shares> shares_;
  std::vector<Shares> pool_;
  std::map<Disturbance, Gain> gains_, most_;  // of one element; the largest
  std::int64_t work_;
};

}  // namespace

void assign_gains(Plan& plan, std::int64_t work) {
  Gains gains(plan, work);
  for (PlannedOutput& output : plan.outputs) output.gains = gains.of(output);
}

}  // namespace pliant::einsum
