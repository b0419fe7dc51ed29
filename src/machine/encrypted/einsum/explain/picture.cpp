#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>

#include "machine/encrypted/einsum/explain/drawing.h"
#include "report/markup.h"
#include "report/style.h"

namespace pliant::einsum {
namespace {

using report::Markup;
using report::number_text;

constexpr double kWidth = 1160, kMargin = 16, kSide = 530, kMap = 124, kGap = 10, kLine = 16;
constexpr double kCellHeight = 20;
constexpr int kShades = 8;
constexpr std::size_t kPieces = 3000;  // of a map; what takes more is cut off
constexpr std::int64_t kCells = 64;    // up to so many slots are written down

// How a slot looks in the map of a label: a shade of the label's colour, or one of these.
constexpr int kZero = -1, kOther = -2, kUseless = -3;

std::string colour(std::size_t label) { return fmt::format("p{}", label % report::series_count); }
double opacity(int shade) { return 0.18 + 0.82 * shade / (kShades - 1); }

class LabelMap {
 public:
  LabelMap(const SlotContents& contents, const Drawing& drawing, std::size_t label)
      : contents_(contents),
        labels_(drawing.labels),
        label_(label),
        size_(drawing.labels[label].size) {}

  // Whether a slot has one index of the label, or sums of some.
  bool tells() const {
    return std::ranges::any_of(contents_.ranges[label_], [&](const LabelRange& range) {
      return range.low >= 0 && (!whole(range) || labels_[label_].kept);
    });
  }
  bool summed() const {
    return !labels_[label_].kept &&
           std::ranges::any_of(contents_.ranges[label_],
                               [&](const LabelRange& range) { return whole(range); });
  }

  int look(std::size_t slot) const {
    if (contents_.kinds[slot] == SlotKind::zero) return kZero;
    if (is_useless(contents_, labels_, slot)) return kUseless;
    const LabelRange& range = contents_.ranges[label_][slot];
    if (range.low < 0 || whole(range)) return kOther;
    if (size_ <= kShades) return static_cast<int>(range.low * (kShades - 1) / (size_ - 1));
    return static_cast<int>(range.low * kShades / size_);
  }

 private:
  bool whole(const LabelRange& range) const { return range.low == 0 && range.high + 1 == size_; }

  const SlotContents& contents_;
  const std::vector<LabelSize>& labels_;
  std::size_t label_;
  std::int64_t size_;
};

// Rectangles of one look, in cells.
struct Piece {
  std::size_t column = 0, row = 0, width = 1, height = 1;
};

class Pieces {
 public:
  Pieces(const LabelMap& map, std::size_t columns, std::size_t rows) {
    std::map<std::pair<std::size_t, std::size_t>, std::pair<int, std::size_t>>
        above;  // look, piece
    for (std::size_t row = 0; row < rows && count_ < kPieces; ++row, shown_ = row) {
      decltype(above) here;
      for (std::size_t column = 0; column < columns;) {
        const int look = map.look(row * columns + column);
        std::size_t end = column + 1;
        while (end < columns && map.look(row * columns + end) == look) ++end;
        const auto found = above.find({column, end});
        if (found != above.end() && found->second.first == look) {
          ++pieces_[look][found->second.second].height;
          here[{column, end}] = found->second;
        } else {
          here[{column, end}] = {look, pieces_[look].size()};
          pieces_[look].push_back({column, row, end - column, 1});
          ++count_;
        }
        column = end;
      }
      above = std::move(here);
    }
  }
  const std::map<int, std::vector<Piece>>& all() const { return pieces_; }
  std::size_t rows() const { return shown_; }

 private:
  std::map<int, std::vector<Piece>> pieces_;
  std::size_t count_ = 0, shown_ = 0;
};

class Picture {
 public:
  explicit Picture(const Drawing& drawing) : drawing_(drawing) {}

  std::string draw() {
    legend();
    for (std::size_t i = 0; i < drawing_.stages.size(); ++i) stage(i);
    Markup whole;
    const double height = y_ + kMargin;
    whole.open("svg", {{"xmlns", "http://www.w3.org/2000/svg"},
                       {"class", "pic"},
                       {"viewBox", fmt::format("0 0 {} {}", kWidth, number_text(height))},
                       {"width", kWidth},
                       {"height", height},
                       {"role", "img"}});
    whole.leaf("title", {}, "slots of " + drawing_.expression);
    return frame(std::move(whole), height);
  }

