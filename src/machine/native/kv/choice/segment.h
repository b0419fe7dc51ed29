// The segment map of a sequence: what part of the prompt an entry is of, as its tag says.
#pragma once

#include <cstdint>

namespace pliant::kv {

enum class SegmentKind : std::uint8_t { text, system, image };

struct Segment {
  SegmentKind kind = SegmentKind::text;
  std::int32_t number = 0;  // of the turn or image, in [0, most_segments)
  bool operator==(const Segment&) const = default;
};

inline constexpr std::int32_t most_segments = 1 << 24;

// Text of turn 0, what tokens without tags are, has the tag 0.
constexpr std::int32_t tag_of(const Segment& segment) {
  return static_cast<std::int32_t>(segment.kind) * most_segments + segment.number;
}

// A tag that is none of tag_of()'s is text of its own.
constexpr Segment segment_of(std::int32_t tag) {
  constexpr std::int32_t kinds = 3;
  if (tag < 0 || tag >= kinds * most_segments) return {SegmentKind::text, tag};
  return {SegmentKind(tag / most_segments), tag % most_segments};
}

}  // namespace pliant::kv
