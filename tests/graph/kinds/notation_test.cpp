#include "graph/kinds/notation.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace pliant {
namespace {

EinsumPlan plan(std::string_view text, const std::vector<Shape>& shapes) {
  return expand_notation(parse_notation(text, "here"), shapes, "here");
}

std::string notation_error(std::string_view text, const std::vector<Shape>& shapes) {
  try {
    plan(text, shapes);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Notation, ReadsLabelsAndSpaces) {
  Notation notation = parse_notation(" b i j , b j k -> b i k ", "");
  EXPECT_EQ(notation.in, (std::vector<std::string>{"bij", "bjk"}));
  EXPECT_EQ(notation.out, "bik");
  EXPECT_EQ(parse_notation("...ij,jk->...ik", "").in[0], ".ij");
  EXPECT_EQ(parse_notation(",->", "").in.size(), 2u);  // two scalars
}

TEST(Notation, ImplicitOutputIsNumpys) {
  EXPECT_EQ(parse_notation("ij,jk", "").out, "ik");
  EXPECT_EQ(parse_notation("kj,ji", "").out, "ik");
  EXPECT_EQ(parse_notation("ii", "").out, "");
  EXPECT_EQ(parse_notation("bA", "").out, "Ab");
  EXPECT_EQ(parse_notation("j...,i...", "").out, ".ij");
}

TEST(Notation, EllipsesAlignAtTheRight) {
  EinsumPlan p = plan("...i,...i->...", {{2, 3, 4}, {3, 4}});
  EXPECT_EQ(p.einsum, (kind::Einsum{{"ABi", "Bi"}, "AB"}));
  // letters in use are avoided
  EXPECT_EQ(plan("A...->...A", {{2, 3}}).einsum, (kind::Einsum{{"AB"}, "BA"}));
  // an empty ellipsis
  EXPECT_EQ(plan("...i->i...", {{4}}).einsum, (kind::Einsum{{"i"}, "i"}));
}

TEST(Notation, BroadcastAxesOfSizeOneAreRemoved) {
  EinsumPlan p = plan("...ij,...jk->...ik", {{5, 2, 3}, {1, 3, 4}});
  EXPECT_EQ(p.einsum, (kind::Einsum{{"Aij", "jk"}, "Aik"}));
  EXPECT_EQ(p.operands[1], (Shape{3, 4}));
  EXPECT_EQ(plan("ij,jk->ik", {{2, 1}, {3, 4}}).einsum, (kind::Einsum{{"i", "jk"}, "ik"}));
  // 1 everywhere stays
  EXPECT_EQ(plan("ij,ij->ij", {{1, 2}, {1, 2}}).einsum, (kind::Einsum{{"ij", "ij"}, "ij"}));
}

TEST(Notation, ErrorsSayWhere) {
  EXPECT_EQ(notation_error("i1->i", {{2, 2}}),
            "here: einsum notation \"i1->i\", column 2: '1' is neither a letter nor \"...\"");
  EXPECT_NE(notation_error("i......->i", {{2, 2}}).find("second ellipsis"), std::string::npos);
  EXPECT_NE(notation_error("i-j", {{2}}).find("\"->\" expected"), std::string::npos);
  EXPECT_EQ(notation_error("ij->i", {{2}}), "here: operand 0 has shape [2] but the labels \"ij\"");
  EXPECT_EQ(notation_error("i,j->ij", {{2}}), "here: 1 operand(s) for 2 label groups");
  EXPECT_EQ(notation_error("ij,jk->ik", {{2, 3}, {4, 5}}),
            "here: label 'j' has size 3 and, in operand 1, 4");
  EXPECT_EQ(notation_error("ii->i", {{1, 3}}), "here: label 'i' has sizes 1 and 3 in operand 0");
  EXPECT_EQ(notation_error("ij->k", {{2, 3}}), "here: output label 'k' is in no operand");
  EXPECT_EQ(notation_error("ij->ii", {{2, 3}}), "here: output label 'i' is repeated");
  EXPECT_NE(notation_error("...i->i", {{2, 3}}).find("leaves out the ellipsis"), std::string::npos);
}

}  // namespace
}  // namespace pliant
