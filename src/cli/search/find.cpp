#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/search/constraints.h"
#include "cli/search/judge.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "core/log/progress.h"
#include "core/units.h"
#include "report/curves.h"
#include "report/html.h"
#include "search/evolution/accuracy.h"
#include "search/evolution/evolution.h"
#include "search/evolution/steps.h"
#include "search/evolution/target.h"
#include "train/run/line_log.h"

namespace pliant::cli {
namespace {

using elasticvit::Architecture;
using nlohmann::ordered_json;
using search::Evaluated;
using search::Worth;

struct FindOptions {
  std::string supernet, out, tables;
  ConstraintOptions constraints;
  search::EvolutionOptions evolution;
};

// Among subnets of one accuracy the one of less loss.
double value_of(const Worth& worth) { return worth.accuracy - 1e-6 * worth.loss; }

// What decides how a search goes; one that goes on must have the same.
std::string settings_of(const FindOptions& options, const SupernetJudge& judge,
                        const std::vector<search::Constraint>& constraints, std::int64_t seed) {
  const search::EvolutionOptions& e = options.evolution;
  ordered_json json{{"supernet", judge.hash()},
                    {"begin", e.begin},
                    {"generations", e.generations},
                    {"parents", e.parents},
                    {"mutations", e.mutations},
                    {"crossings", e.crossings},
                    {"screen", e.screen},
                    {"seed", seed},
                    {"constraints", ordered_json::array()}};
  const Architecture probe = smallest(judge.subject().space());
  for (const search::Constraint& each : constraints)
    json["constraints"].push_back({each.low, each.high, each.predictor->predict(probe)});
  return json.dump(1) + "\n";
}

// Evaluations of this run and those before, each a line on disk.
class Evaluations {
 public:
  Evaluations(const std::string& folder, const SupernetJudge& judge)
      : judge_(judge),
        log_(folder + "/log.jsonl", std::int64_t{1} << 60, [this](const JsonNode& line) {
          logged_[line.at("arch").json().dump()] = {line.number("accuracy"), line.number("loss")};
        }) {}

  std::size_t kept() const { return logged_.size(); }
  const Worth& of(const Architecture& subnet) {
    const ordered_json arch = judge_.subject().json(subnet);
    const std::string key = nlohmann::json::parse(arch.dump()).dump();
    const auto found = logged_.find(key);
    if (found != logged_.end()) return found->second;
    const Worth worth = judge_.worth(subnet);
    log_.append(ordered_json{{"step", logged_.size()},
                             {"arch", arch},
                             {"accuracy", worth.accuracy},
                             {"loss", worth.loss}}
                    .dump());
    return logged_[key] = worth;
  }

 private:
  const SupernetJudge& judge_;
  std::map<std::string, Worth> logged_;
  train::LineLog log_;  // reads into those above
};

class Find {
 public:
  Find(const FindOptions& options, const Invocation& context)
      : options_(options),
        context_(context),
        judge_(options.supernet, options.tables, context),
        constraints_(options.constraints, judge_.subject()) {
    constraints_.or_the_whole_space();
    options_.evolution.seed = static_cast<std::uint64_t>(context.common.seed);
  }

  int run() {
    begin_folder();
    evaluations_ = std::make_unique<Evaluations>(options_.out, judge_);
    if (evaluations_->kept() > 0)
      context_.log.info(fmt::format("goes on after {} subnets", evaluations_->kept()));
    try {
      search();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found || !all_.empty()) throw;
      return tell_nearest();
    }
    if (all_.empty()) throw Error(ErrorKind::cancelled, "search find", "ended before any subnet");
    tell();
    return success;
  }

 private:
  const SearchSubject& subject() const { return judge_.subject(); }
  const search::Predictor& cost() const { return *constraints_.list().front().predictor; }

  void begin_folder() const {
    std::error_code error;
    std::filesystem::create_directories(options_.out, error);
    if (error) throw Error(ErrorKind::io, options_.out, "cannot be made: " + error.message());
    const std::string path = options_.out + "/settings.json",
                      settings =
                          settings_of(options_, judge_, constraints_.list(), context_.common.seed);
    if (std::filesystem::exists(path) && read_file(path) != settings)
      throw Error(ErrorKind::invalid, path, "is of a search with other settings",
                  "go on with those, or search in another folder");
    if (!std::filesystem::exists(path)) write_file(path, settings);
  }

