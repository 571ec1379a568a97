// Passes of BERT's training step that are many small ones in TensorFlow's own ops, forward and backward, each as one op.
//
// What each op computes is in operations.py; the plain twin is components/model/blocks.py. An op runs in one thread: a
// batch goes through the model in two halves, which run beside each other. All arithmetic is in float32, whatever the elements are.
#include <math.h>
#include <stdlib.h>

#include "tensorflow_c.h"
#include "vectors.h"

// --- Dropout: 16 random bits an element, row by row ------------------------------------------------------------------

typedef struct {
  const int32_t *seed;
  uint32_t stream;
  uint32_t dropped;  // of 2**16
  float scale;
  Words bits[4];
} Dropout;

INLINE Dropout dropout_of(float rate, const int32_t *seed, uint32_t stream) {
  uint32_t dropped = (uint32_t)lrintf(rate * 65536.0f);
  if (dropped > 65535) dropped = 65535;  // a rate next to 1
  return (Dropout){seed, stream, dropped, 65536.0f / (65536.0f - dropped), {}};
}

// The elements of a row at `column`, a multiple of LANES; the columns of a row are asked for in their order, from 0.
INLINE Floats dropped_out(Dropout *d, int64_t row, int64_t column, Floats v) {
  if (!d->dropped) return v;
  int64_t place = column / LANES;
  if (place % 8 == 0) philox(d->seed, d->stream, (uint32_t)row, (uint32_t)(place / 8), d->bits);
  Words bits = (d->bits[place % 8 / 2] >> (place % 2 * 16)) & 0xffff;
  return (Floats)((Ints)(v * d->scale) & (bits >= d->dropped));
}

// --- gelu(x + bias) --------------------------------------------------------------------------------------------------

INLINE void gelu_rows(
    int64_t rows, int64_t width, const void *x, const float *bias, void *y, void *slope, const int bf16) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < width; c += LANES) {
      int64_t n = rest(width, c), i = r * width + c;
      Floats v = load(x, i, n, bf16) + load(bias, c, n, 0);
      Floats square = exponential(v * v * -0.5f), phi = normal_cdf(v, square);
      store(y, i, n, v * phi, bf16);
      store(slope, i, n, phi + v * square * 0.39894228040143268f, bf16);
    }
}

INLINE void gelu_gradient_rows(
    int64_t rows, int64_t width, const void *dy, const void *slope, void *dx, float *dbias, const int bf16) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < width; c += LANES) {
      int64_t n = rest(width, c), i = r * width + c;
      Floats d = load(dy, i, n, bf16) * load(slope, i, n, bf16);
      store(dx, i, n, d, bf16);
      store(dbias, c, n, load(dbias, c, n, 0) + d, 0);
    }
}

// --- dropout(norm(dropout(x + bias) + residual)) ---------------------------------------------------------------------

INLINE void norm_rows(
    int64_t rows, int64_t width, const void *x, const float *bias, const void *residual, const float *gamma,
    const float *beta, float epsilon, Dropout before, Dropout after, void *y, void *normal, float *scales,
    float *scratch, const int bf16) {
  for (int64_t r = 0; r < rows; r++) {
    Floats sum = {}, squares = {};
    for (int64_t c = 0; c < width; c += LANES) {
      int64_t n = rest(width, c), i = r * width + c;
      Floats v = dropped_out(&before, r, c, load(x, i, n, bf16) + load(bias, c, n, 0)) + load(residual, i, n, bf16);
      v = first_lanes(v, n);
      store(scratch, c, LANES, v, 0);
      sum += v;
    }
    float mean = sum_of_lanes(sum) / width;
    for (int64_t c = 0; c < width; c += LANES) {
      Floats centred = first_lanes(load(scratch, c, LANES, 0) - mean, rest(width, c));
      squares += centred * centred;
    }
    float scale = 1.0f / sqrtf(sum_of_lanes(squares) / width + epsilon);
    scales[r] = scale;
    for (int64_t c = 0; c < width; c += LANES) {
      int64_t n = rest(width, c), i = r * width + c;
      Floats v = (load(scratch, c, LANES, 0) - mean) * scale;
      store(normal, i, n, v, bf16);
      v = v * load(gamma, c, n, 0) + load(beta, c, n, 0);
      store(y, i, n, dropped_out(&after, r, c, v), bf16);
    }
  }
}

