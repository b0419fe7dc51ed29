// Any bytes as keys: as they are, and as the contents of an envelope with the right hashes, without
// which nothing would get past the authentication.
#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

#include "ckks_context.h"
#include "core/error.h"
#include "machine/encrypted/ckks/file.h"

namespace {

using namespace pliant::ckks;

void read(std::span<const std::byte> bytes, EnvelopeKind kind) {
  try {
    if (kind == EnvelopeKind::switch_key) {
      const auto again = serialize(parse_switch_key(small_context(), bytes));
      if (again.size() != bytes.size() || !std::equal(again.begin(), again.end(), bytes.begin()))
        std::abort();
    } else if (kind == EnvelopeKind::public_key) {
      parse_public_key(small_context(), bytes);
    } else {
      parse_secret_key(small_context(), bytes);
    }
  } catch (const pliant::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const EnvelopeKind kind :
       {EnvelopeKind::secret_key, EnvelopeKind::public_key, EnvelopeKind::switch_key}) {
    read(std::as_bytes(std::span(data, size)), kind);
    Writer out;
    out.begin(kind, small_context().hash());
    out.put(std::span(data, size));
    read(out.seal({}), kind);
  }
  return 0;
}