  void search() {
    Progress progress(context_.log, steady_clock());
    double best = 0;
    std::int64_t done = 0;
    all_ = search::evolve(subject().space(), constraints_.list(), options_.evolution,
                          [&](const Architecture& subnet) -> std::optional<double> {
                            if (context_.stop) return std::nullopt;
                            const Worth& worth = evaluations_->of(subnet);
                            best = std::max(best, worth.accuracy);
                            ++done;
                            progress.show([&] {
                              return fmt::format(
                                  "search find: {} of at most {} subnets, best {:.2f} %, {}", done,
                                  options_.evolution.evaluations(), 100 * best,
                                  seconds_text(progress.seconds()));
                            });
                            return value_of(worth);
                          });
  }

  ordered_json json_of(const Architecture& subnet) const {
    ordered_json json{{"arch", subject().json(subnet)}};
    json.update(subject().costs(subnet));
    return json;
  }
  ordered_json with_worth(const Architecture& subnet) {
    ordered_json json = json_of(subnet);
    json["accuracy"] = evaluations_->of(subnet).accuracy;
    json["loss"] = evaluations_->of(subnet).loss;
    return json;
  }

  // How well costs and a predictor that learned from the others order every fifth subnet.
  ordered_json ranks() const {
    std::vector<Evaluated> seen, held_out;
    for (std::size_t i = 0; i < all_.size(); ++i) (i % 5 == 2 ? held_out : seen).push_back(all_[i]);
    if (held_out.size() < 2) return nullptr;
    const search::AccuracyPredictor predictor(subject().space(), seen);
    const search::Flops flops(subject().space());
    const search::ParameterCount parameters(subject().space());
    std::vector<double> wanted;
    for (const Evaluated& each : held_out) wanted.push_back(each.value);
    ordered_json json{{"held_out", held_out.size()}};
    const std::pair<const char*, const search::Predictor*> all[] = {
        {"predictor", &predictor}, {"flops", &flops}, {"parameters", &parameters}};
    for (const auto& [name, by] : all) {
      std::vector<double> got;
      for (const Evaluated& each : held_out) got.push_back(by->predict(each.architecture));
      json[name] = search::kendall_tau(wanted, got);
    }
    return json;
  }

  // What one choice more or less would cost and, as the predictor has it, gain.
  ordered_json what_if(const Architecture& subnet) const {
    ordered_json rows = ordered_json::array();
    std::optional<search::AccuracyPredictor> predictor;
    if (all_.size() > 1) predictor.emplace(subject().space(), all_);
    for (const search::Step& step : search::single_steps(subject().space(), subnet)) {
      ordered_json row{{"choice", step.choice}, {"from", step.from}, {"to", step.to}};
      row.update(subject().costs(step.architecture));
      row["met"] = excess(constraints_.list(), step.architecture) == 0;
      if (predictor) row["predicted_accuracy"] = predictor->predict(step.architecture);
      rows.push_back(std::move(row));
    }
    return rows;
  }

  int tell_nearest() const {
    Rng rng(options_.evolution.seed);
    const Architecture subnet = nearest(subject().space(), constraints_.list(), rng);
    ordered_json json{{"met", excess(constraints_.list(), subnet) == 0}};
    json["nearest"] = json_of(subnet);
    if (context_.common.json) print_json(context_.out, json);
    else {
      print_line(context_.out, "constraints",
                 json["met"].get<bool>() ? "too few subnets meet them to draw from"
                                         : "no subnet meets them");
      print_line(context_.out, "nearest", json["nearest"]["arch"].dump());
      print_line(context_.out, "its costs", costs_text(json["nearest"]));
    }
    return failure;
  }

  static std::string costs_text(const ordered_json& json) {
    std::string text =
        fmt::format("{:.1f} MFLOPs, {:.2f} M parameters", json["flops"].get<double>() / 1e6,
                    json["parameters"].get<double>() / 1e6);
    for (const auto& [phone, milliseconds] : json["latency_ms"].items())
      text += fmt::format(", {} {:.2f} ms", phone, milliseconds.get<double>());
    return text;
  }

