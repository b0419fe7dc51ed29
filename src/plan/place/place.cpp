#include "plan/place/place.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "core/checked.h"
#include "core/error.h"
#include "plan/place/field.h"
#include "plan/place/search.h"

namespace pliant::place {
namespace {

constexpr std::int64_t kFirstNodes = 500, kPackNodes = 20000, kCoreNodes = 20000;
constexpr std::size_t kSmallCore = 64;

// Sizes first, then areas, then widths; after these with noise.
Tactic tactic_of(std::uint64_t attempt) {
  Tactic tactic;
  tactic.size = attempt % 3 == 2 ? 0 : 1;
  tactic.width = attempt % 3 == 0 ? 0 : 1;
  tactic.noise = attempt < 3 ? 0 : 2;
  tactic.seed = attempt;
  return tactic;
}

// Restarts with a slowly growing limit until the field is decided or `nodes` are spent.
Found decide(const Field& field, const PlaceOptions& options, std::int64_t nodes,
             std::int64_t& used) {
  Search search(field, options);
  Found found;
  double limit = kFirstNodes + 2 * field.boxes.size();
  for (std::uint64_t attempt = 0; found.status == Outcome::undecided && !search.interrupted();
       ++attempt) {
    const std::int64_t left = nodes < 0 ? -1 : nodes - search.nodes();
    if (left == 0 || (nodes >= 0 && left < 0)) break;
    std::int64_t most = left;
    if (options.restart && (left < 0 || static_cast<double>(left) > limit))
      most = static_cast<std::int64_t>(limit);
    found = search.run(tactic_of(attempt), most);
    limit = std::min(limit * 1.1, 1e15);
  }
  used += search.nodes();
  return found;
}

std::int64_t fixed_or_zero(const Rectangle& each) { return std::max<std::int64_t>(each.fixed, 0); }

std::vector<std::int64_t> default_offsets(const std::vector<Rectangle>& rectangles) {
  std::vector<std::int64_t> offsets;
  for (const Rectangle& each : rectangles) offsets.push_back(fixed_or_zero(each));
  return offsets;
}

// Decides each field, the smallest first. `ids` receives the rectangles of a field that cannot be
// placed.
Placement decide_all(Fields& fields, const std::vector<Rectangle>& rectangles,
                     const PlaceOptions& options, std::vector<std::int32_t>& ids) {
  std::stable_sort(fields.fields.begin(), fields.fields.end(),
                   [](const Field& a, const Field& b) { return a.boxes.size() < b.boxes.size(); });
  Placement result{Outcome::placed, default_offsets(rectangles), {}, 0};
  for (const Field& field : fields.fields) {
    const std::int64_t left =
        options.nodes < 0 ? -1 : std::max<std::int64_t>(options.nodes - result.nodes, 0);
    const Found found = decide(field, options, left, result.nodes);
    if (found.status == Outcome::impossible) {
      ids = field.ids;
      return {Outcome::impossible, {}, {}, result.nodes};
    }
    if (found.status == Outcome::undecided) result.status = Outcome::undecided;
    for (std::size_t i = 0; i < found.offsets.size(); ++i)
      result.offsets[field.ids[i]] = found.offsets[i] * fields.unit;
  }
  if (result.status != Outcome::placed) result.offsets.clear();
  return result;
}

bool proves(const std::vector<Rectangle>& rectangles, const std::vector<std::int32_t>& ids,
            std::int64_t capacity, const PlaceOptions& options, std::int64_t& nodes) {
  std::vector<Rectangle> subset;
  for (const std::int32_t id : ids) subset.push_back(rectangles[id]);
  Fields fields = normal_form(subset, capacity, options.alignment);
  PlaceOptions limited = options;
  limited.nodes = std::min(nodes, kCoreNodes / 10);
  std::vector<std::int32_t> unused;
  const Placement result = decide_all(fields, subset, limited, unused);
  nodes -= result.nodes;
  return result.status == Outcome::impossible || !fields.misfits.empty();
}

// The largest boxes of an overfull column, until they are too much; none when every column has
// room.
std::vector<std::int32_t> overfull(const Fields& fields) {
  for (const Field& field : fields.fields) {
    std::vector<std::int64_t> sums(field.columns, 0);
    for (const Box& box : field.boxes)
      for (std::int32_t c = box.first; c <= box.last; ++c) sums[c] += box.size;
    const auto full = std::max_element(sums.begin(), sums.end());
    if (*full <= field.capacity) continue;
    const std::int32_t column = full - sums.begin();
    std::vector<std::size_t> boxes;
    for (std::size_t i = 0; i < field.boxes.size(); ++i)
      if (field.boxes[i].first <= column && column <= field.boxes[i].last) boxes.push_back(i);
    std::stable_sort(boxes.begin(), boxes.end(),
                     [&](auto a, auto b) { return field.boxes[a].size > field.boxes[b].size; });
    std::vector<std::int32_t> ids;
    std::int64_t sum = 0;
    for (std::size_t i = 0; sum <= field.capacity; ++i) {
      ids.push_back(field.ids[boxes[i]]);
      sum += field.boxes[boxes[i]].size;
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  return {};
}

bool restricted(const std::vector<Rectangle>& rectangles, const PlaceOptions& options) {
  return options.alignment > 1 ||
         std::any_of(rectangles.begin(), rectangles.end(),
                     [](const Rectangle& each) { return each.fixed >= 0; });
}

// Leaves out ever smaller runs of rectangles while what remains still cannot be placed.
void shrink(std::vector<std::int32_t>& core, const std::vector<Rectangle>& rectangles,
            std::int64_t capacity, const PlaceOptions& options) {
  std::int64_t nodes = kCoreNodes;
  for (std::size_t run = core.size() / 2; run > 0; run /= 2)
    for (std::size_t at = 0; at < core.size() && core.size() > 1 && nodes > 0;) {
      std::vector<std::int32_t> rest = core;
      const std::size_t end = std::min(at + run, core.size());
      rest.erase(rest.begin() + at, rest.begin() + end);
      if (proves(rectangles, rest, capacity, options, nodes)) core = std::move(rest);
      else at += run;
    }
}

std::int64_t height_of(const std::vector<Rectangle>& rectangles,
                       const std::vector<std::int64_t>& offsets) {
  std::int64_t height = 0;
  for (std::size_t i = 0; i < offsets.size(); ++i)
    if (rectangles[i].lower < rectangles[i].upper)
      height = std::max(height, offsets[i] + rectangles[i].size);
  return height;
}

std::int64_t fluid_bytes(const std::vector<Rectangle>& rectangles) {
  std::int64_t bytes = 0;
  const Fields fields = normal_form(rectangles, std::int64_t{1} << 62, 1);
  for (const Field& field : fields.fields)
    bytes = std::max(bytes, fluid_height(field) * fields.unit);
  return bytes;
}

// A capacity below which everything fits if the fixed rectangles do.
std::int64_t roomy(const std::vector<Rectangle>& rectangles, std::int64_t alignment) {
  std::int64_t room = 0, fixed_end = 0;
  for (const Rectangle& each : rectangles) {
    room = checked_add(room, checked_add(each.size, alignment, "rectangles"), "rectangles");
    fixed_end = std::max(fixed_end, checked_add(fixed_or_zero(each), each.size, "rectangles"));
  }
  return checked_add(room, fixed_end, "rectangles");
}

Packed greedy(const std::vector<Rectangle>& rectangles, const PlaceOptions& options) {
  Packed best;
  PlaceOptions unlimited;
  unlimited.alignment = options.alignment;
  Fields fields = normal_form(rectangles, roomy(rectangles, options.alignment), options.alignment);
  for (std::uint64_t attempt = 0; attempt < 6; ++attempt) {
    std::vector<std::int64_t> offsets = default_offsets(rectangles);
    for (const Field& field : fields.fields) {
      const Found found = Search(field, unlimited).run(tactic_of(attempt), -1);
      if (found.status != Outcome::placed || !fields.misfits.empty())
        throw Error(ErrorKind::invalid, "placement", "fixed rectangles overlap or are not aligned");
      for (std::size_t i = 0; i < found.offsets.size(); ++i)
        offsets[field.ids[i]] = found.offsets[i] * fields.unit;
    }
    const std::int64_t height = height_of(rectangles, offsets);
    if (attempt == 0 || height < best.height) best = {std::move(offsets), height, 0};
  }
  return best;
}

}  // namespace

Placement place(const std::vector<Rectangle>& rectangles, std::int64_t capacity,
                const PlaceOptions& options) {
  Fields fields = normal_form(rectangles, capacity, options.alignment);
  if (!fields.misfits.empty()) return {Outcome::impossible, {}, {fields.misfits.front()}, 0};
  Placement result;
  std::vector<std::int32_t> core = overfull(fields);
  const bool overfull_column = !core.empty();
  try {
    if (!overfull_column) result = decide_all(fields, rectangles, options, core);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::capacity) throw;
    return {};
  }
  if (overfull_column) result.status = Outcome::impossible;
  if (result.status != Outcome::impossible) return result;
  // Nothing can be spared from an overfull column unless offsets are restricted as well.
  if (!overfull_column || (restricted(rectangles, options) && core.size() <= kSmallCore))
    shrink(core, rectangles, capacity, options);
  std::sort(core.begin(), core.end());
  result.core = std::move(core);
  return result;
}

Packed pack(const std::vector<Rectangle>& rectangles, const PlaceOptions& options) {
  Packed best = greedy(rectangles, options);
  best.lower_bound = fluid_bytes(rectangles);
  PlaceOptions attempt = options;
  if (attempt.nodes < 0) attempt.nodes = kPackNodes;
  // the first attempt; then halfway between the last failure and the best
  std::int64_t low = best.lower_bound;
  std::int64_t next = low;
  while (next < best.height && !options.deadline.over()) {
    Fields fields = normal_form(rectangles, next, options.alignment);
    std::vector<std::int32_t> unused;
    const Placement result =
        fields.misfits.empty() ? decide_all(fields, rectangles, attempt, unused) : Placement{};
    if (result.status == Outcome::placed) {
      best.offsets = result.offsets;
      best.height = height_of(rectangles, result.offsets);
    } else {
      low = next + 1;
    }
    next = low + (best.height - low) / 2;
  }
  return best;
}

}  // namespace pliant::place
