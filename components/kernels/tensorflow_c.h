// What ops.c uses of TensorFlow's C API for ops and kernels (tensorflow/c/{kernels,ops,tf_tensor,tf_status}.h), which
// is stable. TensorFlow's own headers are C++ in all but name, and a build then needs nothing of TensorFlow's.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { TF_FLOAT = 1, TF_INT32 = 3, TF_BFLOAT16 = 14 };
enum { TF_INVALID_ARGUMENT = 3, TF_RESOURCE_EXHAUSTED = 8 };

typedef struct TF_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;
typedef struct TF_KernelBuilder TF_KernelBuilder;
typedef struct TF_OpKernelConstruction TF_OpKernelConstruction;
typedef struct TF_OpKernelContext TF_OpKernelContext;
typedef struct TF_OpDefinitionBuilder TF_OpDefinitionBuilder;
typedef struct TF_ShapeHandle TF_ShapeHandle;
typedef struct TF_ShapeInferenceContext TF_ShapeInferenceContext;

extern TF_Status *TF_NewStatus(void);
extern void TF_DeleteStatus(TF_Status *);
extern void TF_SetStatus(TF_Status *, int code, const char *message);
extern int TF_GetCode(const TF_Status *);

extern void *TF_TensorData(const TF_Tensor *);
extern int TF_NumDims(const TF_Tensor *);
extern int64_t TF_Dim(const TF_Tensor *, int);
extern void TF_DeleteTensor(TF_Tensor *);

extern TF_KernelBuilder *TF_NewKernelBuilder(
    const char *op, const char *device, void *(*create)(TF_OpKernelConstruction *),
    void (*compute)(void *, TF_OpKernelContext *), void (*drop)(void *));
extern void TF_KernelBuilder_TypeConstraint(TF_KernelBuilder *, const char *attribute, int type, TF_Status *);
extern void TF_RegisterKernelBuilder(const char *name, TF_KernelBuilder *, TF_Status *);
extern void TF_OpKernelConstruction_GetAttrType(TF_OpKernelConstruction *, const char *, int *value, TF_Status *);
extern void TF_OpKernelConstruction_GetAttrInt32(TF_OpKernelConstruction *, const char *, int32_t *value, TF_Status *);
extern void TF_OpKernelConstruction_GetAttrFloat(TF_OpKernelConstruction *, const char *, float *value, TF_Status *);
extern void TF_OpKernelConstruction_Failure(TF_OpKernelConstruction *, TF_Status *);
extern void TF_GetInput(TF_OpKernelContext *, int index, TF_Tensor **, TF_Status *);
extern TF_Tensor *TF_AllocateOutput(
    TF_OpKernelContext *, int index, int type, const int64_t *dims, int rank, size_t bytes, TF_Status *);
extern void TF_OpKernelContext_Failure(TF_OpKernelContext *, TF_Status *);

extern TF_OpDefinitionBuilder *TF_NewOpDefinitionBuilder(const char *op);
extern void TF_OpDefinitionBuilderAddAttr(TF_OpDefinitionBuilder *, const char *);
extern void TF_OpDefinitionBuilderAddInput(TF_OpDefinitionBuilder *, const char *);
extern void TF_OpDefinitionBuilderAddOutput(TF_OpDefinitionBuilder *, const char *);
extern void TF_OpDefinitionBuilderSetShapeInferenceFunction(
    TF_OpDefinitionBuilder *, void (*)(TF_ShapeInferenceContext *, TF_Status *));
extern void TF_RegisterOpDefinition(TF_OpDefinitionBuilder *, TF_Status *);
extern TF_ShapeHandle *TF_NewShapeHandle(void);
extern void TF_DeleteShapeHandle(TF_ShapeHandle *);
extern void TF_ShapeInferenceContextGetInput(TF_ShapeInferenceContext *, int, TF_ShapeHandle *, TF_Status *);
extern void TF_ShapeInferenceContextSetOutput(TF_ShapeInferenceContext *, int, TF_ShapeHandle *, TF_Status *);
extern void TF_ShapeInferenceContextSetUnknownShape(TF_ShapeInferenceContext *, TF_Status *);
