#include "plan/report/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/log/progress.h"
#include "core/units.h"
#include "plan/report/plan_map.h"
#include "plan/report/transfers.h"
#include "report/html.h"

namespace pliant::plan {
namespace {

using report::Bar;
using report::HtmlPage;
using report::Row;
using report::Table;

constexpr std::size_t largest_shown = 25;  // tensors
constexpr std::size_t open_rows = 40;      // of a table before it is folded
constexpr int unplaced_style = 5;          // of the row without addresses

std::string bytes_in_full(std::int64_t bytes) { return grouped_text(bytes) + " B"; }

std::string percent(std::int64_t part, std::int64_t whole) {
  return fmt::format("{:.1f} %", 100 * (1.0 * part / whole));
}

// What the planner made least: a cost where bytes have prices, else bytes.
std::string paid_text(const PlanPage& page, std::int64_t amount) {
  return priced(*page.plan) ? grouped_text(amount) : bytes_in_full(amount);
}

void traffic_card(const PlanPage& page, HtmlPage& out) {
  const Plan& plan = *page.plan;
  if (priced(plan))
    out.card(
        "Cost", grouped_text(plan.cost),
        fmt::format("{} per byte loaded, {} per byte stored", plan.costs.read, plan.costs.write));
  out.card("Traffic", bytes_text(plan.traffic_bytes),
           fmt::format("{} beyond the compulsory {}", bytes_in_full(plan.traffic_bytes),
                       bytes_in_full(plan.compulsory_bytes)));
}

void saving_card(const PlanPage& page, HtmlPage& out) {
  if (!page.default_belady) return;
  const std::int64_t theirs = page.default_belady->cost(page.plan->costs),
                     saved = theirs - cost_of(*page.plan);
  const std::string_view what = priced(*page.plan) ? "costs" : "moves";
  if (theirs == 0)
    out.card("Saved", "nothing to save",
             fmt::format("the default order with Belady replacement {} no more either", what));
  else
    out.card(
        "Saved", percent(saved, theirs),
        fmt::format(
            "of the {} that the default order with Belady replacement {}, its addresses left open",
            paid_text(page, theirs), what));
}

void frame_card(const PlanPage& page, HtmlPage& out) {
  if (!page.plan->frame) return;
  const Frame& frame = *page.plan->frame;
  std::int64_t bytes = 0;
  for (const TensorId t : frame.pinned) bytes += page.problem->tensors[t].bytes;
  out.card("Each frame", bytes_text(frame.bytes),
           fmt::format("moved in all; {} weights, {}, stay in the scratchpad", frame.pinned.size(),
                       bytes_in_full(bytes)));
}

void headline(const PlanPage& page, HtmlPage& out) {
  const Plan& plan = *page.plan;
  const Problem& problem = *page.problem;
  std::int64_t bytes = 0;
  for (const TensorInfo& tensor : problem.tensors) bytes += tensor.bytes;
  out.note(fmt::format("{} operators, {} tensors, {}", grouped_text(problem.operators.size()),
                       grouped_text(problem.tensors.size()), bytes_text(bytes)));
  out.begin_cards();
  const std::string named = page.size_name.empty() ? "" : ", M_" + page.size_name.substr(1);
  out.card("Scratchpad", bytes_text(plan.scratchpad_bytes),
           bytes_in_full(plan.scratchpad_bytes) + named);
  const bool proven = plan.status == Status::optimal;
  const Objective objective = objective_of(plan);
  const double open = gap(objective.value, objective.bound);
  out.card("Status", proven ? "proven optimal" : fmt::format("gap {:.1f} %", 100 * open),
           page.status, proven ? HtmlPage::Tone::good : HtmlPage::Tone::warn);
  traffic_card(page, out);
  saving_card(page, out);
  frame_card(page, out);
  if (page.executed) {
    const bool equal = page.executed->outputs_equal;
    out.card("Executed", equal ? "bit-equal" : "DIFFERS", page.executed->detail,
             equal ? HtmlPage::Tone::good : HtmlPage::Tone::warn);
  }
  out.end_cards();
}

// This plan, the simple methods in their order, and the one without addresses.
void traffic_bars(const PlanPage& page, HtmlPage& out) {
  if (page.baselines.empty()) return;
  std::vector<Bar> bars;
  const auto add = [&](const std::string& name, std::int64_t amount, int style) {
    bars.push_back({name, 1.0 * amount, paid_text(page, amount), style});
  };
  add("this plan", cost_of(*page.plan), 0);
  int style = 1;
  for (const NamedBaseline& each : page.baselines) {
    if (each.plan) add(each.name, cost_of(each.plan->plan), style);
    else bars.push_back({each.name, 0, "no addresses found", style});
    ++style;
  }
  if (page.default_belady)
    add("default, unplaced", page.default_belady->cost(page.plan->costs), unplaced_style);
  out.subheading(fmt::format("{} beyond the compulsory, beside simple methods at the same size",
                             priced(*page.plan) ? "Cost" : "Bytes moved"));
  out.begin_columns();
  out.column("", report::bars_svg("beside simple methods", bars));
  out.end_columns();
}

void map_section(const PlanPage& page, HtmlPage& out) {
  out.heading("Memory over time");
  out.note(
      "Each rectangle is a tensor's stay in the scratchpad: its addresses upwards, its steps to "
      "the right.");
  out.hint(
      "Point at one for why it came and what became of it. Drag, Ctrl and wheel, or + and - to "
      "look closer.");
  out.picture(report::memory_map_html(
      map_of(*page.problem, *page.plan, "memory map of " + page.network, size_lines(page.sizes))));
}

std::string size_note(const PlanPage& page) {
  if (!page.sizes) return "";
  const ScratchpadSizes& sizes = *page.sizes;
  const std::string peak = sizes.peak_exact
                               ? bytes_in_full(sizes.peak)
                               : fmt::format("between {} and {}", bytes_in_full(sizes.peak_lower),
                                             bytes_in_full(sizes.peak));
  return fmt::format(
      "M_R = {}: the largest operator, below it nothing runs. M_P = {}: the least peak over all "
      "orders, from it on no traffic is needed. M_H = {}: their mean.",
      bytes_in_full(sizes.required.bytes), peak, bytes_in_full(sizes.half));
}

void sweep_section(const PlanPage& page, HtmlPage& out) {
  if (page.sweep.empty()) return;
  out.heading("Traffic against scratchpad size");
  if (page.sizes) out.note(size_note(page));
  out.picture(report::line_chart_svg(
      sweep_chart(page.sweep, page.sizes, page.plan->scratchpad_bytes, priced(*page.plan))));
  out.table_below("The figures", sweep_table(page.sweep, priced(*page.plan)), 0);
}

struct Estimated {
  std::string name;
  int style = 0;
  Estimate estimate;
};

void device_section(const PlanPage& page, HtmlPage& out) {
  if (!page.device) return;
  std::vector<Estimated> rows{
      {"this plan", 0, estimate(*page.device, *page.problem, *page.plan, page.work)}};
  int style = 1;
  for (const NamedBaseline& each : page.baselines) {
    if (each.plan)
      rows.push_back(
          {each.name, style, estimate(*page.device, *page.problem, each.plan->plan, page.work)});
    ++style;
  }
  out.heading("On the device" + (page.device->name.empty() ? "" : " " + page.device->name));
  out.note(
      "Serial: every transfer waits for the operator before it. Overlapped: every transfer hides "
      "behind computing, or the other way round. A run takes a time between the two.");
  out.begin_columns();
  const auto part = [&](std::string_view name, double Estimate::*value, auto&& text) {
    std::vector<Bar> bars;
    for (const Estimated& row : rows)
      bars.push_back({row.name, row.estimate.*value, text(row.estimate.*value), row.style});
    out.column(name, report::bars_svg(std::string(name), bars));
  };
  part("Transfer", &Estimate::transfer_s, seconds_text);
  part("Compute", &Estimate::compute_s, seconds_text);
  part("Serial", &Estimate::serial_s, seconds_text);
  part("Overlapped", &Estimate::overlapped_s, seconds_text);
  part("Energy", &Estimate::energy_j,
       [](double joules) { return fmt::format("{:.4g} J", joules); });
  out.end_columns();
}

Table transfer_table(const PlanPage& page, std::int64_t& count) {
  Table table{{{"step", true},
               {"", false},
               {"tensor", false},
               {"bytes", true},
               {"operator of the step", false}},
              {}};
  std::int64_t sum = 0;
  for (const Transfer& each : transfers(*page.problem, *page.plan)) {
    if (each.compulsory) continue;
    const std::size_t op = page.plan->order[each.step];
    table.rows.push_back({{grouped_text(each.step), std::string(name(each.action)),
                           page.problem->tensors[each.tensor].name, grouped_text(each.bytes),
                           page.problem->operators[op].name}});
    sum += each.bytes;
  }
  count = table.rows.size();
  table.rows.push_back({{"", "", "all", grouped_text(sum), ""}, Row::Look::total});
  return table;
}

Table tensor_table(const PlanPage& page) {
  const auto& tensors = page.problem->tensors;
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return tensors[a].bytes > tensors[b].bytes; });
  order.resize(std::min(order.size(), largest_shown));
  std::vector<std::int64_t> stays(tensors.size()), steps(tensors.size()), moved(tensors.size());
  for (const Residency& each : page.plan->residencies) {
    ++stays[each.tensor];
    steps[each.tensor] += each.to - each.from + 1;
  }
  for (const Transfer& each : transfers(*page.problem, *page.plan))
    if (!each.compulsory) moved[each.tensor] += each.bytes;
  Table table{{{"tensor", false},
               {"role", false},
               {"bytes", true},
               {"stays", true},
               {"steps", true},
               {"traffic", true}},
              {}};
  for (const std::size_t at : order)
    table.rows.push_back(
        {{tensors[at].name, std::string(name(tensors[at].role)), grouped_text(tensors[at].bytes),
          grouped_text(stays[at]), grouped_text(steps[at]), grouped_text(moved[at])}});
  return table;
}

