// The planner's figures: what it proves in which time, beside a named peer in the same run. Asserts
// no times.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "models/zoo/zoo.h"
#include "plan/baseline/baseline.h"
#include "plan/graph/graph_problem.h"
#include "plan/solve.h"
#include "planner/ilp.h"
#include "planner/light.h"
#include "planner/placing.h"
#include "planner/rows.h"

namespace {

using namespace pliant;
using bench::PlacementRow;
using bench::Row;

constexpr const char* usage =
    R"(bench-planner [--only FAMILY] [--json] [--runs N] [--time-limit S] [--threads N]

Plans, with proof, and beside each the traffic of a peer in the same run: the network's own operator order with Belady
replacement, without addresses (which flatters it).

  --only FAMILY    paper     seventeen generated networks at M_R, M_H and M_P, with and without weights, beside the
                             paper's four baselines and the reduction against each; every plan is executed
                   light     seven ONNX networks at M_R, M_H and M_P, with and without weights ($PLIANT_DATA)
                   nasnet    NASNet-A mobile at four sizes
                   randwire  RandWire WS(32, 4, 0.75), seeds 1 to 5, at M_R
                   ilp       random problems of 3 to 12 operators beside the published integer program (CBC, 20 s each), until it
                             has decided 50
                   place     minimalloc's instances A to F at 1,048,576 bytes ($PLIANT_DATA)
  --json           one array of rows instead of tables
  --runs N         seconds are the median of N runs (1)
  --time-limit S   of each search (60)
  --ilp-limit S    paper: beside networks of up to 110 operators the published integer program, S seconds each (none)
  --threads N      (all processors)

Example: PLIANT_DATA=data ./x bench planner --only light --runs 3
)";

// One byte per element.
plan::Problem bytes_of(const Graph& graph, bool weights = false) {
  return plan::problem_of(graph,
                          {.fuse = true, .weights = weights, .elem_bytes = 1, .workspace = {}})
      .problem;
}

struct Settings {
  std::string only;
  bool json = false, help = false;
  int runs = 1, threads = default_threads();
  double seconds = 60, ilp_seconds = 0;
};

int count_from(std::string_view option, const char* text) {
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (*text == 0 || *end != 0 || value < 1 || value > 1000)
    throw Error(ErrorKind::usage, std::string(option),
                fmt::format("'{}' is not from 1 to 1000", text));
  return static_cast<int>(value);
}

void set_option(Settings& settings, std::string_view option, const char* value) {
  if (option == "--only") settings.only = value;
  else if (option == "--runs") settings.runs = count_from(option, value);
  else if (option == "--time-limit") settings.seconds = count_from(option, value);
  else if (option == "--ilp-limit") settings.ilp_seconds = count_from(option, value);
  else if (option == "--threads") settings.threads = count_from(option, value);
  else throw Error(ErrorKind::usage, std::string(option), "unknown option", "see --help");
}

Settings read_settings(int count, char** values) {
  Settings settings;
  for (int i = 1; i < count; ++i) {
    const std::string_view option = values[i];
    if (option == "--json") settings.json = true;
    else if (option == "--help" || option == "-h") settings.help = true;
    else if (i + 1 < count) set_option(settings, option, values[++i]);
    else
      throw Error(ErrorKind::usage, std::string(option), "unknown option, or one without its value",
                  "see --help");
  }
  const std::string& only = settings.only;
  if (!only.empty() && only != "light" && only != "nasnet" && only != "randwire" &&
      only != "place" && only != "ilp" && only != "paper")
    throw Error(ErrorKind::usage, "--only", fmt::format("'{}' is no family", only),
                "use paper, light, nasnet, randwire, ilp or place");
  return settings;
}

class Bench {
 public:
  explicit Bench(const Settings& settings) : settings_(settings), pool_(settings.threads) {
    if (const char* data = std::getenv("PLIANT_DATA")) data_ = data;
  }

  void run() {
    say(fmt::format("{} thread(s); seconds: median of {}; peer: default order + Belady",
                    settings_.threads, settings_.runs));
    if (wants("paper")) paper();
    if (wants("light")) light();
    if (wants("nasnet")) nasnet();
    if (wants("randwire")) randwire();
    if (wants("ilp")) ilp();
    if (wants("place")) place();
    if (settings_.json) std::printf("%s\n", json_.dump(1).c_str());
    for (const std::string& text : summaries_) say(text);
  }

 private:
  bool wants(std::string_view family) const {
    return settings_.only.empty() || settings_.only == family;
  }

  // Beside JSON, remarks go to stderr.
  void say(const std::string& text) const {
    std::fprintf(settings_.json ? stderr : stdout, "%s\n", text.c_str());
  }

  bool has_data(std::string_view family) const {
    if (data_.empty()) say(fmt::format("{}: skipped, PLIANT_DATA is not set", family));
    return !data_.empty();
  }

  plan::SolveOptions options() const {
    plan::SolveOptions options;
    options.limits.seconds = settings_.seconds;
    options.limits.effort = std::numeric_limits<std::int64_t>::max();  // time alone ends a search
    return options;
  }

