#include "train/run/journal.h"

#include "core/json.h"

namespace pliant::train {
namespace {

using nlohmann::ordered_json;

ordered_json line_of(const StepRecord& r) {
  ordered_json line{{"step", r.step},
                    {"tokens", r.tokens},
                    {"loss", r.loss},
                    {"nll", r.nll},
                    {"rate", r.rate},
                    {"gradient", r.gradient},
                    {"tokens_per_second", r.tokens_per_second},
                    {"flops", r.flops},
                    {"memory_bytes", r.memory_bytes}};
  if (r.divergence) line["divergence"] = *r.divergence;
  if (r.peak_share) line["peak_share"] = *r.peak_share;
  return line;
}

ordered_json line_of(const ValidationRecord& r) {
  return {{"step", r.step}, {"validation", r.nll}, {"bits_per_byte", r.bits_per_byte}};
}

ordered_json line_of(const SampleRecord& r) { return {{"step", r.step}, {"sample", r.text}}; }

std::optional<double> number_if_there(const JsonNode& node, const char* key) {
  return node.has(key) ? std::optional(node.number(key)) : std::nullopt;
}

StepRecord step_of(const JsonNode& node) {
  return {node.integer("step"),
          node.integer("tokens"),
          node.number("loss"),
          node.number("nll"),
          node.number("rate"),
          node.number("gradient"),
          node.number("tokens_per_second"),
          node.number("flops"),
          node.number("memory_bytes"),
          number_if_there(node, "divergence"),
          number_if_there(node, "peak_share")};
}

}  // namespace

Journal::Journal(const std::string& path, std::int64_t step)
    : log_(path, step, [this](const JsonNode& node) { read(node); }) {}

void Journal::read(const JsonNode& node) {
  if (node.has("validation"))
    validations_.push_back(
        {node.integer("step"), node.number("validation"), node.number("bits_per_byte")});
  else if (node.has("sample")) samples_.push_back({node.integer("step"), node.text("sample")});
  else steps_.push_back(step_of(node));
}

void Journal::add(const StepRecord& record) {
  log_.append(line_of(record).dump());
  steps_.push_back(record);
}

void Journal::add(const ValidationRecord& record) {
  log_.append(line_of(record).dump());
  validations_.push_back(record);
}

void Journal::add(const SampleRecord& record) {
  // text of a model may end within a character
  log_.append(line_of(record).dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  samples_.push_back(record);
}

}  // namespace pliant::train
