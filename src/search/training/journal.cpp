#include "search/training/journal.h"

#include <array>

#include "core/json.h"

namespace pliant::search {
namespace {

using nlohmann::ordered_json;

constexpr std::array<const char*, 3> part_words{"largest", "random", "smallest"};

Part part_of(const JsonNode& node) {
  const std::string word = node.text("part");
  for (std::size_t i = 0; i < part_words.size(); ++i)
    if (word == part_words[i]) return static_cast<Part>(i);
  node.fail("part", "'" + word + "' is none");
}

ordered_json line_of(const LoggedStep& each) {
  ordered_json json{{"step", each.step}}, list = ordered_json::array();
  for (const LoggedSubnet& subnet : each.subnets)
    list.push_back({{"part", part_words.at(static_cast<std::size_t>(subnet.part))},
                    {"flops", subnet.flops},
                    {"loss", subnet.loss}});
  json["subnets"] = std::move(list);
  json["rate"] = each.rate;
  json["gradient"] = each.gradient;
  json["seconds"] = each.seconds;
  json["memory_bytes"] = each.memory_bytes;
  return json;
}

ordered_json line_of(const LoggedJudgements& each) {
  ordered_json list = ordered_json::array();
  for (const Judgement& subnet : each.subnets)
    list.push_back({{"name", subnet.name},
                    {"flops", subnet.flops},
                    {"accuracy", subnet.worth.accuracy},
                    {"loss", subnet.worth.loss}});
  return {{"step", each.step}, {"judged", std::move(list)}};
}

LoggedStep step_of(const JsonNode& node) {
  LoggedStep result{.step = node.integer("step"),
                    .subnets = {},
                    .rate = node.number("rate"),
                    .gradient = node.number("gradient"),
                    .seconds = node.number("seconds"),
                    .memory_bytes = node.number("memory_bytes")};
  for (const JsonNode& each : node.objects("subnets"))
    result.subnets.push_back({part_of(each), each.number("flops"), each.number("loss")});
  return result;
}

LoggedJudgements judgements_of(const JsonNode& node) {
  LoggedJudgements result{node.integer("step"), {}};
  for (const JsonNode& each : node.objects("judged"))
    result.subnets.push_back(
        {each.text("name"), each.number("flops"), {each.number("accuracy"), each.number("loss")}});
  return result;
}

}  // namespace

SupernetJournal::SupernetJournal(const std::string& path, std::int64_t step)
    : log_(path, step, [this](const JsonNode& node) { read(node); }) {}

void SupernetJournal::read(const JsonNode& line) {
  if (line.has("judged")) judgements_.push_back(judgements_of(line));
  else steps_.push_back(step_of(line));
}

void SupernetJournal::add(LoggedStep step) {
  log_.append(line_of(step).dump());
  steps_.push_back(std::move(step));
}

void SupernetJournal::add(LoggedJudgements judgements) {
  log_.append(line_of(judgements).dump());
  judgements_.push_back(std::move(judgements));
}

}  // namespace pliant::search
