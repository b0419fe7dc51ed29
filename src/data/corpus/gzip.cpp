#include "data/corpus/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "core/error.h"

namespace pliant::data {

struct GzipStream::State {
  z_stream stream{};
  bool inside = true;  // a part; else between two
  std::vector<char> out = std::vector<char>(std::size_t{1} << 18);
};

bool is_gzip(std::string_view beginning) { return beginning.starts_with("\x1f\x8b"); }

GzipStream::GzipStream(ByteStream& in, std::string_view first, std::string place)
    : in_(in), rest_(first), place_(std::move(place)), state_(std::make_unique<State>()) {
  constexpr int gzip_alone = 16 + MAX_WBITS;
  if (inflateInit2(&state_->stream, gzip_alone) != Z_OK)
    throw Error(ErrorKind::capacity, place_, "no memory to decompress it");
}

GzipStream::~GzipStream() { inflateEnd(&state_->stream); }

void GzipStream::fail(const std::string& problem) const {
  throw Error(ErrorKind::format, place_, "is cut or damaged: " + problem);
}

// A file may be several parts one after another; zeros may fill it up.
bool GzipStream::next_part() {
  while (true) {
    const std::size_t zeros = rest_.find_first_not_of('\0');
    rest_.remove_prefix(std::min(zeros, rest_.size()));
    if (!rest_.empty()) break;
    rest_ = in_.more();
    if (rest_.empty()) return false;
  }
  if (rest_.front() != '\x1f') fail("bytes after the end of the gzip data");
  inflateReset(&state_->stream);
  return state_->inside = true;
}

std::string_view GzipStream::more() {
  z_stream& stream = state_->stream;
  stream.next_out = reinterpret_cast<Bytef*>(state_->out.data());
  stream.avail_out = static_cast<uInt>(state_->out.size());
  while (stream.avail_out > 0) {
    if (!state_->inside && !next_part()) break;
    if (rest_.empty()) rest_ = in_.more();
    if (rest_.empty()) fail("the gzip data ends too early");
    const std::size_t most = std::min<std::size_t>(rest_.size(), std::numeric_limits<uInt>::max());
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest_.data()));
    stream.avail_in = static_cast<uInt>(most);
    const int result = inflate(&stream, Z_NO_FLUSH);
    rest_.remove_prefix(most - stream.avail_in);
    if (result == Z_STREAM_END) state_->inside = false;
    else if (result != Z_OK && result != Z_BUF_ERROR)
      fail(stream.msg != nullptr ? stream.msg : "wrong gzip data");
  }
  return {state_->out.data(), state_->out.size() - stream.avail_out};
}

}  // namespace pliant::data
