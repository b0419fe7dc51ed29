#include "report/memory_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "core/ids.h"
#include "core/units.h"
#include "core/utf8.h"
#include "report/assets.h"
#include "report/markup.h"
#include "report/scale.h"

namespace pliant::report {
namespace {

constexpr double left = 74, right = 104, top = 74, map_height = 400, gap = 34, transfer_height = 76,
                 taken_height = 130, below = 40, narrow = 982, least_pitch = 2, mark_reach = 6,
                 widest = 8000;

struct Frame {  // pixels
  double width = narrow, map_y = top, transfer_y = 0, taken_y = 0, end_y = 0, height = 0;
  double right_x() const { return left + width; }
};

Frame make_frame(const MemoryMap& map, double width) {
  Frame frame;
  frame.width = width;
  double y = top + map_height;
  if (!map.transfers.empty()) frame.transfer_y = y + gap, y = frame.transfer_y + transfer_height;
  frame.taken_y = y + gap;
  frame.end_y = frame.taken_y + taken_height;
  frame.height = frame.end_y + below;
  return frame;
}

double span(const MemoryMap& map) { return 1.0 * map.end - map.first; }

class MapDrawing {
 public:
  MapDrawing(const MemoryMap& map, double width, bool page)
      : map_(map),
        page_(page),
        frame_(make_frame(map, width)),
        x_(Scale::linear(map.first, map.end, left, left + width)),
        y_(Scale::linear(0, map.capacity, top + map_height, top)) {}

  std::string draw();

 private:
  double pitch() const { return frame_.width / span(map_); }
  void defs();
  void legend();
  void panel(double y, double height, std::string_view title, const Scale& scale,
             const std::vector<Tick>& ticks);
  void address_axis();
  void time_axis();
  void steps();
  void boxes();
  void box(const MapBox& box);
  void marks();
  void mark(const MapTransfer& transfer, bool compulsory);
  void labels();
  void transfers();
  void transfer_bars(const Scale& scale);
  void taken();
  void taken_lines(const Scale& scale);

