// Placement: rectangles (a size, a span of time) to offsets below a capacity, exactly.
// Two-dimensional in the sense that the time span is given and the offset is chosen; no two
// rectangles alive at one time may overlap.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/time/deadline.h"

namespace pliant::place {

struct Rectangle {
  std::int64_t size = 0;              // bytes, >= 0
  std::int32_t lower = 0, upper = 0;  // alive in [lower, upper)
  std::int64_t fixed = -1;            // >= 0: the offset is given
  bool operator==(const Rectangle&) const = default;
};

enum class Outcome : std::uint8_t { placed, impossible, undecided };

struct PlaceOptions {
  std::int64_t alignment = 1;      // offsets are multiples of it
  Deadline deadline = Deadline();  // undecided soon after it is over
  // search nodes after which the answer is undecided; < 0: no limit
  std::int64_t nodes = -1;
  // Speed-ups; none changes an answer that is reached.
  bool remember = true;  // states that failed (by 128-bit hashes)
  bool split = true;     // parts that have become independent are solved one by one
  bool restart = true;   // begin again with other preferences, each time with more nodes
};

struct Placement {
  Outcome status = Outcome::undecided;
  std::vector<std::int64_t> offsets;  // one per rectangle when placed
  // when impossible: rectangles that cannot be placed together (small, not minimum)
  std::vector<std::int32_t> core;
  // search nodes used; deterministic for given options without time limit or stop
  std::int64_t nodes = 0;
};

// Decides whether the rectangles fit below `capacity`. Exact: `impossible` is a proof.
// Deterministic. Throws Error{invalid} for negative sizes, times that run backwards, sums beyond
// 2^62; a negative `fixed` means free.
Placement place(const std::vector<Rectangle>& rectangles, std::int64_t capacity,
                const PlaceOptions& options = {});

// Offsets of small height: the best of a few greedy ones, then exact attempts between the fluid
// bound and it within the options' limits (nodes: of one attempt, 20,000 when none is given).
// `height` is the highest end. Throws Error{invalid} when fixed rectangles overlap.
struct Packed {
  std::vector<std::int64_t> offsets;
  std::int64_t height = 0;
  std::int64_t lower_bound = 0;  // largest sum of sizes alive at one time
};
Packed pack(const std::vector<Rectangle>& rectangles, const PlaceOptions& options = {});

// minimalloc's CSV: a header naming id, lower, upper, size (any order; further columns are kept
// out), then one rectangle per line, alive in [lower, upper). Throws Error{format} naming line and
// column.
struct Instance {
  std::vector<std::string> ids;
  std::vector<Rectangle> rectangles;
};
Instance instance_from_csv(std::string_view text, std::string_view place);
std::string instance_to_csv(const Instance& instance,
                            const std::vector<std::int64_t>& offsets);  // adds a column offset

}  // namespace pliant::place
