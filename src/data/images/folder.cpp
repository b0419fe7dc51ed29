#include "data/images/folder.h"

#include <algorithm>
#include <filesystem>
#include <span>
#include <system_error>

#include "core/error.h"
#include "core/files.h"

namespace pliant::data {
namespace {

namespace fs = std::filesystem;

// What is visible in a folder, by name.
std::vector<fs::path> entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> result;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (!at->path().filename().native().starts_with('.')) result.push_back(at->path());
  if (error) throw Error(ErrorKind::io, folder.string(), "cannot be read: " + error.message());
  std::ranges::sort(result);
  return result;
}

Image image_of(const std::string& path) {
  const std::string bytes = read_file(path);
  return decode_image(std::as_bytes(std::span(bytes)), path);
}

}  // namespace

ImageFolder::ImageFolder(const std::string& root, Broken broken) {
  std::error_code error;
  if (!fs::is_directory(root, error))
    throw Error(ErrorKind::not_found, root, "is no folder",
                "name one that holds a folder per class");
  for (const fs::path& each : entries(root)) {
    if (!fs::is_directory(each, error))
      throw Error(ErrorKind::invalid, each.string(), "lies beside the folders of classes",
                  "put it into that of its class");
    add_class(each.string(), broken);
  }
  if (classes_.empty())
    throw Error(ErrorKind::not_found, root, "is empty", "images lie in a folder per class");
}

void ImageFolder::add_class(const std::string& folder, Broken broken) {
  const std::size_t before = files_.size();
  const auto label = std::ssize(classes_);
  classes_.push_back(fs::path(folder).filename().string());
  for (const fs::path& each : entries(folder)) {
    std::error_code error;
    if (fs::is_directory(each, error))
      throw Error(ErrorKind::invalid, each.string(), "is a folder inside that of a class",
                  "classes have no classes of their own");
    try {
      if (broken == Broken::leave_out) image_of(each.string());
      files_.push_back({each.string(), label});
    } catch (const Error& problem) {
      left_out_.emplace_back(problem.what());
    }
  }
  if (files_.size() == before)
    throw Error(ErrorKind::invalid, folder, "holds no image", "remove it, or fill it");
}

LabelledImage ImageFolder::at(std::int64_t index) const {
  const File& file = files_[static_cast<std::size_t>(index)];
  return {image_of(file.path), file.label};
}

}  // namespace pliant::data