// With d = dy * gamma: scale * (d - mean(d) - normal * mean(d * normal)).
INLINE void norm_gradient_rows(
    int64_t rows, int64_t width, const void *dy, const void *normal, const float *scales, const float *gamma,
    Dropout before, Dropout after, void *dx, void *dresidual, float *dgamma, float *dbeta, float *dbias,
    float *scratch, const int bf16) {
  for (int64_t r = 0; r < rows; r++) {
    Floats sum = {}, products = {};
    for (int64_t c = 0; c < width; c += LANES) {
      int64_t n = rest(width, c), i = r * width + c;
      Floats d = dropped_out(&after, r, c, load(dy, i, n, bf16)), v = load(normal, i, n, bf16);
      store(dgamma, c, n, load(dgamma, c, n, 0) + d * v, 0);
      store(dbeta, c, n, load(dbeta, c, n, 0) + d, 0);
      d *= load(gamma, c, n, 0);
      store(scratch, c, LANES, d, 0);
      sum += d;
      products += d * v;
    }
    float mean = sum_of_lanes(sum) / width, product = sum_of_lanes(products) / width, scale = scales[r];
    for (int64_t c = 0; c < width; c += LANES) {
      int64_t n = rest(width, c), i = r * width + c;
      Floats d = (load(scratch, c, LANES, 0) - mean - load(normal, i, n, bf16) * product) * scale;
      store(dresidual, i, n, d, bf16);
      d = dropped_out(&before, r, c, d);
      store(dx, i, n, d, bf16);
      store(dbias, c, n, load(dbias, c, n, 0) + d, 0);
    }
  }
}

// --- Products of small matrices --------------------------------------------------------------------------------------

// AVX-512 has 32 registers of LANES floats, AVX2 half as many of half as many.
#ifdef __AVX512F__
enum { DOWN = 8, ACROSS = 2 };
#else
enum { DOWN = 6, ACROSS = 1 };
#endif

INLINE void block(
    float *c, int64_t cs, const float *a, int64_t am, int64_t ak, const float *b, int64_t bs, int64_t inner, int add,
    const int down, const int across) {
  Floats sums[DOWN][ACROSS] = {};
  for (int i = 0; add && i < down; i++)
    for (int j = 0; j < across; j++) sums[i][j] = load(c, i * cs + j * LANES, LANES, 0);
  for (int64_t k = 0; k < inner; k++) {
    Floats right[ACROSS];
    for (int j = 0; j < across; j++) right[j] = load(b, k * bs + j * LANES, LANES, 0);
    for (int i = 0; i < down; i++) {
      float left = a[i * am + k * ak];
      for (int j = 0; j < across; j++) sums[i][j] += left * right[j];
    }
  }
  for (int i = 0; i < down; i++)
    for (int j = 0; j < across; j++) store(c, i * cs + j * LANES, LANES, sums[i][j], 0);
}

INLINE void strip(
    float *c, int64_t cs, const float *a, int64_t am, int64_t ak, const float *b, int64_t bs, int64_t width,
    int64_t inner, int add, const int down) {
  int64_t j = 0;
  for (; j + ACROSS * LANES <= width; j += ACROSS * LANES)
    block(c + j, cs, a, am, ak, b + j, bs, inner, add, down, ACROSS);
  for (; j < width; j += LANES) block(c + j, cs, a, am, ak, b + j, bs, inner, add, down, 1);
}

// c[rows, width] = (c +) a[rows, inner] * b[inner, width]; rows of c and b are `cs` and `bs` apart, a's rows `am` and its
// columns `ak`; the width is a multiple of LANES.
static void product(
    float *c, int64_t cs, const float *a, int64_t am, int64_t ak, const float *b, int64_t bs, int64_t rows,
    int64_t width, int64_t inner, int add) {
  int64_t i = 0;
  for (; i + DOWN <= rows; i += DOWN) strip(c + i * cs, cs, a + i * am, am, ak, b, bs, width, inner, add, DOWN);
  for (; i + 4 <= rows; i += 4) strip(c + i * cs, cs, a + i * am, am, ak, b, bs, width, inner, add, 4);
  for (; i < rows; i++) strip(c + i * cs, cs, a + i * am, am, ak, b, bs, width, inner, add, 1);
}

// --- Attention of rows that lie end to end ---------------------------------------------------------------------------

enum { QUERIES = 64 };  // at a time: their scores stay in the cache