Table operator_table(const PlanPage& page) {
  const std::vector<std::int64_t> needed = needed_bytes(*page.problem);
  Table table{
      {{"step", true}, {"operator", false}, {"bytes needed", true}, {"of the scratchpad", true}},
      {}};
  for (std::size_t step = 0; step < page.plan->order.size(); ++step) {
    const std::size_t op = page.plan->order[step];
    table.rows.push_back(
        {{grouped_text(step), page.problem->operators[op].name, grouped_text(needed[op]),
          percent(needed[op], page.plan->scratchpad_bytes)}});
  }
  return table;
}

Table totals_table(const PlanPage& page) {
  struct Total {
    std::int64_t count = 0, bytes = 0;
  } charged[2], compulsory[2], others;
  for (const Transfer& each : transfers(*page.problem, *page.plan)) {
    const bool either = each.action == Action::load || each.action == Action::store;
    const std::size_t at = each.action == Action::store ? 1 : 0;
    Total& total = !either ? others : each.compulsory ? compulsory[at] : charged[at];
    ++total.count;
    total.bytes += each.bytes;
  }
  Table table{{{"", false}, {"transfers", true}, {"bytes", true}}, {}};
  const auto add = [&](const char* what, const Total& total) {
    table.rows.push_back({{what, grouped_text(total.count), grouped_text(total.bytes)}});
  };
  add("compulsory loads", compulsory[0]);
  add("compulsory stores", compulsory[1]);
  add("loads beyond them", charged[0]);
  add("stores beyond them", charged[1]);
  if (others.count > 0) add("other moves", others);
  const auto sum = [&](auto member) {
    return compulsory[0].*member + compulsory[1].*member + charged[0].*member + charged[1].*member;
  };
  table.rows.push_back({{"all", grouped_text(sum(&Total::count)), grouped_text(sum(&Total::bytes))},
                        Row::Look::total});
  return table;
}

