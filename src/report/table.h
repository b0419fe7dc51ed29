// Tables, for a page and for a terminal.
#pragma once

#include <string>
#include <vector>

namespace pliant::report {

struct Column {
  std::string name;
  bool number = false;  // aligned to the right
};

struct Row {
  enum class Look { plain, strong, total };
  std::vector<std::string> cells;  // one per column
  Look look = Look::plain;
};

struct Table {
  std::vector<Column> columns;
  std::vector<Row> rows;
};

std::string table_html(const Table& table);
// Columns two spaces apart, a line of names first; no spaces at the ends of lines. Widths count
// characters.
std::string table_text(const Table& table);

}  // namespace pliant::report
