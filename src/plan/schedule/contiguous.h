// Placing layouts in which some rectangles lie one after another because an operator reads them as
// one run of bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/place/place.h"
#include "plan/schedule/schedule.h"

namespace pliant::plan {

// Exact where no operator asks for neighbours. Otherwise what must lie side by side at some step is
// one body that moves as a whole; bodies are placed in many orders, each as low as it goes, and at
// last their bounding boxes exactly. `impossible` is no proof then: the core holds rectangles that
// would have to lie side by side in two ways, or those that are there when the lowest packing is
// too high. Options: nodes count bodies placed.
place::Placement place_layout(const Problem& problem, const Schedule& schedule,
                              const Layout& layout, std::int64_t capacity,
                              const place::PlaceOptions& options);

// Offsets of small height, likewise. Throws Error{unsupported} where `place_layout` would find two
// ways.
place::Packed pack_layout(const Problem& problem, const Schedule& schedule, const Layout& layout,
                          const place::PlaceOptions& options);

}  // namespace pliant::plan
