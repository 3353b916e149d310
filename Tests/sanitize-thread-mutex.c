// Tells ThreadSanitizer about Swift's Mutex, for `sanitize.sh thread`, which preloads it.
//
// An uncontended Synchronization.Mutex is locked and unlocked by atomics in the caller's own code, which the sanitizer
// sees. A contended one goes through _lockSlow and _unlockSlow in libswiftSynchronization.so, which is not instrumented:
// there the kernel hands the lock over, the sanitizer knows of no order between the two threads, and reports a race on
// whatever the mutex guards. These two stand before the library's own and add what is missing, so that nothing has to
// be suppressed: a race that no mutex orders is still reported.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// In a process without the sanitizer these are null.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

typedef void (*lock_function)(uint32_t thread, __attribute__((swift_context)) void *handle)
    __attribute__((swiftcall));
typedef void (*unlock_function)(__attribute__((swift_context)) void *handle) __attribute__((swiftcall));

static void *original(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) abort();
    return function;
}

__attribute__((swiftcall)) void lock_slow(uint32_t thread, __attribute__((swift_context)) void *handle)
    __asm__(LOCK_SLOW);
__attribute__((swiftcall)) void lock_slow(uint32_t thread, __attribute__((swift_context)) void *handle) {
    ((lock_function)original(LOCK_SLOW))(thread, handle);
    if (__tsan_acquire) __tsan_acquire(handle);
}

__attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *handle) __asm__(UNLOCK_SLOW);
__attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *handle) {
    if (__tsan_release) __tsan_release(handle);
    ((unlock_function)original(UNLOCK_SLOW))(handle);
}
