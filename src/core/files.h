// Files: mapped reading, and writing that either happens whole or not at all.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

namespace pliant {

// Read-only mapping of a whole file; movable. Throws Error{not_found} or Error{io}.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

std::string read_file(const std::string& path);

// Writes beside `path` under a name that nobody can guess, flushes to disk and renames: on any
// failure the old file is untouched and nothing is left behind. Through a link, what it points to
// is replaced. A file that is there keeps its mode. Pipes and devices are written as they are.
// Throws Error{usage} for an input that an InputGuard knows.
void write_file(const std::string& path, std::string_view contents);
void write_file(const std::string& path, const std::function<void(std::ostream&)>& write);

// The same for a file that must not be there yet, and that its owner alone may read, from the first
// byte on. Throws Error{usage} where something has its name.
void write_secret_file(const std::string& path, std::string_view contents);

// Removes what write_file() has not finished; async-signal-safe, for a handler that ends the
// process.
void remove_partial_files() noexcept;

std::string extension(std::string_view path);  // lower case, with its dot; "" if none
std::string file_name(std::string_view path);  // the last component

}  // namespace pliant