INLINE int64_t up_to_lanes(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

typedef struct {
  int64_t sequences, heads, width;  // width: of a head
  const int32_t *starts;            // of each sequence's rows; behind the last one, how many rows there are
  int64_t longest;
  const void *query, *rest;         // rows of queries; rows of keys and values
  int64_t query_stride, stride, query_column, key_column;
  int single;                       // whether each sequence has one query
  const float *query_bias, *bias;   // of whole rows
  float rate;
  const int32_t *seed;
} Attention;

// Of some queries e**(score - greatest) in place of their scores, and for the gradient the greatest and the sum of these.
INLINE void exponentials(float *scores, int64_t across, int64_t queries, int64_t keys, float *sums, int64_t heads) {
  for (int64_t i = 0; i < queries; i++) {
    float *row = scores + i * across;
    Floats most = all(-INFINITY), sum = {};
    for (int64_t c = 0; c < keys; c += LANES) {
      Floats v = load(row, c, LANES, 0);
      most = greater(chosen(LANE < (int32_t)rest(keys, c), v, all(-INFINITY)), most);
    }
    float greatest = greatest_lane(most);
    for (int64_t c = 0; c < keys; c += LANES) {
      Floats v = first_lanes(exponential(load(row, c, LANES, 0) - greatest), rest(keys, c));
      store(row, c, LANES, v, 0);
      sum += v;
    }
    sums[2 * i * heads] = greatest;
    sums[2 * i * heads + 1] = sum_of_lanes(sum);
  }
}

// A row of dropout's masks for each sequence and head: the weights of its queries behind each other.
INLINE uint32_t mask_row(const Attention *a, int64_t sequence, int64_t head) {
  return (uint32_t)(sequence * a->heads + head);
}

// What one head works on lies together, float32[rows, d], d its width up to LANES; what another one does, `apart` behind
// it. The rows of all heads are dealt out, and collected, in the order in which they lie in memory: taking a head's columns
// from far apart rows waits for memory at each.
INLINE void deal(
    float *to, int64_t apart, const void *from, int64_t stride, int64_t column, const float *bias, float factor,
    int64_t rows, int64_t heads, int64_t width, const int bf16) {
  int64_t d = up_to_lanes(width);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t h = 0; h < heads; h++)
      for (int64_t c = 0; c < width; c += LANES) {
        int64_t n = rest(width, c), place = column + h * width + c;
        Floats v = load(from, r * stride + place, n, bf16);
        if (bias) v += load(bias, place, n, 0);
        store(to, h * apart + r * d + c, LANES, v * factor, 0);
      }
}

// The opposite; adds the rows to the bias' gradient, if there is one.
INLINE void collect(
    void *to, int64_t stride, int64_t column, float *dbias, const float *from, int64_t apart, float factor,
    int64_t rows, int64_t heads, int64_t width, const int bf16) {
  int64_t d = up_to_lanes(width);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t h = 0; h < heads; h++)
      for (int64_t c = 0; c < width; c += LANES) {
        int64_t n = rest(width, c), place = column + h * width + c;
        Floats v = load(from, h * apart + r * d + c, LANES, 0) * factor;
        store(to, r * stride + place, n, v, bf16);
        if (dbias) store(dbias, place, n, load(dbias, place, n, 0) + v, 0);
      }
}

// [rows, d] to [width, across], with zeros in the columns behind.
INLINE void transpose(float *to, int64_t across, const float *from, int64_t d, int64_t rows, int64_t width) {
  for (int64_t c = 0; c < width; c++) {
    for (int64_t r = 0; r < rows; r++) to[c * across + r] = from[r * d + c];
    for (int64_t r = rows; r < across; r++) to[c * across + r] = 0;
  }
}

// Floats of scratch that both directions need, for `parts` times all heads' rows of the longest sequence.
static int64_t attention_scratch(const Attention *a, int64_t parts, int64_t across, int64_t blocks) {
  int64_t longest = up_to_lanes(a->longest), of_head = longest * up_to_lanes(a->width);
  return parts * a->heads * of_head + across * of_head + blocks * QUERIES * longest;
}

INLINE void attend(const Attention *a, void *mixed, float *sums, float *scratch, const int bf16) {
  int64_t d = up_to_lanes(a->width), hidden = a->heads * a->width, longest = up_to_lanes(a->longest), apart = longest * d;
  float *keys = scratch, *values = keys + a->heads * apart, *queries = values + a->heads * apart,
        *out = queries + a->heads * apart, *across = out + a->heads * apart, *scores = across + apart;
  float factor = 1.0f / sqrtf((float)a->width);
  int64_t size = bf16 ? 2 : 4;
  for (int64_t s = 0; s < a->sequences; s++) {
    int64_t begin = a->starts[s], length = a->starts[s + 1] - begin, padded = up_to_lanes(length);
    int64_t first = a->single ? s : begin, count = a->single ? 1 : length;
    const char *rows = (const char *)a->rest + begin * a->stride * size;
    const char *asking = (const char *)a->query + first * a->query_stride * size;
    deal(queries, apart, asking, a->query_stride, a->query_column, a->query_bias, factor, count, a->heads, a->width, bf16);
    deal(keys, apart, rows, a->stride, a->key_column, a->bias, 1, length, a->heads, a->width, bf16);
    deal(values, apart, rows, a->stride, a->key_column + hidden, a->bias, 1, length, a->heads, a->width, bf16);
    for (int64_t h = 0; h < a->heads; h++) {
      transpose(across, padded, keys + h * apart, d, length, a->width);
      Dropout dropout = dropout_of(a->rate, a->seed, 0);
      for (int64_t from = 0; from < count; from += QUERIES) {
        int64_t some = count - from < QUERIES ? count - from : QUERIES;
        float *of_some = sums + 2 * ((first + from) * a->heads + h), *outs = out + h * apart + from * d;
        product(scores, padded, queries + h * apart + from * d, d, 1, across, padded, some, padded, a->width, 0);
        exponentials(scores, padded, some, length, of_some, a->heads);
        for (int64_t i = 0; dropout.dropped && i < some * padded; i += LANES) {
          Floats v = load(scores, i, LANES, 0);
          store(scores, i, LANES, dropped_out(&dropout, mask_row(a, s, h), from * padded + i, v), 0);
        }
        product(outs, d, scores, padded, 1, values + h * apart, d, some, d, length, 0);
        for (int64_t i = 0; i < some; i++)
          for (int64_t c = 0; c < d; c += LANES)
            store(outs, i * d + c, LANES, load(outs, i * d + c, LANES, 0) / of_some[2 * i * a->heads + 1], 0);
      }
    }
    collect((char *)mixed + first * hidden * size, hidden, 0, NULL, out, apart, 1, count, a->heads, a->width, bf16);
  }
}

