// Any instance: reading and writing it, and placing small ones within a few nodes.
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "plan/place/place.h"

namespace {

using pliant::place::Rectangle;

bool apart(const Rectangle& a, std::int64_t at, const Rectangle& b, std::int64_t bt) {
  return a.upper <= b.lower || b.upper <= a.lower || at + a.size <= bt || bt + b.size <= at;
}

void require_disjoint(const std::vector<Rectangle>& rectangles,
                      const std::vector<std::int64_t>& offsets) {
  for (std::size_t i = 0; i < rectangles.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) {
      const bool empty = rectangles[i].size == 0 || rectangles[k].size == 0 ||
                         rectangles[i].lower == rectangles[i].upper ||
                         rectangles[k].lower == rectangles[k].upper;
      if (!empty && !apart(rectangles[i], offsets[i], rectangles[k], offsets[k])) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto instance = pliant::place::instance_from_csv(
        std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
    const std::vector<std::int64_t> zeros(instance.rectangles.size(), 0);
    const auto again =
        pliant::place::instance_from_csv(pliant::place::instance_to_csv(instance, zeros), "again");
    if (again.rectangles != instance.rectangles || again.ids != instance.ids) std::abort();
    if (instance.rectangles.size() > 60) return 0;
    pliant::place::PlaceOptions options;
    options.nodes = 300;
    const auto packed = pliant::place::pack(instance.rectangles, options);
    require_disjoint(instance.rectangles, packed.offsets);
    const auto result = pliant::place::place(instance.rectangles, packed.lower_bound, options);
    if (result.status == pliant::place::Outcome::placed)
      require_disjoint(instance.rectangles, result.offsets);
  } catch (const pliant::Error&) {
  }
  return 0;
}
