// The one file that knows libarchive.
#include "data/corpus/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "core/error.h"
#include "data/corpus/gzip.h"

namespace pliant::data {

struct Archive::State : ByteStream {
  State(ByteStream& in, std::string place) : in(in), place(std::move(place)) {}
  ~State() override { archive_read_free(handle); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void open();
  std::string_view more() override;
  std::string_view raw();
  static la_ssize_t read_more(::archive* handle, void* of, const void** bytes);
  [[noreturn]] void fail();

  ByteStream& in;
  std::string place, name;
  ::archive* handle = archive_read_new();
  bool bare = false, opened = false, failed = false;
  std::int64_t given = 0;  // bytes of the member
  std::unique_ptr<GzipStream> gzip;
  bool begun = false;
  std::exception_ptr underneath;  // what `in` threw, which does not pass through C
};

void Archive::State::fail() {
  failed = true;
  if (underneath) std::rethrow_exception(underneath);
  const char* said = archive_error_string(handle);
  throw Error(ErrorKind::format, name.empty() ? place : place + ": " + name,
              fmt::format("is cut or damaged: {}", said == nullptr ? "no reason is given" : said));
}

void Archive::State::open() {
  if (handle == nullptr) throw Error(ErrorKind::capacity, place, "no memory to read it");
  // by name: the library would also start programs that it finds
  const bool able = archive_read_support_filter_gzip(handle) == ARCHIVE_OK &&
                    archive_read_support_filter_xz(handle) == ARCHIVE_OK &&
                    archive_read_support_filter_zstd(handle) == ARCHIVE_OK &&
                    archive_read_support_filter_bzip2(handle) == ARCHIVE_OK &&
                    archive_read_support_format_tar(handle) == ARCHIVE_OK &&
                    archive_read_support_format_zip_streamable(handle) == ARCHIVE_OK &&
                    archive_read_support_format_empty(handle) == ARCHIVE_OK &&
                    archive_read_support_format_raw(handle) == ARCHIVE_OK;
  if (!able)
    throw Error(ErrorKind::unsupported, place,
                "libarchive of this machine lacks gzip, xz, zstd, bzip2, tar or zip");
  opened = true;
  if (archive_read_open(handle, this, nullptr, read_more, nullptr) != ARCHIVE_OK) fail();
}

std::string_view Archive::State::more() {
  const void* bytes = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  int result = ARCHIVE_OK;
  do result = archive_read_data_block(handle, &bytes, &size, &offset);
  while (result == ARCHIVE_RETRY || (result == ARCHIVE_OK && size == 0));
  if (underneath || (result != ARCHIVE_OK && result != ARCHIVE_EOF)) fail();
  if (result == ARCHIVE_EOF) return {};
  if (offset != given)
    throw Error(ErrorKind::unsupported, place + ": " + name, "is a file with holes, so no text");
  given += static_cast<std::int64_t>(size);
  return {static_cast<const char*>(bytes), size};
}

// What libarchive reads: the stream, or what gzip made of it.
std::string_view Archive::State::raw() {
  if (gzip != nullptr) return gzip->more();
  const std::string_view first = in.more();
  if (std::exchange(begun, true) || !is_gzip(first)) return first;
  gzip = std::make_unique<GzipStream>(in, first, place);
  return gzip->more();
}

la_ssize_t Archive::State::read_more(::archive* handle, void* of, const void** bytes) {
  auto& state = *static_cast<State*>(of);
  try {
    const std::string_view more = state.raw();
    *bytes = more.data();
    return static_cast<la_ssize_t>(more.size());
  } catch (...) {
    state.underneath = std::current_exception();
    archive_set_error(handle, EIO, "%s", "the bytes could not be read");
    return -1;
  }
}

Archive::Archive(ByteStream& in, std::string place)
    : state_(std::make_unique<State>(in, std::move(place))) {}
Archive::~Archive() = default;

bool Archive::next() {
  State& state = *state_;
  if (!state.opened) state.open();
  while (true) {
    ::archive_entry* entry = nullptr;
    state.name.clear();
    const int result = archive_read_next_header(state.handle, &entry);
    if (state.underneath) state.fail();
    if (result == ARCHIVE_EOF) return false;
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) state.fail();
    if (result == ARCHIVE_WARN && archive_entry_pathname(entry) == nullptr &&
        archive_entry_pathname_utf8(entry) == nullptr)
      state.fail();
    state.bare = archive_format(state.handle) == ARCHIVE_FORMAT_RAW;
    state.given = 0;
    if (state.bare) return true;
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    const char* plain = archive_entry_pathname(entry);
    const char* name = plain != nullptr ? plain : archive_entry_pathname_utf8(entry);
    state.name = name == nullptr ? "" : name;
    return true;
  }
}

bool Archive::failed() const { return state_->failed; }
bool Archive::is_bare() const { return state_->bare; }
const std::string& Archive::name() const { return state_->name; }
ByteStream& Archive::content() { return *state_; }

}  // namespace pliant::data
