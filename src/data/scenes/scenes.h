// Drawn scenes and questions about them: what a vision-language model is trained and judged on
// without files of others. Scene and questions depend on the seed and their number alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/rng.h"
#include "image/image.h"

namespace pliant::data {

enum class SceneShape : std::uint8_t { disc, square, triangle, cross };
enum class SceneColour : std::uint8_t { red, green, blue, yellow, white, purple };
enum class SceneSize : std::uint8_t { small, large };
std::string_view name(SceneShape shape);
std::string_view name(SceneColour colour);
std::string_view name(SceneSize size);

inline constexpr int scene_cells = 3;  // a scene is a grid of so many cells each way

struct SceneObject {
  SceneShape shape = SceneShape::disc;
  SceneColour colour = SceneColour::red;
  SceneSize size = SceneSize::small;
  int row = 0, column = 0;  // of its cell, from the top left; one object in a cell
  bool operator==(const SceneObject&) const = default;
};
std::string place(const SceneObject& object);  // "top left", "middle", "bottom" ...

struct SceneOptions {
  int side = 48;            // pixels, 24 to 512
  int least = 1, most = 4;  // objects, 1 to 9
  std::uint64_t seed = 1;   // of training and test scenes: two
  double noise = 0.04;      // deviation of every pixel's channels, in units of the full range
};

// Objects in the order of their cells. Throws Error{invalid} for options out of range.
std::vector<SceneObject> scene(const SceneOptions& options, std::int64_t number);
// Each object a little off its cell's middle, on dark ground. Throws as scene().
Image drawn_scene(const SceneOptions& options, std::int64_t number);

enum class QuestionKind : std::uint8_t { describe, count, where, what, compare };
std::string_view name(QuestionKind kind);

struct SceneQuestion {
  QuestionKind kind = QuestionKind::describe;
  std::vector<std::int64_t> scenes;  // that it shows: its own, and for compare the next one too
  std::string text, answer;
};

// One of each kind that the scene allows: `where` and `what` need an object that no other is
// mistaken for. Answers follow from scene() alone. Throws as scene().
std::vector<SceneQuestion> scene_questions(const SceneOptions& options, std::int64_t number);

}  // namespace pliant::data
