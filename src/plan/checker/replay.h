// One plan replayed step by step. Internal to plan/checker.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "plan/checker/checker.h"

namespace pliant::checker {

struct Rejected {
  std::string reason;
};

template <class... Args>
void demand(bool holds, fmt::format_string<Args...> format, Args&&... args) {
  if (!holds) throw Rejected{fmt::format(format, std::forward<Args>(args)...)};
}

inline std::int64_t sum_of(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  demand(!__builtin_add_overflow(a, b, &sum), "a sum of bytes overflows 64 bits: {} + {}", a, b);
  return sum;
}

inline std::int64_t product_of(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  demand(!__builtin_mul_overflow(a, b, &product), "a cost overflows 64 bits: {} * {}", a, b);
  return product;
}

inline bool given(const Network::Tensor& tensor) {
  return tensor.role == Role::input || tensor.role == Role::weight;
}

class Replay {
 public:
  Replay(const Network& network, const Claim& claim, Verdict& verdict)
      : network_(network), claim_(claim), verdict_(verdict) {}
  void run();

 private:
  struct Tensor {
    std::int64_t created = -1, last_use = -1;          // steps
    std::int64_t stored = -1;                          // step
    std::vector<const Claim::Residency*> residencies;  // by time
    std::size_t moves = 0, loads = 0, drops = 0;
    std::int64_t dropped = -2, moved = -2;  // the last time
    bool pinned = false;                    // resident at all steps, frame after frame
  };

  const Network& network_;
  const Claim& claim_;
  Verdict& verdict_;
  std::vector<Tensor> tensors_;
  std::int64_t steps_ = 0;
  std::int64_t loaded_ = 0, stored_ = 0, moved_ = 0;  // bytes, non-compulsory
  std::int64_t first_weights_ = 0;                    // bytes of compulsory loads of weights

  const std::string& name(std::int64_t tensor) const { return network_.tensors[tensor].name; }
  bool is_tensor(std::int64_t id) const {
    return id >= 0 && id < static_cast<std::int64_t>(network_.tensors.size());
  }
  const Network::Operator& at(std::int64_t step) const {
    return network_.operators[claim_.order[step]];
  }

  void check_pairs(const Network::Operator& op) const;
  std::int64_t written_over(const Network::Operator& op, std::int64_t output) const;
  bool takes_over(const Claim::Residency& output) const;
  bool overwritten_at(const Claim::Residency& input) const;
  void check_operator(std::size_t index, std::vector<std::int64_t>& maker) const;
  void check_network() const;
  void check_floor();
  void check_order();
  void check_range(const std::string& what, std::int64_t step, std::int64_t address,
                   std::int64_t bytes) const;
  void check_residencies();
  void check_presence() const;
  void check_neighbours() const;
  void check_disjoint() const;
  void check_event_order() const;
  void check_events();
  void check_moves() const;
  void move(std::int64_t step, std::int64_t id);
  void load(std::int64_t step, std::int64_t id);
  void store(std::int64_t step, std::int64_t id);
  void drop(std::int64_t step, std::int64_t id);
  void check_all_moved() const;
  void check_optimum(std::string_view what, std::int64_t value, std::int64_t bound) const;
  void check_cost();
  void check_frame();
  void check_frame_figures();
  void check_pinned(std::int64_t id) const;
  void check_figures();
  const Claim::Residency* left_before(const Claim::Residency& absence) const;
  void check_absence(const Claim::Residency& absence) const;
  void check_second_memory() const;
  void check_second_level();
  const Claim::Residency* residency_at(std::int64_t tensor, std::int64_t step) const;
};

}  // namespace pliant::checker
