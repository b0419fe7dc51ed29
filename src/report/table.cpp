#include "report/table.h"

#include <algorithm>

#include "core/utf8.h"
#include "report/markup.h"

namespace pliant::report {
namespace {

std::size_t width_of(const std::string& text) { return code_points(text).size(); }

void append_line(std::string& out, const Table& table, const std::vector<std::string>& cells,
                 const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string space(widths[i] - width_of(cells[i]), ' ');
    if (i > 0) line += "  ";
    line += table.columns[i].number ? space + cells[i] : cells[i] + space;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + '\n';
}

}  // namespace

std::string table_html(const Table& table) {
  Markup out;
  out.open("table");
  out.open("thead");
  out.open("tr");
  for (const Column& column : table.columns) {
    if (column.number) out.leaf("th", {{"class", "num"}}, column.name);
    else out.leaf("th", {}, column.name);
  }
  out.close();
  out.close();
  out.open("tbody");
  for (const Row& row : table.rows) {
    if (row.look == Row::Look::plain) out.open("tr");
    else out.open("tr", {{"class", row.look == Row::Look::strong ? "us" : "total"}});
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      if (table.columns[i].number) out.leaf("td", {{"class", "num"}}, row.cells[i]);
      else out.leaf("td", {}, row.cells[i]);
    }
    out.close();
  }
  return out.finish();
}

std::string table_text(const Table& table) {
  std::vector<std::size_t> widths;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    names.push_back(table.columns[i].name);
    widths.push_back(width_of(names.back()));
    for (const Row& row : table.rows)
      widths.back() = std::max(widths.back(), width_of(row.cells[i]));
  }
  std::string out;
  append_line(out, table, names, widths);
  for (const Row& row : table.rows) append_line(out, table, row.cells, widths);
  return out;
}

}  // namespace pliant::report
