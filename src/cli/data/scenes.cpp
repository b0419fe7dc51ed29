#include "data/scenes/scenes.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/log/progress.h"
#include "image/encode.h"

namespace pliant::cli {
namespace {

using nlohmann::ordered_json;

struct ScenesVerb {
  std::string out;
  std::int64_t count = 1000;
  data::SceneOptions scenes;
};

std::string file_name(std::int64_t number) { return fmt::format("{:06}.png", number); }

std::string line(const data::SceneQuestion& question, std::int64_t number) {
  ordered_json images = ordered_json::array();
  for (const std::int64_t each : question.scenes) images.push_back("images/" + file_name(each));
  return ordered_json{{"id", fmt::format("{}-{}", number, data::name(question.kind))},
                      {"images", std::move(images)},
                      {"question", question.text},
                      {"answer", question.answer}}
             .dump() +
         "\n";
}

int run_scenes(ScenesVerb& verb, const Invocation& context) {
  verb.scenes.seed = static_cast<std::uint64_t>(context.common.seed);
  (void)data::scene(verb.scenes, 0);  // options are refused before anything is written
  namespace fs = std::filesystem;
  if (fs::exists(verb.out) && !(fs::is_directory(verb.out) && fs::is_empty(verb.out)))
    throw Error(ErrorKind::usage, verb.out, "is there already", "name a new or empty folder");
  fs::create_directories(fs::path(verb.out) / "images");
  Progress progress(context.log, steady_clock());
  std::string questions;
  std::array<std::int64_t, 5> kinds{};
  for (std::int64_t i = 0; i < verb.count; ++i) {
    if (context.stop)
      throw Error(
          ErrorKind::cancelled, "data scenes",
          fmt::format("ended after {} of {} pictures; no questions are written", i, verb.count));
    progress.show([&] { return fmt::format("data scenes: {} of {}", i, verb.count); });
    write_file(fmt::format("{}/images/{}", verb.out, file_name(i)),
               encode_png(data::drawn_scene(verb.scenes, i)));
    for (const data::SceneQuestion& each : data::scene_questions(verb.scenes, i)) {
      if (each.scenes.back() >= verb.count) continue;  // of a picture that is not drawn
      questions += line(each, i);
      ++kinds[static_cast<std::size_t>(each.kind)];
    }
  }
  write_file(verb.out + "/questions.jsonl", questions);
  if (context.common.json) {
    ordered_json by_kind;
    for (std::size_t i = 0; i < kinds.size(); ++i)
      by_kind[std::string(data::name(static_cast<data::QuestionKind>(i)))] = kinds[i];
    print_json(context.out,
               {{"out", verb.out}, {"pictures", verb.count}, {"questions", std::move(by_kind)}});
    return success;
  }
  print_line(context.out, "written", fmt::format("{}, {} pictures", verb.out, verb.count));
  for (std::size_t i = 0; i < kinds.size(); ++i)
    print_line(context.out, data::name(static_cast<data::QuestionKind>(i)),
               fmt::format("{} questions", kinds[i]));
  return success;
}

}  // namespace

Verb data_scenes_verb() {
  const auto verb = std::make_shared<ScenesVerb>();
  Command command{
      .name = "data scenes",
      .summary = "draw scenes of coloured shapes, and ask about them",
      .description =
          {"OUT gets images/000000.png ... and questions.jsonl, lines of {\"id\", \"images\", "
           "\"question\", \"answer\"} as pliant eval reads them: describe, count, where, what, and "
           "compare across two pictures. A picture depends on --seed and its number alone."},
      .arguments = {argument("OUT", verb->out, "a new folder").path()},
      .options =
          {option("count", "N", verb->count, "pictures").within(1, 1'000'000),
           option("side", "PIXELS", verb->scenes.side, "of each picture").within(24, 512),
           option("least", "N", verb->scenes.least, "things in a picture at least").within(1, 9),
           option("most", "N", verb->scenes.most, "things at most").within(1, 9),
           option("noise", "X", verb->scenes.noise, "deviation of each pixel, 1: the full range")},
      .examples = {
          {"pliant data scenes scenes --count 2000 --seed 1", "two thousand pictures"},
          {"pliant data scenes test --count 200 --seed 2 --json", "others, to test with"}}};
  return {std::move(command),
          [verb](const Invocation& context) { return run_scenes(*verb, context); }};
}

}  // namespace pliant::cli
