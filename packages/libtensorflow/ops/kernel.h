// What an operation's code needs of TensorFlow's C interface, in few words.
#ifndef NNCF_KERNEL_H_
#define NNCF_KERNEL_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

// Compiles a loop for several instruction sets and picks one when the library is loaded.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define NNCF_VECTORIZED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define NNCF_VECTORIZED
#endif

namespace nncf {

// A tensor of float32 handed to an operation; valid while this object is.
class Input {
 public:
  Input(TF_OpKernelContext* context, int index);
  ~Input();
  Input(Input&& other) noexcept : tensor_(other.tensor_) { other.tensor_ = nullptr; }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  const float* data() const { return static_cast<const float*>(TF_TensorData(tensor_)); }
  int64_t size() const { return TF_TensorElementCount(tensor_); }
  std::vector<int64_t> shape() const;

 private:
  TF_Tensor* tensor_ = nullptr;
};

// Allocates an output of float32 and gives its memory; nullptr where that fails, which TensorFlow has then been told.
float* Output(TF_OpKernelContext* context, int index, const std::vector<int64_t>& shape);

// Ends an operation with TensorFlow's "invalid argument".
void Refuse(TF_OpKernelContext* context, const std::string& message);

// Attributes of an operation, read when its kernel is made.
class Attributes {
 public:
  explicit Attributes(TF_OpKernelConstruction* construction) : construction_(construction) {}
  int64_t Int(const char* name) const;
  float Float(const char* name) const;
  bool Bool(const char* name) const;

 private:
  TF_OpKernelConstruction* construction_;
};

// Describes an operation: inputs, outputs and attributes as TensorFlow writes them, e.g. "x: float", "levels: int".
struct Description {
  const char* name;
  std::initializer_list<const char*> inputs;
  std::initializer_list<const char*> outputs;
  std::initializer_list<const char*> attributes;
  void* (*create)(TF_OpKernelConstruction*);
  void (*compute)(void*, TF_OpKernelContext*);
  void (*destroy)(void*);
};

// Makes an operation known to TensorFlow, for the processor. Returns TensorFlow's message where it refuses, else nothing.
std::string Register(const Description& description);

// Register() for a class with a constructor from Attributes and a method Compute(context).
template <typename Kernel>
std::string RegisterKernel(const char* name, std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs,
                           std::initializer_list<const char*> attributes) {
  return Register({name, inputs, outputs, attributes,
                   [](TF_OpKernelConstruction* construction) -> void* { return new Kernel(Attributes(construction)); },
                   [](void* kernel, TF_OpKernelContext* context) { static_cast<Kernel*>(kernel)->Compute(context); },
                   [](void* kernel) { delete static_cast<Kernel*>(kernel); }});
}

}  // namespace nncf

#endif  // NNCF_KERNEL_H_
