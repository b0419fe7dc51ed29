#include "data/scenes/scenes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "errors.h"

namespace pliant::data {
namespace {

TEST(Scenes, DependOnTheSeedAndTheirNumberAlone) {
  const SceneOptions options, other{.seed = 2};
  for (const std::int64_t number : {0, 1, 77, 1'000'000}) {
    EXPECT_EQ(scene(options, number), scene(options, number));
    EXPECT_EQ(drawn_scene(options, number), drawn_scene(options, number));
    EXPECT_NE(drawn_scene(options, number), drawn_scene(other, number));
  }
  // the same on every machine
  std::string all;
  for (const SceneQuestion& each : scene_questions(options, 77))
    all += each.text + " " + each.answer + "\n";
  EXPECT_EQ(all,
            "describe the picture. small green cross, top left; large green square, top; large "
            "purple cross, top right\n"
            "how many green things are there? two\n"
            "where is the purple cross? top right\n"
            "what is at the top left? small green cross\n"
            "which picture has more things? the second\n");
  std::set<std::string> described;
  for (int i = 0; i < 200; ++i) described.insert(scene_questions(options, i)[0].answer);
  EXPECT_GT(described.size(), 190u);
}

TEST(Scenes, HaveOneObjectInACellInOrder) {
  const SceneOptions options{.least = 2, .most = 9};
  std::map<std::int64_t, int> counts;
  std::set<int> kinds;
  for (int i = 0; i < 500; ++i) {
    const auto objects = scene(options, i);
    ++counts[std::ssize(objects)];
    for (std::size_t k = 0; k < objects.size(); ++k) {
      const SceneObject& each = objects[k];
      ASSERT_TRUE(each.row >= 0 && each.row < 3 && each.column >= 0 && each.column < 3);
      if (k > 0) {
        EXPECT_LT(objects[k - 1].row * 3 + objects[k - 1].column, each.row * 3 + each.column);
      }
      kinds.insert(static_cast<int>(each.shape) * 16 + static_cast<int>(each.colour) * 2 +
                   static_cast<int>(each.size));
    }
  }
  EXPECT_EQ(counts.size(), 8u);
  EXPECT_EQ(counts.begin()->first, 2);
  EXPECT_EQ(kinds.size(), 4u * 6u * 2u);
}

// The cell's middle has the object's colour, an empty one's the ground's.
TEST(Scenes, ShowWhatTheySay) {
  const SceneOptions options{.side = 90, .least = 3, .most = 6, .noise = 0};
  for (int i = 0; i < 20; ++i) {
    const Image image = drawn_scene(options, i);
    std::vector<bool> filled(9);
    for (const SceneObject& each : scene(options, i)) {
      filled[each.row * 3 + each.column] = true;
      const auto* pixel = &image.pixels[((each.row * 30 + 15) * 90 + each.column * 30 + 15) * 3];
      const bool red = pixel[0] > 150, green = pixel[1] > 150, blue = pixel[2] > 150;
      const std::map<SceneColour, std::vector<bool>> wanted{
          {SceneColour::red, {true, false, false}},  {SceneColour::green, {false, true, false}},
          {SceneColour::blue, {false, false, true}}, {SceneColour::yellow, {true, true, false}},
          {SceneColour::white, {true, true, true}},  {SceneColour::purple, {true, false, true}}};
      EXPECT_EQ((std::vector<bool>{red, green, blue}), wanted.at(each.colour)) << i;
    }
    for (int cell = 0; cell < 9; ++cell)
      if (!filled[cell]) {
        EXPECT_LT(image.pixels[((cell / 3 * 30 + 15) * 90 + cell % 3 * 30 + 15) * 3], 40);
      }
  }
}

// Answers are found again from the words of the question.
TEST(Scenes, AnswersFollowFromTheScene) {
  const SceneOptions options{.most = 6};
  std::map<QuestionKind, std::set<std::string>> answers;
  for (int i = 0; i < 300; ++i) {
    const auto objects = scene(options, i);
    for (const SceneQuestion& each : scene_questions(options, i)) {
      answers[each.kind].insert(each.answer);
      EXPECT_EQ(each.scenes.front(), i);
      if (each.kind == QuestionKind::what) {
        const auto found = std::ranges::find_if(objects, [&](const SceneObject& o) {
          return each.text == "what is at the " + place(o) + "?";
        });
        ASSERT_NE(found, objects.end());
        EXPECT_NE(each.answer.find(name(found->colour)), std::string::npos);
      }
      if (each.kind == QuestionKind::where) {
        const auto found = std::ranges::count_if(objects, [&](const SceneObject& o) {
          return place(o) == each.answer && each.text.find(name(o.shape)) != std::string::npos &&
                 each.text.find(name(o.colour)) != std::string::npos;
        });
        EXPECT_EQ(found, 1);
      }
      if (each.kind == QuestionKind::compare) {
        EXPECT_EQ(each.answer == "the first", objects.size() > scene(options, i + 1).size());
      }
    }
  }
  EXPECT_EQ(answers.size(), 5u);
  EXPECT_EQ(answers[QuestionKind::compare].size(), 3u);
  EXPECT_EQ(answers[QuestionKind::where].size(), 9u);
  EXPECT_TRUE(answers[QuestionKind::count].contains("none"));
}

TEST(Scenes, RefuseWhatIsOutOfRange) {
  const auto said = [](const SceneOptions& options) {
    return error_of([&] { scene(options, 0); });
  };
  EXPECT_NE(said({.side = 8}).find("8 pixels a side"), std::string::npos);
  EXPECT_NE(said({.least = 0}).find("0 to 4 objects"), std::string::npos);
  EXPECT_NE(said({.most = 10}).find("1 to 10 objects"), std::string::npos);
  EXPECT_NE(said({.noise = 2}).find("noise of 2"), std::string::npos);
  EXPECT_NE(error_of([&] { scene({}, -1); }).find("scene -1"), std::string::npos);
}

}  // namespace
}  // namespace pliant::data