  const MemoryMap& map_;
  bool page_;
  Frame frame_;
  Scale x_, y_;
  Markup out_;
};

std::string box_name(const MemoryMap& map, const MapBox& box) {
  return box.thing >= 0 ? map.things[box.thing] : std::string(name(box.kind));
}

// At most so many characters, the end left out.
std::string shortened(const std::string& text, std::size_t most) {
  std::u32string codes = code_points(text);
  if (codes.size() <= most) return text;
  codes.resize(most - 1);
  return to_utf8(codes + U"\u2026");
}

void MapDrawing::defs() {
  out_.open("defs");
  out_.raw(
      "<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><path "
      "class=\"hb\" "
      "d=\"M0 0h6v6H0z\"/><path class=\"hl\" d=\"M-1 1l2-2M0 6l6-6M5 7l2-2\"/></pattern>\n"
      "<path id=\"in\" d=\"M-4.5-4h9L0 4.5z\"/><path id=\"out\" d=\"M-4.5 4h9L0-4.5z\"/>"
      "<path id=\"other\" d=\"M0-5l5 5-5 5-5-5z\"/>"
      "<path id=\"cin\" d=\"M-2.6-2.2h5.2L0 2.6z\"/><path id=\"cout\" d=\"M-2.6 2.2h5.2L0-2.6z\"/>"
      "<path id=\"cother\" d=\"M0-2.8l2.8 2.8-2.8 2.8-2.8-2.8z\"/>\n");
  out_.raw(fmt::format("<path id=\"step\" d=\"M0 {}h{}V{}H0z\"/>\n", top, number_text(pitch()),
                       number_text(frame_.end_y)));
  out_.raw(fmt::format(
      "<clipPath id=\"plot\"><rect x=\"{0}\" y=\"0\" width=\"{1}\" height=\"{2}\"/></clipPath>\n",
      left, number_text(frame_.width), number_text(frame_.height)));
  out_.close();
}

// What there is, in one row above the map.
void MapDrawing::legend() {
  double x = left;
  const auto entry = [&](std::string_view text, auto&& sign) {
    sign();
    out_.leaf("text", {{"class", "t"}, {"x", x + 18}, {"y", 42.0}}, text);
    x += 18 + 6.2 * text.size() + 16;
  };
  for (const BoxKind kind : {BoxKind::input, BoxKind::weight, BoxKind::activation, BoxKind::output,
                             BoxKind::workspace, BoxKind::buffer}) {
    if (std::none_of(map_.boxes.begin(), map_.boxes.end(),
                     [&](const MapBox& box) { return box.kind == kind; }))
      continue;
    entry(name(kind), [&] {
      out_.open("g", {{"class", "b"}});
      out_.lone("rect", {{"class", middle_shade_class(kind)},
                         {"x", x},
                         {"y", 32.0},
                         {"width", 13.0},
                         {"height", 12.0}});
      out_.close();
    });
  }
  const auto sign = [&](std::string_view text, bool compulsory, Way way, const char* shade,
                        const char* shape) {
    if (std::none_of(map_.transfers.begin(), map_.transfers.end(), [&](const MapTransfer& t) {
          return t.compulsory == compulsory && t.way == way;
        }))
      return;
    entry(text, [&] {
      out_.lone("use", {{"class", std::string("k ") + shade},
                        {"href", std::string("#") + shape},
                        {"x", x + 7},
                        {"y", 38.0}});
    });
  };
  sign("load", false, Way::in, "ld", "in");
  sign("store", false, Way::out, "st", "out");
  sign("move", false, Way::other, "mv", "other");
  sign("compulsory load", true, Way::in, "kc", "cin");
  sign("compulsory store", true, Way::out, "kc", "cout");
}

// Frame, grid and labels of one of the pictures that stand on one time axis.
void MapDrawing::panel(double y, double height, std::string_view title, const Scale& scale,
                       const std::vector<Tick>& ticks) {
  out_.leaf("text", {{"class", "q"}, {"x", left}, {"y", y - 8}}, title);
  for (const Tick& tick : ticks) {
    const double at = scale(tick.value);
    out_.lone(
        "path",
        {{"class", "g"},
         {"d", fmt::format("M{} {}H{}", left, number_text(at), number_text(frame_.right_x()))}});
    out_.leaf("text", {{"class", "q"}, {"x", left - 8}, {"y", at + 4}, {"text-anchor", "end"}},
              tick.text);
  }
  out_.lone("rect",
            {{"class", "x"}, {"x", left}, {"y", y}, {"width", frame_.width}, {"height", height}});
}

void MapDrawing::address_axis() {
  panel(frame_.map_y, map_height, "address", y_, byte_ticks(0, map_.capacity, 10));
}

void MapDrawing::time_axis() {
  out_.open("g", {{"id", "ticks"}});
  for (const Tick& tick :
       count_ticks(map_.first, map_.end - 1, static_cast<int>(frame_.width / 80))) {
    const double at = x_(tick.value + 0.5);
    out_.lone("path", {{"class", "x"},
                       {"d", fmt::format("M{} {}v5", number_text(at), number_text(frame_.end_y))}});
    out_.leaf("text",
              {{"class", "q"}, {"x", at}, {"y", frame_.end_y + 17}, {"text-anchor", "middle"}},
              tick.text);
  }
  out_.close();
  out_.leaf("text",
            {{"class", "q"},
             {"x", left + frame_.width / 2},
             {"y", frame_.end_y + 34},
             {"text-anchor", "middle"}},
            map_.time_name);
}

// A column per step lights up under the pointer; in a page the script moves one column, above the
// boxes.
void MapDrawing::steps() {
  const double height = frame_.end_y - top;
  if (page_) {
    out_.lone("rect", {{"class", "hc"},
                       {"id", "column"},
                       {"x", left},
                       {"y", top},
                       {"width", pitch()},
                       {"height", height},
                       {"pointer-events", "none"}});
    return;
  }
  out_.open("g", {{"class", "hs"}});
  for (std::size_t i = 0; i < map_.steps.size(); ++i) {
    out_.open("use", {{"href", "#step"}, {"x", x_(map_.first + i)}});
    out_.leaf("title", {},
              fmt::format("{} {}: {}\n{}", map_.time_name, map_.first + i, map_.steps[i].name,
                          map_.steps[i].text));
    out_.close();
  }
  out_.close();
}

void MapDrawing::box(const MapBox& box) {
  const double x = x_(box.from), high = y_(box.address + box.bytes);
  const double height = std::max(0.6, y_(box.address) - high);
  const std::string title = box_name(map_, box);
  const std::string shade = shade_class(box.kind, title), width = number_text(x_(box.to + 1.0) - x);
  if (page_ && box.thing >= 0)
    out_.open("rect", {{"class", shade},
                       {"x", x},
                       {"y", high},
                       {"width", width},
                       {"height", height},
                       {"data-t", box.thing}});
  else
    out_.open("rect",
              {{"class", shade}, {"x", x}, {"y", high}, {"width", width}, {"height", height}});
  out_.leaf("title", {}, title + "\n" + box.text);
  out_.close();
}

void MapDrawing::boxes() {
  out_.open("g", {{"class", "b"}, {"id", "boxes"}});
  for (const MapBox& each : map_.boxes)
    if (each.bytes > 0) box(each);
  out_.close();
}

// The shape of a mark, and the classes of marks and bars.
struct WayLook {
  const char *shape, *mark, *bar;
};
constexpr auto way_looks = by_enum<Way>(
    std::array<WayLook, 3>{{{"in", "k ld", "ld"}, {"out", "k st", "st"}, {"other", "k mv", "mv"}}});

void MapDrawing::mark(const MapTransfer& transfer, bool compulsory) {
  if (transfer.compulsory != compulsory || transfer.box < 0) return;
  const MapBox& box = map_.boxes[transfer.box];
  const double x = transfer.way == Way::out ? x_(transfer.step + 1.0) : x_(transfer.step);
  const double y = y_(box.address + static_cast<double>(box.bytes) / 2);
  const WayLook& look = way_looks[transfer.way];
  out_.lone("use", {{"class", compulsory ? "kc" : look.mark},
                    {"href", std::string(compulsory ? "#c" : "#") + look.shape},
                    {"x", x},
                    {"y", y}});
}

void MapDrawing::marks() {
  out_.open("g", {{"id", "marks"}, {"pointer-events", "none"}, {"clip-path", "url(#edge)"}});
  for (const bool compulsory : {true, false})  // what costs is drawn last
    for (const MapTransfer& each : map_.transfers) mark(each, compulsory);
  out_.close();
}

// Names where they fit; the script draws them anew for every zoom.
void MapDrawing::labels() {
  out_.open("g", {{"id", "labels"}});
  for (const MapBox& each : map_.boxes) {
    const double width = x_(each.to + 1.0) - x_(each.from),
                 centre = each.address + static_cast<double>(each.bytes) / 2;
    const double height = static_cast<double>(each.bytes) / map_.capacity * map_height;
    const std::string text = box_name(map_, each);
    if (height < 12 || width < 10 + 5.6 * text.size()) continue;
    out_.leaf("text", {{"class", "bl"}, {"x", x_(each.from) + 7}, {"y", y_(centre) + 3.5}}, text);
  }
  out_.close();
}

struct Sums {
  double compulsory = 0, charged = 0;
};

void MapDrawing::transfer_bars(const Scale& scale) {
  const double zero = scale(0);
  for (const Way way : {Way::in, Way::out, Way::other}) {
    std::vector<Sums> sums(map_.end - map_.first);
    for (const MapTransfer& each : map_.transfers) {
      if (each.way != way) continue;
      Sums& sum = sums[each.step - map_.first];
      (each.compulsory ? sum.compulsory : sum.charged) += each.bytes;
    }
    const double sign = way == Way::out ? -1 : 1;
    std::string compulsory, charged;  // one path each: thousands of bars stay small
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const std::string x = number_text(x_(map_.first + i)), w = number_text(pitch());
      const double middle = scale(sign * sums[i].charged),
                   end = scale(sign * (sums[i].charged + sums[i].compulsory));
      if (sums[i].charged > 0)
        charged +=
            fmt::format("M{} {}h{}V{}h-{}z", x, number_text(zero), w, number_text(middle), w);
      if (sums[i].compulsory > 0)
        compulsory +=
            fmt::format("M{} {}h{}V{}h-{}z", x, number_text(middle), w, number_text(end), w);
    }
    if (!compulsory.empty()) out_.lone("path", {{"class", "cp"}, {"d", compulsory}});
    if (!charged.empty()) out_.lone("path", {{"class", way_looks[way].bar}, {"d", charged}});
  }
}

// The largest sum of one step and direction.
double highest_transfer(const MemoryMap& map, bool out) {
  std::vector<double> sums(map.end - map.first);
  for (const MapTransfer& each : map.transfers)
    if ((each.way == Way::out) == out) sums[each.step - map.first] += each.bytes;
  return *std::max_element(sums.begin(), sums.end());
}

void MapDrawing::transfers() {
  if (map_.transfers.empty()) return;
  const double up = highest_transfer(map_, false), down = highest_transfer(map_, true);
  const double room = std::max(up + down, 1.0) * 0.04;
  const Scale scale = Scale::linear(-down - room, up + room, frame_.transfer_y + transfer_height,
                                    frame_.transfer_y);
  std::vector<Tick> ticks = byte_ticks(0, std::max(up, 1.0), 2),
                    lower = byte_ticks(0, std::max(down, 1.0), 2);
  std::erase_if(ticks, [&](const Tick& tick) { return tick.value > up; });
  for (const Tick& tick : lower)
    if (tick.value > 0 && tick.value <= down && scale(-tick.value) > scale(0) + 12)
      ticks.push_back({-tick.value, tick.text});
  std::erase_if(
      ticks, [&](const Tick& tick) { return tick.value > 0 && scale(tick.value) > scale(0) - 12; });
  panel(frame_.transfer_y, transfer_height,
        "bytes transferred per " + map_.time_name + ": loads up, stores down; grey: compulsory",
        scale, ticks);
  out_.open("g", {{"clip-path", "url(#plot)"}});
  out_.open("g", {{"class", "z"}});
  transfer_bars(scale);
  out_.close();
  out_.close();
}

// The levels with their names at the right edge, those of equal height in one label, none over
// another.
void MapDrawing::taken_lines(const Scale& scale) {
  std::vector<MapLine> lines = map_.lines;
  std::stable_sort(lines.begin(), lines.end(),
                   [](const MapLine& a, const MapLine& b) { return a.bytes > b.bytes; });
  double free = frame_.taken_y - 4;
  for (std::size_t i = 0; i < lines.size();) {
    std::string text = lines[i].name;
    std::size_t next = i + 1;
    for (; next < lines.size() && lines[next].bytes == lines[i].bytes; ++next)
      text += ", " + lines[next].name;
    const double y = scale(lines[i].bytes);
    const double at = std::max(y + 4, free + 12);
    out_.lone(
        "path",
        {{"class", "ml"},
         {"stroke-dasharray", "5 3"},
         {"d", fmt::format("M{} {}H{}", left, number_text(y), number_text(frame_.right_x()))}});
    out_.leaf("text", {{"class", "t"}, {"x", frame_.right_x() + 6}, {"y", at}}, text);
    free = at;
    i = next;
  }
}

void MapDrawing::taken() {
  const auto taken = taken_bytes(map_);
  double high = map_.capacity;
  for (const MapLine& line : map_.lines) high = std::max(high, static_cast<double>(line.bytes));
  for (const std::int64_t demand : map_.demand) high = std::max(high, static_cast<double>(demand));
  const Scale scale = Scale::linear(0, high * 1.06, frame_.end_y, frame_.taken_y);
  panel(frame_.taken_y, taken_height,
        map_.demand.empty()
            ? "bytes taken"
            : "bytes taken (area), and what this order would take if nothing ever left (line)",
        scale, byte_ticks(0, high, 4));
  std::string area = fmt::format("M{} {}", left, number_text(frame_.end_y)), line;
  for (const auto& [step, bytes] : taken)
    area += fmt::format("H{}V{}", number_text(x_(step)), number_text(scale(bytes)));
  for (std::size_t i = 0; i < map_.demand.size(); ++i) {
    if (i > 0 && map_.demand[i] == map_.demand[i - 1]) continue;
    const std::string x = number_text(x_(map_.first + i));
    line += (i == 0 ? "M" + x + " " : "H" + x + "V") + number_text(scale(map_.demand[i]));
  }
  out_.open("g", {{"clip-path", "url(#plot)"}});
  out_.open("g", {{"class", "z"}});
  out_.lone("path", {{"class", "rs"},
                     {"d", area + "H" + number_text(frame_.right_x()) + "V" +
                               number_text(frame_.end_y) + "z"}});
  if (!line.empty())
    out_.lone("path", {{"class", "dm"}, {"d", line + "H" + number_text(frame_.right_x())}});
  out_.close();
  out_.close();
  taken_lines(scale);
}

std::string MapDrawing::draw() {
  const double width = frame_.right_x() + right;
  const std::string view = fmt::format("0 0 {} {}", number_text(width), number_text(frame_.height));
  if (page_)
    out_.open("svg", {{"xmlns", "http://www.w3.org/2000/svg"},
                      {"class", "pic map"},
                      {"id", "map"},
                      {"viewBox", view},
                      {"role", "img"},
                      {"aria-label", map_.title},
                      {"tabindex", "0"},
                      {"data-left", left},
                      {"data-width", frame_.width},
                      {"data-first", map_.first},
                      {"data-end", map_.end},
                      {"data-axis", frame_.end_y},
                      {"data-time", map_.time_name}});
  else
    out_.open("svg", {{"xmlns", "http://www.w3.org/2000/svg"},
                      {"viewBox", view},
                      {"width", width},
                      {"height", frame_.height}});
  if (!page_) {
    out_.leaf("title", {}, map_.title);
    out_.open("style");
    out_.raw(picture_style());
    out_.close();
    out_.lone("rect", {{"class", "bg"}, {"width", "100%"}, {"height", "100%"}});
  }
  defs();
  if (!page_)
    out_.leaf("text", {{"class", "t h"}, {"x", left}, {"y", 20.0}},
              shortened(map_.title, static_cast<std::size_t>(frame_.width / 7.5)));
  legend();
  address_axis();
  transfers();
  taken();
  out_.open("g", {{"clip-path", "url(#plot)"}});
  out_.open("g", {{"class", "z"}});
  if (!page_) steps();
  boxes();
  if (page_) steps();
  out_.close();
  labels();
  out_.close();
  marks();
  time_axis();
  return out_.finish();
}

std::string step_script(const MemoryMap& map) {
  std::string text = "[";
  for (const MapStep& step : map.steps) {
    text += fmt::format("{}[{},{},[", text.size() > 1 ? ",\n" : "", script_string(step.name),
                        script_string(step.text));
    for (std::size_t i = 0; i < step.things.size(); ++i)
      text += (i > 0 ? "," : "") + std::to_string(step.things[i]);
    text += "]]";
  }
  return text + "]";
}

void check(const MemoryMap& map) {
  assert(map.end > map.first && map.capacity > 0);
  for (const MapBox& box : map.boxes) {
    assert(box.from >= map.first && box.to < map.end && box.from <= box.to);
    assert(box.thing < static_cast<std::int32_t>(map.things.size()));
    (void)box;
  }
}

}  // namespace

