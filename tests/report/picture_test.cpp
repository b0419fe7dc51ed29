// Memory maps, charts, tables and pages: well formed whatever the names are, and showing what they
// were given.
#include <gtest/gtest.h>

#include <algorithm>

#include "report/chart.h"
#include "report/html.h"
#include "report/memory_map.h"
#include "report/strict_xml.h"
#include "report/table.h"

namespace pliant::report {
namespace {

using test::Element;
using test::parse_xml;

const char* const hostile = "</title></script><x y='1'>&\"\x01\xff";

MemoryMap small_map() {
  MemoryMap map;
  map.title = hostile;
  map.end = 3;
  map.capacity = 100;
  map.things = {"a", hostile};
  map.boxes = {{0, 1, 0, 60, BoxKind::input, 0, "why"},
               {1, 2, 60, 40, BoxKind::activation, 1, hostile},
               {2, 2, 0, 30, BoxKind::workspace, -1, "of it"},
               {2, 2, 0, 0, BoxKind::output, -1, "no bytes"}};
  map.transfers = {{0, 0, Way::in, true, 60},
                   {1, 1, Way::in, false, 40},
                   {2, 1, Way::out, false, 40},
                   {2, -1, Way::other, false, 5}};
  map.steps = {{hostile, "one", {0}}, {"second", hostile, {0, 1}}, {"third", "three", {1}}};
  map.lines = {{"M", 100}, {"M_R", 100}, {"M_P", 140}};
  map.demand = {60, 140, 130};
  return map;
}

TEST(MemoryMap, IsOneWellFormedDocument) {
  const Element svg = parse_xml(memory_map_svg(small_map()));
  EXPECT_EQ(svg.tag, "svg");
  const Element* boxes = svg.find("boxes");
  ASSERT_NE(boxes, nullptr);
  ASSERT_EQ(boxes->children.size(), 3u);  // what has no bytes is not drawn
  EXPECT_EQ(boxes->children[0].children[0].text, "a\nwhy");
  EXPECT_EQ(boxes->children[2].attributes.at("class"), "s");
  EXPECT_EQ(svg.find("marks")->children.size(), 3u);  // the one without a box has no place
}

TEST(MemoryMap, BoxesStandWhereTheirStepsAndAddressesAre) {
  const Element svg = parse_xml(memory_map_svg(small_map()));
  const auto number = [&](std::size_t box, const char* key) {
    return std::stod(svg.find("boxes")->children[box].attributes.at(key));
  };
  const double step = number(2, "width");
  EXPECT_NEAR(number(0, "width"), 2 * step, 0.02);
  EXPECT_NEAR(number(1, "x"), number(0, "x") + step, 0.02);
  // 60 to 100 stands on 0 to 60
  EXPECT_NEAR(number(1, "y") + number(1, "height"), number(0, "y"), 0.02);
  EXPECT_NEAR(number(0, "height") / number(1, "height"), 1.5, 0.001);
  EXPECT_NEAR(number(2, "y") + number(2, "height"), number(0, "y") + number(0, "height"), 0.02);
}

TEST(MemoryMap, WhatIsTakenCountsSharedAddressesOnce) {
  MemoryMap map;
  map.end = 4;
  map.capacity = 100;
  map.boxes = {{0, 1, 0, 50, BoxKind::input, -1, ""},
               {1, 3, 0, 50, BoxKind::activation, -1, ""},  // in place at step 1
               {1, 1, 40, 30, BoxKind::activation, -1, ""},
               {3, 3, 90, 10, BoxKind::activation, -1, ""}};
  using Taken = std::vector<std::pair<std::int32_t, std::int64_t>>;
  EXPECT_EQ(taken_bytes(map), (Taken{{0, 50}, {1, 70}, {2, 50}, {3, 60}}));
}

TEST(MemoryMap, ALongTitleIsCutAtTheEdge) {
  MemoryMap map = small_map();
  map.title = std::string(1000, 'n');
  const Element svg = parse_xml(memory_map_svg(map));
  EXPECT_EQ(svg.children[0].text.size(), 1000u);  // <title>, for the pointer
  for (const Element& each : svg.children)
    EXPECT_TRUE(each.tag != "text" || each.text.size() < 150) << each.text.size();
}

TEST(MemoryMap, AThingKeepsItsColour) {
  EXPECT_EQ(shade_class(BoxKind::activation, "conv1"), shade_class(BoxKind::activation, "conv1"));
  EXPECT_NE(shade_class(BoxKind::activation, "conv1")[0], shade_class(BoxKind::weight, "conv1")[0]);
  std::vector<std::string> shades;
  for (int i = 0; i < 100; ++i)
    shades.push_back(shade_class(BoxKind::activation, "relu_" + std::to_string(i)));
  std::sort(shades.begin(), shades.end());
  EXPECT_EQ(std::unique(shades.begin(), shades.end()) - shades.begin(), 8);
}

// The pages are written as XML too, but for their first line, styles and scripts.
Element page_body(std::string text) {
  for (const char* tag : {"script", "style"}) {
    const std::string open = std::string("<") + tag + ">", close = std::string("</") + tag + ">";
    for (std::size_t at = text.find(open); at != std::string::npos;
         at = text.find(open, at + open.size())) {
      const std::size_t begin = at + open.size();
      text.erase(begin, text.find(close, begin) - begin);
    }
  }
  return parse_xml(text.substr(text.find("<html")));
}

TEST(HtmlPage, IsWellFormedAndLoadsNothing) {
  HtmlPage page(hostile);
  page.heading("Map");
  page.begin_cards();
  page.card("a", hostile, "c", HtmlPage::Tone::warn);
  page.end_cards();
  page.picture(memory_map_html(small_map()));
  page.table_below("rows", {{{"n", true}}, {{{"1"}}, {{"2"}}}}, 1);
  const std::string text = page.finish();
  const Element html = page_body(text);
  EXPECT_EQ(html.count("script"), 1u);  // one script, and none that a name has opened
  EXPECT_EQ(html.count("x"), 0u);
  EXPECT_EQ(html.count("details"), 1u);
  ASSERT_NE(html.find("map"), nullptr);
  for (const char* outside : {"src=", "@import", "url(http", "<link", "fetch(", "XMLHttpRequest"})
    EXPECT_EQ(text.find(outside), std::string::npos) << outside;
  EXPECT_NE(text.find("prefers-color-scheme:dark"), std::string::npos);
}

TEST(HtmlPage, TheScriptKnowsEveryStep) {
  const std::string text = memory_map_html(small_map());
  EXPECT_NE(text.find("[\"second\","), std::string::npos);
  EXPECT_NE(text.find("\"three\",[1]]"), std::string::npos);
  EXPECT_EQ(text.find("</script><x"), std::string::npos);
}

LineChart chart_of(std::vector<double> values) {
  LineChart chart{"t", "x", "y"};
  chart.series = {{"ours", 0, {}}};
  chart.marks = {{"M_R", 10, false}, {"chosen", 10, true}};
  for (std::size_t i = 0; i < values.size(); ++i)
    chart.series[0].points.push_back(
        {10.0 + static_cast<double>(i), values[i], false, {}, hostile});
  return chart;
}

TEST(Chart, IsLogarithmicWhereValuesSpanMuch) {
  const std::string wide = line_chart_svg(chart_of({1e6, 1e4, 0})),
                    narrow = line_chart_svg(chart_of({1e6, 9e5, 0}));
  EXPECT_NE(wide.find("(logarithmic)"), std::string::npos);
  EXPECT_EQ(narrow.find("(logarithmic)"), std::string::npos);
  parse_xml(wide);
  parse_xml(narrow);
  parse_xml(line_chart_svg(chart_of({0})));
}

TEST(Chart, MarksInOnePlaceShareOneName) {
  EXPECT_NE(line_chart_svg(chart_of({5, 4})).find(">M_R, chosen<"), std::string::npos);
}

TEST(Chart, WhatIsNotCertainIsHollowWithAWhisker) {
  LineChart chart = chart_of({50, 40});
  EXPECT_EQ(line_chart_svg(chart).find("hollow"), std::string::npos);
  chart.series[0].points[1].hollow = true;
  chart.series[0].points[1].at_least = 10;
  EXPECT_NE(line_chart_svg(chart).find("hollow"), std::string::npos);
  parse_xml(line_chart_svg(chart));
}

TEST(Chart, RealNumbersShowTheirRange) {
  LineChart chart = chart_of({0.0031, 0.0036});
  chart.y = Quantity::real;
  const std::string svg = line_chart_svg(chart);
  EXPECT_NE(svg.find(">0.0032<"), std::string::npos) << svg;
  EXPECT_EQ(svg.find(">0<"), std::string::npos) << svg;
  chart = chart_of({-2.5, -2.5});  // of no extent
  chart.y = Quantity::real;
  EXPECT_NE(line_chart_svg(chart).find(">-2.5<"), std::string::npos);
}

TEST(Chart, BandsOfPointsHaveNoSigns) {
  LineChart chart = chart_of({50, 40});
  chart.series[0].signs = false;
  EXPECT_EQ(line_chart_svg(chart).find("class=\"p0\""), std::string::npos);
}

TEST(Chart, BarsAreAsLongAsTheirValues) {
  const Element svg =
      parse_xml(bars_svg("t", {{hostile, 10, "ten", 0}, {"b", 5, "five", 1}, {"c", 0, "none", 2}}));
  std::vector<double> widths;
  for (const Element& each : svg.children)
    if (each.tag == "rect") widths.push_back(std::stod(each.attributes.at("width")));
  ASSERT_EQ(widths.size(), 3u);
  EXPECT_NEAR(widths[0], 2 * widths[1], 0.02);
  EXPECT_EQ(widths[2], 1);  // there, but nothing
}

TEST(Table, LinesUpForATerminal) {
  const Table table{{{"size", true}, {"name", false}}, {{{"1", "a"}}, {{"22,000", "grün"}}}};
  EXPECT_EQ(table_text(table), "  size  name\n     1  a\n22,000  grün\n");
}

TEST(Table, EscapesItsCells) {
  const Element table = parse_xml(table_html({{{"<n>", true}}, {{{hostile}, Row::Look::total}}}));
  EXPECT_EQ(table.count("tr"), 2u);
  EXPECT_EQ(table.count("x"), 0u);
}

}  // namespace
}  // namespace pliant::report
