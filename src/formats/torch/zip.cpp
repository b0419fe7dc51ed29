#include "formats/torch/zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "core/error.h"

namespace pliant {
namespace {

// Signatures of records, and their bytes without what varies in length.
constexpr std::uint64_t local_mark = 0x04034b50, entry_mark = 0x02014b50, end_mark = 0x06054b50,
                        end64_mark = 0x06064b50, locator_mark = 0x07064b50;
constexpr std::size_t local_bytes = 30, entry_bytes = 46, end_bytes = 22, end64_bytes = 56,
                      locator_bytes = 20;
constexpr std::size_t max_comment = 0xffff;
constexpr std::uint64_t in_extra = 0xffffffff;  // the field stands in the extra field, 64-bit

// A little-endian number of `count` bytes, at most 8.
std::uint64_t number(std::span<const std::byte> bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i)
    value |= std::to_integer<std::uint64_t>(bytes[at + i]) << (8 * i);
  return value;
}

std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Directory {
  std::uint64_t at = 0, bytes = 0, entries = 0;
};

struct Placed {
  ZipEntry entry;
  std::size_t begin = 0, end = 0;  // with its local header
};

// What a directory entry says of the bytes.
struct Sizes {
  std::uint64_t plain = 0, stored = 0, local = 0;
};

class ZipReader {
 public:
  ZipReader(std::span<const std::byte> file, std::string_view place) : file_(file), place_(place) {}

  std::vector<ZipEntry> read() {
    directory_ = find_directory();
    std::vector<Placed> placed;
    placed.reserve(directory_.entries);
    std::size_t at = directory_.at;
    for (std::uint64_t i = 0; i < directory_.entries; ++i) placed.push_back(read_entry(at));
    if (at != directory_.at + directory_.bytes)
      fail(at, fmt::format("the directory goes on after its {} entries", directory_.entries));
    return in_order(std::move(placed));
  }

 private:
  [[noreturn]] void fail(std::size_t byte, const std::string& problem,
                         ErrorKind kind = ErrorKind::format) const {
    throw Error(kind, std::string(place_), fmt::format("byte {}: {}", byte, problem));
  }

  // A record of `bytes` bytes lies at `at` and ends at `end` at the latest.
  bool has(std::uint64_t at, std::uint64_t bytes, std::uint64_t end) const {
    return at <= end && bytes <= end - at;
  }

  std::size_t find_end() const {
    for (std::size_t comment = 0; comment <= max_comment; ++comment) {
      if (file_.size() < end_bytes + comment) break;
      const std::size_t at = file_.size() - end_bytes - comment;
      if (number(file_, at, 4) == end_mark && number(file_, at + 20, 2) == comment) return at;
    }
    fail(file_.size(), "no end of a zip archive: the file is cut, or is none");
  }

  Directory find_directory() const {
    std::size_t end = find_end();
    Directory found{number(file_, end + 16, 4), number(file_, end + 12, 4),
                    number(file_, end + 10, 2)};
    std::uint64_t parts = number(file_, end + 4, 2) | number(file_, end + 6, 2);
    if (end >= locator_bytes && number(file_, end - locator_bytes, 4) == locator_mark) {
      const std::size_t locator = end - locator_bytes;
      const std::uint64_t at = number(file_, locator + 8, 8);
      if (!has(at, end64_bytes, locator) || number(file_, at, 4) != end64_mark)
        fail(locator, fmt::format("no 64-bit end of the archive at byte {}", at));
      end = at;
      parts = number(file_, at + 16, 4) | number(file_, at + 20, 4);
      found = {number(file_, at + 48, 8), number(file_, at + 40, 8), number(file_, at + 32, 8)};
    }
    if (parts != 0) fail(end, "an archive in parts", ErrorKind::unsupported);
    if (!has(found.at, found.bytes, end))
      fail(end, fmt::format("a directory of {} bytes at byte {}", found.bytes, found.at));
    if (found.entries > found.bytes / entry_bytes)
      fail(end, fmt::format("{} entries in a directory of {} bytes", found.entries, found.bytes));
    return found;
  }

