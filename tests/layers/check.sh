#!/bin/sh
# The order of the layers is enforced: check.sh COMPILER INCLUDE_ROOT compiles one-line programs against the headers that
# single folders export and demands that includes up the order fail. Also: no third-party include in a public header.
set -eu
compiler=$1
root=$2
failures=0

# may FOLDER... -- HEADER: whether HEADER compiles with what FOLDERs export
compiles() {
  flags=
  while [ "$1" != -- ]; do flags="$flags -I$root/$1"; shift; done
  # shellcheck disable=SC2086
  echo "#include \"$2\"" | $compiler -std=c++20 -fsyntax-only $flags -x c++ - 2>/dev/null
}
expect() {
  want=$1
  shift
  if compiles "$@"; then got=yes; else got=no; fi
  [ "$want" = "$got" ] || { echo "include of $*: expected $want, got $got"; failures=$((failures + 1)); }
}

ckks=machine-encrypted-ckks
expect yes core -- core/error.h
expect no core -- quant/store.h
expect no core -- command/options.h
expect yes core core-log data-shards -- data/shards/batches.h
expect no core core-log data-shards -- data/corpus/corpus.h
expect yes core graph-kinds -- graph/kinds/kinds.h
expect no core graph-kinds graph-shapes -- graph/builder.h
expect yes core graph-kinds graph-shapes graph -- graph/builder.h
expect no core quant graph-kinds graph-shapes graph -- graph/reference/reference.h
expect no core quant graph-kinds graph-shapes graph graph-reference -- graph/passes/passes.h
expect no core quant graph-kinds graph-shapes graph -- machine/machine.h
expect no core text-unicode -- text/words/trie.h
expect no core text-unicode text-regex text-words text-algorithms text -- text/load/load.h
expect no core formats-onnx-file -- formats/onnx/rules/rules.h
expect no core graph-kinds graph-shapes graph models-language -- models/language/files/load.h
expect no core graph-kinds graph-shapes graph models-elasticvit -- search/windows.h
expect no core graph-kinds graph-shapes graph models-elasticvit search -- search/samplers/bank.h
expect no core graph-kinds graph-shapes graph models-elasticvit search search-samplers -- search/supernet/groups.h
expect no core image -- data/images/mix.h
expect no core plan-format -- plan/place/place.h
expect no core plan-format -- plan/bound/model.h
expect no core plan-format plan-bound plan-place -- plan/schedule/schedule.h
expect no core plan-format plan-bound plan-place plan-schedule -- plan/search/fluid.h
expect no core plan-format plan-bound plan-place plan-schedule -- plan/solve.h
expect yes core report -- report/memory_map.h
expect no core report -- plan/format/plan.h
expect no core plan-format plan-place plan-export -- plan/solve.h
expect no core plan-checker -- plan/format/plan.h
expect no core plan-checker -- plan/place/place.h
expect no core plan-place -- plan/format/problem.h
expect no core machine-native-kernels -- machine/native/kv/cache.h
expect yes core machine-native-kv-choice -- machine/native/kv/choice/merge.h
expect no core graph-kinds graph-shapes graph quant machine-native-kv-choice machine-native-kv -- machine/native/kv/policies/compression.h
expect yes core open -- open/source.h
expect no core graph-kinds graph-shapes graph quant open -- open/network/open_network.h
expect no core graph-kinds graph-shapes graph quant open -- lm/session.h
expect no core text-words text lm-decode lm -- lm/chat/conversation.h
expect no core text-words text lm-decode lm -- eval/perplexity.h
expect no core $ckks-kernels $ckks-ring -- machine/encrypted/ckks/keys/keys.h
expect yes core core-log $ckks-kernels $ckks-ring $ckks-context $ckks-keys $ckks -- machine/encrypted/ckks/evaluator.h
expect no core quant graph-kinds graph-shapes graph machine -- machine/torch/learner.h
expect no core $ckks-kernels $ckks-ring $ckks-context $ckks-keys $ckks -- graph/graph.h
expect no core $ckks-kernels $ckks-ring $ckks-context $ckks-keys $ckks -- machine/machine.h

cd "$(dirname "$0")/../.."
# Headers of the executable, of single kernels, of libtorch's operators and of the replay are nobody's interface; core/json.h is for .cpp files.
foreign=$(grep -rnE '#include [<"](fmt|nlohmann|CLI|onnx|google|png|turbojpeg|hwy|ATen|torch|sodium|archive|zlib|gtest)' src --include='*.h' | grep -vE '^src/(cli/|command/print.h|machine/native/kernels/|machine/torch/(kinds/ops|workers/group).h|plan/checker/replay.h|core/json.h)' || true)
[ -z "$foreign" ] || { echo "third-party include in a public header: $foreign"; failures=$((failures + 1)); }

long=$(find src tests -name '*.cpp' -o -name '*.h' | xargs wc -l | awk '$2 != "total" && $1 > 600 {print $2 ": " $1 " lines"}')
[ -z "$long" ] || { echo "file above 600 lines: $long"; failures=$((failures + 1)); }

[ "$failures" = 0 ] && echo "layers hold"
exit "$failures"
