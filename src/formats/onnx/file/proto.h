// Between protobuf's tensors and ours. Included by the two sources that know protobuf only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/files.h"
#include "formats/onnx/file/model.h"
#include "formats/onnx/file/types.h"

namespace onnx {
class TensorProto;  // protobuf's
}

namespace pliant::onnx {

// Data files beside a model, each mapped once.
class ExternalData {
 public:
  explicit ExternalData(std::string folder) : folder_(std::move(folder)) {}
  // null when the file does not exist; throws Error{format} for a location outside the folder.
  const MappedFile* file(const std::string& location, std::string_view place);

 private:
  std::string folder_;
  std::map<std::string, std::unique_ptr<MappedFile>> files_;
};

NamedTensor decode_tensor(const ::onnx::TensorProto& proto, ExternalData& external,
                          std::string_view place);
void encode_tensor(const Tensor& tensor, ::onnx::TensorProto& proto);

}  // namespace pliant::onnx