// With P the weights, M dropout's mask with its scale and D the upstream: dV = (P M)' D, dP = M (D V'),
// dS = P (dP - rowsum(P dP)), dQ = dS K, dK = dS' Q. `dquery` and `drest` are one where the queries are columns of `rest`.
INLINE void attend_gradient(
    const Attention *a, const void *upstream, const float *sums, void *dquery, void *drest, float *dquery_bias,
    float *dbias, float *scratch, const int bf16) {
  int64_t d = up_to_lanes(a->width), hidden = a->heads * a->width, longest = up_to_lanes(a->longest), apart = longest * d,
          all_heads = a->heads * apart;
  float *keys = scratch, *values = keys + all_heads, *queries = values + all_heads, *asked = queries + all_heads,
        *dqueries = asked + all_heads, *dkeys = dqueries + all_heads, *dvalues = dkeys + all_heads,
        *keys_across = dvalues + all_heads, *values_across = keys_across + apart, *weights = values_across + apart,
        *slopes = weights + QUERIES * longest;
  float factor = 1.0f / sqrtf((float)a->width);
  int64_t size = bf16 ? 2 : 4;
  for (int64_t s = 0; s < a->sequences; s++) {
    int64_t begin = a->starts[s], length = a->starts[s + 1] - begin, padded = up_to_lanes(length);
    int64_t first = a->single ? s : begin, count = a->single ? 1 : length;
    int64_t of_first = first * a->query_stride * size, of_begin = begin * a->stride * size;
    const char *asking = (const char *)a->query + of_first, *rows = (const char *)a->rest + of_begin;
    const char *above = (const char *)upstream + first * hidden * size;
    deal(queries, apart, asking, a->query_stride, a->query_column, a->query_bias, factor, count, a->heads, a->width, bf16);
    deal(keys, apart, rows, a->stride, a->key_column, a->bias, 1, length, a->heads, a->width, bf16);
    deal(values, apart, rows, a->stride, a->key_column + hidden, a->bias, 1, length, a->heads, a->width, bf16);
    deal(asked, apart, above, hidden, 0, NULL, 1, count, a->heads, a->width, bf16);
    for (int64_t h = 0; h < a->heads; h++) {
      int64_t at = h * apart;
      transpose(keys_across, padded, keys + at, d, length, a->width);
      transpose(values_across, padded, values + at, d, length, a->width);
      Dropout dropout = dropout_of(a->rate, a->seed, 0);
      for (int64_t from = 0; from < count; from += QUERIES) {
        int64_t some = count - from < QUERIES ? count - from : QUERIES;
        float *query = queries + at + from * d, *ask = asked + at + from * d;
        product(weights, padded, query, d, 1, keys_across, padded, some, padded, a->width, 0);
        product(slopes, padded, ask, d, 1, values_across, padded, some, padded, a->width, 0);
        for (int64_t i = 0; i < some; i++) {
          const float *of_query = sums + 2 * ((first + from + i) * a->heads + h);
          float greatest = of_query[0], share = 1.0f / of_query[1];
          float *weight = weights + i * padded, *slope = slopes + i * padded;
          Floats sum = {};
          // First the weights after dropout and dP, then dS.
          for (int64_t c = 0; c < length; c += LANES) {
            Floats p = first_lanes(exponential(load(weight, c, LANES, 0) - greatest) * share, rest(length, c));
            Floats mask = dropped_out(&dropout, mask_row(a, s, h), (from + i) * padded + c, all(1));
            Floats dp = load(slope, c, LANES, 0) * mask;
            sum += p * dp;
            store(slope, c, LANES, dp, 0);
            // The sign of a weight, which has none, says whether it was dropped.
            store(weight, c, LANES, (Floats)((Ints)p | ((mask == 0) & INT32_MIN)), 0);
          }
          float mean = sum_of_lanes(sum);
          for (int64_t c = 0; c < length; c += LANES) {
            Floats marked = load(weight, c, LANES, 0), p = (Floats)((Ints)marked & INT32_MAX);
            store(slope, c, LANES, p * (load(slope, c, LANES, 0) - mean), 0);
            store(weight, c, LANES, (Floats)((Ints)(p * dropout.scale) & ((Ints)marked >= 0)), 0);
          }
        }
        product(dqueries + at + from * d, d, slopes, padded, 1, keys + at, d, some, d, length, 0);
        product(dkeys + at, d, slopes, 1, padded, query, d, length, d, some, from > 0);
        product(dvalues + at, d, weights, 1, padded, ask, d, length, d, some, from > 0);
      }
    }
    char *to = (char *)drest + of_begin;
    collect((char *)dquery + of_first, a->query_stride, a->query_column, dquery_bias, dqueries, apart, factor, count,
            a->heads, a->width, bf16);
    collect(to, a->stride, a->key_column, dbias, dkeys, apart, 1, length, a->heads, a->width, bf16);
    collect(to, a->stride, a->key_column + hidden, dbias, dvalues, apart, 1, length, a->heads, a->width, bf16);
  }
}

