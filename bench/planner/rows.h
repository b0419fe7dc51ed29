// What the planner's benchmark measures, and how it is printed.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "planner/ilp.h"
#include "planner/paper.h"

namespace pliant::bench {

// One plan of one problem, with the peer's traffic from the same run.
struct Row {
  std::string family = {};  // light, nasnet or randwire
  std::string network = {}, size = {}, status = {};
  bool weights = false;
  std::int64_t bytes = 0, traffic = 0, bound = 0, states = 0;
  std::optional<std::int64_t> baseline = {};  // default order + Belady; nothing when it cannot run
  std::size_t operators = 0;
  double seconds = 0;  // median over the runs
};

// One placement instance, with the height that the greedy peer needs.
struct PlacementRow {
  std::string instance, status;
  std::size_t buffers = 0;
  std::int64_t capacity = 0, greedy_height = 0;
  double seconds = 0, published_seconds = 0;
};

// What is aimed at and what was reached, as one sentence about the rows of that family.
std::string summary(std::string_view family, double target_seconds, const std::vector<Row>& rows);
std::string summary(double target_seconds, const std::vector<PlacementRow>& rows);

std::string summary(const std::vector<IlpRow>& rows);
std::string summary(const std::vector<PaperRow>& rows);  // reductions against each baseline

void print_header();
void print(const Row& row);
void print_ilp_header();
void print(const IlpRow& row);
void print_paper_header();
void print(const PaperRow& row);
void print_placement_header();
void print(const PlacementRow& row);
nlohmann::ordered_json to_json(const Row& row);
nlohmann::ordered_json to_json(const PlacementRow& row);
nlohmann::ordered_json to_json(const IlpRow& row);
nlohmann::ordered_json to_json(const PaperRow& row);

double median(std::vector<double> values);  // of at least one; the upper one of two

}  // namespace pliant::bench