void table_section(const PlanPage& page, HtmlPage& out) {
  out.heading("Tables");
  out.subheading("Totals");
  out.table(totals_table(page));
  std::int64_t count = 0;
  const Table moved = transfer_table(page, count);
  if (count > 0)
    out.table_below(
        fmt::format("Every load and store beyond the compulsory ({})", grouped_text(count)), moved,
        open_rows);
  const Table largest = tensor_table(page);
  out.table_below(fmt::format("The {} largest tensors", largest.rows.size()), largest, open_rows);
  const Table operators = operator_table(page);
  out.table_below(fmt::format("Operators in the plan's order ({})", operators.rows.size()),
                  operators, open_rows);
}

}  // namespace

std::vector<report::MapLine> size_lines(const std::optional<ScratchpadSizes>& sizes) {
  if (!sizes) return {};
  return {{"M_R", sizes->required.bytes}, {sizes->peak_exact ? "M_P" : "M_P at most", sizes->peak}};
}

namespace {

class SweepChart {
 public:
  explicit SweepChart(bool priced) : priced_(priced) {}
  report::ChartPoint point(const SweepPoint& point, std::string_view name,
                           std::int64_t amount) const {
    return {1.0 * point.scratchpad_bytes,
            1.0 * amount,
            false,
            {},
            fmt::format("{}\n{} at {}", name, amount_text(amount),
                        bytes_in_full(point.scratchpad_bytes))};
  }
  report::ChartPoint ours(const SweepPoint& at) const {
    report::ChartPoint result = point(at, "this planner", at.objective.value);
    result.hollow = at.status != Status::optimal;
    if (!result.hollow) return result;
    result.at_least = at.objective.bound;
    result.text += fmt::format("\nnot proven: at least {}", amount_text(at.objective.bound));
    return result;
  }

