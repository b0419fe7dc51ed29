#include "search/profile/profile.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/verbs.h"
#include "command/host.h"
#include "command/print.h"
#include "core/files.h"
#include "core/log/progress.h"
#include "models/elasticvit/space.h"

namespace pliant::cli {
namespace {

struct ProfileVerbOptions {
  std::string space, out;
  std::int64_t count = 120, rounds = 3;
};

constexpr std::size_t held_out_every = 5;

struct Split {
  std::vector<search::Timed> fitted, held_out;
};

Split split(const std::vector<search::Timed>& timed) {
  Split parts;
  for (std::size_t i = 0; i < timed.size(); ++i)
    (i % held_out_every == held_out_every / 2 ? parts.held_out : parts.fitted).push_back(timed[i]);
  return parts;
}

std::vector<search::Timed> timed_here(const elasticvit::Space& space,
                                      const ProfileVerbOptions& options,
                                      const Invocation& context) {
  Progress progress(context.log, steady_clock());
  const std::int64_t all = options.count * options.rounds;
  return search::profile(space, context.pool(),
                         {.subnets = options.count,
                          .rounds = static_cast<int>(options.rounds),
                          .seed = static_cast<std::uint64_t>(context.common.seed),
                          .go_on = [&](std::int64_t done) {
                            progress.show([&] {
                              return fmt::format("profile: {} of {} timed, {}", done, all,
                                                 seconds_text(progress.seconds()));
                            });
                            return !context.stop;
                          }});
}

int run_profile(const ProfileVerbOptions& options, const Invocation& context) {
  const elasticvit::Space space =
      options.space.empty() ? elasticvit::published_space()
                            : elasticvit::space_from_json(read_file(options.space), options.space);
  const Split parts = split(timed_here(space, options, context));
  const search::Prices prices = search::fit(space, parts.fitted);
  const search::PricedWork predictor(space, prices);
  const double error = search::mean_error(predictor, parts.held_out);
  nlohmann::ordered_json per;
  for (std::size_t i = 0; i < search::kinds_of_work; ++i)
    per[std::string(name(static_cast<search::Work>(i)))] = prices.milliseconds[i];
  const nlohmann::ordered_json json{{"processor", inspect_host().cpu},
                                    {"threads", context.pool().threads()},
                                    {"fitted", parts.fitted.size()},
                                    {"held_out", parts.held_out.size()},
                                    {"mean_error", error},
                                    {"milliseconds_per", per}};
  write_file(options.out, json.dump(1) + "\n");
  if (context.common.json) {
    print_json(context.out, json);
    return success;
  }
  print_line(context.out, "written", options.out);
  print_line(context.out, "subnets",
             fmt::format("{} fitted, {} held out", parts.fitted.size(), parts.held_out.size()));
  print_line(context.out, "error",
             fmt::format("{:.1f} % on average, of those held out", 100 * error));
  return success;
}

}  // namespace

Verb search_profile_verb() {
  const auto options = std::make_shared<ProfileVerbOptions>();
  Command command{
      .name = "search profile",
      .summary = "time subnets on this computer and learn to predict the rest",
      .description =
          {"Times subnets from the smallest to the largest on the native machine, one image a run, "
           "and finds what each kind of work costs: multiply-accumulates of 1x1 convolutions, "
           "weights that are read, elements that are written and so on. Every fifth subnet is left "
           "out of that, and the mean error on these is told. The file serves search measure and "
           "search sample among their latency tables. One thread is timed by its processor time; "
           "with more, let the computer do nothing else meanwhile.",
           "With --json: what is in the file: processor, threads, fitted, held_out, mean_error, "
           "milliseconds_per."},
      .arguments = {},
      .options =
          {option("out", "FILE", options->out, "the file to write (JSON)")
               .with_letter('o')
               .written()
               .must(),
           option("count", "N", options->count, "subnets to time")
               .with_letter('n')
               .within(20, 10'000),
           option("rounds", "N", options->rounds, "times that each is come back to").within(1, 100),
           option("space", "FILE", options->space, "a search space (JSON)")
               .path()
               .with_default("the published one")},
      .examples = {{"pliant search profile --threads 1 --out tables/here.json",
                    "one thread of this computer"}}};
  return {std::move(command),
          [options](const Invocation& context) { return run_profile(*options, context); }};
}

}  // namespace pliant::cli
