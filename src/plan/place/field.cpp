#include "plan/place/field.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "core/checked.h"
#include "core/error.h"

namespace pliant::place {
namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 62;

[[noreturn]] void invalid(std::size_t id, const std::string& problem) {
  throw Error(ErrorKind::invalid, "rectangle " + std::to_string(id), problem);
}

void check(const std::vector<Rectangle>& rectangles, std::int64_t capacity,
           std::int64_t alignment) {
  if (capacity < 0 || capacity > kLargest)
    throw Error(ErrorKind::invalid, "capacity",
                std::to_string(capacity) + " bytes is not from 0 to 2^62");
  if (alignment < 1 || alignment > kLargest)
    throw Error(ErrorKind::invalid, "alignment",
                std::to_string(alignment) + " is not from 1 to 2^62");
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < rectangles.size(); ++i) {
    const Rectangle& each = rectangles[i];
    if (each.size < 0) invalid(i, "has a size of " + std::to_string(each.size));
    if (each.upper < each.lower)
      invalid(i, "lives from " + std::to_string(each.lower) + " to " + std::to_string(each.upper));
    // rounding up to the alignment adds less than one alignment to each
    sum = checked_add(sum, checked_add(each.size, each.size > 0 ? alignment - 1 : 0, "rectangles"),
                      "rectangles");
  }
  if (sum > kLargest)
    throw Error(ErrorKind::invalid, "rectangles", "all sizes together are beyond 2^62 bytes");
}

bool needs_room(const Rectangle& each) { return each.size > 0 && each.lower < each.upper; }

// A rectangle in alignments: what it covers, rounded up, and where it may start.
Box aligned_box(const Rectangle& each, std::int64_t capacity, std::int64_t alignment) {
  Box box;
  box.size = ceil_div(each.size, alignment);
  box.latest = each.size > capacity ? -1 : (capacity - each.size) / alignment;
  if (each.fixed < 0) return box;
  const bool possible = each.fixed % alignment == 0 && each.fixed / alignment <= box.latest;
  box.earliest = each.fixed / alignment;
  box.latest = possible ? box.earliest : -1;
  return box;
}

// Boxes only ever rest on the floor, on boxes or at given offsets, so every offset is a multiple of
// the divisor.
void divide(Fields& result, std::vector<Box>& boxes, std::int64_t& capacity) {
  std::int64_t divisor = 0;
  for (const Box& box : boxes) divisor = std::gcd(std::gcd(divisor, box.size), box.earliest);
  if (divisor <= 1) return;
  for (Box& box : boxes) {
    box.size /= divisor;
    box.earliest /= divisor;
    box.latest /= divisor;
  }
  capacity = 0;
  for (const Box& box : boxes) capacity = std::max(capacity, box.latest + box.size);
  result.unit *= divisor;
}

// Columns: the sets alive just before an end that follows a start; every other set is contained in
// one of them.
std::vector<std::int32_t> column_ends(const std::vector<Rectangle>& rectangles,
                                      const std::vector<std::int32_t>& ids) {
  std::vector<std::pair<std::int32_t, int>> edges;  // ends (0) sort before starts (1) at one time
  for (const std::int32_t id : ids) {
    edges.emplace_back(rectangles[id].lower, 1);
    edges.emplace_back(rectangles[id].upper, 0);
  }
  std::sort(edges.begin(), edges.end());
  std::vector<std::int32_t> ends;
  bool started = false;
  for (const auto& [time, kind] : edges) {
    if (kind == 0 && started) ends.push_back(time);
    started = kind == 1;
  }
  return ends;  // column c: alive at the last moment before ends[c]
}

void add_to_field(Fields& result, const Box& box, std::int32_t id, std::int32_t base,
                  std::int64_t capacity) {
  Field& field = result.fields.back();
  field.capacity = capacity;
  field.boxes.push_back(box);
  field.boxes.back().first -= base;
  field.boxes.back().last -= base;
  field.columns = std::max(field.columns, field.boxes.back().last + 1);
  field.ids.push_back(id);
}

// Sweeps the boxes from the left; a new field begins where none reaches over from before.
void split(Fields& result, std::vector<Box>& boxes, const std::vector<std::int32_t>& ids,
           std::int64_t capacity) {
  std::vector<std::size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return boxes[a].first < boxes[b].first; });
  std::int32_t reach = -1, base = 0;
  for (const std::size_t i : order) {
    if (boxes[i].first > reach) {
      result.fields.emplace_back();
      base = boxes[i].first;
    }
    reach = std::max(reach, boxes[i].last);
    add_to_field(result, boxes[i], ids[i], base, capacity);
  }
}

}  // namespace

Fields normal_form(const std::vector<Rectangle>& rectangles, std::int64_t capacity,
                   std::int64_t alignment) {
  check(rectangles, capacity, alignment);
  Fields result;
  result.unit = alignment;
  std::vector<std::int32_t> ids;
  std::vector<Box> boxes;
  for (std::size_t i = 0; i < rectangles.size(); ++i) {
    if (!needs_room(rectangles[i])) continue;
    const Box box = aligned_box(rectangles[i], capacity, alignment);
    if (box.latest < 0) {
      result.misfits.push_back(i);
      continue;
    }
    ids.push_back(i);
    boxes.push_back(box);
  }
  const auto ends = column_ends(rectangles, ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Rectangle& each = rectangles[ids[i]];
    boxes[i].first = std::upper_bound(ends.begin(), ends.end(), each.lower) - ends.begin();
    boxes[i].last = std::upper_bound(ends.begin(), ends.end(), each.upper) - ends.begin() - 1;
  }
  std::int64_t units = ceil_div(capacity, alignment);
  divide(result, boxes, units);
  split(result, boxes, ids, units);
  return result;
}

std::int64_t fluid_height(const Field& field) {
  std::vector<std::int64_t> change(field.columns + 1, 0);
  for (const Box& box : field.boxes) {
    change[box.first] += box.size;
    change[box.last + 1] -= box.size;
  }
  std::int64_t height = 0, now = 0;
  for (const std::int64_t each : change) height = std::max(height, now += each);
  return height;
}

}  // namespace pliant::place
