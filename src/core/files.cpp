#include "core/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/files/descriptor.h"
#include "core/files/input_guard.h"

namespace pliant {
namespace {

Error system_error(const std::string& path, const std::string& action) {
  const int code = errno;
  const ErrorKind kind = code == ENOENT ? ErrorKind::not_found : ErrorKind::io;
  return {kind, path, "cannot " + action + ": " + std::strerror(code)};
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file.is_open()) throw system_error(path, "open");
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) throw system_error(path, "inspect");
  if (S_ISDIR(status.st_mode)) throw Error(ErrorKind::io, path, "is a directory");
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::io, path, "is not a regular file");
  InputGuard::note(path);
  size_ = status.st_size;
  if (size_ == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number(), 0);
  if (address == MAP_FAILED) throw system_error(path, "map");
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

std::string read_file(const std::string& path) { return std::string(MappedFile(path).text()); }

std::string file_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string extension(std::string_view path) {
  const std::string last = file_name(path);
  const std::size_t dot = last.rfind('.');
  if (dot == std::string::npos || dot == 0) return "";
  std::string result = last.substr(dot);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

}  // namespace pliant
