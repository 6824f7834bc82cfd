/*
 * A libcuda.so.1 for tests of the Java side: "device" memory is the host's, streams are done at once. It has the functions
 * that NativeDriver and NativeDevice call, under the names that JCuda's library imports, and no others, so that a call of
 * anything else ends the process as it would with an old driver.
 *
 * OLD leaves out what drivers for CUDA 10.0 do not have.
 * FAKE_INIT, FAKE_VERSION, FAKE_DEVICES, FAKE_CAPABILITY (75) set what it answers; with FAKE_CRASH it ends the process.
 * Its one kernel writes its arguments and its launch into the memory that the first of them names.
 */
#include <stdlib.h>
#include <string.h>

typedef int result;
typedef unsigned long long address;

enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_CONTEXT = 201, INVALID_PTX = 218, NOT_FOUND = 500 };

static int number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

static __thread void *current;
static int retained;
static int context_storage, module_storage;

#define CONTEXT \
    if (current != &context_storage || retained == 0) return INVALID_CONTEXT

result cuInit(unsigned flags) {
    if (getenv("FAKE_CRASH")) abort();
    return flags ? INVALID_VALUE : number("FAKE_INIT", 0);
}

result cuDriverGetVersion(int *version) { return *version = number("FAKE_VERSION", 12060), SUCCESS; }

result cuDeviceGetCount(int *count) { return *count = number("FAKE_DEVICES", 1), SUCCESS; }

result cuDeviceGet(int *device, int ordinal) {
    if (ordinal < 0 || ordinal >= number("FAKE_DEVICES", 1)) return 101;
    return *device = ordinal, SUCCESS;
}

result cuDeviceGetName(char *name, int length, int device) { return strncpy(name, "Fake GPU", length), SUCCESS; }

result cuDeviceTotalMem_v2(size_t *bytes, int device) { return *bytes = 150000000000, SUCCESS; }

result cuDeviceGetAttribute(int *value, int attribute, int device) {
    int capability = number("FAKE_CAPABILITY", 90);
    switch (attribute) {
        case 75: *value = capability / 10; return SUCCESS;
        case 76: *value = capability % 10; return SUCCESS;
        case 16: *value = 132; return SUCCESS;
        case 97: *value = 232448; return SUCCESS;
    }
    return INVALID_VALUE;
}

result cuDevicePrimaryCtxRetain(void **context, int device) { return *context = &context_storage, retained++, SUCCESS; }

#ifndef OLD
result cuDevicePrimaryCtxRelease_v2(int device) { return retained-- > 0 ? SUCCESS : INVALID_CONTEXT; }
#endif

result cuCtxSetCurrent(void *context) { return current = context, SUCCESS; }

result cuMemGetInfo_v2(size_t *free, size_t *total) {
    CONTEXT;
    return *free = 140000000000, *total = 150000000000, SUCCESS;
}

result cuMemAlloc_v2(address *pointer, size_t bytes) {
    CONTEXT;
    if (bytes > 1000000000) return OUT_OF_MEMORY;
    return *pointer = (address)aligned_alloc(256, (bytes + 255) / 256 * 256), SUCCESS;
}

result cuMemFree_v2(address pointer) {
    CONTEXT;
    return free((void *)pointer), SUCCESS;
}

result cuMemAllocHost_v2(void **pointer, size_t bytes) {
    CONTEXT;
    return *pointer = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096), SUCCESS;
}

result cuMemFreeHost(void *pointer) {
    CONTEXT;
    return free(pointer), SUCCESS;
}

/* What was given to a stream: done at once, or while it is recorded kept in its graph. */
typedef struct work {
    struct work *next;
    void (*run)(struct work *);
    address to, from;
    size_t bytes;
    int blocks, threads, shared;
    long long a, b, c;
} work;

typedef struct graph {
    work *first, *last;
} graph;

typedef struct stream {
    graph *recording;
} stream;

static result give(stream *s, work w) {
    if (!s->recording) return w.run(&w), SUCCESS;
    work *kept = malloc(sizeof *kept);
    *kept = w;
    if (s->recording->last) s->recording->last->next = kept;
    else s->recording->first = kept;
    s->recording->last = kept;
    return SUCCESS;
}

static void copy(work *w) { memcpy((void *)w->to, (void *)w->from, w->bytes); }

static void fill(work *w) { memset((void *)w->to, (int)w->a, w->bytes); }

static void note(work *w) {
    long long *out = (long long *)w->to;
    out[0] = w->a, out[1] = w->b, out[2] = w->c, out[3] = w->blocks, out[4] = w->threads, out[5] = w->shared;
}

static result copying(address to, address from, size_t bytes, stream *s) {
    CONTEXT;
    return give(s, (work){.run = copy, .to = to, .from = from, .bytes = bytes});
}

result cuMemcpyHtoDAsync_v2(address to, void *from, size_t n, stream *s) { return copying(to, (address)from, n, s); }

