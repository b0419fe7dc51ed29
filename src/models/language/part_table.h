// The weights of a kind of model as a table: a row per part, in the order of the enum that names
// the parts.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>

#include "core/ids.h"

namespace pliant {

template <typename Part, std::size_t schemes>
struct PartRow {
  Part part;
  std::string_view name;  // canonical, after the layer's prefix: "attention.q.weight"
  // in each scheme of names; empty: not in such files
  std::array<std::string_view, schemes> in_file;
};

// Rows that are out of order do not compile.
template <typename Part, std::size_t schemes, std::size_t count>
class PartTable {
 public:
  using Row = PartRow<Part, schemes>;

  consteval explicit PartTable(const Row (&rows)[count]) {
    std::copy(std::begin(rows), std::end(rows), rows_.begin());
    for (const Row& row : rows_)
      if (&rows_[row.part] != &row) throw "a row is not in its part's place";
  }

  constexpr const Row& operator[](Part part) const { return rows_[part]; }
  constexpr auto begin() const { return rows_.begin(); }
  constexpr auto end() const { return rows_.end(); }

  // The part that is the bias of `part`: of its name, but for "bias" where it has "weight".
  constexpr std::optional<Part> bias_of(Part part) const {
    constexpr std::string_view weight = "weight", bias = "bias";
    const std::string_view name = (*this)[part].name;
    if (!name.ends_with(weight)) return std::nullopt;
    const std::string_view stem = name.substr(0, name.size() - weight.size());
    for (const Row& row : rows_)
      if (row.name.starts_with(stem) && row.name.substr(stem.size()) == bias) return row.part;
    return std::nullopt;
  }

 private:
  ByEnum<Part, Row, count> rows_{};
};

}  // namespace pliant
