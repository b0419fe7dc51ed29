#include "data/scenes/scenes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "image/byte.h"

namespace pliant::data {
namespace {

constexpr std::array<std::string_view, 4> shapes{"disc", "square", "triangle", "cross"};
constexpr std::array<std::string_view, 6> colours{"red",    "green", "blue",
                                                  "yellow", "white", "purple"};
constexpr double pixels_of[][3] = {{0.9, 0.15, 0.15}, {0.15, 0.75, 0.2},  {0.2, 0.35, 0.95},
                                   {0.95, 0.85, 0.2}, {0.95, 0.95, 0.95}, {0.65, 0.25, 0.75}};
constexpr double ground = 0.12;

// Streams of the seed: what is there, how it is drawn, what is asked.
enum Stream : std::uint64_t { objects, drawing, asking, streams };

Rng rng_of(const SceneOptions& options, std::int64_t number, Stream stream) {
  return Rng(options.seed, static_cast<std::uint64_t>(number) * streams + stream);
}

void check(const SceneOptions& options, std::int64_t number) {
  const auto refuse = [](std::string problem) {
    throw Error(ErrorKind::invalid, "scenes", std::move(problem));
  };
  if (options.side < 24 || options.side > 512)
    refuse(fmt::format("{} pixels a side, from 24 to 512 expected", options.side));
  if (options.least < 1 || options.most < options.least || options.most > scene_cells * scene_cells)
    refuse(fmt::format("{} to {} objects, within 1 to {} expected", options.least, options.most,
                       scene_cells * scene_cells));
  if (!(options.noise >= 0 && options.noise <= 0.5))
    refuse(fmt::format("noise of {}, from 0 to 0.5 expected", options.noise));
  if (number < 0) refuse(fmt::format("scene {}", number));
}

// Whether a point of the square from -1 to 1 belongs to the shape.
bool covers(SceneShape shape, double x, double y) {
  switch (shape) {
    case SceneShape::disc: return x * x + y * y < 0.81;
    case SceneShape::square: return std::abs(x) < 0.8 && std::abs(y) < 0.8;
    case SceneShape::triangle: return y < 0.8 && y > -0.9 && std::abs(x) < (y + 0.9) / 1.9;
    case SceneShape::cross:
      return (std::abs(x) < 0.28 && std::abs(y) < 0.9) || (std::abs(y) < 0.28 && std::abs(x) < 0.9);
  }
  return false;
}

struct Drawn {
  SceneObject object;
  double x, y, radius;  // in pixels
};

Drawn drawn(const SceneObject& object, int side, Rng& rng) {
  const double cell = static_cast<double>(side) / scene_cells;
  const auto middle = [&](int index) {
    return (index + 0.5) * cell + (rng.uniform() - 0.5) * 0.12 * cell;
  };
  const double x = middle(object.column), y = middle(object.row);
  return {object, x, y, cell * (object.size == SceneSize::large ? 0.44 : 0.24)};
}

// How much of a pixel the object covers: of 3 x 3 points in it.
double share(const Drawn& each, int x, int y) {
  int inside = 0;
  for (int i = 0; i < 9; ++i)
    inside += covers(each.object.shape, (x + (i % 3 + 0.5) / 3 - each.x) / each.radius,
                     (y + (i / 3 + 0.5) / 3 - each.y) / each.radius)
                  ? 1
                  : 0;
  return inside / 9.0;
}

std::string words(const SceneObject& object) {
  return fmt::format("{} {} {}", name(object.size), name(object.colour), name(object.shape));
}

std::string number_word(std::int64_t count) {
  constexpr std::array<std::string_view, 10> names{"none", "one", "two",   "three", "four",
                                                   "five", "six", "seven", "eight", "nine"};
  return std::string(names[static_cast<std::size_t>(count)]);
}

class Asker {
 public:
  Asker(const SceneOptions& options, std::int64_t number)
      : options_(options),
        number_(number),
        here_(scene(options, number)),
        rng_(rng_of(options, number, asking)) {}

  std::vector<SceneQuestion> all() {
    describe();
    count();
    where();
    what();
    compare();
    return std::move(questions_);
  }

 private:
  void add(QuestionKind kind, std::string text, std::string answer) {
    questions_.push_back({kind, {number_}, std::move(text), std::move(answer)});
  }
  const SceneObject& any() { return here_[rng_.below(std::ssize(here_))]; }

  void describe() {
    std::string answer;
    for (const SceneObject& each : here_)
      answer += fmt::format("{}{}, {}", answer.empty() ? "" : "; ", words(each), place(each));
    add(QuestionKind::describe, "describe the picture.", answer);
  }

