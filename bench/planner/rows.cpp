#include "planner/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace pliant::bench {
namespace {

bool proven(const Row& row) { return row.status == "optimal"; }

// "0/0" for a tie without traffic: there is no ratio.
std::string ratio_text(const Row& row) {
  if (!row.baseline) return "-";
  if (*row.baseline == 0) return row.traffic == 0 ? "0/0" : "inf";
  return fmt::format("{:.3f}",
                     static_cast<double>(row.traffic) / static_cast<double>(*row.baseline));
}

struct Comparison {
  int less = 0, ties = 0, zeros = 0, more = 0;
  std::int64_t traffic = 0, baseline = 0;
};

Comparison compare(const std::vector<Row>& rows) {
  Comparison result;
  for (const Row& row : rows) {
    if (!row.baseline) continue;
    result.traffic += row.traffic;
    result.baseline += *row.baseline;
    if (row.traffic < *row.baseline) ++result.less;
    else if (row.traffic > *row.baseline) ++result.more;
    else if (row.traffic == 0) ++result.zeros;
    else ++result.ties;
  }
  return result;
}

std::string comparison_text(const std::vector<Row>& rows) {
  const Comparison c = compare(rows);
  std::string text =
      fmt::format("less traffic than the peer in {} of {}, the same in {} ({} of them both 0)",
                  c.less, rows.size(), c.ties + c.zeros, c.zeros);
  if (c.more > 0) text += fmt::format(", more in {}", c.more);
  return text + fmt::format("; summed {} B against {} B", c.traffic, c.baseline);
}

void line(const std::string& text) {
  std::fputs((text + "\n").c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string summary(std::string_view family, double target_seconds, const std::vector<Row>& rows) {
  std::vector<double> seconds;
  for (const Row& row : rows) seconds.push_back(row.seconds);
  const auto count = std::count_if(rows.begin(), rows.end(), proven);
  const bool middle = family == "randwire";  // its target is a median
  const double worst = *std::max_element(seconds.begin(), seconds.end());
  std::string text = fmt::format("{}: target {} < {:g} s: {} of {} proven, ", family,
                                 middle ? "median proven in" : "each proven in", target_seconds,
                                 count, rows.size());
  text += middle ? fmt::format("median {:.3f} s, worst {:.3f} s", median(seconds), worst)
                 : fmt::format("worst {:.5f} s", worst);
  for (const Row& row : rows)
    if (!proven(row))
      text += fmt::format("; {} at {} {} with gap {:.1f} %", row.network, row.size, row.status,
                          100.0 * static_cast<double>(row.traffic - row.bound) /
                              static_cast<double>(std::max<std::int64_t>(1, row.traffic)));
  return text + "; " + comparison_text(rows);
}

std::string summary(double target_seconds, const std::vector<PlacementRow>& rows) {
  double worst = 0, least = 1e9, most = 0;
  std::size_t placed = 0;
  for (const PlacementRow& row : rows) {
    const double ratio = static_cast<double>(row.greedy_height) / static_cast<double>(row.capacity);
    worst = std::max(worst, row.seconds);
    least = std::min(least, ratio);
    most = std::max(most, ratio);
    if (row.status == "placed") ++placed;
  }
  return fmt::format(
      "place: target each placed in < {:g} s: {} of {} placed, worst {:.3f} s; the greedy peer "
      "needs {:.3f} to {:.3f} "
      "of the capacity",
      target_seconds, placed, rows.size(), worst, least, most);
}

std::string summary(const std::vector<IlpRow>& rows) {
  std::vector<double> ours, theirs;
  int decided = 0, agree = 0;
  for (const IlpRow& row : rows) {
    ours.push_back(row.seconds);
    theirs.push_back(row.ilp_seconds);
    decided += row.decided ? 1 : 0;
    agree += row.agrees ? 1 : 0;
  }
  return fmt::format(
      "ilp: target every decided one agrees: {} of {} decided, {} agree; exact search median "
      "{:.5f} s, worst {:.3f} s; "
      "integer program median {:.2f} s",
      decided, rows.size(), agree, median(ours), *std::max_element(ours.begin(), ours.end()),
      median(theirs));
}

// Mean reductions over the rows where the baseline pays; ties stay in.
std::string summary(const std::vector<PaperRow>& rows) {
  const auto count = [&](auto&& holds) { return std::count_if(rows.begin(), rows.end(), holds); };
  std::string text =
      fmt::format("paper: target each proven in < 30 s: {} of {} proven, {} executed;",
                  count([](const PaperRow& r) { return r.status == "optimal"; }), rows.size(),
                  count([](const PaperRow& r) { return r.executed; }));
  double all = 0, worst_divide = 0;
  int pays_all = 0;
  for (std::size_t b = 0; !rows.empty() && b < rows[0].names.size(); ++b) {
    double sum = 0;
    int pays = 0;
    for (const PaperRow& row : rows) {
      if (!row.reduction(b)) continue;
      sum += *row.reduction(b);
      ++pays;
    }
    text += fmt::format(" {} pays in {} rows, mean reduction {:.1f} %;", rows[0].names[b], pays,
                        100 * sum / std::max(1, pays));
    all += sum;
    pays_all += pays;
  }
  for (const PaperRow& row : rows) worst_divide = std::max(worst_divide, row.divide_ratio);
  return text +
         fmt::format(
             " all together {:.1f} % (the paper: 84 % hand-designed, 85 % searched networks); "
             "--solver "
             "divide at most {:.3f} of the optimum; the integer program ended in {} of {} tries",
             100 * all / std::max(1, pays_all), worst_divide,
             count([](const PaperRow& r) { return r.ilp == "optimal"; }),
             count([](const PaperRow& r) { return r.ilp != "-"; }));
}

void print_paper_header() {
  line(
      fmt::format("{:<15} {:<7} {:<4} {:>9} {:>4} {:<8} {:>8} {:>8} {:>15} {:>15} {:>15} {:>15} "
                  "{:>8} {:>6} {:>9} {}",
                  "network", "weights", "size", "bytes", "ops", "status", "traffic", "bound",
                  "def-bel    less", "def-grd    less", "min-bel    less", "min-grd    less",
                  "seconds", "divide", "ilp s", "run"));
}

void print(const PaperRow& row) {
  std::string peers;
  for (std::size_t b = 0; b < row.baselines.size(); ++b)
    peers += fmt::format(" {:>8} {:>6}", row.baselines[b] ? std::to_string(*row.baselines[b]) : "-",
                         row.reduction(b) ? fmt::format("{:.1f}%", 100 * *row.reduction(b)) : "-");
  std::string ilp = row.ilp;
  if (ilp == "optimal") ilp = fmt::format("{:.2f}", row.ilp_seconds);
  else if (ilp == "undecided") ilp = fmt::format("> {:.0f}", row.ilp_seconds);
  line(fmt::format("{:<15} {:<7} {:<4} {:>9} {:>4} {:<8} {:>8} {:>8}{} {:>8.4f} {:>6} {:>9} {}",
                   row.network, row.weights ? "with" : "without",
                   row.size + (row.peak_exact ? "" : "*"), row.bytes, row.operators, row.status,
                   row.traffic, row.bound, peers, row.seconds,
                   row.divide_ratio > 0 ? fmt::format("{:.3f}", row.divide_ratio) : "-", ilp,
                   row.executed ? "equal" : "FAILED"));
}

nlohmann::ordered_json to_json(const PaperRow& row) {
  nlohmann::ordered_json json{{"family", "paper"},
                              {"network", row.network},
                              {"weights", row.weights},
                              {"size", row.size},
                              {"bytes", row.bytes},
                              {"operators", row.operators},
                              {"status", row.status},
                              {"traffic", row.traffic},
                              {"bound", row.bound},
                              {"seconds", row.seconds},
                              {"executed", row.executed},
                              {"divide_ratio", row.divide_ratio},
                              {"peak_exact", row.peak_exact},
                              {"ilp", row.ilp},
                              {"ilp_seconds", row.ilp_seconds}};
  for (std::size_t b = 0; b < row.names.size(); ++b)
    json[row.names[b]] = row.baselines[b] ? nlohmann::ordered_json(*row.baselines[b]) : nullptr;
  return json;
}

void print_ilp_header() {
  line(fmt::format("{:>5} {:>5} {:>6} {:>8} {:>8} {:>8} {:>10} {:>9} {:>9} {}", "seed", "ops",
                   "bytes", "traffic", "columns", "rows", "seconds", "ilp s", "ratio", "ilp"));
}

void print(const IlpRow& row) {
  line(fmt::format("{:>5} {:>5} {:>6} {:>8} {:>8} {:>8} {:>10.5f} {:>9.2f} {:>9.0f} {}", row.seed,
                   row.operators, row.bytes, row.traffic, row.columns, row.rows, row.seconds,
                   row.ilp_seconds, row.ilp_seconds / row.seconds,
                   row.agrees    ? "agrees"
                   : row.decided ? "DISAGREES"
                                 : "undecided"));
}

nlohmann::ordered_json to_json(const IlpRow& row) {
  return {{"family", "ilp"},        {"seed", row.seed},       {"operators", row.operators},
          {"bytes", row.bytes},     {"traffic", row.traffic}, {"columns", row.columns},
          {"rows", row.rows},       {"seconds", row.seconds}, {"ilp_seconds", row.ilp_seconds},
          {"decided", row.decided}, {"agrees", row.agrees}};
}

void print_header() {
  line(fmt::format("{:<14} {:<8} {:<6} {:>10} {:>5} {:<10} {:>11} {:>11} {:>11} {:>6} {:>9}",
                   "network", "weights", "size", "bytes", "ops", "status", "traffic", "bound",
                   "peer", "ratio", "seconds"));
}

void print(const Row& row) {
  line(fmt::format(
      "{:<14} {:<8} {:<6} {:>10} {:>5} {:<10} {:>11} {:>11} {:>11} {:>6} {:>9.5f}", row.network,
      row.weights ? "with" : "without", row.size, row.bytes, row.operators, row.status, row.traffic,
      row.bound, row.baseline ? std::to_string(*row.baseline) : "-", ratio_text(row), row.seconds));
}

void print_placement_header() {
  line(fmt::format("{:<9} {:>7} {:>9} {:<10} {:>8} {:>13} {:>7} {:>12}", "instance", "buffers",
                   "capacity", "status", "seconds", "greedy height", "/ cap.", "published s*"));
}

void print(const PlacementRow& row) {
  line(fmt::format("{:<9} {:>7} {:>9} {:<10} {:>8.4f} {:>13} {:>7.3f} {:>12.2f}", row.instance,
                   row.buffers, row.capacity, row.status, row.seconds, row.greedy_height,
                   static_cast<double>(row.greedy_height) / static_cast<double>(row.capacity),
                   row.published_seconds));
}

nlohmann::ordered_json to_json(const Row& row) {
  nlohmann::ordered_json json{
      {"family", row.family},
      {"network", row.network},
      {"weights", row.weights},
      {"size", row.size},
      {"bytes", row.bytes},
      {"operators", row.operators},
      {"status", row.status},
      {"traffic", row.traffic},
      {"bound", row.bound},
      {"peer_traffic", row.baseline ? nlohmann::ordered_json(*row.baseline) : nullptr},
      {"seconds", row.seconds},
      {"states", row.states}};
  return json;
}

nlohmann::ordered_json to_json(const PlacementRow& row) {
  return {{"family", "place"},
          {"instance", row.instance},
          {"buffers", row.buffers},
          {"capacity", row.capacity},
          {"status", row.status},
          {"seconds", row.seconds},
          {"greedy_height", row.greedy_height},
          {"minimalloc_seconds_other_run", row.published_seconds}};
}

}  // namespace pliant::bench