// --- TensorFlow's side -----------------------------------------------------------------------------------------------

typedef struct {
  int type;
  int32_t heads;
  float epsilon, before, after;
} Attributes;

enum { MOST = 12 };

typedef struct {
  TF_OpKernelContext *context;
  TF_Status *status;
  TF_Tensor *inputs[MOST], *outputs[MOST];
  int count, made;
} Call;

INLINE int failed(const Call *call) { return TF_GetCode(call->status) != 0; }

static Call begin(TF_OpKernelContext *context, int inputs) {
  Call call = {context, TF_NewStatus(), {0}, {0}, 0, 0};
  for (; call.count < inputs && !failed(&call); call.count++)
    TF_GetInput(context, call.count, &call.inputs[call.count], call.status);
  return call;
}

static void end(Call *call) {
  if (failed(call)) TF_OpKernelContext_Failure(call->context, call->status);
  for (int i = 0; i < call->count; i++)
    if (call->inputs[i]) TF_DeleteTensor(call->inputs[i]);
  for (int i = 0; i < call->made; i++)
    if (call->outputs[i]) TF_DeleteTensor(call->outputs[i]);
  TF_DeleteStatus(call->status);
}

static void *data(const Call *call, int input) { return TF_TensorData(call->inputs[input]); }

static int64_t dim(const Call *call, int input, int axis) { return TF_Dim(call->inputs[input], axis); }

static void *output(Call *call, int type, int64_t rows, int64_t width) {
  int64_t dims[2] = {rows, width};
  // A width of 0: of one axis.
  int rank = width ? 2 : 1;
  size_t bytes = (size_t)(rows * (width ? width : 1)) * (type == TF_BFLOAT16 ? 2 : 4);
  if (failed(call)) return NULL;
  TF_Tensor *made = TF_AllocateOutput(call->context, call->made, type, dims, rank, bytes, call->status);
  if (failed(call)) return NULL;
  call->outputs[call->made++] = made;
  return TF_TensorData(made);
}

static float *zeros(Call *call, int64_t count) {
  float *made = output(call, TF_FLOAT, count, 0);
  if (made) memset(made, 0, 4 * (size_t)count);
  return made;
}

static void *scratch(Call *call, int64_t floats) {
  void *memory = aligned_alloc(64, (4 * (size_t)floats + 63) / 64 * 64 + 64);
  if (!memory) TF_SetStatus(call->status, TF_RESOURCE_EXHAUSTED, "out of memory");
  return memory;
}

// Whether an input has this shape; a width of 0: one axis.
static int has_shape(Call *call, int input, int64_t rows, int64_t width) {
  if (failed(call)) return 0;
  const TF_Tensor *t = call->inputs[input];
  int fits = TF_NumDims(t) == (width ? 2 : 1) && TF_Dim(t, 0) == rows && (!width || TF_Dim(t, 1) == width);
  if (!fits) TF_SetStatus(call->status, TF_INVALID_ARGUMENT, "an input of another shape than the others ask for");
  return fits;
}

static int is_matrix(Call *call, int input) {
  if (failed(call)) return 0;
  int fits = TF_NumDims(call->inputs[input]) == 2;
  if (!fits) TF_SetStatus(call->status, TF_INVALID_ARGUMENT, "an input that is no matrix");
  return fits;
}

static int is_vector(Call *call, int input) {
  if (failed(call)) return 0;
  int fits = TF_NumDims(call->inputs[input]) == 1 && TF_Dim(call->inputs[input], 0) > 0;
  if (!fits) TF_SetStatus(call->status, TF_INVALID_ARGUMENT, "starts that are no vector");
  return fits;
}

