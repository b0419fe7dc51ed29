// One self-contained page: no network, no script from elsewhere, light or dark as the reader's
// screen is.
#pragma once

#include <string>
#include <string_view>

#include "report/markup.h"
#include "report/table.h"

namespace pliant::report {

class HtmlPage {
 public:
  explicit HtmlPage(std::string_view title);
  void heading(std::string_view text);     // of a section
  void subheading(std::string_view text);  // within one
  void paragraph(std::string_view text);
  void note(std::string_view text);  // muted
  void hint(std::string_view text);  // the same, on the screen only
  // A row of key figures; good and warn colour the value.
  enum class Tone { plain, good, warn };
  void begin_cards();
  void card(std::string_view name, std::string_view value, std::string_view detail,
            Tone tone = Tone::plain);
  void end_cards();
  void picture(std::string_view markup);  // what svg functions of this folder make
  void begin_columns();                   // pictures side by side where there is room
  void column(std::string_view name, std::string_view markup);
  void end_columns();
  void table(const Table& table);
  // A table that is closed at first when it has more than `open` rows.
  void table_below(std::string_view summary, const Table& table, std::size_t open);
  std::string finish();

 private:
  Markup out_;
};

}  // namespace pliant::report
