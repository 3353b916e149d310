#define _GNU_SOURCE
#include "CStarling.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

int starling_pin_thread(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void starling_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int starling_fallocate(int descriptor, int64_t length) {
    while (fallocate(descriptor, 0, 0, length) != 0) {
        if (errno != EINTR) return errno;
    }
    return 0;
}

int starling_move_pages(void *source, size_t length, void *target) {
    void *moved = mremap(source, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    return moved == MAP_FAILED ? errno : 0;
}