 private:
  std::string amount_text(std::int64_t amount) const {
    return priced_ ? grouped_text(amount) : bytes_in_full(amount);
  }
  bool priced_;
};

}  // namespace

report::LineChart sweep_chart(const std::vector<SweepPoint>& points,
                              const std::optional<ScratchpadSizes>& sizes,
                              std::int64_t chosen_bytes, bool priced) {
  report::LineChart chart{
      "traffic against scratchpad size",
      "scratchpad",
      priced ? "cost beyond the compulsory" : "bytes moved beyond the compulsory",
      report::Quantity::bytes,
      priced ? report::Quantity::count : report::Quantity::bytes,
      {},
      {}};
  const SweepChart make(priced);
  chart.series.push_back({"this planner", 0, {}});
  for (const SweepPoint& point : points) {
    if (point.has_plan()) chart.series[0].points.push_back(make.ours(point));
    chart.series.resize(std::max(chart.series.size(), point.baselines.size() + 1));
    for (std::size_t i = 0; i < point.baselines.size(); ++i) {
      const BaselineTraffic& baseline = point.baselines[i];
      report::ChartSeries& series = chart.series[i + 1];
      series.name = baseline.name;
      series.style = static_cast<int>(i + 1) % report::series_count;
      if (baseline.traffic_bytes)
        series.points.push_back(make.point(point, baseline.name, baseline.cost));
    }
  }
  if (sizes)
    for (const auto& [name, bytes] :
         {std::pair{"M_R", sizes->required.bytes}, {"M_H", sizes->half}, {"M_P", sizes->peak}})
      chart.marks.push_back({name, 1.0 * bytes, false});
  chart.marks.push_back({"this plan", 1.0 * chosen_bytes, true});
  return chart;
}

report::Table sweep_table(const std::vector<SweepPoint>& points, bool priced) {
  Table table{{{"scratchpad", true},
               {"status", false},
               {priced ? "cost" : "traffic", true},
               {"at least", true}},
              {}};
  if (!points.empty())
    for (const BaselineTraffic& each : points.front().baselines)
      table.columns.push_back({each.name, true});
  for (const SweepPoint& point : points) {
    Row row{{grouped_text(point.scratchpad_bytes), std::string(name(point.status)),
             point.has_plan() ? grouped_text(point.objective.value) : "-",
             grouped_text(point.objective.bound)}};
    for (const BaselineTraffic& each : point.baselines)
      row.cells.push_back(each.traffic_bytes ? grouped_text(each.cost) : "-");
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string plan_page(const PlanPage& page) {
  HtmlPage out(fmt::format("{} in {}", page.network, bytes_text(page.plan->scratchpad_bytes)));
  headline(page, out);
  traffic_bars(page, out);
  map_section(page, out);
  sweep_section(page, out);
  device_section(page, out);
  table_section(page, out);
  return out.finish();
}

std::string map_page(const report::MemoryMap& map, const std::vector<std::string>& notes) {
  HtmlPage out(map.title);
  for (const std::string& note : notes) out.note(note);
  out.picture(report::memory_map_html(map));
  return out.finish();
}

}  // namespace pliant::plan
