#include "plan/place/place.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>

#include "core/error.h"
#include "core/files.h"
#include "core/rng.h"

namespace pliant::place {
namespace {

bool overlap_in_time(const Rectangle& a, const Rectangle& b) {
  return a.lower < b.upper && b.lower < a.upper;
}

bool apart(const Rectangle& a, std::int64_t at, const Rectangle& b, std::int64_t bt) {
  return !overlap_in_time(a, b) || at + a.size <= bt || bt + b.size <= at;
}

void expect_valid(const std::vector<Rectangle>& rectangles,
                  const std::vector<std::int64_t>& offsets, std::int64_t capacity,
                  std::int64_t alignment = 1) {
  ASSERT_EQ(offsets.size(), rectangles.size());
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    const Rectangle& each = rectangles[i];
    EXPECT_GE(offsets[i], 0);
    EXPECT_EQ(offsets[i] % alignment, 0);
    if (each.fixed >= 0) {
      EXPECT_EQ(offsets[i], each.fixed);
    }
    if (each.size == 0 || each.lower == each.upper) continue;
    EXPECT_LE(offsets[i] + each.size, capacity);
    for (std::size_t k = 0; k < i; ++k)
      EXPECT_TRUE(rectangles[k].size == 0 || apart(each, offsets[i], rectangles[k], offsets[k]))
          << i << " and " << k;
  }
}

// Tries every offset of every rectangle.
bool brute_force(const std::vector<Rectangle>& rectangles, std::int64_t capacity,
                 std::int64_t alignment, std::vector<std::int64_t>& offsets) {
  const std::size_t i = offsets.size();
  if (i == rectangles.size()) return true;
  const Rectangle& each = rectangles[i];
  for (std::int64_t at = 0; at + each.size <= capacity; at += alignment) {
    if (each.fixed >= 0 && at != each.fixed) continue;
    bool fits = true;
    for (std::size_t k = 0; k < i && fits; ++k) fits = apart(each, at, rectangles[k], offsets[k]);
    if (!fits) continue;
    offsets.push_back(at);
    if (brute_force(rectangles, capacity, alignment, offsets)) return true;
    offsets.pop_back();
  }
  return false;
}

bool possible(const std::vector<Rectangle>& rectangles, std::int64_t capacity,
              std::int64_t alignment) {
  std::vector<std::int64_t> offsets;
  return brute_force(rectangles, capacity, alignment, offsets);
}

std::vector<Rectangle> random_rectangles(Rng& rng, int most, int times, int sizes) {
  std::vector<Rectangle> result(static_cast<std::size_t>(rng.between(1, most)));
  for (Rectangle& each : result) {
    each.size = rng.between(1, sizes);
    each.lower = static_cast<std::int32_t>(rng.below(times));
    each.upper = static_cast<std::int32_t>(rng.between(each.lower + 1, times));
  }
  return result;
}

std::int64_t fluid(const std::vector<Rectangle>& rectangles) {
  std::int64_t most = 0;
  for (const Rectangle& at : rectangles) {
    std::int64_t sum = 0;
    for (const Rectangle& each : rectangles)
      if (each.lower <= at.lower && at.lower < each.upper) sum += each.size;
    most = std::max(most, sum);
  }
  return most;
}

// The verdicts of place() and brute force agree, placements are valid, cores cannot be placed, but
// all less one can.
void compare(const std::vector<Rectangle>& rectangles, std::int64_t capacity,
             const PlaceOptions& options, int (&seen)[2]) {
  const Placement result = place(rectangles, capacity, options);
  const bool expected = possible(rectangles, capacity, options.alignment);
  ASSERT_EQ(result.status, expected ? Outcome::placed : Outcome::impossible);
  ++seen[expected];
  if (expected) return expect_valid(rectangles, result.offsets, capacity, options.alignment);
  std::vector<Rectangle> core;
  for (const std::int32_t id : result.core) core.push_back(rectangles[id]);
  ASSERT_FALSE(core.empty());
  EXPECT_FALSE(possible(core, capacity, options.alignment));
  for (std::size_t i = 0; i < core.size(); ++i) {
    std::vector<Rectangle> less = core;
    less.erase(less.begin() + i);
    EXPECT_TRUE(possible(less, capacity, options.alignment))
        << "rectangle " << result.core[i] << " is not needed";
  }
}

// Rectangles added as long as the sums allow it: little room is to spare anywhere.
std::vector<Rectangle> filled(Rng& rng, int tries, int times, int sizes, std::int64_t capacity) {
  std::vector<Rectangle> result;
  for (int i = 0; i < tries; ++i) {
    Rectangle each{rng.between(1, sizes), static_cast<std::int32_t>(rng.below(times)), 0, -1};
    each.upper =
        std::min(each.lower + static_cast<std::int32_t>(rng.between(1, 1 + times / 3)), times);
    result.push_back(each);
    if (fluid(result) > capacity) result.pop_back();
  }
  return result;
}

TEST(Place, AgreesWithBruteForceOnRandomInstances) {
  Rng rng(11);
  int seen[2] = {};
  for (int round = 0; round < 3000; ++round) {
    const auto rectangles = random_rectangles(rng, 7, 6, 5);
    compare(rectangles, fluid(rectangles) - (round % 4 == 0), {}, seen);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
  EXPECT_GT(seen[0], 500);
  EXPECT_GT(seen[1], 500);
}

// A placement proves itself; only `impossible` needs to be tried out.
TEST(Place, FragmentationAloneForbidsOnlyWhatBruteForceCannotPlace) {
  Rng rng(12);
  int impossible = 0;
  for (int round = 0; round < 15000; ++round) {
    const std::int64_t capacity = rng.between(5, 7);
    const auto rectangles = filled(rng, 60, 10, 4, capacity);
    const Placement result = place(rectangles, capacity);
    if (result.status == Outcome::placed) expect_valid(rectangles, result.offsets, capacity);
    if (result.status == Outcome::placed) continue;
    ASSERT_EQ(result.status, Outcome::impossible);
    ++impossible;
    EXPECT_FALSE(possible(rectangles, capacity, 1));
    std::vector<Rectangle> core;
    for (const std::int32_t id : result.core) core.push_back(rectangles[id]);
    EXPECT_EQ(place(core, capacity).status, Outcome::impossible);
    EXPECT_EQ(place(core, capacity).core.size(), core.size());  // it cannot be made smaller
  }
  EXPECT_GT(impossible, 10);
}

TEST(Place, AgreesWithBruteForceWithAlignment) {
  Rng rng(13);
  int seen[2] = {};
  for (int round = 0; round < 3000; ++round) {
    const auto rectangles = random_rectangles(rng, 6, 5, 7);
    PlaceOptions options;
    options.alignment = rng.between(2, 4);
    compare(rectangles, fluid(rectangles) + rng.below(6), options, seen);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
  EXPECT_GT(seen[0], 300);
  EXPECT_GT(seen[1], 300);
}

TEST(Place, AgreesWithBruteForceWithFixedOffsets) {
  Rng rng(14);
  int seen[2] = {};
  for (int round = 0; round < 4000; ++round) {
    auto rectangles = random_rectangles(rng, 7, 5, 5);
    PlaceOptions options;
    options.alignment = rng.between(1, 2);
    for (Rectangle& each : rectangles)
      if (rng.below(3) == 0) each.fixed = rng.below(6);
    compare(rectangles, fluid(rectangles) + rng.below(6), options, seen);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
  EXPECT_GT(seen[0], 300);
  EXPECT_GT(seen[1], 300);
}

TEST(Place, SpeedUpsNeverChangeTheVerdict) {
  Rng rng(15);
  int seen[3] = {};
  for (int round = 0; round < 600; ++round) {
    const std::int64_t capacity = rng.between(5, 7);
    auto rectangles = filled(rng, 60, 10, 4, capacity);
    for (Rectangle& each : rectangles)
      if (rng.below(8) == 0) each.fixed = rng.between(0, capacity - each.size);
    const Outcome expected = place(rectangles, capacity).status;
    ++seen[static_cast<int>(expected)];
    for (int switches = 0; switches < 8; ++switches) {
      PlaceOptions options;
      options.remember = switches & 1;
      options.split = switches & 2;
      options.restart = switches & 4;
      const Placement result = place(rectangles, capacity, options);
      ASSERT_EQ(result.status, expected) << "round " << round << ", switches " << switches;
      if (expected == Outcome::placed) expect_valid(rectangles, result.offsets, capacity);
    }
  }
  EXPECT_GT(seen[static_cast<int>(Outcome::placed)], 50);
  EXPECT_GT(seen[static_cast<int>(Outcome::impossible)], 50);
}

TEST(Place, SameInputGivesSameAnswer) {
  Rng rng(16);
  const auto rectangles = random_rectangles(rng, 60, 30, 50);
  const Placement one = place(rectangles, fluid(rectangles)),
                  two = place(rectangles, fluid(rectangles));
  EXPECT_EQ(one.offsets, two.offsets);
  EXPECT_EQ(one.nodes, two.nodes);
}

TEST(Place, EmptyRectanglesNeedNoRoom) {
  const std::vector<Rectangle> rectangles = {{0, 0, 5, -1}, {7, 3, 3, -1}, {4, 0, 2, -1}};
  const Placement result = place(rectangles, 4);
  EXPECT_EQ(result.status, Outcome::placed);
  expect_valid(rectangles, result.offsets, 4);
  EXPECT_EQ(place({}, 0).status, Outcome::placed);
}

TEST(Place, MisfitIsItsOwnCore) {
  const std::vector<Rectangle> rectangles = {{3, 0, 5, -1}, {9, 1, 2, -1}, {3, 0, 5, 7}};
  EXPECT_EQ(place(rectangles, 8).core, std::vector<std::int32_t>{1});
}

// A square cut into rectangles: no room is to spare anywhere, which is hard even though it can be
// placed.
std::vector<Rectangle> cut_square(std::uint64_t seed, std::size_t pieces) {
  Rng rng(seed);
  std::vector<Rectangle> result = {{1 << 20, 0, 1 << 20, -1}};
  while (result.size() < pieces) {
    Rectangle& each = result[rng.below(static_cast<std::int64_t>(result.size()))];
    Rectangle other = each;
    if (rng.below(2) == 0 && each.size > 1) {
      each.size = rng.between(1, each.size - 1);
      other.size -= each.size;
    } else if (each.upper - each.lower > 1) {
      other.lower = each.upper =
          static_cast<std::int32_t>(rng.between(each.lower + 1, each.upper - 1));
    } else {
      continue;
    }
    result.push_back(other);
  }
  return result;
}

TEST(Place, SquaresCutIntoPiecesArePutTogether) {
  for (int pieces = 10; pieces <= 40; pieces += 10) {
    const auto rectangles =
        cut_square(static_cast<std::uint64_t>(pieces), static_cast<std::size_t>(pieces));
    const Placement result = place(rectangles, 1 << 20);
    ASSERT_EQ(result.status, Outcome::placed);
    expect_valid(rectangles, result.offsets, 1 << 20);
  }
}

TEST(Place, LimitsEndInUndecided) {
  Rng rng(17);
  const auto rectangles = filled(rng, 3000, 150, 400, 1000);
  PlaceOptions nodes;
  nodes.nodes = 1000;
  const Placement limited = place(rectangles, fluid(rectangles), nodes);
  EXPECT_EQ(limited.status, Outcome::undecided);
  EXPECT_LE(limited.nodes, 1001);
  EXPECT_TRUE(limited.offsets.empty());
  PlaceOptions seconds;
  seconds.deadline = Deadline(0.05);
  EXPECT_EQ(place(rectangles, fluid(rectangles), seconds).status, Outcome::undecided);
  const std::atomic<bool> stop = true;
  PlaceOptions stopped;
  stopped.deadline = Deadline(no_time_limit, &stop);
  EXPECT_EQ(place(rectangles, fluid(rectangles), stopped).status, Outcome::undecided);
}

void expect_error(ErrorKind kind, const std::string& part, const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown; expected: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
        << error.what() << "\nlacks: " << part;
  }
}

TEST(Place, InvalidInputIsNamed) {
  using enum ErrorKind;
  expect_error(invalid, "rectangle 1: has a size of -2", [] {
    place({{1, 0, 1, -1}, {-2, 0, 1, -1}}, 8);
  });
  expect_error(invalid, "rectangle 0: lives from 5 to 4", [] { place({{1, 5, 4, -1}}, 8); });
  expect_error(invalid, "capacity: -1 bytes", [] { place({}, -1); });
  expect_error(invalid, "alignment: 0", [] {
    PlaceOptions options;
    options.alignment = 0;
    place({}, 1, options);
  });
  const std::int64_t huge = std::int64_t{1} << 61;
  expect_error(invalid, "beyond 2^62", [&] {
    place({{huge, 0, 1, -1}, {huge, 0, 1, -1}, {1, 0, 1, -1}}, 8);
  });
  expect_error(invalid, "overflows", [&] {
    place({{INT64_MAX, 0, 1, -1}, {INT64_MAX, 0, 1, -1}}, 8);
  });
}

TEST(Place, ManyRectanglesInOneColumnNeedNoDeepStack) {
  std::vector<Rectangle> rectangles(3000, Rectangle{1, 0, 1, -1});
  EXPECT_EQ(place(rectangles, 3000).status, Outcome::placed);
  EXPECT_EQ(place(rectangles, 2999).status, Outcome::impossible);
}

TEST(Pack, MinimumHeightOnTinyInstances) {
  Rng rng(18);
  for (int round = 0; round < 1000; ++round) {
    const auto rectangles = random_rectangles(rng, 7, 6, 5);
    const Packed packed = pack(rectangles);
    expect_valid(rectangles, packed.offsets, packed.height);
    EXPECT_EQ(packed.lower_bound, fluid(rectangles));
    EXPECT_TRUE(packed.height == packed.lower_bound || !possible(rectangles, packed.height - 1, 1));
  }
}

TEST(Pack, RespectsAlignmentAndFixedOffsets) {
  PlaceOptions options;
  options.alignment = 8;
  const std::vector<Rectangle> rectangles = {{5, 0, 4, -1}, {3, 0, 2, 16}, {9, 1, 4, -1}};
  const Packed packed = pack(rectangles, options);
  expect_valid(rectangles, packed.offsets, packed.height, 8);
  EXPECT_EQ(packed.height, 29);  // 9 at 0, 3 at 16, 5 at 24: below 16 there is no room for 9 and 5
  EXPECT_EQ(pack({}).height, 0);
  expect_error(ErrorKind::invalid, "fixed rectangles overlap", [] {
    pack({{4, 0, 2, 0}, {4, 1, 3, 2}});
  });
}

TEST(Csv, RoundTrips) {
  const Instance instance =
      instance_from_csv("size,id,extra,upper,lower\r\n12,a,x,9,3\n\n0,b b,,5,-2", "i.csv");
  EXPECT_EQ(instance.ids, (std::vector<std::string>{"a", "b b"}));
  EXPECT_EQ(instance.rectangles, (std::vector<Rectangle>{{12, 3, 9, -1}, {0, -2, 5, -1}}));
  const std::string text = instance_to_csv(instance, {64, 0});
  EXPECT_EQ(text, "id,lower,upper,size,offset\na,3,9,12,64\nb b,-2,5,0,0\n");
  EXPECT_EQ(instance_from_csv(text, "o.csv").rectangles, instance.rectangles);
}

TEST(Csv, EachDefectIsLocated) {
  const auto expect = [](const std::string& part, const std::string& text) {
    expect_error(ErrorKind::format, part, [&] { instance_from_csv(text, "i.csv"); });
  };
  const std::string header = "id,lower,upper,size\n";
  expect("i.csv line 1 column 1: is empty", "");
  expect("i.csv line 1 column 1: the header lacks 'size'", "id,lower,upper\n");
  expect("i.csv line 1 column 21: the header names 'size' twice", "id,lower,upper,size,size\n");
  expect("i.csv line 2 column 3: 'x' is not an integer", header + "0,x,1,2\n");
  expect("i.csv line 3 column 5: '1.5' is not an integer", header + "0,0,1,2\n0,0,1.5,2\n");
  expect("i.csv line 2 column 5: '3000000000' is not an integer from",
         header + "0,0,3000000000,2\n");
  expect("i.csv line 2 column 7: '-2' is not an integer from 0", header + "0,0,1,-2\n");
  expect("i.csv line 2 column 7: '99999999999999999999'", header + "0,0,1,99999999999999999999\n");
  expect("i.csv line 2 column 5: upper 1 is below lower 2", header + "0,2,1,2\n");
  expect("i.csv line 2 column 5: has 3 fields, the header 4", header + "0,2,1\n");
  expect("i.csv line 2 column 7: '' is not an integer", header + "0,1,2,\n");
}

TEST(Minimalloc, ChallengingInstancesArePlaced) {
  const char* data = std::getenv("PLIANT_DATA");
  if (!data) GTEST_SKIP() << "PLIANT_DATA is not set";
  for (const char letter : {'A', 'B', 'C', 'D', 'E', 'F'}) {
    const std::string path = std::string(data) + "/minimalloc/" + letter + ".1048576.csv";
    const Instance instance = instance_from_csv(read_file(path), path);
    const auto start = std::chrono::steady_clock::now();
    const Placement result = place(instance.rectangles, 1048576);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::cout << letter << ": " << instance.ids.size() << " rectangles, " << result.nodes
              << " nodes, " << seconds.count() << " s\n";
    ASSERT_EQ(result.status, Outcome::placed) << letter;
    expect_valid(instance.rectangles, result.offsets, 1048576);
    EXPECT_EQ(place(instance.rectangles, fluid(instance.rectangles) - 1).status,
              Outcome::impossible);
  }
}

}  // namespace
}  // namespace pliant::place
