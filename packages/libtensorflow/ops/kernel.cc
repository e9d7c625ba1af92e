#include "kernel.h"

#include <memory>

#include "tensorflow/c/tf_status.h"

namespace nncf {
namespace {

using Status = std::unique_ptr<TF_Status, decltype(&TF_DeleteStatus)>;

Status NewStatus() { return Status(TF_NewStatus(), &TF_DeleteStatus); }

bool Ok(const Status& status) { return TF_GetCode(status.get()) == TF_OK; }

}  // namespace

Input::Input(TF_OpKernelContext* context, int index) {
  const Status status = NewStatus();
  TF_GetInput(context, index, &tensor_, status.get());
  if (!Ok(status)) TF_OpKernelContext_Failure(context, status.get());
}

Input::~Input() {
  if (tensor_ != nullptr) TF_DeleteTensor(tensor_);
}

std::vector<int64_t> Input::shape() const {
  std::vector<int64_t> sizes(TF_NumDims(tensor_));
  for (size_t axis = 0; axis < sizes.size(); ++axis) sizes[axis] = TF_Dim(tensor_, axis);
  return sizes;
}

float* Output(TF_OpKernelContext* context, int index, const std::vector<int64_t>& shape) {
  size_t bytes = sizeof(float);
  for (const int64_t size : shape) bytes *= size;
  const Status status = NewStatus();
  TF_Tensor* tensor = TF_AllocateOutput(context, index, TF_FLOAT, shape.data(), shape.size(), bytes, status.get());
  if (!Ok(status)) {
    TF_OpKernelContext_Failure(context, status.get());
    return nullptr;
  }
  float* data = static_cast<float*>(TF_TensorData(tensor));
  // TensorFlow holds the output; this is the handle's end only.
  TF_DeleteTensor(tensor);
  return data;
}

void Refuse(TF_OpKernelContext* context, const std::string& message) {
  const Status status = NewStatus();
  TF_SetStatus(status.get(), TF_INVALID_ARGUMENT, message.c_str());
  TF_OpKernelContext_Failure(context, status.get());
}

int64_t Attributes::Int(const char* name) const {
  int64_t value = 0;
  TF_OpKernelConstruction_GetAttrInt64(construction_, name, &value, NewStatus().get());
  return value;
}

float Attributes::Float(const char* name) const {
  float value = 0;
  TF_OpKernelConstruction_GetAttrFloat(construction_, name, &value, NewStatus().get());
  return value;
}

bool Attributes::Bool(const char* name) const {
  TF_Bool value = 0;
  TF_OpKernelConstruction_GetAttrBool(construction_, name, &value, NewStatus().get());
  return value != 0;
}

std::string Register(const Description& description) {
  const Status status = NewStatus();
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(description.name);
  for (const char* spec : description.attributes) TF_OpDefinitionBuilderAddAttr(definition, spec);
  for (const char* spec : description.inputs) TF_OpDefinitionBuilderAddInput(definition, spec);
  for (const char* spec : description.outputs) TF_OpDefinitionBuilderAddOutput(definition, spec);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, &TF_ShapeInferenceContextSetUnknownShape);
  TF_RegisterOpDefinition(definition, status.get());
  if (!Ok(status)) return TF_Message(status.get());
  TF_KernelBuilder* kernel = TF_NewKernelBuilder(description.name, "CPU", description.create, description.compute, description.destroy);
  TF_RegisterKernelBuilder(description.name, kernel, status.get());
  return Ok(status) ? "" : TF_Message(status.get());
}

}  // namespace nncf
