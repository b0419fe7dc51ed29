#include "formats/gguf/open.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <unordered_set>

#include "core/error.h"

namespace pliant {
namespace {

constexpr std::string_view no_key = "split.no", count_key = "split.count",
                           tensors_key = "split.tensors.count";
constexpr std::int64_t most_parts = 99999;  // that five digits name

struct Split {
  std::int64_t no = 0, count = 1, tensors = 0;
};

struct Part {
  std::shared_ptr<const MappedFile> file;
  std::string path;
  Gguf contents;
  Split split;
};

std::int64_t number(const Gguf& file, std::string_view key, const std::string& path) {
  try {
    return file.integer(key);
  } catch (const Error& error) {
    throw Error(ErrorKind::format, path, fmt::format("{}: {}", error.place(), error.problem()));
  }
}

// Of a whole file: one part of one.
Split split_of(const Gguf& file, const std::string& path) {
  Split split;
  if (file.find(count_key) != nullptr) split.count = number(file, count_key, path);
  if (split.count == 0 || split.count == 1) return {};
  split.no = number(file, no_key, path);
  split.tensors = number(file, tensors_key, path);
  if (split.count < 0 || split.count > most_parts || split.no < 0 || split.no >= split.count ||
      split.tensors < 0)
    throw Error(ErrorKind::format, path,
                fmt::format("{} {}, {} {}, {} {}: no split has them", no_key, split.no, count_key,
                            split.count, tensors_key, split.tensors));
  return split;
}

Part read_part(std::shared_ptr<const MappedFile> file, std::string path) {
  Part part{std::move(file), std::move(path), {}, {}};
  part.contents = read_gguf(part.file->bytes(), part.path);
  part.split = split_of(part.contents, part.path);
  return part;
}

std::string ending(std::int64_t no, std::int64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", no + 1, count);
}

// The paths of all parts; the one of the given part stays as it is written.
std::vector<std::string> paths_of(const Part& part) {
  const std::string own = ending(part.split.no, part.split.count);
  if (!part.path.ends_with(own))
    throw Error(ErrorKind::format, part.path,
                fmt::format("is part {} of {} of a model, and its name does not end in {}",
                            part.split.no + 1, part.split.count, own),
                "give the parts the names that they had, in one folder");
  const std::string stem = part.path.substr(0, part.path.size() - own.size());
  std::vector<std::string> paths;
  for (std::int64_t no = 0; no < part.split.count; ++no) {
    paths.push_back(stem + ending(no, part.split.count));
    if (!std::filesystem::exists(paths.back()))
      throw Error(ErrorKind::not_found, paths.back(),
                  fmt::format("is missing: part {} of {} of the model", no + 1, part.split.count),
                  "put all parts into one folder");
  }
  return paths;
}

Part other_part(const std::string& path, std::int64_t no, const Split& wanted) {
  Part part = read_part(std::make_shared<const MappedFile>(path), path);
  if (part.split.no != no || part.split.count != wanted.count ||
      part.split.tensors != wanted.tensors)
    throw Error(
        ErrorKind::format, path,
        fmt::format(
            "is part {} of {} of a model of {} tensors; part {} of {} of one of {} was expected",
            part.split.no + 1, part.split.count, part.split.tensors, no + 1, wanted.count,
            wanted.tensors),
        "put the parts of one model into one folder");
  return part;
}

void drop_split_keys(Gguf& file) {
  std::erase_if(file.metadata, [](const auto& entry) {
    return entry.first == no_key || entry.first == count_key || entry.first == tensors_key;
  });
}

// The tensors of all parts behind the metadata of the first.
GgufModel joined(std::vector<Part> parts) {
  GgufModel model;
  model.contents.version = parts[0].contents.version;
  model.contents.metadata = std::move(parts[0].contents.metadata);
  drop_split_keys(model.contents);
  auto owner = std::make_shared<std::vector<std::shared_ptr<const MappedFile>>>();
  std::unordered_set<std::string> names;
  for (Part& part : parts) {
    for (GgufTensor& tensor : part.contents.tensors) {
      if (!names.insert(tensor.name).second)
        throw Error(ErrorKind::format, part.path,
                    fmt::format("tensor '{}' is in another part too", tensor.name));
      model.contents.tensors.push_back(std::move(tensor));
    }
    model.paths.push_back(std::move(part.path));
    owner->push_back(std::move(part.file));
  }
  model.owner = std::move(owner);
  return model;
}

}  // namespace

GgufModel open_gguf(std::shared_ptr<const MappedFile> file, const std::string& path,
                    GgufParts which) {
  Part given = read_part(std::move(file), path);
  const Split split = given.split;
  const bool enough = split.count == 1 || (which == GgufParts::first && split.no == 0);
  std::vector<Part> parts;
  if (!enough) {
    const std::vector<std::string> paths = paths_of(given);
    for (std::int64_t no = 0; no < (which == GgufParts::first ? 1 : split.count); ++no)
      parts.push_back(no == split.no ? std::move(given) : other_part(paths[no], no, split));
  } else {
    parts.push_back(std::move(given));
  }
  GgufModel model = joined(std::move(parts));
  if (which == GgufParts::all && split.count > 1 &&
      std::ssize(model.contents.tensors) != split.tensors)
    throw Error(ErrorKind::format, path,
                fmt::format("its {} parts hold {} tensors, {} says {}", split.count,
                            model.contents.tensors.size(), tensors_key, split.tensors));
  return model;
}

}  // namespace pliant
