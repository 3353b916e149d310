#define _GNU_SOURCE
#include "CBaselines.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define PREFETCH_HEAD 48
#define PREFETCH_SLOT 24

static void *map_pages(size_t bytes, int huge_pages) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    madvise(memory, bytes, huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    memset(memory, 0, bytes);
    return memory;
}

int baseline_rings_open(baseline_rings *rings, size_t timelines, uint32_t cap, int huge_pages) {
    rings->timelines = timelines;
    rings->cap = cap;
    rings->heads = NULL;
    rings->entries = map_pages(timelines * cap * sizeof(uint64_t), huge_pages);
    if (rings->entries) rings->heads = map_pages(timelines * sizeof(uint32_t), huge_pages);
    if (rings->heads) return 0;
    int problem = errno;
    baseline_rings_close(rings);
    return problem;
}

void baseline_rings_close(baseline_rings *rings) {
    if (rings->entries) munmap(rings->entries, rings->timelines * rings->cap * sizeof(uint64_t));
    if (rings->heads) munmap(rings->heads, rings->timelines * sizeof(uint32_t));
    rings->entries = NULL;
    rings->heads = NULL;
}

static inline void deliver(uint64_t *entries, uint32_t *heads, uint32_t cap, uint32_t reader, uint64_t post) {
    uint32_t head = heads[reader];
    entries[(size_t)reader * cap + head] = post;
    heads[reader] = head + 1 == cap ? 0 : head + 1;
}

void baseline_rings_deliver(const baseline_rings *rings, const uint32_t *readers, size_t count, uint64_t post) {
    uint64_t *entries = rings->entries;
    uint32_t *heads = rings->heads;
    uint32_t cap = rings->cap;
    for (size_t i = 0; i < count; i++) deliver(entries, heads, cap, readers[i], post);
}

void baseline_rings_deliver_prefetching(
    const baseline_rings *rings, const uint32_t *readers, size_t count, uint64_t post) {
    uint64_t *entries = rings->entries;
    uint32_t *heads = rings->heads;
    uint32_t cap = rings->cap;
    for (size_t i = 0; i < count; i++) {
        if (i + PREFETCH_HEAD < count) __builtin_prefetch(heads + readers[i + PREFETCH_HEAD], 1);
        if (i + PREFETCH_SLOT < count) {
            uint32_t next = readers[i + PREFETCH_SLOT];
            __builtin_prefetch(entries + (size_t)next * cap + heads[next], 1);
        }
        deliver(entries, heads, cap, readers[i], post);
    }
}

uint64_t baseline_rings_entry(const baseline_rings *rings, size_t timeline, uint32_t back) {
    uint32_t place = (rings->heads[timeline] + 2 * rings->cap - 1 - back % rings->cap) % rings->cap;
    return rings->entries[timeline * rings->cap + place];
}
