#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/files/input_guard.h"
#include "data/corpus/corpus.h"

namespace pliant::data {
namespace {

namespace fs = std::filesystem;

fs::path real(const fs::path& path) {
  std::error_code none;
  return fs::weakly_canonical(path, none);
}

void add_folder(const std::string& folder, const fs::path& except,
                std::vector<std::string>& files) {
  std::vector<std::string> found;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const bool hidden = at->path().filename().string().starts_with('.');
    const bool ours = !except.empty() && real(at->path()) == except;
    if (hidden || ours) at.disable_recursion_pending();
    else if (at->is_regular_file(error)) found.push_back(at->path().string());
  }
  if (error) throw Error(ErrorKind::io, folder, "cannot list the folder: " + error.message());
  if (found.empty())
    throw Error(ErrorKind::invalid, folder, "holds no files", "name a folder with text");
  std::ranges::sort(found);
  files.insert(files.end(), found.begin(), found.end());
}

}  // namespace

std::vector<std::string> corpus_files(const std::vector<std::string>& paths,
                                      const std::string& except) {
  std::vector<std::string> files;
  const fs::path left_out = except.empty() ? fs::path() : real(except);
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) throw Error(ErrorKind::not_found, path, "there is no such file");
    if (fs::is_directory(status)) add_folder(path, left_out, files);
    else files.push_back(path);
    InputGuard::note(path);
  }
  return files;
}

}  // namespace pliant::data
