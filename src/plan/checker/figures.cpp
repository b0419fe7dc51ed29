// What the claim says about bytes and costs, against what the events moved.
#include "plan/checker/replay.h"

namespace pliant::checker {

void Replay::check_optimum(std::string_view what, std::int64_t value, std::int64_t bound) const {
  if (claim_.status != Status::optimal) return;
  demand(bound == value, "claims to be optimal, but its lower bound is {} and its {} {}", bound,
         what, value);
  demand(!claim_.bound_origin.empty(),
         "claims to be optimal, but does not say where its bound comes from");
}

void Replay::check_cost() {
  const Claim::Prices& prices = *claim_.prices;
  demand(prices.read >= 0 && prices.write >= 0 && (prices.read > 0 || prices.write > 0),
         "the prices of a byte are {} and {}", prices.read, prices.write);
  const std::int64_t cost =
      sum_of(sum_of(product_of(loaded_, prices.read), product_of(stored_, prices.write)),
             moved_ > 0 ? product_of(moved_, prices.move) : 0);
  verdict_.cost = cost;
  demand(prices.cost == cost, "claims to cost {}, the events cost {}", prices.cost, cost);
  demand(prices.lower_bound_cost >= 0 && prices.lower_bound_cost <= cost,
         "claims a lower bound of {} on its cost of {}", prices.lower_bound_cost, cost);
  if (!claim_.frame && !claim_.second_level) check_optimum("cost", cost, prices.lower_bound_cost);
}

void Replay::check_figures() {
  verdict_.traffic_bytes = sum_of(loaded_, stored_);
  demand(claim_.traffic_bytes == verdict_.traffic_bytes,
         "claims {} bytes of traffic, the events move {}", claim_.traffic_bytes,
         verdict_.traffic_bytes);
  demand(claim_.compulsory_bytes == verdict_.compulsory_bytes,
         "claims {} compulsory bytes, the events move {}", claim_.compulsory_bytes,
         verdict_.compulsory_bytes);
  demand(claim_.lower_bound_bytes >= 0, "claims a lower bound of {} bytes",
         claim_.lower_bound_bytes);
  demand(claim_.lower_bound_bytes <= verdict_.traffic_bytes,
         "claims a lower bound of {} bytes, above its traffic of {}", claim_.lower_bound_bytes,
         verdict_.traffic_bytes);
  if (claim_.prices) check_cost();
  else if (!claim_.frame && !claim_.second_level)
    check_optimum("traffic", verdict_.traffic_bytes, claim_.lower_bound_bytes);
  if (claim_.frame) check_frame_figures();
  if (claim_.second_level) check_second_level();
}

// The first loads of weights are compulsory in one run, but every frame repeats them.
void Replay::check_frame_figures() {
  const Claim::Frame& frame = *claim_.frame;
  const Claim::Prices prices = claim_.prices.value_or(Claim::Prices{});
  const std::int64_t bytes = sum_of(verdict_.traffic_bytes, verdict_.compulsory_bytes);
  const std::int64_t cost = sum_of(product_of(first_weights_, prices.read),
                                   verdict_.cost.value_or(verdict_.traffic_bytes));
  verdict_.frame_bytes = bytes;
  demand(frame.bytes == bytes, "claims to move {} bytes in a frame, the events move {}",
         frame.bytes, bytes);
  demand(frame.cost == cost, "claims a cost of {} for a frame, the events cost {}", frame.cost,
         cost);
  demand(frame.lower_bound_cost >= 0 && frame.lower_bound_cost <= cost,
         "claims a lower bound of {} on its frame cost of {}", frame.lower_bound_cost, cost);
  check_optimum("frame cost", cost, frame.lower_bound_cost);
}

// A pinned tensor lies at one address at all steps; nobody writes over it, at the last step either.
void Replay::check_pinned(std::int64_t id) const {
  const auto& list = tensors_[id].residencies;
  demand(network_.tensors[id].role == Role::weight, "'{}' is pinned, but is no weight", name(id));
  demand(list.size() == 1 && list[0]->from == 0 && list[0]->to == steps_ - 1,
         "'{}' is pinned, but is not resident at all steps", name(id));
  demand(!overwritten_at(*list[0]), "'{}' is pinned, but is written over", name(id));
}

void Replay::check_frame() {
  if (!claim_.frame) return;
  for (const std::int64_t id : claim_.frame->pinned) {
    demand(is_tensor(id), "a pinned tensor is {} of {}", id, network_.tensors.size());
    demand(!tensors_[id].pinned, "'{}' is pinned twice", name(id));
    tensors_[id].pinned = true;
    check_pinned(id);
  }
}

}  // namespace pliant::checker
