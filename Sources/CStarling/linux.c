#define _GNU_SOURCE
#include "CStarling.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int starling_pin_thread(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int starling_shorten_slices(int64_t nanoseconds) {
    // struct sched_attr as of Linux 3.14; the C library has no call for it.
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = 48};
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return errno;
    attributes.size = 48;
    attributes.runtime = (uint64_t)nanoseconds;
    return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0 ? 0 : errno;
}

void starling_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int starling_fallocate(int descriptor, int64_t length) {
    while (fallocate(descriptor, 0, 0, length) != 0) {
        if (errno != EINTR) return errno;
    }
    return 0;
}

int starling_move_pages(void *source, size_t length, void *target) {
    if (mremap(source, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, target) != MAP_FAILED) return 0;
    int code = errno;
    // The kernel unmaps the target before it moves, so a failure in the middle leaves a hole there. It is filled with a copy; what
    // is still mapped is left alone.
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t offset = 0; offset < length; offset += page) {
        unsigned char resident;
        char *place = (char *)target + offset;
        if (mincore(place, page, &resident) == 0 || errno != ENOMEM) continue;
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
        if (mmap(place, page, PROT_READ | PROT_WRITE, flags, -1, 0) != place) return -1;
        memcpy(place, (char *)source + offset, page);
    }
    return code;
}
