#ifndef C_BASELINES_H
#define C_BASELINES_H

// For the load, which Swift's Glibc does not show it to.
#include <sys/epoll.h>
#include <stddef.h>
#include <stdint.h>

// The limit that fan-out is compared with: the least that a machine can do for a delivery.

/// A timeline is a ring of `cap` entries of 8 bytes and the place of the next one. Nothing is ordered or checked.
typedef struct {
    uint64_t *entries;
    uint32_t *heads;
    uint32_t cap;
    size_t timelines;
} baseline_rings;

/// Maps memory for the rings, in huge pages if asked for, and writes to each page. Returns 0, or errno.
int baseline_rings_open(baseline_rings *rings, size_t timelines, uint32_t cap, int huge_pages);

/// Gives the memory back.
void baseline_rings_close(baseline_rings *rings);

/// Puts `post` into the ring of each of `count` readers.
void baseline_rings_deliver(const baseline_rings *rings, const uint32_t *readers, size_t count, uint64_t post);

/// The same, asking for heads and slots some deliveries ahead.
void baseline_rings_deliver_prefetching(
    const baseline_rings *rings, const uint32_t *readers, size_t count, uint64_t post);

/// The entry that came `back` entries before the newest one (0) of a timeline.
uint64_t baseline_rings_entry(const baseline_rings *rings, size_t timeline, uint32_t back);

#endif
