#include "data/images/archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "core/error.h"
#include "data/corpus/archive.h"

namespace pliant::data {
namespace {

constexpr std::int64_t most_bytes = std::int64_t{16} << 30;

using Path = std::vector<std::string>;

Path parts_of(const std::string& name) {
  Path parts;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    if (!part.empty() && part != ".") parts.push_back(part);
    begin = end + 1;
  }
  return parts;
}

// What archivers of desktops put beside the images.
bool is_hidden(const Path& path) {
  return path.empty() || std::ranges::any_of(path, [](const std::string& part) {
           return part.starts_with('.') || part == "__MACOSX";
         });
}

using Members = std::map<Path, std::string>;

Members members_of(const std::string& path) {
  FileStream file(path);
  Archive archive(file, path);
  Members members;
  std::int64_t total = 0;
  while (archive.next()) {
    if (archive.is_bare())
      throw Error(ErrorKind::format, path, "is no archive",
                  "give a folder, tar or zip that holds a folder per class");
    const Path parts = parts_of(archive.name());
    if (is_hidden(parts)) continue;
    std::string bytes;
    for (std::string_view more = archive.content().more(); !more.empty();
         more = archive.content().more()) {
      total += std::ssize(more);
      if (total > most_bytes)
        throw Error(ErrorKind::capacity, path, "holds more than 16 GB of images",
                    "unpack it, and name the folder");
      bytes += more;
    }
    if (!members.emplace(parts, std::move(bytes)).second)
      throw Error(ErrorKind::invalid, path + ": " + archive.name(), "stands there twice");
  }
  return members;
}

// How many folders all members are in together, above those of the classes.
std::size_t common_folders(const Members& members) {
  const Path& first = members.begin()->first;
  std::size_t common = first.size() < 2 ? 0 : first.size() - 2;
  for (const auto& [path, bytes] : members) {
    const std::size_t most = std::min(common, path.size() < 2 ? 0 : path.size() - 2);
    common = std::ranges::mismatch(std::span(first).first(most), std::span(path).first(most)).in1 -
             std::span(first).begin();
  }
  return common;
}

}  // namespace

ImageArchive::ImageArchive(const std::string& path, Broken broken) {
  Members members = members_of(path);
  if (members.empty())
    throw Error(ErrorKind::invalid, path, "holds no image", "images lie in a folder per class");
  const std::size_t above = common_folders(members);
  for (auto& [parts, bytes] : members) {
    std::string place = path + ": " + parts.back();
    for (std::size_t i = parts.size() - 1; i-- > above;)
      place.insert(path.size() + 2, parts[i] + "/");
    if (parts.size() != above + 2)
      throw Error(ErrorKind::invalid, place,
                  parts.size() < above + 2 ? "lies beside the folders of classes"
                                           : "lies in a folder inside that of a class",
                  "each image lies in the folder of its class");
    if (classes_.empty() || classes_.back() != parts[above]) classes_.push_back(parts[above]);
    try {
      if (broken == Broken::leave_out) decode_image(std::as_bytes(std::span(bytes)), place);
      files_.push_back({std::move(place), std::move(bytes), std::ssize(classes_) - 1});
    } catch (const Error& problem) {
      left_out_.emplace_back(problem.what());
    }
  }
  std::vector<bool> seen(classes_.size());
  for (const File& each : files_) seen[each.label] = true;
  const std::size_t empty = std::ranges::find(seen, false) - seen.begin();
  if (empty < seen.size())
    throw Error(ErrorKind::invalid, path + ": " + classes_[empty], "holds no image");
}

LabelledImage ImageArchive::at(std::int64_t index) const {
  const File& file = files_[static_cast<std::size_t>(index)];
  return {decode_image(std::as_bytes(std::span(file.bytes)), file.place), file.label};
}

}  // namespace pliant::data