result cuMemcpyDtoHAsync_v2(void *to, address from, size_t n, stream *s) { return copying((address)to, from, n, s); }

result cuMemcpyDtoDAsync_v2(address to, address from, size_t n, stream *s) { return copying(to, from, n, s); }

result cuMemsetD8Async(address to, unsigned char value, size_t n, stream *s) {
    CONTEXT;
    return give(s, (work){.run = fill, .to = to, .bytes = n, .a = value});
}

result cuStreamCreate(stream **s, unsigned flags) {
    CONTEXT;
    return *s = calloc(1, sizeof **s), flags == 1 ? SUCCESS : INVALID_VALUE;
}

result cuStreamDestroy_v2(stream *s) {
    CONTEXT;
    return free(s), SUCCESS;
}

result cuStreamSynchronize(stream *s) {
    CONTEXT;
    return s ? SUCCESS : INVALID_VALUE;
}

result cuStreamWaitEvent(stream *s, void *event, unsigned flags) {
    CONTEXT;
    return s && event && !flags ? SUCCESS : INVALID_VALUE;
}

result cuEventCreate(float **event, unsigned flags) {
    CONTEXT;
    return *event = calloc(1, sizeof **event), flags ? INVALID_VALUE : SUCCESS;
}

result cuEventDestroy_v2(float *event) {
    CONTEXT;
    return free(event), SUCCESS;
}

result cuEventRecord(float *event, stream *s) {
    static float clock;
    CONTEXT;
    return *event = clock += 1.5f, s ? SUCCESS : INVALID_VALUE;
}

result cuEventSynchronize(float *event) {
    CONTEXT;
    return *event > 0 ? SUCCESS : INVALID_VALUE;
}

result cuEventElapsedTime(float *milliseconds, float *from, float *to) {
    CONTEXT;
    return *milliseconds = *to - *from, SUCCESS;
}

result cuModuleLoadDataEx(void **module, const char *ptx, unsigned count, int *options, void **values) {
    CONTEXT;
    if (count != 2 || options[0] != 5 || options[1] != 6) return INVALID_VALUE;
    if (strstr(ptx, "mistake")) {
        strncpy(values[0], "ptxas fatal:\n line 3", (size_t)values[1]);
        return INVALID_PTX;
    }
    return *module = &module_storage, strlen(ptx) == (size_t)number("FAKE_LENGTH", strlen(ptx)) ? SUCCESS : INVALID_VALUE;
}

result cuModuleUnload(void *module) {
    CONTEXT;
    return module == &module_storage ? SUCCESS : INVALID_VALUE;
}

typedef struct function {
    int allowed;
} function;

static function kernel = {40000};

result cuModuleGetFunction(function **f, void *module, const char *name) {
    CONTEXT;
    if (strcmp(name, "note")) return NOT_FOUND;
    return *f = &kernel, SUCCESS;
}

result cuFuncGetAttribute(int *value, int attribute, function *f) {
    return *value = 49152 - 40000, attribute == 1 ? SUCCESS : INVALID_VALUE;
}

result cuFuncSetAttribute(function *f, int attribute, int value) {
    CONTEXT;
    return value <= 220000 ? f->allowed = value, attribute == 8 ? SUCCESS : INVALID_VALUE : INVALID_VALUE;
}

result cuLaunchKernel(function *f, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned ty, unsigned tz,
                      unsigned shared, stream *s, void **parameters, void **extra) {
    CONTEXT;
    if (y != 1 || z != 1 || ty != 1 || tz != 1 || extra || (int)shared > f->allowed || threads > 1024) return INVALID_VALUE;
    work w = {.run = note, .blocks = x, .threads = threads, .shared = shared};
    w.to = *(address *)parameters[0];
    w.a = *(int *)parameters[1];
    w.b = *(long long *)parameters[2];
    memcpy(&w.c, parameters[3], 8);
    return give(s, w);
}

#ifndef OLD
result cuStreamBeginCapture_v2(stream *s, int mode) {
    CONTEXT;
    return s->recording = calloc(1, sizeof(graph)), mode == 2 ? SUCCESS : INVALID_VALUE;
}

result cuStreamEndCapture(stream *s, graph **g) {
    CONTEXT;
    *g = s->recording;
    return s->recording = NULL, *g ? SUCCESS : INVALID_VALUE;
}

result cuGraphInstantiateWithFlags(graph **executable, graph *g, unsigned long long flags) {
    CONTEXT;
    *executable = malloc(sizeof **executable);
    return **executable = *g, flags ? INVALID_VALUE : SUCCESS;
}

result cuGraphDestroy(graph *g) {
    CONTEXT;
    return free(g), SUCCESS;
}

result cuGraphExecDestroy(graph *g) {
    CONTEXT;
    return free(g), SUCCESS;
}

result cuGraphLaunch(graph *g, stream *s) {
    CONTEXT;
    for (work *w = g->first; w; w = w->next) w->run(w);
    return s ? SUCCESS : INVALID_VALUE;
}
#endif
