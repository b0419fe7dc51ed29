#include "core/ids.h"

#include <gtest/gtest.h>

#include <string>

namespace pliant {
namespace {

enum class RedId : std::int32_t { none = -1 };
enum class BlueId : std::int32_t { none = -1 };
enum class Colour : std::uint8_t { red, blue };

template <typename Table, typename Key>
concept OpenedBy = requires(Table table, Key key) {
  table[key];
};

TEST(Ids, OpenTheirOwnTableAlone) {
  static_assert(OpenedBy<ById<RedId, int>, RedId>);
  static_assert(!OpenedBy<ById<RedId, int>, BlueId>);
  static_assert(!OpenedBy<ById<RedId, int>, int>);
  static_assert(!Id<Colour> && !Id<int>);
}

TEST(Ids, CountInTheOrderOfTheirItems) {
  ById<RedId, std::string> names;
  EXPECT_EQ(names.next(), RedId{0});
  EXPECT_EQ(names.push_back("a"), RedId{0});
  EXPECT_EQ(names.push_back("b"), RedId{1});
  std::string seen;
  for (const RedId id : names.ids()) seen += names[id] + std::to_string(to_int(id));
  EXPECT_EQ(seen, "a0b1");
  RedId id{0};
  EXPECT_EQ(names[++id], "b");
}

TEST(Ids, AreInATableOrNot) {
  const ById<BlueId, int> three(3, 7);
  EXPECT_EQ(three[BlueId{2}], 7);
  EXPECT_TRUE(three.contains(BlueId{0}) && three.contains(BlueId{2}));
  EXPECT_FALSE(three.contains(BlueId{3}) || three.contains(BlueId::none));
  for (const BlueId id : ById<BlueId, int>().ids()) FAIL() << to_int(id);
}

TEST(Ids, TablesOfTruthValuesCanBeWritten) {
  ById<RedId, bool> marks(2, false);
  marks[RedId{1}] = true;
  EXPECT_FALSE(marks[RedId{0}]);
  EXPECT_TRUE(marks[RedId{1}]);
}

TEST(ByEnum, IsOpenedByItsEnumerators) {
  constexpr ByEnum<Colour, int, 2> wavelengths{{{700, 450}}};
  static_assert(wavelengths[Colour::blue] == 450 && wavelengths.size() == 2);
  static_assert(!OpenedBy<ByEnum<Colour, int, 2>, int> && !OpenedBy<ByEnum<Colour, int, 2>, RedId>);
  EXPECT_EQ(wavelengths[Colour::red], 700);
  EXPECT_EQ(wavelengths.find([](int each) { return each < 500; }), Colour::blue);
  EXPECT_EQ(wavelengths.find([](int each) { return each < 400; }), std::nullopt);
}

}  // namespace
}  // namespace pliant