static void gelu(void *kernel, TF_OpKernelContext *context) {
  const Attributes *at = kernel;
  Call call = begin(context, 2);
  if (is_matrix(&call, 0) && has_shape(&call, 1, dim(&call, 0, 1), 0)) {
    int64_t rows = dim(&call, 0, 0), width = dim(&call, 0, 1);
    void *y = output(&call, at->type, rows, width), *slope = output(&call, at->type, rows, width);
    if (!failed(&call)) {
      if (at->type == TF_BFLOAT16) gelu_rows(rows, width, data(&call, 0), data(&call, 1), y, slope, 1);
      else gelu_rows(rows, width, data(&call, 0), data(&call, 1), y, slope, 0);
    }
  }
  end(&call);
}

static void gelu_gradient(void *kernel, TF_OpKernelContext *context) {
  const Attributes *at = kernel;
  Call call = begin(context, 2);
  if (is_matrix(&call, 0) && has_shape(&call, 1, dim(&call, 0, 0), dim(&call, 0, 1))) {
    int64_t rows = dim(&call, 0, 0), width = dim(&call, 0, 1);
    void *dx = output(&call, at->type, rows, width);
    float *dbias = zeros(&call, width);
    if (!failed(&call)) {
      if (at->type == TF_BFLOAT16) gelu_gradient_rows(rows, width, data(&call, 0), data(&call, 1), dx, dbias, 1);
      else gelu_gradient_rows(rows, width, data(&call, 0), data(&call, 1), dx, dbias, 0);
    }
  }
  end(&call);
}

// x, bias, residual, gamma, beta, seed -> y, normal, scales.
static void norm(void *kernel, TF_OpKernelContext *context) {
  const Attributes *at = kernel;
  Call call = begin(context, 6);
  if (is_matrix(&call, 0)) {
    int64_t rows = dim(&call, 0, 0), width = dim(&call, 0, 1);
    if (has_shape(&call, 1, width, 0) && has_shape(&call, 2, rows, width) && has_shape(&call, 3, width, 0) &&
        has_shape(&call, 4, width, 0) && has_shape(&call, 5, 2, 0)) {
      void *y = output(&call, at->type, rows, width), *normal = output(&call, at->type, rows, width);
      float *scales = output(&call, TF_FLOAT, rows, 0), *buffer = scratch(&call, up_to_lanes(width));
      Dropout before = dropout_of(at->before, data(&call, 5), 0), after = dropout_of(at->after, data(&call, 5), 1);
#define ROWS(bf16)                                                                                                   \
  norm_rows(rows, width, data(&call, 0), data(&call, 1), data(&call, 2), data(&call, 3), data(&call, 4), at->epsilon, \
            before, after, y, normal, scales, buffer, bf16)
      if (!failed(&call)) {
        if (at->type == TF_BFLOAT16) ROWS(1);
        else ROWS(0);
      }
#undef ROWS
      free(buffer);
    }
  }
  end(&call);
}

// dy, normal, scales, gamma, seed -> dx, dresidual, dgamma, dbeta, dbias.
static void norm_gradient(void *kernel, TF_OpKernelContext *context) {
  const Attributes *at = kernel;
  Call call = begin(context, 5);
  if (is_matrix(&call, 0)) {
    int64_t rows = dim(&call, 0, 0), width = dim(&call, 0, 1);
    if (has_shape(&call, 1, rows, width) && has_shape(&call, 2, rows, 0) && has_shape(&call, 3, width, 0) &&
        has_shape(&call, 4, 2, 0)) {
      void *dx = output(&call, at->type, rows, width), *dresidual = output(&call, at->type, rows, width);
      float *dgamma = zeros(&call, width), *dbeta = zeros(&call, width), *dbias = zeros(&call, width);
      float *buffer = scratch(&call, up_to_lanes(width));
      Dropout before = dropout_of(at->before, data(&call, 4), 0), after = dropout_of(at->after, data(&call, 4), 1);
#define ROWS(bf16)                                                                                                 \
  norm_gradient_rows(rows, width, data(&call, 0), data(&call, 1), data(&call, 2), data(&call, 3), before, after, dx, \
                     dresidual, dgamma, dbeta, dbias, buffer, bf16)
      if (!failed(&call)) {
        if (at->type == TF_BFLOAT16) ROWS(1);
        else ROWS(0);
      }
#undef ROWS
      free(buffer);
    }
  }
  end(&call);
}