  void tell() {
    const auto best = std::ranges::max_element(all_, {}, &Evaluated::value);
    ordered_json json{{"met", true}, {"finished", !context_.stop}};
    json.update(with_worth(best->architecture));
    json["evaluated"] = all_.size();
    json["kendall_tau"] = ranks();
    json["front"] = ordered_json::array();
    for (const std::size_t i : pareto_front(all_, cost()))
      json["front"].push_back(with_worth(all_[i].architecture));
    json["what_if"] = what_if(best->architecture);
    write_file(options_.out + "/found.json", json.dump(1) + "\n");
    write_file(options_.out + "/report.html", page(json));
    if (context_.common.json) return print_json(context_.out, json);
    print_line(context_.out, "found", json["arch"].dump());
    print_line(context_.out, "costs", costs_text(json));
    print_line(context_.out, "accuracy",
               fmt::format("{:.2f} % of {} held-out images", 100 * json["accuracy"].get<double>(),
                           grouped_text(judge_.held_out_images())));
    print_line(context_.out, "evaluated", fmt::format("{} subnets", all_.size()));
    if (const ordered_json& tau = json["kendall_tau"]; !tau.is_null())
      print_line(context_.out, "in order",
                 fmt::format("Kendall's tau on {} held-out subnets: {:.2f} predicted, {:.2f} by "
                             "FLOPs, {:.2f} by parameters",
                             tau["held_out"].get<std::size_t>(), tau["predictor"].get<double>(),
                             tau["flops"].get<double>(), tau["parameters"].get<double>()));
    print_line(context_.out, "export",
               fmt::format("pliant search export {} --arch {}/found.json -o subnet.pliant",
                           options_.supernet, options_.out));
  }

  std::string page(const ordered_json& json) const {
    report::HtmlPage page("Search: " + options_.out);
    page.begin_cards();
    page.card("accuracy", fmt::format("{:.2f} %", 100 * json["accuracy"].get<double>()),
              "of held-out images, in the supernet");
    page.card("FLOPs", fmt::format("{:.1f} M", json["flops"].get<double>() / 1e6), "of the best");
    page.card("evaluated", std::to_string(all_.size()), "subnets");
    page.end_cards();
    report::ChartSeries front{"nothing beats", 0, {}, true};
    for (const ordered_json& each : json["front"]) {
      const double x =
          cost().predict(architecture_from_json(subject().space(), each["arch"].dump(), "front"));
      front.points.push_back(
          {x, 100 * each["accuracy"].get<double>(), false, {}, costs_text(each)});
    }
    report::LineChart chart{"Accuracy by cost", "what is bounded first", "% of held-out images"};
    chart.x = chart.y = report::Quantity::real;
    chart.series = {std::move(front)};
    page.picture(line_chart_svg(chart));
    std::vector<report::AtStep> best;
    double most = -HUGE_VAL;
    for (const Evaluated& each : all_)
      best.push_back({std::ssize(best) + 1, 100 * (most = std::max(most, each.value))});
    page.picture(line_chart_svg(report::steps_chart("Best so far", "% of held-out images",
                                                    {report::curve("accuracy", 0, best)})));
    report::Table table;
    table.columns = {
        {"res, widths, depths"}, {"MFLOPs", true}, {"M parameters", true}, {"accuracy, %", true}};
    for (const ordered_json& each : json["front"])
      table.rows.push_back({{each["arch"]["res"].dump() + " " + each["arch"]["widths"].dump() +
                                 " " + each["arch"]["depths"].dump(),
                             fmt::format("{:.1f}", each["flops"].get<double>() / 1e6),
                             fmt::format("{:.2f}", each["parameters"].get<double>() / 1e6),
                             fmt::format("{:.2f}", 100 * each["accuracy"].get<double>())}});
    page.table(table);
    page.table(what_if_table(json["what_if"]));
    return page.finish();
  }