 private:
  std::string frame(Markup whole, double height) {
    whole.open("style");
    whole.raw(report::picture_style());
    whole.close();
    whole.open("defs");
    whole.raw(
        "<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><path "
        "class=\"hb\" d=\"M0 0h6v6H0z\"/><path class=\"hl\" d=\"M-1 1l2-2M0 6l6-6M5 "
        "7l2-2\"/></pattern>\n");
    whole.close();
    whole.lone("rect", {{"class", "bg"}, {"width", kWidth}, {"height", height}});
    whole.raw(out_.finish());
    return whole.finish();
  }

  void text(const char* look, double x, double y, const std::string& words,
            const char* anchor = "start") {
    out_.leaf("text", {{"class", look}, {"x", x}, {"y", y}, {"text-anchor", anchor}}, words);
  }
  void box(double x, double y, double width, double height) {
    out_.lone("rect", {{"class", "x"}, {"x", x}, {"y", y}, {"width", width}, {"height", height}});
  }
  void fill(int look, std::size_t label, const std::string& path) {
    if (look == kZero) return;
    if (look == kUseless) out_.lone("path", {{"class", "s"}, {"d", path}});
    else if (look == kOther) out_.lone("path", {{"class", "hb"}, {"d", path}});
    else
      out_.lone("path", {{"class", colour(label)}, {"fill-opacity", opacity(look)}, {"d", path}});
  }
  static std::string rectangle(double x, double y, double width, double height) {
    return fmt::format("M{} {}h{}v{}h{}z", number_text(x), number_text(y), number_text(width),
                       number_text(height), number_text(-width));
  }

  void legend() {
    text("t h", kMargin, 24, drawing_.expression);
    double x = kMargin;
    for (std::size_t l = 0; l < drawing_.labels.size(); ++l) {
      const LabelSize& label = drawing_.labels[l];
      text("t", x, 48, fmt::format("{}: 0", label.label));
      for (int shade = 0; shade < kShades; ++shade)
        fill(shade, l, rectangle(x + 24 + 9 * shade, 39, 9, 11));
      text("t", x + 24 + 9 * kShades + 4, 48, fmt::format("{}", label.size - 1));
      x += 24 + 9 * kShades + 46;
    }
    sign(kMargin, kZero, "zero");
    sign(kMargin + 90, kOther, "in use, whatever the map's label is, or summed over it");
    sign(kMargin + 430, kUseless, "in use, but of no use: elements that do not belong together");
    text("q", kMargin, 94,
         "Slots from left to right, then from top to bottom; each map shows one label's index.");
    y_ = 104;
  }
  void sign(double x, int look, const char* words) {
    fill(look, 0, rectangle(x, 60, 13, 12));
    box(x, 60, 13, 12);
    text("t", x + 19, 70, words);
  }

  void stage(std::size_t i) {
    const DrawnStage& drawn = drawing_.stages[i];
    y_ += 14;
    out_.lone(
        "path",
        {{"class", "g"},
         {"d", fmt::format("M{} {}H{}", kMargin, number_text(y_), number_text(kWidth - kMargin))}});
    y_ += 22;
    text("t h", kMargin, y_, fmt::format("{}  {}", i + 1, drawn.stage.title));
    text("q", kMargin, y_ + kLine, work_text(drawn.stage));
    y_ += kLine + 14;
    const double top = y_;
    side(kMargin, "before", drawn.before, drawn.stage.before.size());
    const double left_end = y_;
    y_ = top;
    side(kWidth - kMargin - kSide, "after", drawn.after, drawn.stage.after.size());
    y_ = std::max(y_, left_end);
    const double middle = std::min(top + 100, (top + y_) / 2);
    out_.lone("path", {{"class", "x"},
                       {"d", fmt::format("M{} {}h30m-6 -5l6 5l-6 5", number_text(kWidth / 2 - 15),
                                         number_text(middle))}});
  }

  void side(double x, const char* name, const std::vector<DrawnCipher>& ciphers, std::size_t all) {
    for (const DrawnCipher& cipher : ciphers) {
      text("t", x, y_ + 10, fmt::format("{}  {}", name, cipher_text(cipher, drawing_)));
      y_ += kLine + 4;
      if (std::cmp_less_equal(cipher.contents.kinds.size(), kCells)) cells(x, cipher);
      else maps(x, cipher);
    }
    if (all > ciphers.size()) {
      text("q", x, y_ + 10, fmt::format("and {} more", all - ciphers.size()));
      y_ += kLine;
    }
  }

