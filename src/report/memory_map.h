// The memory map: time to the right, addresses upwards, a rectangle for every stay of a thing in
// memory; below it what is transferred at each step, and how many bytes are taken. Knows nothing of
// who planned it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "report/style.h"

namespace pliant::report {

struct MapBox {
  std::int32_t from = 0, to = 0;  // steps, inclusive
  std::int64_t address = 0, bytes = 0;
  BoxKind kind = BoxKind::activation;
  // index into things; boxes of one thing light up together. -1: on its own
  std::int32_t thing = -1;
  std::string text;  // shown under the name: lines
};

enum class Way : std::uint8_t { in, out, other };

struct MapTransfer {
  // box: where the mark goes, at the box's begin (in) or end (out); -1: no mark
  std::int32_t step = 0, box = -1;
  Way way = Way::in;
  bool compulsory = false;
  std::int64_t bytes = 0;
};

struct MapStep {
  std::string name, text;            // text: lines shown under the name
  std::vector<std::int32_t> things;  // that it reads or writes
};

struct MapLine {  // a level of bytes worth a line: a size with a name
  std::string name;
  std::int64_t bytes = 0;
};

struct MemoryMap {
  std::string title;
  std::string time_name = "step";
  std::int32_t first = 0, end = 0;  // steps shown: [first, end), at least one
  std::int64_t capacity = 0;        // > 0: addresses go from 0 to it
  std::vector<std::string> things;  // names
  std::vector<MapBox> boxes;        // later ones are drawn over earlier ones
  std::vector<MapTransfer> transfers;
  std::vector<MapStep> steps;  // one per step from `first`, or empty
  std::vector<MapLine> lines;
  std::vector<std::int64_t> demand;  // per step: bytes taken if nothing ever left; or empty
};

// Bytes taken at a step; holds until the next entry's step. Boxes that share addresses count once.
std::vector<std::pair<std::int32_t, std::int64_t>> taken_bytes(const MemoryMap& map);

// A standalone SVG document. Every rectangle and step has a <title>, which viewers show under the
// pointer.
std::string memory_map_svg(const MemoryMap& map);

// For a page: controls, the picture and its script (zoom, scrolling, what is under the pointer);
// one per page. Without scripts it is the same picture as above, at the page's width.
std::string memory_map_html(const MemoryMap& map);

}  // namespace pliant::report
