#include "data/images/shapes.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/rng.h"
#include "image/byte.h"

namespace pliant::data {
namespace {

using std::numbers::pi;

struct Point {
  double x, y;
};

double length(Point p) { return std::hypot(p.x, p.y); }
bool in_box(Point p, double x, double y) { return std::abs(p.x) < x && std::abs(p.y) < y; }
bool in_disc(Point p, Point centre, double radius) {
  return length({p.x - centre.x, p.y - centre.y}) < radius;
}

// A regular polygon with a corner at distance 0.95.
bool in_polygon(Point p, int corners) {
  const double part = 2 * pi / corners;
  const double angle = std::fmod(std::atan2(p.y, p.x) + 2 * pi, part) - part / 2;
  return length(p) * std::cos(angle) < 0.95 * std::cos(part / 2);
}

bool in_star(Point p) {
  const double part = 2 * pi / 5;
  const double angle = std::abs(std::fmod(std::atan2(p.y, p.x) + 2 * pi, part) - part / 2);
  return length(p) < 0.95 - 0.6 * (1 - angle / (part / 2));
}

// A shape is what it covers of the square from -1 to 1.
struct Kind {
  const char* name;
  bool (*covers)(Point);
};

constexpr std::array<Kind, 16> kinds{{
    {"disc", [](Point p) { return length(p) < 0.85; }},
    {"ring", [](Point p) { return length(p) < 0.9 && length(p) > 0.5; }},
    {"square", [](Point p) { return in_box(p, 0.72, 0.72); }},
    {"frame", [](Point p) { return in_box(p, 0.75, 0.75) && !in_box(p, 0.42, 0.42); }},
    {"triangle", [](Point p) { return in_polygon(p, 3); }},
    {"pentagon", [](Point p) { return in_polygon(p, 5); }},
    {"star", in_star},
    {"cross", [](Point p) { return in_box(p, 0.25, 0.9) || in_box(p, 0.9, 0.25); }},
    {"half disc",
     [](Point p) {
       return in_disc(p, {0, -0.4}, 0.9) && p.y > -0.4;
     }},
    {"crescent",
     [](Point p) {
       return length(p) < 0.9 && !in_disc(p, {0.4, 0}, 0.7);
     }},
    {"ellipse",
     [](Point p) {
       return length({p.x, p.y / 0.45}) < 0.95;
     }},
    {"two discs",
     [](Point p) {
       return in_disc(p, {-0.5, 0}, 0.4) || in_disc(p, {0.5, 0}, 0.4);
     }},
    {"bars", [](Point p) { return in_box(p, 0.85, 0.85) && std::fmod(p.x + 0.85, 0.68) < 0.34; }},
    {"angle", [](Point p) { return in_box(p, 0.8, 0.8) && (p.x < -0.35 || p.y < -0.35); }},
    {"T", [](Point p) { return in_box(p, 0.8, 0.8) && (p.y < -0.35 || std::abs(p.x) < 0.22); }},
    {"arrow",
     [](Point p) {
       const bool head = p.y > 0 && p.y < 0.9 && std::abs(p.x) < 0.8 * (1 - p.y / 0.9);
       return head || (p.y <= 0 && p.y > -0.9 && std::abs(p.x) < 0.22);
     }},
}};

using Colour = std::array<double, 3>;  // 0 to 1

Colour any_colour(Rng& rng) { return {rng.uniform(), rng.uniform(), rng.uniform()}; }

double distance(const Colour& a, const Colour& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares);
}

// Where a shape lies in the picture, whose sides are 1.
struct Place {
  Point centre;
  double scale, cos, sin;

  Point inside(Point p) const {
    const double x = (p.x - centre.x) / scale, y = (p.y - centre.y) / scale;
    return {cos * x + sin * y, cos * y - sin * x};
  }
};

Place any_place(Rng& rng, double least, double most) {
  const double scale = least + (most - least) * rng.uniform(), angle = 2 * pi * rng.uniform();
  const auto centre = [&] { return 0.5 + (0.5 - 0.8 * scale) * (2 * rng.uniform() - 1); };
  return {{centre(), centre()}, scale, std::cos(angle), std::sin(angle)};
}

struct Scene {
  Colour ground, shape, slope;
  Place place;
  std::array<Place, 2> patches;
  std::array<Colour, 2> patch_colours;
};

Scene any_scene(Rng& rng) {
  Scene scene{};
  scene.ground = any_colour(rng);
  do scene.shape = any_colour(rng);
  while (distance(scene.ground, scene.shape) < 0.45);
  for (double& each : scene.slope) each = 0.3 * (2 * rng.uniform() - 1);
  scene.place = any_place(rng, 0.22, 0.45);
  for (Place& each : scene.patches) each = any_place(rng, 0.05, 0.12);
  for (Colour& each : scene.patch_colours) each = any_colour(rng);
  return scene;
}

// How much of a pixel a shape covers: of 3 x 3 points in it.
template <typename Covers>
double share(int x, int y, int side, const Place& place, Covers&& covers) {
  int inside = 0;
  for (int i = 0; i < 9; ++i)
    inside +=
        covers(place.inside({(x + (i % 3 + 0.5) / 3) / side, (y + (i / 3 + 0.5) / 3) / side}));
  return inside / 9.0;
}

Colour colour_at(const Scene& scene, int x, int y, int side, const Kind& kind) {
  Colour colour = scene.ground;
  const auto lay = [&](const Colour& over, double covered) {
    for (std::size_t c = 0; c < colour.size(); ++c) colour[c] += covered * (over[c] - colour[c]);
  };
  for (std::size_t i = 0; i < scene.patches.size(); ++i)
    lay(scene.patch_colours[i],
        share(x, y, side, scene.patches[i], [](Point p) { return in_box(p, 1, 0.5); }));
  lay(scene.shape, share(x, y, side, scene.place, kind.covers));
  const double across = static_cast<double>(x) / side - 0.5;
  for (std::size_t c = 0; c < colour.size(); ++c) colour[c] += across * scene.slope[c];
  return colour;
}

}  // namespace

Shapes::Shapes(const ShapesOptions& options) : options_(options) {
  const auto demand = [](bool fine, const char* field, std::string problem) {
    if (!fine)
      throw Error(ErrorKind::invalid, fmt::format("shapes: {}", field), std::move(problem));
  };
  demand(options.count > 0, "count", fmt::format("is {}", options.count));
  demand(options.side >= 16 && options.side <= 256, "side",
         fmt::format("{} is not 16 to 256 pixels", options.side));
  demand(options.noise >= 0 && options.noise <= 1, "noise",
         fmt::format("{} is not 0 to 1", options.noise));
}

const std::vector<std::string>& Shapes::classes() const {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Kind& each : kinds) all.emplace_back(each.name);
    return all;
  }();
  return names;
}

LabelledImage Shapes::at(std::int64_t index) const {
  const int side = options_.side;
  Rng rng(options_.seed, static_cast<std::uint64_t>(index));
  const Scene scene = any_scene(rng);
  const std::size_t label = static_cast<std::size_t>(index) % kinds.size();
  LabelledImage result{{side, side, {}}, static_cast<std::int64_t>(label)};
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (const double each : colour_at(scene, x, y, side, kinds[label]))
        result.image.pixels.push_back(to_byte(255 * (each + options_.noise * rng.normal())));
  return result;
}

}  // namespace pliant::data
