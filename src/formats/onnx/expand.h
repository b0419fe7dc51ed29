// Functions of the model's own: every node that calls one becomes the function's body.
#pragma once

#include <string_view>

#include "formats/onnx/file/model.h"

namespace pliant::onnx {

// Afterwards no node of the main graph calls a function of the model. Throws Error{invalid} for
// functions that call themselves, or that make more nodes than anybody means.
void expand_functions(ModelDef& model, std::string_view place);

}  // namespace pliant::onnx
