// What Swift cannot say: a prefetch, the processor's CRC-32C, a thread's processor, and a few Linux calls
// that the Glibc module hides behind _GNU_SOURCE.
#ifndef CSTARLING_H
#define CSTARLING_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `length` bytes, continuing from `crc` (0 at the start).
/// Uses the processor's instruction where there is one, a table elsewhere. Cost: about 0.1 ns a byte.
uint32_t starling_crc32c(uint32_t crc, const void *_Nullable bytes, size_t length);

/// Whether `starling_crc32c` uses the processor's instruction on this machine.
int starling_crc32c_is_hardware(void);

/// Binds the calling thread to one processor. Returns 0, or an errno.
int starling_pin_thread(int processor);

/// Asks for turns of so many nanoseconds for the calling thread (Linux 6.12 and later: the shorter its turns, the sooner a thread
/// that wakes up gets one). Returns 0, or an errno; an older kernel takes no notice.
int starling_shorten_slices(int64_t nanoseconds);

/// Names the calling thread (at most 15 bytes) for `top -H` and debuggers.
void starling_name_thread(const char *_Nonnull name);

/// Reserves blocks for `length` bytes of `descriptor`, extending the file with zeros. Returns 0, or an errno.
int starling_fallocate(int descriptor, int64_t length);

/// Moves the mapping of `length` bytes at `source` to `target`, replacing what is mapped there. Returns 0, or an errno when the
/// kernel refuses: then `source` is as it was, and what the kernel had unmapped at `target` by then is a copy of `source`. -1 when it
/// gave no memory for that either.
int starling_move_pages(void *_Nonnull source, size_t length, void *_Nonnull target);

/// Asks for the cache line at `address` before it is written.
static inline void starling_prefetch_write(const void *_Nonnull address) { __builtin_prefetch(address, 1, 3); }

/// Asks for the cache line at `address` before it is read.
static inline void starling_prefetch_read(const void *_Nonnull address) { __builtin_prefetch(address, 0, 3); }

#endif
