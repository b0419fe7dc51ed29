#include "cli/text/train_sentencepiece.h"
#include "core/error.h"

namespace pliant::cli {

void run_sentencepiece(const SentencePieceJob&) {
  throw Error(ErrorKind::unsupported, "--kind", "this build has no SentencePiece library",
              "--kind byte-bpe, or a build with PLIANT_SENTENCEPIECE=ON");
}

}  // namespace pliant::cli
