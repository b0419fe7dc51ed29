// Any bytes as an encrypted tensor and as what begins a file of keys: as they are, and as the
// contents of an envelope with the right hash, without which nothing would get past the
// authentication.
#include <cstdlib>
#include <span>
#include <vector>

#include "ckks_context.h"
#include "core/error.h"
#include "machine/encrypted/einsum/parties/agreement.h"
#include "machine/encrypted/einsum/parties/tensor_file.h"

namespace {

using namespace pliant::ckks;
using namespace pliant::einsum;

void read(std::span<const std::byte> bytes) {
  try {
    const auto tensor = parse_tensor(small_context(), bytes, {}, "tensor");
    std::vector<const Ciphertext*> again;
    for (const auto& each : tensor) again.push_back(each ? &*each : nullptr);
    if (serialize_tensor(small_context(), again, {}).size() != bytes.size()) std::abort();
  } catch (const pliant::Error&) {
  }
  for (const EnvelopeKind kind : {EnvelopeKind::server_keys, EnvelopeKind::contributor_keys}) try {
      Reader in(bytes, kind, nullptr, {});
      get_agreement(in, true);
    } catch (const pliant::Error&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read(std::as_bytes(std::span(data, size)));
  for (const EnvelopeKind kind : {EnvelopeKind::tensor, EnvelopeKind::server_keys}) {
    Writer out;
    out.begin(kind, kind == EnvelopeKind::tensor ? small_context().hash() : Hash{});
    out.put(std::span(data, size));
    read(out.seal({}));
  }
  return 0;
}
