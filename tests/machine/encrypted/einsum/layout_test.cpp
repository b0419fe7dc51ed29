#include "machine/encrypted/einsum/layout/layout.h"

#include <gtest/gtest.h>

#include <numeric>

#include "errors.h"

namespace pliant::einsum {
namespace {

std::vector<double> ramp(std::int64_t count) {
  std::vector<double> values(count);
  std::iota(values.begin(), values.end(), 1);
  return values;
}

void expect_round_trip(const SlotLayout& layout) {
  check(layout, "test");
  const std::vector<double> values = ramp(elements(shape(layout)));
  EXPECT_EQ(unpack(pack(values, layout), layout), values) << to_string(layout);
}

TEST(Layout, RowMajorPadsEverySizeToAPowerOfTwo) {
  const SlotLayout layout = row_major("ij", {3, 5}, 32);
  EXPECT_EQ(to_string(layout), "i:3/8 j:5/1");
  EXPECT_EQ(pack(ramp(15), layout)[0][8], 6);
  EXPECT_EQ(pack(ramp(15), layout)[0][5], 0);
  expect_round_trip(layout);
  expect_round_trip(row_major("", {}, 4));
}

TEST(Layout, GoesOnInFurtherCiphertexts) {
  const SlotLayout layout = row_major("ij", {3, 5}, 4);
  EXPECT_EQ(ciphertexts(layout), (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(pack(ramp(15), layout)[1], (std::vector<double>{5, 0, 0, 0}));
  expect_round_trip(layout);
}

TEST(Layout, CopiesRepeatEverything) {
  SlotLayout layout = row_major("i", {2}, 8);
  layout.copies = {{'\0', 2, 4}, {'\0', 2, 2}};
  EXPECT_EQ(pack(ramp(2), layout)[0], (std::vector<double>{1, 2, 1, 2, 1, 2, 1, 2}));
  expect_round_trip(layout);
}

TEST(Layout, DiagonalAndBicyclicPackingsAreLayouts) {
  const SlotLayout diagonals = diagonal("ij", 3, 4);
  EXPECT_EQ(pack(ramp(9), diagonals)[1], (std::vector<double>{2, 6, 7, 0}));  // (i, i + 1)
  expect_round_trip(diagonals);
  const SlotLayout both = bicyclic("ij", {3, 5}, 16);
  const std::vector<double> slots = pack(ramp(15), both)[0];
  for (int k = 0; k < 15; ++k) EXPECT_EQ(slots[k], 1 + k % 3 * 5 + k % 5);
  expect_round_trip(both);
}

TEST(Layout, PictureShowsWhatIsWhere) {
  EXPECT_EQ(picture(row_major("ij", {2, 3}, 8)), "[0] i0j0 i0j1 i0j2 . i1j0 i1j1 i1j2 .\n");
  SlotLayout dirty = row_major("i", {2}, 8);
  dirty.clean = false;
  EXPECT_EQ(picture(dirty, 4), "[0] i0 i1 ? ? ...\n");
}

TEST(Layout, Refuses) {
  const auto says = [](const std::string& error, const char* part) {
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  says(error_of([] { row_major("i", {3}, 12); }), "12 slots: not a power of two");
  says(error_of([] { bicyclic("ij", {4, 6}, 32); }), "common factor 2");
  SlotLayout layout = row_major("ij", {2, 3}, 8);
  layout.axes[0].stride = 2;
  says(error_of([&] { check(layout, "here"); }), "two elements in slot 2 of ciphertext 0");
  layout.axes[0].stride = -1;
  says(error_of([&] { check(layout, "here"); }), "axis 'i': size 2, stride -1");
  says(error_of([&] { pack(ramp(5), row_major("i", {3}, 8)); }), "5 elements");
  says(error_of([&] { unpack({}, row_major("i", {3}, 8)); }), "0 ciphertexts");
}

}  // namespace
}  // namespace pliant::einsum
