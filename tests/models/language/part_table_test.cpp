#include "models/language/part_table.h"

#include <gtest/gtest.h>

#include "models/language/weights.h"

namespace pliant {
namespace {

enum class Tower : std::uint8_t { patches, patches_bias, positions, gain };

constexpr PartTable<Tower, 1, 4> table{{
    {Tower::patches, "patches.weight", {"vision.conv.weight"}},
    {Tower::patches_bias, "patches.bias", {"vision.conv.bias"}},
    {Tower::positions, "positions.weight", {"vision.positions"}},
    {Tower::gain, "gain", {""}},
}};

TEST(PartTable, GivesEachPartItsRow) {
  EXPECT_EQ(table[Tower::positions].name, "positions.weight");
  EXPECT_EQ(table[Tower::positions].in_file[0], "vision.positions");
}

TEST(PartTable, ABiasIsFoundByItsName) {
  EXPECT_EQ(table.bias_of(Tower::patches), Tower::patches_bias);
  EXPECT_EQ(table.bias_of(Tower::positions), std::nullopt);
  EXPECT_EQ(table.bias_of(Tower::patches_bias), std::nullopt);
  EXPECT_EQ(table.bias_of(Tower::gain), std::nullopt);
}

TEST(LanguageWeights, NormsAndMatricesHaveTheirOwnBiases) {
  EXPECT_EQ(bias_of(Part::norm), Part::norm_bias);
  EXPECT_EQ(bias_of(Part::ffn_norm), Part::ffn_norm_bias);
  EXPECT_EQ(bias_of(Part::gate_up), Part::gate_up_bias);
  EXPECT_EQ(bias_of(Part::post_attention_norm), std::nullopt);
  EXPECT_EQ(bias_of(Part::head), std::nullopt);
}

}  // namespace
}  // namespace pliant