std::vector<std::pair<std::int32_t, std::int64_t>> taken_bytes(const MemoryMap& map) {
  std::vector<std::int32_t> changes{map.first};
  std::vector<const MapBox*> coming, there;
  for (const MapBox& box : map.boxes) {
    if (box.bytes <= 0) continue;
    changes.push_back(box.from);
    if (box.to + 1 < map.end) changes.push_back(box.to + 1);
    coming.push_back(&box);
  }
  std::sort(changes.begin(), changes.end());
  changes.erase(std::unique(changes.begin(), changes.end()), changes.end());
  std::stable_sort(coming.begin(), coming.end(),
                   [](auto* a, auto* b) { return a->from > b->from; });
  std::vector<std::pair<std::int32_t, std::int64_t>> result;
  for (const std::int32_t step : changes) {
    std::erase_if(there, [&](const MapBox* box) { return box->to < step; });
    for (; !coming.empty() && coming.back()->from == step; coming.pop_back())
      there.push_back(coming.back());
    std::sort(there.begin(), there.end(), [](auto* a, auto* b) { return a->address < b->address; });
    std::int64_t sum = 0, end = 0;
    for (const MapBox* box : there) {
      const std::int64_t top_of_box = box->address + box->bytes;
      sum += std::max<std::int64_t>(0, top_of_box - std::max(end, box->address));
      end = std::max(end, top_of_box);
    }
    if (result.empty() || result.back().second != sum) result.emplace_back(step, sum);
  }
  return result;
}

