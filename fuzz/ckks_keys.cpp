// Any bytes as keys: as they are, and as the contents of an envelope with the right hashes, without which nothing
// would get past the authentication.
#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

#include "core/error.h"
#include "machine/encrypted/ckks/file.h"

namespace {

using namespace pliant::ckks;

const Context& context() {
  static const Context small([] {
    Params params;
    params.log_n = 4;
    params.levels = 2;
    params.insecure_for_tests = true;
    return params;
  }());
  return small;
}

void read(std::span<const std::byte> bytes, FileKind kind) {
  try {
    if (kind == FileKind::switch_key) {
      const auto again = serialize(parse_switch_key(context(), bytes));
      if (again.size() != bytes.size() || !std::equal(again.begin(), again.end(), bytes.begin())) std::abort();
    } else if (kind == FileKind::public_key) {
      parse_public_key(context(), bytes);
    } else {
      parse_secret_key(context(), bytes);
    }
  } catch (const pliant::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const FileKind kind : {FileKind::secret_key, FileKind::public_key, FileKind::switch_key}) {
    read(std::as_bytes(std::span(data, size)), kind);
    Writer out;
    out.begin(kind, context().hash());
    out.put(std::span(data, size));
    read(out.seal({}), kind);
  }
  return 0;
}
