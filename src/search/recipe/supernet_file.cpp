#include "search/recipe/supernet_file.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "formats/safetensors/safetensors.h"
#include "models/elasticvit/tensors.h"

namespace pliant::search {
namespace {

constexpr const char* key = "pliant.supernet";

void check_tensors(const elasticvit::Space& space, const WeightStore& weights,
                   const std::string& place) {
  for (const auto& [name, tensor] : supernet_tensors(space)) {
    const Stored* const found = weights.find(name);
    const TensorType wanted{DType::f32, tensor.shape};
    if (found == nullptr)
      throw Error(ErrorKind::invalid, place, fmt::format("lacks '{}', which its space has", name));
    if (found->type != wanted)
      throw Error(ErrorKind::invalid, place,
                  fmt::format("'{}' is {}, where its space has {}", name, to_string(found->type),
                              to_string(wanted)));
  }
}

}  // namespace

void write_supernet(const std::string& path, const SupernetRecipe& recipe,
                    const WeightStore& weights) {
  SafeTensors contents;
  contents.metadata[key] = to_json(recipe);
  weights.for_each([&](const std::string& name, const Stored& stored) {
    contents.tensors.push_back({name, stored.type, stored.bytes});
  });
  write_safetensors(path, contents);
}

Supernet load_supernet(const std::string& path) {
  namespace fs = std::filesystem;
  const bool is_run = fs::is_directory(path);
  const std::string place = is_run ? (fs::path(path) / supernet_file_name).string() : path;
  if (is_run && !fs::exists(place))
    throw Error(ErrorKind::not_found, path, fmt::format("holds no {}", supernet_file_name),
                "train it by pliant search train: the file is there when that ends or is stopped");
  const auto file = std::make_shared<const MappedFile>(place);
  const SafeTensors contents = read_safetensors(file->bytes(), place);
  const auto found = contents.metadata.find(key);
  if (found == contents.metadata.end())
    throw Error(ErrorKind::format, place, "is no supernet of pliant search train");
  Supernet result{supernet_recipe_from_json(found->second, place, ""), nullptr};
  auto weights = std::make_shared<WeightStore>();
  for (const SafeTensor& each : contents.tensors)
    if (!is_padding(each)) weights->add(each.name, {each.type, Encoding::plain, each.bytes}, file);
  check_tensors(result.recipe.space, *weights, place);
  result.weights = std::move(weights);
  return result;
}

}  // namespace pliant::search
