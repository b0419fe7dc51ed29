#include "report/html.h"

#include "core/ids.h"
#include "report/style.h"

namespace pliant::report {

HtmlPage::HtmlPage(std::string_view title) {
  out_.raw("<!DOCTYPE html>\n");
  out_.open("html", {{"lang", "en"}});
  out_.open("head");
  out_.lone("meta", {{"charset", "utf-8"}});
  out_.lone("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  out_.leaf("title", {}, title);
  out_.open("style");
  out_.raw(page_style() + picture_style());
  out_.close();
  out_.close();
  out_.open("body");
  out_.leaf("h1", {}, title);
}

void HtmlPage::heading(std::string_view text) { out_.leaf("h2", {}, text); }

void HtmlPage::subheading(std::string_view text) { out_.leaf("h3", {}, text); }

void HtmlPage::paragraph(std::string_view text) { out_.leaf("p", {}, text); }

void HtmlPage::note(std::string_view text) { out_.leaf("p", {{"class", "mute"}}, text); }

void HtmlPage::hint(std::string_view text) { out_.leaf("p", {{"class", "mute hint"}}, text); }

void HtmlPage::begin_cards() { out_.open("div", {{"class", "cards"}}); }

void HtmlPage::card(std::string_view name, std::string_view value, std::string_view detail,
                    Tone tone) {
  constexpr ByEnum<Tone, std::string_view, 3> classes{{{"card", "card good", "card warn"}}};
  out_.open("div", {{"class", classes[tone]}});
  out_.leaf("span", {{"class", "mute"}}, name);
  out_.leaf("b", {}, value);
  out_.leaf("span", {{"class", "mute"}}, detail);
  out_.close();
}

void HtmlPage::end_cards() { out_.close(); }

void HtmlPage::picture(std::string_view markup) { out_.raw(markup); }

void HtmlPage::begin_columns() { out_.open("div", {{"class", "two"}}); }

void HtmlPage::column(std::string_view name, std::string_view markup) {
  out_.open("div");
  out_.leaf("h3", {}, name);
  out_.raw(markup);
  out_.close();
}

void HtmlPage::end_columns() { out_.close(); }

void HtmlPage::table(const Table& table) { out_.raw(table_html(table)); }

void HtmlPage::table_below(std::string_view summary, const Table& table, std::size_t open) {
  if (table.rows.size() > open) out_.open("details");
  else out_.open("details", {{"open", "open"}});
  out_.leaf("summary", {}, summary);
  out_.raw(table_html(table));
  out_.close();
}

std::string HtmlPage::finish() { return out_.finish(); }

}  // namespace pliant::report
