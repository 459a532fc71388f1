/*
 * The boundary between the core add-on and a backend library.
 *
 * A backend is a shared library that exports `infernode_backend_entry`. The core opens it at run time, after the
 * framework libraries that it needs, so one core works with any number of backends and links none of them.
 *
 * Rules of the boundary:
 *  - Plain C: no exception and no C++ type crosses it.
 *  - Ownership: whoever creates frees. Every `inf_*` pointer that a backend returns is freed through the same table.
 *  - Strings are UTF-8, not zero-terminated unless they are `const char*`.
 *  - Threads: `enter_thread` is called once on each thread before any other call on it, `initialize` once in a process.
 *    `model_run` may be called from any entered thread, at the same time only where `concurrent_runs` says so.
 */
#ifndef INFERNODE_BACKEND_H
#define INFERNODE_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a struct below changes; core and backend must agree exactly. */
#define INF_BACKEND_ABI 3u
#define INF_BACKEND_ENTRY "infernode_backend_entry"

/* The numbers are those of src/tensor/dtype.ts. */
typedef enum inf_dtype {
  INF_FLOAT32 = 1,
  INF_FLOAT64 = 2,
  INF_FLOAT16 = 3,
  INF_BFLOAT16 = 4,
  INF_INT8 = 5,
  INF_INT16 = 6,
  INF_INT32 = 7,
  INF_INT64 = 8,
  INF_UINT8 = 9,
  INF_UINT16 = 10,
  INF_UINT32 = 11,
  INF_UINT64 = 12,
  INF_BOOL = 13,
  INF_STRING = 14
} inf_dtype;

typedef enum inf_status {
  INF_OK = 0,
  INF_MODEL_INVALID,         /* the file cannot be loaded */
  INF_MODEL_FAILED,          /* the model threw while it ran */
  INF_METHOD_UNKNOWN,        /* no such method */
  INF_INPUT_TYPE,            /* an argument has the wrong kind */
  INF_OUTPUT_UNSUPPORTED,    /* the model answered something that no tensor carries */
  INF_DEVICE_UNAVAILABLE,    /* no such device here */
  INF_OUT_OF_MEMORY,         /* an allocation failed; the model is still usable */
  INF_PRECISION_UNSUPPORTED, /* the model or the device cannot run in this precision */
  INF_CALIBRATION_INVALID,   /* no calibration run yet, or one that made NaN or infinite values */
  INF_QUANTIZE_NOTHING,      /* the model has nothing that can be quantized */
  INF_QUANTIZED_ALREADY,     /* the model is quantized */
  INF_CONVERSION_FAILED,     /* quantization failed, or its result is not what it must be */
  INF_DEVICE_FAILED,         /* the device fails every call from now on, until the process ends */
  INF_INTERNAL               /* a defect of the backend */
} inf_status;

typedef struct inf_string {
  const char* data;
  size_t size;
} inf_string;

/* A dense row-major tensor. The memory belongs to somebody else. */
typedef struct inf_tensor {
  inf_dtype dtype;
  int32_t rank;
  const int64_t* shape;
  void* data;   /* elements; for INF_STRING an array of inf_string */
  size_t bytes; /* of `data` */
} inf_tensor;

typedef enum inf_kind {
  INF_KIND_NONE = 0,
  INF_KIND_TENSOR = 1,
  INF_KIND_INT = 2,
  INF_KIND_FLOAT = 3,
  INF_KIND_BOOL = 4,
  INF_KIND_TEXT = 5,
  INF_KIND_LIST = 6,
  INF_KIND_TUPLE = 7,
  INF_KIND_DICT = 8
} inf_kind;

/* One argument: a leaf, or a sequence of arguments. */
typedef struct inf_value {
  inf_kind kind;
  inf_tensor tensor;
  int64_t integer; /* INT; BOOL as 0 or 1 */
  double number;   /* FLOAT */
  inf_string text;
  const struct inf_value* items; /* LIST, TUPLE, DICT */
  const inf_string* keys;        /* DICT */
  size_t count;
} inf_value;

/* One output. `owner` keeps `tensor` alive and is released once, by whoever holds it last, on any thread. */
typedef struct inf_output {
  inf_string name;
  inf_tensor tensor;
  void* owner;
} inf_output;