  void paper() {
    if (!settings_.json) bench::print_paper_header();
    const bench::PaperLimits limits{.seconds = settings_.seconds,
                                    .ilp_seconds = settings_.ilp_seconds};
    const auto rows = bench::paper_table(limits, pool_, [&](const bench::PaperRow& row) {
      if (settings_.json) json_.push_back(to_json(row));
      else print(row);
    });
    summaries_.push_back(bench::summary(rows));
  }

  void light() {
    if (!bench::reads_onnx) return say("light: skipped, this build has no ONNX reader");
    if (!has_data("light")) return;
    std::vector<Row> rows;
    header();
    for (const bench::LightProblem& each :
         bench::light_problems(data_ + "/graphs/onnx-light", pool_))
      for (const bool weights : {false, true}) {
        const plan::Problem& problem = weights ? each.weighted : each.streamed;
        const plan::ScratchpadSizes sizes = measured_sizes(problem);
        Row row{.family = "light", .network = each.name, .weights = weights};
        rows.push_back(measure(row, problem, "M_R", sizes.required.bytes));
        rows.push_back(measure(row, problem, "M_H", sizes.half));
        rows.push_back(measure(row, problem, "M_P", sizes.peak));
      }
    summaries_.push_back(bench::summary("light", 0.1, rows) +
                         fmt::format("; finding the three sizes: worst {:.4f} s", worst_sizes_));
  }

  void nasnet() {
    const plan::Problem problem = bytes_of(zoo::build("nasnet-a"));
    const plan::ScratchpadSizes sizes = measured_sizes(problem);
    const Row row{.family = "nasnet", .network = "nasnet-a"};
    std::vector<Row> rows;
    header();
    rows.push_back(measure(row, problem, "M_R", sizes.required.bytes));
    rows.push_back(measure(row, problem, "", 600'000));
    rows.push_back(measure(row, problem, "", 683'648));
    rows.push_back(measure(row, problem, "M_P", sizes.peak));
    summaries_.push_back(bench::summary("nasnet", 2, rows));
  }

  void randwire() {
    std::vector<Row> rows;
    header();
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const plan::Problem problem = bytes_of(zoo::randwire(seed));
      const Row row{.family = "randwire", .network = fmt::format("randwire-{}", seed)};
      rows.push_back(measure(row, problem, "M_R", plan::required_size(problem, 1).bytes));
    }
    summaries_.push_back(bench::summary("randwire", 10, rows));
  }

  void ilp() {
    if (!bench::has_ilp) return say("ilp: skipped, this build has no integer program solver");
    if (!settings_.json) bench::print_ilp_header();
    const auto rows = bench::compare_with_ilp(50, 20, pool_, [&](const bench::IlpRow& row) {
      if (settings_.json) json_.push_back(to_json(row));
      else print(row);
    });
    summaries_.push_back(bench::summary(rows));
  }

  void place() {
    if (!has_data("place")) return;
    const std::vector<PlacementRow> rows =
        bench::place_instances(data_ + "/minimalloc", settings_.seconds, settings_.runs);
    if (!settings_.json) bench::print_placement_header();
    for (const PlacementRow& row : rows) {
      if (settings_.json) json_.push_back(to_json(row));
      else print(row);
    }
    say("* minimalloc's own seconds, published earlier: another run, not this one; greedy: best "
        "fit by size, this run");
    summaries_.push_back(bench::summary(1, rows));
  }

  void header() const {
    if (!settings_.json) bench::print_header();
  }

  plan::ScratchpadSizes measured_sizes(const plan::Problem& problem) {
    const auto start = std::chrono::steady_clock::now();
    const plan::ScratchpadSizes sizes = plan::scratchpad_sizes(problem, options(), pool_);
    worst_sizes_ = std::max(worst_sizes_, since(start));
    if (!sizes.peak_exact)
      say(fmt::format("M_P lies between {} and {}", sizes.peak_lower, sizes.peak));
    return sizes;
  }

  Row measure(Row row, const plan::Problem& problem, const std::string& size, std::int64_t bytes) {
    plan::SolveOptions how = options();
    how.progress = [&](const plan::SolveProgress& progress) { row.states = progress.states; };
    std::vector<double> seconds;
    plan::Plan plan;
    for (int run = 0; run < settings_.runs; ++run) {
      const auto start = std::chrono::steady_clock::now();
      plan = plan::solve(problem, bytes, how, pool_);
      seconds.push_back(since(start));
    }
    row.size = size;
    row.bytes = bytes;
    row.operators = problem.operators.size();
    row.status = plan::name(plan.status);
    row.traffic = plan.traffic_bytes;
    row.bound = plan.lower_bound_bytes;
    if (const auto baseline = plan::default_belady(problem, bytes))
      row.baseline = baseline->traffic_bytes;
    row.seconds = bench::median(seconds);
    if (settings_.json) json_.push_back(to_json(row));
    else print(row);
    return row;
  }

  static double since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  const Settings& settings_;
  ThreadPool pool_;
  std::string data_;
  nlohmann::ordered_json json_ = nlohmann::ordered_json::array();
  std::vector<std::string> summaries_;
  double worst_sizes_ = 0;
};

}  // namespace

int main(int count, char** values) {
  try {
    const Settings settings = read_settings(count, values);
    if (settings.help) std::fputs(usage, stdout);
    else Bench(settings).run();
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "bench-planner: %s\n", error.what());
    return error.kind() == ErrorKind::usage ? 2 : 1;
  }
}