std::string memory_map_svg(const MemoryMap& map) {
  check(map);
  const double width =
      map.steps.empty() ? narrow : std::clamp(least_pitch * span(map), narrow, widest);
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + MapDrawing(map, width, false).draw();
}

std::string memory_map_html(const MemoryMap& map) {
  check(map);
  Markup out;
  out.open("div", {{"class", "bar"}, {"id", "bar"}, {"hidden", "hidden"}});
  for (const auto& [id, text, title] :
       {std::tuple{"out", "\xE2\x88\x92", "zoom out"}, std::tuple{"in", "+", "zoom in"},
        std::tuple{"fit", "whole", "all of it"}})
    out.leaf("button", {{"type", "button"}, {"data-do", id}, {"title", title}}, text);
  out.leaf("span", {{"class", "mute"}, {"id", "shown"}}, "");
  out.close();
  out.raw(MapDrawing(map, narrow, true).draw());
  out.raw(
      "<div class=\"slide\" id=\"slide\" hidden=\"hidden\"><div></div></div>\n<div "
      "id=\"tip\"></div>\n");
  out.open("script");
  out.raw("\nconst mapSteps=" + step_script(map) + ";\n");
  out.raw(assets::memory_map_js);
  out.close();
  return out.finish();
}

}  // namespace pliant::report