  // The entry of the directory at `at`, which moves behind it.
  Placed read_entry(std::size_t& at) const {
    const std::size_t start = at;
    const std::uint64_t end = directory_.at + directory_.bytes;
    if (!has(at, entry_bytes, end) || number(file_, at, 4) != entry_mark)
      fail(at, "no entry of the directory");
    const std::size_t name_bytes = number(file_, at + 28, 2), extra = number(file_, at + 30, 2),
                      comment = number(file_, at + 32, 2);
    if (!has(at + entry_bytes, name_bytes + extra + comment, end))
      fail(at, "an entry that goes beyond the directory");
    const std::string_view name = text(file_.subspan(at + entry_bytes, name_bytes));
    const std::uint64_t flags = number(file_, at + 8, 2), method = number(file_, at + 10, 2);
    if ((flags & 1) != 0) fail(at, fmt::format("'{}' is encrypted", name), ErrorKind::unsupported);
    if (method != 0)
      fail(at, fmt::format("'{}' is compressed (method {})", name, method), ErrorKind::unsupported);
    const Sizes sizes = read_sizes(start, file_.subspan(at + entry_bytes + name_bytes, extra));
    if (sizes.plain != sizes.stored)
      fail(at, fmt::format("'{}' has {} bytes, stored in {}", name, sizes.plain, sizes.stored));
    at += entry_bytes + name_bytes + extra + comment;
    return locate(start, name, sizes);
  }

  Sizes read_sizes(std::size_t at, std::span<const std::byte> extra) const {
    Sizes sizes{number(file_, at + 24, 4), number(file_, at + 20, 4), number(file_, at + 42, 4)};
    std::span<const std::byte> wide;
    for (std::size_t i = 0; i + 4 <= extra.size();) {
      const std::size_t bytes = number(extra, i + 2, 2);
      if (bytes > extra.size() - i - 4) fail(at, "an extra field that goes beyond its entry");
      if (number(extra, i, 2) == 1) wide = extra.subspan(i + 4, bytes);
      i += 4 + bytes;
    }
    for (std::uint64_t* each : {&sizes.plain, &sizes.stored, &sizes.local}) {
      if (*each != in_extra) continue;
      if (wide.size() < 8) fail(at, "an entry without the 64-bit size that it announces");
      *each = number(wide, 0, 8);
      wide = wide.subspan(8);
    }
    return sizes;
  }

  Placed locate(std::size_t at, std::string_view name, const Sizes& sizes) const {
    const std::uint64_t end = directory_.at;
    if (!has(sizes.local, local_bytes, end) || number(file_, sizes.local, 4) != local_mark)
      fail(at, fmt::format("'{}' is not at byte {}", name, sizes.local));
    const std::size_t name_bytes = number(file_, sizes.local + 26, 2),
                      extra = number(file_, sizes.local + 28, 2);
    const std::size_t data = sizes.local + local_bytes + name_bytes + extra;
    if (!has(data, sizes.stored, end))
      fail(at, fmt::format("'{}': {} bytes of data from byte {} on go beyond the archive's {}",
                           name, sizes.stored, data, end));
    if (text(file_.subspan(sizes.local + local_bytes, name_bytes)) != name)
      fail(sizes.local, fmt::format("this entry is not '{}', as the directory says", name));
    return {{name, file_.subspan(data, sizes.stored)}, sizes.local, data + sizes.stored};
  }

  std::vector<ZipEntry> in_order(std::vector<Placed> placed) const {
    std::sort(placed.begin(), placed.end(),
              [](const Placed& a, const Placed& b) { return a.begin < b.begin; });
    std::vector<ZipEntry> result;
    result.reserve(placed.size());
    std::size_t end = 0;
    for (const Placed& each : placed) {
      if (each.begin < end)
        fail(each.begin, fmt::format("'{}' overlaps the entry before it", each.entry.name));
      end = each.end;
      result.push_back(each.entry);
    }
    std::vector<std::string_view> names;
    for (const ZipEntry& each : result) names.push_back(each.name);
    std::sort(names.begin(), names.end());
    if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
      fail(directory_.at, fmt::format("'{}' stands there twice", *twice));
    return result;
  }

  std::span<const std::byte> file_;
  std::string_view place_;
  Directory directory_;
};

}  // namespace

bool looks_like_zip(std::span<const std::byte> file) {
  return file.size() >= local_bytes && number(file, 0, 4) == local_mark;
}

std::string_view first_zip_entry(std::span<const std::byte> file) {
  if (!looks_like_zip(file)) return {};
  const std::size_t bytes = number(file, 26, 2);
  return bytes > file.size() - local_bytes ? std::string_view()
                                           : text(file.subspan(local_bytes, bytes));
}

std::vector<ZipEntry> read_stored_zip(std::span<const std::byte> file, std::string_view place) {
  return ZipReader(file, place).read();
}

}  // namespace pliant