// What both ops of attention have: query, rest, query_bias, bias, starts, seed, from input 0 on. Either the queries are the
// first third of each row of `rest`, and given as one and the same, or there is one query for each sequence.
static int attention_of(Call *call, const Attributes *at, Attention *a) {
  if (!is_matrix(call, 0) || !is_matrix(call, 1) || !is_vector(call, 4)) return 0;
  int64_t sequences = dim(call, 4, 0) - 1, rows = dim(call, 1, 0), stride = dim(call, 1, 1), asking = dim(call, 0, 1);
  int single = asking != stride;
  int64_t hidden = single ? asking : stride / 3;
  if (hidden % at->heads || stride != (single ? 2 : 3) * hidden || dim(call, 0, 0) != (single ? sequences : rows) ||
      !hidden) {
    TF_SetStatus(call->status, TF_INVALID_ARGUMENT, "queries, keys and values of shapes that do not fit");
    return 0;
  }
  if (!has_shape(call, 2, asking, 0) || !has_shape(call, 3, stride, 0) || !has_shape(call, 5, 2, 0)) return 0;
  const int32_t *starts = data(call, 4);
  int64_t longest = 0;
  for (int64_t s = 0; s < sequences; s++) {
    int64_t length = (int64_t)starts[s + 1] - starts[s];
    if (length < 1) {
      TF_SetStatus(call->status, TF_INVALID_ARGUMENT, "a sequence of no rows");
      return 0;
    }
    longest = length > longest ? length : longest;
  }
  if (starts[0] != 0 || starts[sequences] != rows) {
    TF_SetStatus(call->status, TF_INVALID_ARGUMENT, "sequences that do not hold each row once");
    return 0;
  }
  *a = (Attention){
      .sequences = sequences, .heads = at->heads, .width = hidden / at->heads, .starts = starts, .longest = longest,
      .query = data(call, 0), .rest = data(call, 1), .query_stride = asking, .stride = stride, .query_column = 0,
      .key_column = single ? 0 : hidden, .single = single, .query_bias = data(call, 2), .bias = data(call, 3),
      .rate = at->before, .seed = data(call, 5)};
  return 1;
}

static void attention(void *kernel, TF_OpKernelContext *context) {
  const Attributes *at = kernel;
  Call call = begin(context, 6);
  Attention a;
  if (attention_of(&call, at, &a)) {
    int64_t rows = dim(&call, 0, 0);
    void *mixed = output(&call, at->type, rows, a.heads * a.width);
    float *sums = output(&call, TF_FLOAT, rows, 2 * a.heads);
    float *buffer = scratch(&call, attention_scratch(&a, 4, 1, 1));
    if (!failed(&call)) {
      if (at->type == TF_BFLOAT16) attend(&a, mixed, sums, buffer, 1);
      else attend(&a, mixed, sums, buffer, 0);
    }
    free(buffer);
  }
  end(&call);
}

// As `attention`, then upstream, sums -> dquery, drest, dquery_bias, dbias. Where the queries are columns of `rest`, dquery
// and its bias are empty, and all is in drest.
static void attention_gradient(void *kernel, TF_OpKernelContext *context) {
  const Attributes *at = kernel;
  Call call = begin(context, 8);
  Attention a;
  if (attention_of(&call, at, &a) && has_shape(&call, 6, dim(&call, 0, 0), a.heads * a.width) &&
      has_shape(&call, 7, dim(&call, 0, 0), 2 * a.heads)) {
    void *dquery = output(&call, at->type, a.single ? dim(&call, 0, 0) : 0, a.query_stride);
    void *drest = output(&call, at->type, dim(&call, 1, 0), a.stride);
    float *dquery_bias = zeros(&call, a.single ? a.query_stride : 0), *dbias = zeros(&call, a.stride);
    float *buffer = scratch(&call, attention_scratch(&a, 7, 2, 2));
    if (!failed(&call)) {
      if (!a.single) dquery = drest, dquery_bias = dbias;
      if (at->type == TF_BFLOAT16)
        attend_gradient(&a, data(&call, 6), data(&call, 7), dquery, drest, dquery_bias, dbias, buffer, 1);
      else attend_gradient(&a, data(&call, 6), data(&call, 7), dquery, drest, dquery_bias, dbias, buffer, 0);
    }
    free(buffer);
  }
  end(&call);
}

static void *read_attributes(TF_OpKernelConstruction *construction, int norms, int attends) {
  TF_Status *status = TF_NewStatus();
  Attributes *at = calloc(1, sizeof *at);
  if (!at) TF_SetStatus(status, TF_RESOURCE_EXHAUSTED, "out of memory");
#define READ(wanted, kind, name, field) \
  if ((wanted) && !TF_GetCode(status)) TF_OpKernelConstruction_GetAttr##kind(construction, name, &at->field, status)
  READ(1, Type, "T", type);
  READ(norms || attends, Float, "rate", before);
  READ(norms, Float, "rate_after", after);
  READ(norms, Float, "epsilon", epsilon);
  READ(attends, Int32, "heads", heads);
#undef READ
  if (TF_GetCode(status)) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return at;
}

