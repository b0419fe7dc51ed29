#include "train/run/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "core/rng.h"
#include "formats/safetensors/safetensors.h"

namespace pliant::train {
namespace {

constexpr std::string_view key = "pliant.training", parameter = "parameter.";
constexpr std::int64_t version = 1;

// Over the bytes of all tensors and their names, in the order of names.
std::uint64_t hash_of(const WeightStore& tensors) {
  std::uint64_t hash = 0;
  tensors.for_each([&](const std::string& name, const Stored& stored) {
    hash = hash64(name, hash);
    hash = hash64({reinterpret_cast<const char*>(stored.bytes.data()), stored.bytes.size()}, hash);
  });
  return hash;
}

std::string to_json(const RunState& state, std::uint64_t hash) {
  return nlohmann::json{{"version", version},
                        {"step", state.step},
                        {"tokens", state.tokens},
                        {"seconds", state.seconds},
                        {"decay_from", state.decay_from},
                        {"last_step", state.last_step},
                        {"data", state.data},
                        {"recipe", state.recipe},
                        {"hash", fmt::format("{:016x}", hash)}}
      .dump();
}

struct Header {
  RunState state;
  std::string hash;
};

Header header_of(const SafeTensors& file, const std::string& place) {
  const auto found = file.metadata.find(std::string(key));
  if (found == file.metadata.end())
    throw Error(ErrorKind::format, place, "is no checkpoint of pliant train");
  const nlohmann::json json = parse_json(found->second, place);
  const JsonNode root(json, place);
  if (const std::int64_t given = root.integer("version"); given != version)
    throw Error(ErrorKind::unsupported, place,
                fmt::format("is of version {}, not {}", given, version));
  return {{root.integer("step"), root.integer("tokens"), root.number("seconds"),
           root.integer("decay_from"), root.integer("last_step"), root.text("data"),
           root.text("recipe")},
          root.text("hash")};
}

}  // namespace

Checkpoints::Checkpoints(std::string folder) : folder_(std::move(folder)) {}

std::string Checkpoints::path(std::int64_t step) const {
  return fmt::format("{}/step-{:08}.safetensors", folder_, step);
}

std::vector<std::int64_t> Checkpoints::steps() const {
  std::vector<std::int64_t> result;
  std::error_code error;
  for (const auto& each : std::filesystem::directory_iterator(folder_, error)) {
    const std::string name = each.path().filename().string();
    std::int64_t step = 0;
    const char* const digits = name.data() + std::string_view("step-").size();
    if (!name.starts_with("step-")) continue;
    const auto [end, failed] = std::from_chars(digits, name.data() + name.size(), step);
    if (failed == std::errc() && std::string_view(end) == ".safetensors") result.push_back(step);
  }
  std::ranges::sort(result);
  return result;
}

void Checkpoints::save(const RunState& state, const WeightStore& tensors, std::int64_t keep,
                       std::int64_t milestone) const {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) throw Error(ErrorKind::io, folder_, "cannot be made: " + error.message());
  SafeTensors contents;
  contents.metadata[std::string(key)] = to_json(state, hash_of(tensors));
  tensors.for_each([&](const std::string& name, const Stored& stored) {
    contents.tensors.push_back({name, stored.type, stored.bytes});
  });
  std::filesystem::remove(path(state.step), error);  // a broken one, which was read
  write_safetensors(path(state.step), contents);
  std::vector<std::int64_t> all = steps();
  std::erase_if(all, [&](std::int64_t step) { return milestone > 0 && step % milestone == 0; });
  for (std::size_t i = 0; std::ssize(all) - static_cast<std::int64_t>(i) > keep; ++i)
    std::filesystem::remove(path(all[i]), error);
}

RunState Checkpoints::state(std::int64_t step) const {
  const MappedFile file(path(step));
  return header_of(read_safetensors(file.bytes(), path(step)), path(step)).state;
}

Checkpoint Checkpoints::load(std::int64_t step) const {
  const std::string place = path(step);
  const auto file = std::make_shared<const MappedFile>(place);
  const SafeTensors contents = read_safetensors(file->bytes(), place);
  Header header = header_of(contents, place);
  Checkpoint result{std::move(header.state), {}};
  for (const SafeTensor& each : contents.tensors)
    if (!is_padding(each))
      result.tensors.add(each.name, {each.type, Encoding::plain, each.bytes}, file);
  if (const std::string got = fmt::format("{:016x}", hash_of(result.tensors)); got != header.hash)
    throw Error(ErrorKind::format, place, "its bytes are not those that were written",
                "remove it: training goes on from the one before");
  return result;
}

std::optional<Checkpoint> Checkpoints::newest(std::vector<std::string>* broken) const {
  const std::vector<std::int64_t> all = steps();
  for (auto step = all.rbegin(); step != all.rend(); ++step) {
    try {
      return load(*step);
    } catch (const Error& error) {
      if (broken != nullptr) broken->emplace_back(error.what());
    }
  }
  return std::nullopt;
}

WeightStore Checkpoints::average(std::int64_t count) const {
  std::vector<std::int64_t> used = steps();
  if (used.empty()) throw Error(ErrorKind::not_found, folder_, "holds no checkpoint to average");
  if (std::ssize(used) > count) used.erase(used.begin(), used.end() - count);
  std::vector<Checkpoint> loaded;
  for (const std::int64_t step : used) loaded.push_back(load(step));
  WeightStore result;
  loaded.back().tensors.for_each([&](const std::string& name, const Stored& stored) {
    if (!name.starts_with(parameter)) return;
    std::vector<double> sum(elements(stored.type.shape), 0.0);
    for (const Checkpoint& each : loaded) {
      const Tensor values = decode(each.tensors.at(name));
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values.span<float>()[i];
    }
    Tensor mean({DType::f32, stored.type.shape});
    for (std::size_t i = 0; i < sum.size(); ++i)
      mean.span<float>()[i] = static_cast<float>(sum[i] / static_cast<double>(loaded.size()));
    result.add(name.substr(parameter.size()), std::move(mean));
  });
  return result;
}

}  // namespace pliant::train