  // Every slot with what is in it.
  void cells(double x, const DrawnCipher& cipher) {
    const std::size_t slots = cipher.contents.kinds.size(),
                      columns = std::min<std::size_t>(slots, 8);
    const double width = kSide / static_cast<double>(columns);
    for (std::size_t s = 0; s < slots; ++s) {
      const double left = x + width * static_cast<double>(s % columns),
                   top = y_ + kCellHeight * static_cast<double>(s / columns);
      const bool used = cipher.contents.kinds[s] != SlotKind::zero,
                 useless = is_useless(cipher.contents, drawing_.labels, s);
      if (used) fill(kOther, 0, rectangle(left, top, width, kCellHeight));
      if (useless) fill(kUseless, 0, rectangle(left, top + kCellHeight - 6, width, 6));
      box(left, top, width, kCellHeight);
      if (used && !useless) label_bars(cipher.contents, s, left, top, width);
      text("t", left + width / 2, top + 13, slot_text(cipher.contents, drawing_.labels, s),
           "middle");
    }
    y_ += kCellHeight * static_cast<double>(slots / columns) + kGap;
  }
  // A stripe for each label below the words.
  void label_bars(const SlotContents& contents, std::size_t slot, double x, double y,
                  double width) {
    std::vector<std::pair<std::size_t, int>> bars;
    for (std::size_t l = 0; l < drawing_.labels.size(); ++l)
      if (const int look = LabelMap(contents, drawing_, l).look(slot); look >= 0)
        bars.emplace_back(l, look);
    const double each = width / static_cast<double>(bars.size());
    for (std::size_t i = 0; i < bars.size(); ++i)
      fill(bars[i].second, bars[i].first,
           rectangle(x + each * static_cast<double>(i), y + kCellHeight - 4, each, 4));
  }

  void maps(double x, const DrawnCipher& cipher) {
    const std::size_t bits = std::bit_width(cipher.contents.kinds.size()) - 1,
                      columns = std::size_t{1} << ((bits + 1) / 2),
                      rows = std::size_t{1} << (bits / 2);
    const double height = kMap * static_cast<double>(rows) / static_cast<double>(columns);
    double at = x;
    std::string summed;
    for (std::size_t l = 0; l < drawing_.labels.size(); ++l) {
      const LabelMap map(cipher.contents, drawing_, l);
      if (map.summed())
        summed += fmt::format("{}{}", summed.empty() ? "" : ", ", drawing_.labels[l].label);
      if (!map.tells()) continue;
      if (at + kMap > x + kSide) at = x, y_ += height + kLine + 8;
      draw_map(map, l, at, columns, rows);
      at += kMap + kGap;
    }
    if (at == x) draw_map(LabelMap(cipher.contents, drawing_, 0), 0, at, columns, rows, "all");
    y_ += height + kLine + 14;
    text("q", x, y_, "first slots: " + first_slots_text(cipher, drawing_));
    if (!summed.empty()) text("q", x, y_ += kLine, "summed over " + summed);
    y_ += 14;
  }

  void draw_map(const LabelMap& map, std::size_t label, double x, std::size_t columns,
                std::size_t rows, const std::string& name = "") {
    const double cell = kMap / static_cast<double>(columns),
                 height = cell * static_cast<double>(rows);
    const Pieces pieces(map, columns, rows);
    text("t", x, y_ + 10, name.empty() ? std::string(1, drawing_.labels[label].label) : name);
    const double top = y_ + kLine;
    // in cells, which is short; but a hatching of that scale would not be one
    out_.open("g", {{"transform", fmt::format("translate({} {}) scale({:.6f})", number_text(x),
                                              number_text(top), cell)}});
    std::string useless;
    for (const auto& [look, all] : pieces.all()) {
      std::string path;
      for (const Piece& p : all) {
        path += fmt::format("M{} {}h{}v{}h-{}z", p.column, p.row, p.width, p.height, p.width);
        if (look == kUseless)
          useless += rectangle(
              x + cell * static_cast<double>(p.column), top + cell * static_cast<double>(p.row),
              cell * static_cast<double>(p.width), cell * static_cast<double>(p.height));
      }
      if (look != kUseless) fill(look, label, path);
    }
    out_.close();
    if (!useless.empty()) fill(kUseless, label, useless);
    box(x, top, kMap, height);
    if (pieces.rows() < rows)
      text("q", x, top + height + 11, fmt::format("first {} rows", pieces.rows()));
  }

  const Drawing& drawing_;
  Markup out_;
  double y_ = 0;
};

}  // namespace

std::string stages_svg(const Drawing& drawing) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + stages_picture(drawing);
}

std::string stages_picture(const Drawing& drawing) { return Picture(drawing).draw(); }

}  // namespace pliant::einsum