  static report::Table what_if_table(const ordered_json& rows) {
    report::Table table;
    table.columns = {{"what if"}, {"MFLOPs", true}, {"M parameters", true}};
    if (!rows.empty())
      for (const auto& [phone, milliseconds] : rows[0]["latency_ms"].items())
        table.columns.push_back({phone + ", ms", true});
    table.columns.push_back({"accuracy, %, predicted", true});
    table.columns.push_back({"meets the constraints"});
    for (const ordered_json& each : rows) {
      report::Row row{
          {fmt::format("{} {} instead of {}", each["choice"].get<std::string>(),
                       each["to"].get<std::int64_t>(), each["from"].get<std::int64_t>()),
           fmt::format("{:.1f}", each["flops"].get<double>() / 1e6),
           fmt::format("{:.2f}", each["parameters"].get<double>() / 1e6)}};
      for (const auto& [phone, milliseconds] : each["latency_ms"].items())
        row.cells.push_back(fmt::format("{:.2f}", milliseconds.get<double>()));
      row.cells.push_back(
          each.contains("predicted_accuracy")
              ? fmt::format("{:.2f}", 100 * each["predicted_accuracy"].get<double>())
              : "-");
      row.cells.push_back(each["met"].get<bool>() ? "yes" : "no");
      table.rows.push_back(std::move(row));
    }
    return table;
  }

  FindOptions options_;
  const Invocation& context_;
  SupernetJudge judge_;
  Constraints constraints_;
  std::unique_ptr<Evaluations> evaluations_;
  std::vector<Evaluated> all_;
};

}  // namespace

Verb search_find_verb() {
  const auto options = std::make_shared<FindOptions>();
  search::EvolutionOptions& e = options->evolution;
  Command command{
      .name = "search find",
      .summary = "find the most accurate subnet of a supernet that meets constraints",
      .description =
          {"Evolution, as the paper has it: subnets that meet the constraints are drawn, each as "
           "likely as any other, then the best are mutated and crossed, within the constraints. "
           "Each is judged inside the supernet: its batch normalisations are estimated anew from "
           "training images, then it classifies the held-out ones of the supernet's recipe. DIR "
           "receives log.jsonl with every subnet, found.json and report.html with the front that "
           "nothing beats, and with what each choice of the best would cost and gain one step up "
           "or down. The same command goes on where a search was ended in any way, and "
           "finds the same.",
           "Where nothing meets the constraints, the nearest subnet is named; exit status 1.",
           "With --json: met, finished, what search measure says of the best, accuracy, loss, "
           "evaluated, kendall_tau (how well a predictor, FLOPs and parameters order every fifth "
           "subnet, the predictor having learned from the others), front (a list of such), what_if "
           "(choice, from, to, costs, whether they are met, predicted_accuracy); or met and "
           "nearest."},
      .arguments = {argument("SUPERNET", options->supernet,
                             "the folder of a run of search train, or its supernet.safetensors")
                        .path()},
      .options =
          {option("out", "DIR", options->out, "the search's folder")
               .with_letter('o')
               .written()
               .must(),
           option("begin", "N", e.begin, "subnets that are drawn first").at_least(1),
           option("generations", "N", e.generations, "times that the best have children")
               .at_least(0),
           option("parents", "N", e.parents, "the best, which have children").at_least(1),
           option("mutations", "N", e.mutations, "children of one parent, a generation")
               .at_least(0),
           option("crossings", "N", e.crossings, "children of two, a generation").at_least(0),
           option("screen", "N", e.screen,
                  "of so many children evaluate the one that is predicted to be the best, "
                  "once 50 subnets have taught that; 1: no predictor")
               .at_least(1)},
      .examples = {{"pliant search find shapes --flops 0:8M -o found", "the best below 8 MFLOPs"},
                   {"pliant search find shapes --target target.json -o found --json",
                    "what a file says; again after Ctrl-C, it goes on"}}};
  for (Option& each : constraint_options(options->constraints))
    command.options.push_back(std::move(each));
  command.options.push_back(tables_option(options->tables));
  return {std::move(command),
          [options](const Invocation& context) { return Find(*options, context).run(); }};
}

}  // namespace pliant::cli