/* The outputs of one call. The core takes an output by setting its `owner` to NULL; the rest dies with the result. */
typedef struct inf_result {
  inf_output* outputs;
  size_t count;
} inf_result;

typedef struct inf_error {
  inf_status status;
  const char* message; /* one line */
  const char* trace;   /* the framework's full text, or "" */
} inf_error;

typedef struct inf_model inf_model;

typedef struct inf_capabilities {
  const char* name;            /* "torch" */
  const char* built_version;   /* framework version of the headers */
  const char* runtime_version; /* framework version found at run time */
  const char* formats;         /* comma-separated ModelFormat names */
  const char* devices;         /* comma-separated, "cpu,cuda:0" */
  const char* details;         /* a JSON object: CPU kernels, quantized engines, ... */
  int32_t concurrent_runs;     /* one model may run on several threads at once */
  int32_t external_outputs;    /* outputs may be handed to JavaScript without a copy */
} inf_capabilities;

typedef struct inf_load_options {
  const char* path;
  const char* format;    /* "torchscript" or "aotinductor" */
  const char* device;    /* "cpu" or "cuda:N" */
  int32_t threads;       /* intra-op threads of the executor that will run the model */
  const char* precision; /* "auto", as saved; "fp32"; "bf16", on CUDA also "fp16" and "tf32": computes in it, inputs
                            and outputs stay as they are */
  int32_t channels_last; /* images in memory as NHWC: 1 yes, 0 no, -1 as suits the precision */
  int32_t fuse;          /* rewrites layers to faster ones of the CPU: 1 yes, 0 no */
  int32_t graphs;        /* records calls as CUDA graphs and replays them: 1 yes, 0 no */
  int64_t memory_limit;  /* bytes of the device that this process may take from now on; 0 leaves the limit as it is */
} inf_load_options;

/* How to quantize to INT8. */
typedef struct inf_recipe {
  const char* mode;           /* "static", with calibration, or "dynamic" */
  const char* observer;       /* range of activations: "min-max", "percentile" or "mse" */
  int32_t reduce_range;       /* 7 bits, for CPUs that sum products of 8 bits in 16 */
  const char* const* exclude; /* names of submodules that stay as they are */
  size_t exclude_count;
} inf_recipe;

/* Every function that can fail returns NULL or an error that the caller frees with `error_free`. */
typedef struct inf_backend_api {
  uint32_t abi;
  inf_error* (*initialize)(void);
  const inf_capabilities* (*capabilities)(void);
  void (*enter_thread)(int32_t threads);
  inf_error* (*model_load)(const inf_load_options* options, inf_model** model);
  /* A JSON object (see ModelInfo in src/backends/backend.ts), valid as long as the model. */
  const char* (*model_describe)(const inf_model* model);
  /*
   * Loads a model for quantization. It runs as it is, slower, and watches its tensors; `model_convert` then writes what
   * `recipe` makes of it to the file `target`. `report` is a JSON object, valid as long as the model, which is used up.
   * The passes of a framework may crash on odd models: call both in a process of their own.
   */
  inf_error* (*model_observe)(const inf_load_options* options, const inf_recipe* recipe, inf_model** model);
  inf_error* (*model_convert)(inf_model* model, const char* target, const char** report);
  /* Bytes of weights, to tell V8. */
  int64_t (*model_bytes)(const inf_model* model);
  /* What has happened in it so far, a JSON object (see GraphState in src/backends/backend.ts); on any thread. Freed by
   * `text_free`; NULL without memory. */
  char* (*model_state)(const inf_model* model);
  inf_error* (*model_run)(inf_model* model, uint32_t method, const inf_value* arguments, size_t count,
                          inf_result** result);
  void (*model_free)(inf_model* model);
  void (*text_free)(char* text);
  void (*result_free)(inf_result* result);
  void (*output_release)(void* owner);
  void (*error_free)(inf_error* error);
} inf_backend_api;

/* NULL if the backend does not speak `abi`. */
typedef const inf_backend_api* (*inf_backend_entry)(uint32_t abi);

#ifdef __cplusplus
}
#endif

#endif