static void *plain_attributes(TF_OpKernelConstruction *c) { return read_attributes(c, 0, 0); }
static void *norm_attributes(TF_OpKernelConstruction *c) { return read_attributes(c, 1, 0); }
static void *attention_attributes(TF_OpKernelConstruction *c) { return read_attributes(c, 0, 1); }

// The output's shape is that of an input.
static void like(TF_ShapeInferenceContext *context, TF_Status *status, int outputs, const int *inputs) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
  for (int i = 0; i < outputs; i++) {
    if (inputs[i] < 0) continue;
    TF_ShapeHandle *shape = TF_NewShapeHandle();
    TF_ShapeInferenceContextGetInput(context, inputs[i], shape, status);
    TF_ShapeInferenceContextSetOutput(context, i, shape, status);
    TF_DeleteShapeHandle(shape);
  }
}

static void gelu_shape(TF_ShapeInferenceContext *c, TF_Status *s) { like(c, s, 2, (int[]){0, 0}); }
static void gelu_gradient_shape(TF_ShapeInferenceContext *c, TF_Status *s) { like(c, s, 2, (int[]){0, -1}); }
static void norm_shape(TF_ShapeInferenceContext *c, TF_Status *s) { like(c, s, 3, (int[]){0, 0, -1}); }
static void norm_gradient_shape(TF_ShapeInferenceContext *c, TF_Status *s) {
  like(c, s, 5, (int[]){0, 0, 3, 3, 3});
}
static void attention_shape(TF_ShapeInferenceContext *c, TF_Status *s) { like(c, s, 2, (int[]){-1, -1}); }
static void attention_gradient_shape(TF_ShapeInferenceContext *c, TF_Status *s) { like(c, s, 4, (int[]){-1, 1, -1, 3}); }

static void define(
    const char *op, const char *const *attributes, const char *const *inputs, const char *const *outputs,
    void (*shape)(TF_ShapeInferenceContext *, TF_Status *), void *(*create)(TF_OpKernelConstruction *),
    void (*compute)(void *, TF_OpKernelContext *)) {
  TF_Status *status = TF_NewStatus();
  TF_OpDefinitionBuilder *definition = TF_NewOpDefinitionBuilder(op);
  TF_OpDefinitionBuilderAddAttr(definition, "T: {float, bfloat16}");
  for (; *attributes; attributes++) TF_OpDefinitionBuilderAddAttr(definition, *attributes);
  for (; *inputs; inputs++) TF_OpDefinitionBuilderAddInput(definition, *inputs);
  for (; *outputs; outputs++) TF_OpDefinitionBuilderAddOutput(definition, *outputs);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, shape);
  TF_RegisterOpDefinition(definition, status);
  for (int i = 0; i < 2; i++) {
    TF_KernelBuilder *builder = TF_NewKernelBuilder(op, "CPU", create, compute, free);
    TF_KernelBuilder_TypeConstraint(builder, "T", i ? TF_BFLOAT16 : TF_FLOAT, status);
    TF_RegisterKernelBuilder(op, builder, status);
  }
  TF_DeleteStatus(status);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(,) NULL})

__attribute__((constructor)) static void define_all(void) {
  define("BertGelu", LIST(), LIST("x: T", "bias: float"), LIST("y: T", "slope: T"), gelu_shape, plain_attributes, gelu);
  define("BertGeluGradient", LIST(), LIST("dy: T", "slope: T"), LIST("dx: T", "dbias: float"), gelu_gradient_shape,
         plain_attributes, gelu_gradient);
  define("BertNorm", LIST("rate: float", "rate_after: float", "epsilon: float"),
         LIST("x: T", "bias: float", "residual: T", "gamma: float", "beta: float", "seed: int32"),
         LIST("y: T", "normal: T", "scales: float"), norm_shape, norm_attributes, norm);
  define("BertNormGradient", LIST("rate: float", "rate_after: float", "epsilon: float"),
         LIST("dy: T", "normal: T", "scales: float", "gamma: float", "seed: int32"),
         LIST("dx: T", "dresidual: T", "dgamma: float", "dbeta: float", "dbias: float"), norm_gradient_shape,
         norm_attributes, norm_gradient);
  define("BertAttention", LIST("rate: float", "heads: int >= 1"),
         LIST("query: T", "rest: T", "query_bias: float", "bias: float", "starts: int32", "seed: int32"),
         LIST("mixed: T", "sums: float"), attention_shape, attention_attributes, attention);
  define("BertAttentionGradient", LIST("rate: float", "heads: int >= 1"),
         LIST("query: T", "rest: T", "query_bias: float", "bias: float", "starts: int32", "seed: int32", "upstream: T",
              "sums: float"),
         LIST("dquery: T", "drest: T", "dquery_bias: float", "dbias: float"), attention_gradient_shape,
         attention_attributes, attention_gradient);
}
