// An independent check of a plan: integers only, its own reader of both documents, no code shared
// with the planner. It replays the plan step by step and recomputes every figure that is claimed.
// Semantics: COSMA (arXiv 2311.18246), Eq. 1-12, as docs/formats.md states them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pliant::checker {

enum class Role : std::uint8_t { input, weight, activation, output };
enum class Action : std::uint8_t { move, load, store, drop };
enum class Status : std::uint8_t { optimal, feasible, infeasible, undecided };

// All numbers are as wide as they come, so that nonsense arrives here and is rejected rather than
// cut off.
struct Network {
  struct Tensor {
    std::string name;
    std::int64_t bytes = 0;
    Role role = Role::activation;
  };
  struct Operator {
    std::string name;
    std::vector<std::int64_t> inputs, outputs;  // indices into tensors
    std::int64_t workspace = 0;
    // an output and the input it may be written over
    std::vector<std::pair<std::int64_t, std::int64_t>> in_place = {};
    // inputs that lie one after another in its step
    std::vector<std::vector<std::int64_t>> adjacent = {};
  };
  std::vector<Tensor> tensors;
  std::vector<Operator> operators;
};

struct Claim {
  struct Residency {
    std::int64_t tensor = 0, from = 0, to = 0, address = 0;  // steps inclusive
  };
  struct Event {
    std::int64_t step = 0;
    Action action = Action::load;
    std::int64_t tensor = 0;
  };
  // per byte moved that is not compulsory, and what the plan claims to cost by them
  struct Prices {
    std::int64_t read = 1, write = 1;
    std::int64_t move = -1;  // on chip; -1: nothing may move
    std::int64_t cost = 0, lower_bound_cost = 0;
  };
  // of the steady state: what stays at all steps and is never moved, and what a frame claims to
  // move
  struct Frame {
    std::vector<std::int64_t> pinned;
    std::int64_t bytes = 0, cost = 0, lower_bound_cost = 0;
  };
  // absences spent in another memory on chip, from the step after the drop to that of the load
  struct SecondLevel {
    std::int64_t bytes = 0, price = 0;
    std::vector<Residency> residencies;
    std::int64_t moved_bytes = 0, off_chip_bytes = 0, cost = 0, lower_bound_cost = 0;
  };
  std::int64_t scratchpad_bytes = 0, alignment = 1;
  std::vector<std::int64_t> order;  // operator of each step
  std::vector<Residency> residencies;
  std::vector<Event> events;
  std::vector<std::int64_t> workspaces;  // address per step
  Status status = Status::feasible;
  std::int64_t traffic_bytes = 0, compulsory_bytes = 0, lower_bound_bytes = 0;
  std::string bound_origin;
  std::optional<Prices> prices;  // none: the traffic is the cost
  std::optional<Frame> frame;
  std::optional<SecondLevel> second_level;
};

struct Verdict {
  bool accepted = false;
  std::string reason;                                    // why not; or what was confirmed
  std::int64_t traffic_bytes = 0, compulsory_bytes = 0;  // recomputed; 0 when rejected before
  std::optional<std::int64_t> cost;                      // recomputed at the claim's prices
  // moved in a frame of the steady state, where one is claimed
  std::optional<std::int64_t> frame_bytes;
  // traffic beside a second level, where one is claimed
  std::optional<std::int64_t> off_chip_bytes;
  // largest sum over one operator: below it no plan exists
  std::int64_t necessary_bytes = 0;
};

// Never throws for a bad network or plan. An infeasible claim is accepted only when the scratchpad
// is smaller than `necessary_bytes`; other reasons for it cannot be confirmed here and are
// rejected. An undecided one claims no plan: there is nothing to accept.
Verdict check(const Network& network, const Claim& claim);

// The documents of docs/formats.md. Throws Error{format} or Error{invalid} when a text is not such
// a document (broken JSON, missing or unknown fields, numbers that are no 64-bit integers, unknown
// names); what is well-formed gets a verdict.
Verdict check_json(std::string_view problem_json, std::string_view plan_json);

}  // namespace pliant::checker