  // A colour or shape that is there, or, one time of four, any.
  void count() {
    const bool by_colour = rng_.below(2) == 0, anything = rng_.below(4) == 0;
    const SceneColour colour =
        anything ? SceneColour(rng_.below(std::ssize(colours))) : any().colour;
    const SceneShape shape = anything ? SceneShape(rng_.below(std::ssize(shapes))) : any().shape;
    const std::int64_t found = std::ranges::count_if(here_, [&](const SceneObject& each) {
      return by_colour ? each.colour == colour : each.shape == shape;
    });
    add(QuestionKind::count,
        by_colour ? fmt::format("how many {} things are there?", name(colour))
                  : fmt::format("how many {} are there?", plural(shape)),
        number_word(found));
  }
  static std::string plural(SceneShape shape) {
    return shape == SceneShape::cross ? "crosses" : std::string(name(shape)) + "s";
  }

  void where() {
    const SceneObject& one = any();
    if (std::ranges::count_if(here_, [&](const SceneObject& each) {
          return each.colour == one.colour && each.shape == one.shape;
        }) == 1)
      add(QuestionKind::where,
          fmt::format("where is the {} {}?", name(one.colour), name(one.shape)), place(one));
  }

  void what() {
    const SceneObject& one = any();
    add(QuestionKind::what, fmt::format("what is at the {}?", place(one)), words(one));
  }

  void compare() {
    const std::vector<SceneObject> next = scene(options_, number_ + 1);
    const auto first = std::ssize(here_), second = std::ssize(next);
    questions_.push_back({QuestionKind::compare,
                          {number_, number_ + 1},
                          "which picture has more things?",
                          first == second  ? "both the same"
                          : first > second ? "the first"
                                           : "the second"});
  }

  const SceneOptions& options_;
  std::int64_t number_;
  std::vector<SceneObject> here_;
  Rng rng_;
  std::vector<SceneQuestion> questions_;
};

}  // namespace

std::string_view name(SceneShape shape) { return shapes[static_cast<std::size_t>(shape)]; }
std::string_view name(SceneColour colour) { return colours[static_cast<std::size_t>(colour)]; }
std::string_view name(SceneSize size) { return size == SceneSize::small ? "small" : "large"; }

std::string_view name(QuestionKind kind) {
  constexpr std::array<std::string_view, 5> names{"describe", "count", "where", "what", "compare"};
  return names[static_cast<std::size_t>(kind)];
}

std::string place(const SceneObject& object) {
  constexpr std::array<std::string_view, scene_cells> rows{"top", "", "bottom"},
      columns{"left", "", "right"};
  const std::string_view row = rows[static_cast<std::size_t>(object.row)],
                         column = columns[static_cast<std::size_t>(object.column)];
  if (row.empty() && column.empty()) return "middle";
  if (row.empty()) return std::string(column);
  return column.empty() ? std::string(row) : fmt::format("{} {}", row, column);
}

std::vector<SceneObject> scene(const SceneOptions& options, std::int64_t number) {
  check(options, number);
  Rng rng = rng_of(options, number, objects);
  std::array<int, scene_cells * scene_cells> cells{};
  std::iota(cells.begin(), cells.end(), 0);
  const std::int64_t count = rng.between(options.least, options.most);
  for (std::int64_t i = 0; i < count; ++i)  // the first ones of an even order
    std::swap(cells[static_cast<std::size_t>(i)],
              cells[static_cast<std::size_t>(rng.between(i, std::ssize(cells) - 1))]);
  std::sort(cells.begin(), cells.begin() + count);
  std::vector<SceneObject> result;
  for (std::int64_t i = 0; i < count; ++i) {
    const int cell = cells[static_cast<std::size_t>(i)];
    const auto shape = SceneShape(rng.below(std::ssize(shapes)));
    const auto colour = SceneColour(rng.below(std::ssize(colours)));
    const auto size = rng.below(2) == 0 ? SceneSize::small : SceneSize::large;
    result.push_back({shape, colour, size, cell / scene_cells, cell % scene_cells});
  }
  return result;
}

Image drawn_scene(const SceneOptions& options, std::int64_t number) {
  const std::vector<SceneObject> there = scene(options, number);
  Rng rng = rng_of(options, number, drawing);
  std::vector<Drawn> all;
  for (const SceneObject& each : there) all.push_back(drawn(each, options.side, rng));
  Image image{options.side, options.side, {}};
  for (int y = 0; y < options.side; ++y)
    for (int x = 0; x < options.side; ++x) {
      double colour[3] = {ground, ground, ground};
      for (const Drawn& each : all)
        if (const double covered = share(each, x, y); covered > 0)
          for (int c = 0; c < 3; ++c)
            colour[c] +=
                covered * (pixels_of[static_cast<std::size_t>(each.object.colour)][c] - colour[c]);
      for (const double channel : colour)
        image.pixels.push_back(to_byte(255 * (channel + options.noise * rng.normal())));
    }
  return image;
}

std::vector<SceneQuestion> scene_questions(const SceneOptions& options, std::int64_t number) {
  return Asker(options, number).all();
}

}  // namespace pliant::data
