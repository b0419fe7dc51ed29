// Any bytes as a corpus file: archives in archives, compressed streams, lines.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/error.h"
#include "core/utf8.h"
#include "data/corpus/archive.h"
#include "data/corpus/filters.h"

namespace {

class Memory : public pliant::data::ByteStream {
 public:
  explicit Memory(std::string_view bytes) : rest_(bytes) {}
  std::string_view more() override {  // in small pieces, so that their seams are met
    const std::string_view piece = rest_.substr(0, 97);
    rest_.remove_prefix(piece.size());
    return piece;
  }

 private:
  std::string_view rest_;
};

constexpr std::size_t most_bytes = 1 << 20;  // of all members: small files hold much

void read(pliant::data::ByteStream& stream, std::size_t& left, int depth) {
  pliant::data::Archive archive(stream, "fuzz");
  while (left > 0 && archive.next()) {
    if (!archive.is_bare() && depth < 3) {
      read(archive.content(), left, depth + 1);
      continue;
    }
    pliant::data::Lines lines(archive.content(), 1000, "fuzz");
    std::string line;
    while (left > 0 && lines.next(line)) {
      if (line.size() > 1000) std::abort();
      left -= std::min(left, line.size() + 1);
      if (pliant::is_utf8(line) &&
          pliant::data::normalised_length(line) > 2 * static_cast<std::int64_t>(line.size()))
        std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Memory memory({reinterpret_cast<const char*>(data), size});
  std::size_t left = most_bytes;
  try {
    read(memory, left, 0);
  } catch (const pliant::Error&) {
  }
  return 0;
}
